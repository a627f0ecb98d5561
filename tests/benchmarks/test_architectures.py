"""Every causal architecture that can be built small: the product's number is the model's own, or there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.architectures import WITHIN, cases, tried

READ = (
    "afmoe",
    "apertus",
    "arcee",
    "aria_text",
    "bailing_hybrid",
    "bart",
    "biogpt",
    "bitnet",
    "bloom",
    "codegen",
    "cohere",
    "cohere2",
    "ctrl",
    "deepseek_v2",
    "deepseek_v3",
    "doge",
    "ernie4_5",
    "exaone4",
    "falcon",
    "falcon_h1",
    "falcon_mamba",
    "gemma",
    "gemma2",
    "gemma3_text",
    "gemma3n_text",
    "gemma4_text",
    "glm",
    "glm4",
    "gpt2",
    "gpt_bigcode",
    "gpt_neo",
    "gpt_neox",
    "gpt_oss",
    "gptj",
    "granite",
    "granitemoe",
    "helium",
    "hunyuan_v1_dense",
    "jamba",
    "jetmoe",
    "lfm2",
    "llama",
    "llama4_text",
    "mamba",
    "minicpm3",
    "ministral",
    "mistral",
    "mixtral",
    "mpt",
    "nanochat",
    "nemotron",
    "olmo",
    "olmo2",
    "olmoe",
    "opt",
    "persimmon",
    "phi",
    "phi3",
    "qwen2",
    "qwen3",
    "qwen3_moe",
    "recurrent_gemma",
    "rwkv",
    "seed_oss",
    "smollm3",
    "stablelm",
    "starcoder2",
    "xglm",
)
ALL = cases()


@pytest.mark.slow
@pytest.mark.parametrize("name", READ)
def test_the_numbers_are_the_models_own(name: str, tmp_path: Path) -> None:
    kind, options = ALL[name]
    outcome = tried(name, kind, options, tmp_path)
    assert outcome.parameters, outcome
    assert outcome.gap is not None, outcome
    assert outcome.gap <= WITHIN, outcome


@pytest.mark.parametrize(
    "name",
    [
        "mistral, a window of 16",
        "llama4_text, chunks of 16",
        "gemma2, logits capped at 30",
        "falcon_h1",
        "bert",
        "bert, as a decoder",
    ],
)
def test_the_kinds_that_once_were_wrong(name: str, tmp_path: Path) -> None:
    kind, options = ALL[name]
    outcome = tried(name, kind, options, tmp_path)
    assert outcome.right, outcome
    assert (outcome.gap is None) == (name == "bert"), outcome


def test_there_are_more_than_forty() -> None:
    assert len(READ) == len(set(READ)) >= 40
    assert set(READ) <= set(ALL)
