"""The base's own text, read again, and how far an adapter moves the model on it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model

from counterpoise.alignment.lora import save_adapter, trainable_state
from counterpoise.likelihood.own_text import own_text_divergence, own_text_divergences, read_again
from counterpoise.measures.perplexity import divergence_measure
from counterpoise.models.loading import LoadedModel, load_model
from counterpoise.records import Generation


def _written(*texts: str) -> list[Generation]:
    return [
        Generation(f"p{number}", "neutral", "neutral", "base", 1, "The old house", text, 5)
        for number, text in enumerate(texts)
    ]


def test_continuations_are_cut_where_the_base_began_to_write(tiny: LoadedModel) -> None:
    (one, other) = read_again(tiny.tokenizer, _written(" was cold.", "  ", " stood there"), 8)
    assert (one.text, other.text) == (" was cold.", " stood there")  # the blank one says nothing
    for text in (one, other):
        assert tiny.tokenizer.decode(text.tokens[text.start :]) == text.text


def test_as_many_as_asked_for_evenly_from_all(tiny: LoadedModel) -> None:
    chosen = read_again(tiny.tokenizer, _written(*(f" {number}" for number in range(10))), 4)
    assert [text.text for text in chosen] == [" 0", " 3", " 6", " 9"]  # every third: ceil(10 / 4) = 3


def test_divergence_of_each_text_is_that_of_whole_distributions(tiny_folder: Path, tmp_path: Path) -> None:
    base = load_model(tiny_folder, "fp32", device="cpu")
    with torch.random.fork_rng():
        torch.manual_seed(1)
        lora = LoraConfig(r=4, target_modules=["q_proj", "down_proj"], init_lora_weights=False)
        model = get_peft_model(base.model, lora)
    save_adapter(model, trainable_state(model), tmp_path / "adapter")
    loaded = load_model(tiny_folder, "fp32", device="cpu", adapter=tmp_path / "adapter")
    texts = read_again(loaded.tokenizer, _written(" was cold.", " stood there, and nobody came", " fell"), 8)
    found = own_text_divergences(loaded, texts)
    for text, row in zip(texts, found, strict=True):
        ids = torch.tensor([text.tokens])
        with torch.no_grad():
            now = loaded.model(ids).logits[0].log_softmax(-1)
            with loaded.model.disable_adapter():
                before = loaded.model(ids).logits[0].log_softmax(-1)
        nats = (before.exp() * (before - now)).sum(-1)[text.start - 1 : -1]
        assert row.tokens == len(nats) == len(text.tokens) - text.start
        assert row.nats == pytest.approx(float(nats.sum()), rel=1e-3)
    together = sum(row.nats for row in found) / sum(row.tokens for row in found)
    assert own_text_divergence(loaded, texts) == pytest.approx(together)


def test_the_measure_weighs_tokens_alike() -> None:
    found = divergence_measure([0.1, 0.3], [10, 40])
    assert found.tuned == pytest.approx(0.4 / 50)  # not the mean of 0.01 and 0.0075
    assert found.base == 0 and found.interval is not None
    assert found.interval[0] <= found.tuned <= found.interval[1]
