from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import transformers

from counterpoise.errors import DataError, ModelError
from counterpoise.likelihood import forward as module
from counterpoise.likelihood.budget import TOKEN_BUDGET
from counterpoise.likelihood.encoding import encode
from counterpoise.likelihood.forward import Way
from counterpoise.likelihood.pairs import score_pairs
from counterpoise.likelihood.sentences import score_continuations, score_sentences
from counterpoise.likelihood.trees import Tree, batches, grow
from counterpoise.models.config import Precision
from counterpoise.models.loading import LoadedModel, load_model
from counterpoise.records import Pair


def texts_of(pairs: list[Pair]) -> list[str]:
    return [text for pair in pairs for text in (pair.more, pair.less)]


def one_by_one(loaded: LoadedModel, text: str, prefix: list[int]) -> list[float]:
    """Token log-probabilities straight from the model's own logits, one unpadded sentence at a time."""
    ids = torch.tensor([prefix + loaded.tokenizer(text, add_special_tokens=False)["input_ids"]])
    with torch.no_grad():
        log_probs = loaded.model(input_ids=ids).logits[0, :-1].double().log_softmax(-1)
    return [float(row[token]) for row, token in zip(log_probs, ids[0, 1:], strict=True)]


@pytest.mark.parametrize("prefix", ["bos", "eos", "none", "<pad>", "a"])
def test_equals_the_models_own_logits(tiny: LoadedModel, pairs: list[Pair], prefix: str) -> None:
    token = {"bos": "<s>", "eos": "</s>", "none": None}.get(prefix, prefix)
    before = [] if token is None else [tiny.tokenizer.convert_tokens_to_ids(token)]
    texts = texts_of(pairs)
    for text, score in zip(texts, score_sentences(tiny, texts, prefix=prefix), strict=True):
        expected = one_by_one(tiny, text, before)
        assert score.token_log_probs == pytest.approx(expected, abs=1e-4)
        assert score.sum_log_prob == pytest.approx(math.fsum(expected), abs=3e-4)
        assert score.tokens == len(expected) == len(score.token_ids)


def test_without_a_prefix_the_first_token_is_unscored(tiny: LoadedModel) -> None:
    (whole,) = score_sentences(tiny, ["women are late"], prefix="bos")
    (rest,) = score_sentences(tiny, ["women are late"], prefix="none")
    assert rest.tokens == whole.tokens - 1
    assert rest.token_ids == whole.token_ids[1:]


def test_a_continuation_is_scored_given_its_context(tiny: LoadedModel) -> None:
    context, first, second = "the rich know", " nothing at all", " the sea"
    scores = score_continuations(tiny, [(context, first), (context, second), ("", second)])
    whole = score_sentences(tiny, [context + first, context, second])
    assert scores[0].sum_log_prob == pytest.approx(whole[0].sum_log_prob - whole[1].sum_log_prob, abs=1e-4)
    assert scores[0].tokens == whole[0].tokens - whole[1].tokens
    assert scores[2] == whole[2]
    (unprefixed,) = score_continuations(tiny, [("", second)], prefix="none")
    assert unprefixed.tokens == whole[2].tokens - 1


def test_texts_with_nothing_to_score(tiny: LoadedModel) -> None:
    empty, single = score_sentences(tiny, ["", "a"], prefix="none")
    assert (empty.tokens, empty.sum_log_prob) == (0, 0.0)
    assert (single.tokens, single.sum_log_prob) == (0, 0.0)
    assert score_sentences(tiny, []) == []
    assert score_sentences(tiny, [""], prefix="bos")[0].tokens == 0


def test_an_option_of_which_nothing_is_scored_is_refused(tiny: LoadedModel) -> None:
    with pytest.raises(DataError, match="no token of '' is scored"):
        score_continuations(tiny, [("the rich know", " nothing"), ("the rich know", "")])
    with pytest.raises(DataError, match="no token of 'a' is scored"):
        score_continuations(tiny, [("", "a")], prefix="none")
    pair = Pair(7, "gender", "stereo", "a", "women are late")
    with pytest.raises(DataError, match="pair 7: no token of 'a' is scored"):
        score_pairs(tiny, [pair], "base", prefix="none")
    assert score_pairs(tiny, [pair], "base")[0].more_tokens == 1


def test_order_and_duplicates_do_not_matter(tiny: LoadedModel, pairs: list[Pair]) -> None:
    texts = texts_of(pairs)
    scores = dict(zip(texts, score_sentences(tiny, texts), strict=True))
    shuffled = texts + texts[:7]
    random.Random(1).shuffle(shuffled)
    assert score_sentences(tiny, shuffled) == [scores[text] for text in shuffled]  # bit for bit


