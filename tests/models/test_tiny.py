from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch

from counterpoise.errors import DataError
from counterpoise.models.loading import load_model
from counterpoise.models.tiny import make_tiny_model
from tests.models.conftest import TEXTS


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_the_same_texts_and_seed_give_the_same_bytes(tiny_folder: Path, tmp_path: Path) -> None:
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    make_tiny_model(tmp_path / "again", TEXTS, seed=0)
    make_tiny_model(tmp_path / "other", TEXTS, seed=1)
    assert digests(tmp_path / "again") == digests(tiny_folder)
    assert digests(tmp_path / "other")["model.safetensors"] != digests(tiny_folder)["model.safetensors"]
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)


def test_it_has_learnt_its_texts(tiny_folder: Path) -> None:
    loaded = load_model(tiny_folder, "fp32", device="cpu")
    ids = torch.tensor([[loaded.tokenizer.bos_token_id, *loaded.tokenizer(TEXTS[0])["input_ids"]]])
    with torch.no_grad():
        loss = float(loaded.model(ids, labels=ids).loss)
    # An untrained model is at log(384) = 5.95 nats per token.
    assert loss < 4


@pytest.mark.parametrize("text", ["naïve café 日本 🙂", "\n\t  x", "<s></s><pad>", ""])
def test_its_tokenizer_encodes_any_text(tiny_folder: Path, text: str) -> None:
    tokenizer = load_model(tiny_folder, "fp32", device="cpu").tokenizer
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_bos_eos_and_pad_are_three_tokens(tiny_folder: Path) -> None:
    tokenizer = load_model(tiny_folder, "fp32", device="cpu").tokenizer
    assert len({tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id}) == 3


@pytest.mark.parametrize("texts", [[], ["", "  "]])
def test_no_text_is_an_error(texts: list[str], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at least one non-empty text"):
        make_tiny_model(tmp_path / "x", texts, seed=0)
    assert not (tmp_path / "x").exists()
