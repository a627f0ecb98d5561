"""Three hundred broken checkpoints: never a number that is not the reference's."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from counterpoise.errors import CounterpoiseError
from counterpoise.likelihood.sentences import score_sentences
from counterpoise.models.loading import load_model

CASES = 320
TEXTS = ["Women are late for work.", "The rich know nothing!", "He"]
Damage = Callable[[Path, random.Random], str]


def weights(change: Callable[[dict[str, torch.Tensor], str, random.Random], None]) -> Damage:
    def damage(folder: Path, draw: random.Random) -> str:
        path = folder / "model.safetensors"
        tensors = load_file(path)
        name = draw.choice(sorted(tensors))
        change(tensors, name, draw)
        save_file({key: value.contiguous() for key, value in tensors.items()}, path, {"format": "pt"})
        return name

    return damage


def drop(tensors: dict[str, torch.Tensor], name: str, draw: random.Random) -> None:
    del tensors[name]


def drop_some(tensors: dict[str, torch.Tensor], name: str, draw: random.Random) -> None:
    for other in draw.sample(sorted(tensors), draw.randint(2, len(tensors) - 1)):
        del tensors[other]


def rename(tensors: dict[str, torch.Tensor], name: str, draw: random.Random) -> None:
    parts = name.split(".")
    at = draw.randrange(len(parts))
    parts[at] = draw.choice([parts[at] + "_", "_orig_mod." + parts[at], "7", parts[at].upper(), ""])
    tensors[".".join(parts)] = tensors.pop(name)


def swap(tensors: dict[str, torch.Tensor], name: str, draw: random.Random) -> None:
    other = draw.choice(sorted(tensors))
    tensors[name], tensors[other] = tensors[other].clone(), tensors[name].clone()


def reshape(tensors: dict[str, torch.Tensor], name: str, draw: random.Random) -> None:
    value = tensors[name]
    tensors[name] = draw.choice(
        [value.flatten(), value[:-1], value[..., :-1], value[None], value.repeat_interleave(2, 0)]
    )


def retype(tensors: dict[str, torch.Tensor], name: str, draw: random.Random) -> None:
    kind = draw.choice(
        [torch.int8, torch.uint8, torch.float8_e4m3fn, torch.int64, torch.float16, torch.float64]
    )
    tensors[name] = tensors[name].to(kind)


def poison(tensors: dict[str, torch.Tensor], name: str, draw: random.Random) -> None:
    value = tensors[name].clone()
    value.view(-1)[draw.randrange(value.numel())] = draw.choice([float("nan"), float("inf"), -float("inf")])
    tensors[name] = value


def add(tensors: dict[str, torch.Tensor], name: str, draw: random.Random) -> None:
    tensors[name.replace("layers.1", "layers.2") + draw.choice(["", ".absmax", "_scale"])] = tensors[
        name
    ].clone()


def truncate(folder: Path, draw: random.Random) -> str:
    path = draw.choice(sorted(folder.iterdir()))
    content = path.read_bytes()
    path.write_bytes(content[: draw.randrange(len(content))])
    return path.name


def flip(folder: Path, draw: random.Random) -> str:
    path = draw.choice(sorted(folder.iterdir()))
    content = bytearray(path.read_bytes())
    content[draw.randrange(min(len(content), 4000))] ^= 1 << draw.randrange(8)
    path.write_bytes(bytes(content))
    return path.name


def delete(folder: Path, draw: random.Random) -> str:
    path = draw.choice(sorted(folder.iterdir()))
    path.unlink()
    return path.name


def configured(folder: Path, draw: random.Random) -> str:
    """Drops or changes a value of a configuration file."""
    path = folder / draw.choice(["config.json", "config.json", "tokenizer_config.json"])
    values: dict[str, Any] = json.loads(path.read_text())
    name = draw.choice(sorted(values))
    if draw.random() < 0.4:
        del values[name]
    else:
        values[name] = draw.choice([0, 1, 3, 7, None, "x", [], 1e-9, True, False])
    path.write_text(json.dumps(values))
    return f"{path.name}: {name} = {values.get(name, 'dropped')}"


def tokens(folder: Path, draw: random.Random) -> str:
    """Drops or changes a part of the tokenizer."""
    path = folder / "tokenizer.json"
    values = json.loads(path.read_text())
    name = draw.choice(sorted(values))
    if name == "model" and draw.random() < 0.7:
        vocabulary = values["model"]["vocab"]
        token = draw.choice(sorted(vocabulary))
        if draw.random() < 0.5:
            del vocabulary[token]
        else:
            vocabulary[token] = draw.choice([384, 5000, 7])
    elif draw.random() < 0.5:
        del values[name]
    else:
        values[name] = None
    path.write_text(json.dumps(values))
    return name


DAMAGES: list[Damage] = [
    *map(weights, (drop, drop_some, rename, rename, swap, reshape, reshape, retype, poison, add)),
    truncate,
    flip,
    delete,
    configured,
    configured,
    tokens,
]


def reference(folder: Path) -> list[float] | None:
    """One sentence a pass by the model's own logits; None where transformers cannot read the folder either."""
    try:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        tokenizer = AutoTokenizer.from_pretrained(folder)
        found = []
        with torch.no_grad():
            for text in TEXTS:
                ids = torch.tensor(
                    [[tokenizer.bos_token_id, *tokenizer(text, add_special_tokens=False)["input_ids"]]]
                )
                log_probs = model(input_ids=ids, use_cache=False).logits[0, :-1].double().log_softmax(-1)
                found.append(float(log_probs.gather(-1, ids[0, 1:, None]).sum()))
    except Exception:
        return None
    return found


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_broken_checkpoint_gives_the_references_number_or_none(tiny_folder: Path, tmp_path: Path) -> None:
    read, refused, wrong = 0, 0, []
    for seed in range(CASES):
        draw = random.Random(seed)
        folder = tmp_path / str(seed)
        shutil.copytree(tiny_folder, folder)
        damage = DAMAGES[seed % len(DAMAGES)]
        what = f"{seed}: {damage(folder, draw)}"
        try:
            loaded = load_model(folder, "fp32", device="cpu")
            found = [score.sum_log_prob for score in score_sentences(loaded, TEXTS)]
        except CounterpoiseError as error:
            refused += 1
            if "\n" in str(error) or not error.remedy:
                wrong.append(f"{what}: not one line with a remedy: {error}")
        except Exception as error:
            wrong.append(f"{what}: {type(error).__name__}: {error}")
        else:
            read += 1
            first, second = reference(folder), reference(folder)
            if first is None or first != second or found != pytest.approx(first, abs=1e-4):
                wrong.append(f"{what}: {found}, reference {first}, again {second}")
        shutil.rmtree(folder)
    assert wrong == []
    assert read > CASES / 20
    assert refused > CASES / 3