@pytest.mark.parametrize("budget", [1, 64, 100_000])
def test_any_budget_gives_the_same_scores(tiny: LoadedModel, pairs: list[Pair], budget: int) -> None:
    texts = texts_of(pairs)
    for score, other in zip(
        score_sentences(tiny, texts), score_sentences(tiny, texts, token_budget=budget), strict=True
    ):
        assert other.sum_log_prob == pytest.approx(score.sum_log_prob, abs=1e-4)


def test_progress_ends_at_the_distinct_texts(tiny: LoadedModel) -> None:
    seen: list[tuple[int, int]] = []
    score_sentences(
        tiny, ["one day", "two days", "one day"], progress=lambda done, total: seen.append((done, total))
    )
    assert seen[-1] == (2, 2)


def test_a_missing_prefix_token_names_the_alternatives(tiny: LoadedModel) -> None:
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tiny.tokenizer.backend_tokenizer, eos_token="</s>", pad_token="<pad>"
    )
    loaded = replace(tiny, tokenizer=tokenizer)
    with pytest.raises(ModelError, match="no BOS token — use prefix eos, none"):
        score_sentences(loaded, ["a"], prefix="bos")
    with pytest.raises(ModelError, match="no token '<nope>' in its vocabulary"):
        score_sentences(loaded, ["a"], prefix="<nope>")


def test_too_long_a_text_is_refused(tiny: LoadedModel) -> None:
    with pytest.raises(DataError, match=r"…?.{40}… has \d+ tokens and the model 512 positions"):
        score_sentences(tiny, ["a", "x " * 600])


@pytest.mark.parametrize("precision", ["bf16", "nf4"])
def test_low_precision_keeps_its_own_models_scores(
    tiny_folder: Path, pairs: list[Pair], precision: Precision
) -> None:
    """bf16 rounds a logit near 20 by up to 1/16, so a token may move by that; a sum over ten by 0.2 or so."""
    loaded = load_model(tiny_folder, precision, device="cpu")
    texts = texts_of(pairs)
    for text, score in zip(texts, score_sentences(loaded, texts), strict=True):
        expected = one_by_one(loaded, text, [loaded.tokenizer.bos_token_id])
        assert score.sum_log_prob == pytest.approx(math.fsum(expected), abs=0.5)
    assert score_sentences(loaded, texts) == score_sentences(loaded, texts[::-1])[::-1]


SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 384}
LLAMA_LIKE = {**SMALL, "intermediate_size": 48, "num_key_value_heads": 1, "max_position_embeddings": 128}
ARCHITECTURES = {
    "llama": LLAMA_LIKE,
    "mistral": LLAMA_LIKE,
    "qwen2": LLAMA_LIKE,
    "qwen3": {**LLAMA_LIKE, "head_dim": 16},
    "phi3": {**LLAMA_LIKE, "pad_token_id": 0},
    "opt": {**SMALL, "ffn_dim": 48, "word_embed_proj_dim": 16, "max_position_embeddings": 128},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "vocab_size": 384, "n_positions": 128},
    "gpt_neox": {**SMALL, "intermediate_size": 48, "max_position_embeddings": 128},
    # Not plain: a soft cap on the logits, a head with a bias, positions from slopes.
    "gemma2": {**LLAMA_LIKE, "head_dim": 16, "final_logit_softcapping": 5.0},
    "phi": {**SMALL, "intermediate_size": 48, "max_position_embeddings": 128},
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 2, "vocab_size": 384},
}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture(architecture: str, tiny: LoadedModel, pairs: list[Pair]) -> None:
    config = transformers.AutoConfig.for_model(architecture, **ARCHITECTURES[architecture])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = transformers.AutoModelForCausalLM.from_config(config).eval()
        for parameter in model.parameters():
            parameter.data.normal_(0, 0.3)
    loaded = replace(tiny, model=model)
    texts = texts_of(pairs)
    for text, score in zip(texts, score_sentences(loaded, texts), strict=True):
        expected = one_by_one(loaded, text, [tiny.tokenizer.bos_token_id])
        assert score.token_log_probs == pytest.approx(expected, abs=2e-4)


def test_a_pass_that_does_not_fit_the_memory_is_halved(
    tiny: LoadedModel, pairs: list[Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = texts_of(pairs)
    whole = score_sentences(tiny, texts)
    original, rows = module._log_probs_of, []

    def small_memory(model: object, way: Way, group: list[Tree]) -> object:
        rows.append(len(group))
        if len(group) > 2:
            raise torch.OutOfMemoryError
        return original(model, way, group)

    monkeypatch.setattr(module, "_log_probs_of", small_memory)
    for ours, theirs in zip(score_sentences(tiny, texts), whole, strict=True):
        assert ours.token_ids == theirs.token_ids
        assert ours.token_log_probs == pytest.approx(theirs.token_log_probs, abs=1e-5)
    assert max(rows) > 2
    planned = batches(grow(row.ids for row in encode(tiny.tokenizer, texts, "bos")), TOKEN_BUDGET)
    assert sum(size for size in rows if size <= 2) == sum(map(len, planned))
