"""What a model cannot do is found before anything is computed, each in one line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from counterpoise.alignment.config import LoraSettings
from counterpoise.errors import ModelError
from counterpoise.generation.config import GenerationConfig
from counterpoise.models.loading import LoadedModel
from counterpoise.pairs.cut import CutPairs
from counterpoise.preflight.checks import NO_PAIR_CUT, Finding, Needs, cut_pairs, examine, require

TEXT = "Women are late for work and know nothing."


def limited(loaded: LoadedModel, limit: int) -> LoadedModel:
    config = AutoConfig.for_model(
        "gpt2",
        vocab_size=384,
        n_embd=32,
        n_head=2,
        n_layer=2,
        n_positions=limit,
        bos_token_id=1,
        eos_token_id=2,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return replace(loaded, model=AutoModelForCausalLM.from_config(config).eval())


def failing(loaded: LoadedModel, **needs: Any) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine(loaded, Needs(**needs)) if not finding.ok}


def tokens(loaded: LoadedModel, text: str) -> int:
    return len(loaded.tokenizer(text)["input_ids"])


def test_a_model_that_fits_passes_everything(tiny: LoadedModel) -> None:
    needs = Needs(
        scored=((TEXT, "the pairs"),),
        trained=[TEXT],
        lora=LoraSettings(),
        prompts=["Women"],
        generation=GenerationConfig(),
    )
    findings = examine(tiny, needs)
    assert [finding.name for finding in findings] == [
        "prefix", "vocabulary", "positions", "cut", "prompts", "reading", "memory", "adapter",
    ]  # fmt: skip
    assert all(finding.ok for finding in findings)
    require(findings, "tiny")


def test_positions_are_counted_as_they_are_read(tiny: LoadedModel) -> None:
    """BOS + n tokens: scoring reads all but the last, training reads the last as well."""
    count = tokens(tiny, TEXT)
    assert failing(limited(tiny, count), scored=((TEXT, "the pairs"),)) == {}
    short = failing(limited(tiny, count - 1), scored=((TEXT, "the pairs"),))["positions"]
    assert short.detail == f"'{TEXT[:40]}' (the pairs) has {count} tokens and the model {count - 1} positions"
    assert failing(limited(tiny, count + 1), scored=(), trained=[TEXT]) == {}
    trained = failing(limited(tiny, count), scored=(), trained=[TEXT])["positions"]
    assert f"alignment.optimisation.max_tokens = {count}" in trained.remedy
    assert failing(limited(tiny, count), scored=(), trained=[TEXT], max_tokens=count) == {}
    assert "positions" in failing(limited(tiny, count + 1), scored=(), trained=[TEXT], append_eos=True)


def test_contexts_count_with_their_continuations(tiny: LoadedModel) -> None:
    whole = tokens(tiny, f"{TEXT} {TEXT}")
    continued = (((TEXT, f" {TEXT}"), "stereoset"),)
    assert failing(limited(tiny, whole), scored=(), continued=continued) == {}
    assert (
        "stereoset" in failing(limited(tiny, whole - 1), scored=(), continued=continued)["positions"].detail
    )


def test_pairs_that_are_equal_when_cut_are_told_and_all_of_them_refused(tiny: LoadedModel) -> None:
    late = ("Women are late for work and know nothing.", "Women are late for work and know the sea.")
    early = ("Women are late.", "Men are late.")
    first, second = (tiny.tokenizer(text)["input_ids"] for text in late)
    limit = 1 + next(at for at, (one, other) in enumerate(zip(first, second, strict=False)) if one != other)
    assert limit >= 8
    pairs = [(3, *late), (4, *early), (5, TEXT, TEXT)]
    (found,) = (row for row in examine(tiny, Needs(pairs=pairs, max_tokens=limit)) if row.name == "cut")
    assert found.ok
    assert found.detail.startswith(f"1 of 3 pairs are equal in their first {limit} tokens")
    assert (
        "max_tokens): 3; training leaves them out, validation and scores read them whole; 1 of 3"
        in found.detail
    )
    assert found.detail.endswith("the same tokens on both sides, and tie in every score: 5")
    assert cut_pairs(tiny, Needs(pairs=pairs, max_tokens=limit)) == CutPairs(limit, equal=(3,), same=(5,))
    whole = examine(tiny, Needs(pairs=pairs[:2]))
    assert next(row.detail for row in whole if row.name == "cut") == NO_PAIR_CUT
    wrong = failing(tiny, pairs=pairs[:1], max_tokens=limit)
    assert wrong["cut"].detail.startswith("all 1 pairs are equal in their first")


def test_prompts_may_grow(tiny: LoadedModel) -> None:
    count = tokens(tiny, TEXT)
    needs: dict[str, Any] = {
        "scored": (),
        "prompts": [TEXT],
        "generation": GenerationConfig(max_new_tokens=5),
    }
    assert failing(limited(tiny, count + 5), **needs) == {}
    found = failing(limited(tiny, count + 4), **needs)["prompts"]
    assert "may grow by 5" in found.detail
    assert found.remedy == "lower generation.max_new_tokens"


def test_a_model_without_bos(tiny: LoadedModel) -> None:
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=tiny.tokenizer.backend_tokenizer, eos_token="</s>")
    loaded = replace(tiny, tokenizer=tokenizer)
    (found,) = failing(loaded).values()
    assert found.detail == "scoring.prefix = bos: the tokenizer has no BOS token"
    assert found.remedy.startswith("set scoring.prefix to eos, none")
    assert failing(loaded, prefix="eos") == failing(loaded, prefix="none") == {}
    bare = replace(tiny, tokenizer=PreTrainedTokenizerFast(tokenizer_object=tiny.tokenizer.backend_tokenizer))
    assert (
        failing(bare, prefix="none", append_eos=True)["prefix"].remedy
        == "set alignment.loss.append_eos = false"
    )


def test_a_token_without_an_embedding(tiny: LoadedModel) -> None:
    config = AutoConfig.for_model("gpt2", vocab_size=100, n_embd=32, n_head=2, n_layer=2, n_positions=64)
    small = replace(tiny, model=AutoModelForCausalLM.from_config(config).eval())
    assert (
        "has no embedding: the model has 100"
        in failing(small, scored=((TEXT, "the pairs"),))["vocabulary"].detail
    )


def test_adapters_need_their_layers(tiny: LoadedModel) -> None:
    found = failing(tiny, lora=LoraSettings(targets=("out_proj",)))["adapter"]
    assert "out_proj" in found.detail
    assert "q_proj" in found.remedy


def test_everything_that_is_wrong_is_said_on_one_line(tiny: LoadedModel) -> None:
    findings = examine(
        limited(tiny, 6),
        Needs(scored=((TEXT, "the pairs"),), prompts=[TEXT], generation=GenerationConfig(max_new_tokens=40)),
    )
    with pytest.raises(ModelError) as caught:
        require(findings, "my-model cannot do what this run asks")
    assert str(caught.value).startswith("my-model cannot do what this run asks: 'Women are late")
    assert "may grow by 40" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_memory_that_the_device_does_not_have(tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("counterpoise.preflight.checks._device_memory", lambda device: 10**5)
    assert failing(tiny)["memory"].detail.startswith("it takes at least 0.00 GB of 0.0 GB on cpu")
