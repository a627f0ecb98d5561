from __future__ import annotations

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model

from counterpoise.errors import ModelError
from counterpoise.likelihood.pairs import (
    PairDetail,
    identity_scores,
    score_pair_details,
    score_pairs,
    shared_positions,
    shared_scores,
    whole_scores,
)
from counterpoise.likelihood.sentences import SentenceScore, score_sentences
from counterpoise.models.loading import LoadedModel, load_model
from counterpoise.records import Pair


def detail(more: dict[int, float], less: dict[int, float]) -> PairDetail:
    """A pair whose sentences are ``{token id: log p}``."""
    sides = [
        SentenceScore(sum(side.values()), len(side), tuple(side), tuple(side.values()))
        for side in (more, less)
    ]
    return PairDetail(7, "base", *sides)


def test_shared_and_identity_parts_by_hand() -> None:
    # tokens 1 2 | 50 51 | 3   against   1 2 | 60 | 3
    row = detail({1: -1, 2: -2, 50: -4, 51: -0.5, 3: -3}, {1: -1, 2: -2, 60: -6, 3: -2.5})
    (shared,), (identity,), (whole,) = shared_scores([row]), identity_scores([row]), whole_scores([row])
    assert (shared.more_log_prob, shared.less_log_prob) == (-6.0, -5.5)
    assert (shared.more_tokens, shared.less_tokens) == (3, 3)
    assert (identity.more_log_prob, identity.less_log_prob) == (-4.5, -6.0)
    assert (identity.more_tokens, identity.less_tokens) == (2, 1)
    assert whole.more_log_prob == shared.more_log_prob + identity.more_log_prob
    assert (whole.pair_id, whole.variant) == (7, "base")


def test_a_sentence_that_only_drops_words_has_no_identity_tokens() -> None:
    (identity,) = identity_scores([detail({1: -1, 9: -5, 2: -2}, {1: -1, 2: -1.5})])
    assert (identity.less_log_prob, identity.less_tokens) == (0.0, 0)
    assert (identity.more_log_prob, identity.more_tokens) == (-5.0, 1)


def test_shared_positions_have_equal_tokens() -> None:
    first, second = shared_positions((1, 2, 3, 4, 1), (2, 3, 9, 1, 1))
    assert len(first) == len(second)
    assert [(1, 2, 3, 4, 1)[i] for i in sorted(first)] == [(2, 3, 9, 1, 1)[i] for i in sorted(second)]


def test_pairs_are_scored_in_order_with_their_sides(tiny: LoadedModel, pairs: list[Pair]) -> None:
    scores = score_pairs(tiny, pairs, "base")
    assert [score.pair_id for score in scores] == [pair.pair_id for pair in pairs]
    expected = {text: score_sentences(tiny, [text])[0] for pair in pairs for text in (pair.more, pair.less)}
    for pair, score in zip(pairs, scores, strict=True):
        assert score.more_log_prob == pytest.approx(expected[pair.more].sum_log_prob, abs=1e-4)
        assert score.less_log_prob == pytest.approx(expected[pair.less].sum_log_prob, abs=1e-4)
        assert score.more_tokens == expected[pair.more].tokens


def test_parts_add_up_to_the_whole(tiny: LoadedModel, pairs: list[Pair]) -> None:
    details = score_pair_details(tiny, pairs, "base", prefix="none")
    for whole, shared, rest in zip(
        whole_scores(details), shared_scores(details), identity_scores(details), strict=True
    ):
        assert whole.more_log_prob == pytest.approx(shared.more_log_prob + rest.more_log_prob)
        assert whole.less_tokens == shared.less_tokens + rest.less_tokens
        assert shared.more_tokens == shared.less_tokens


def test_base_and_tuned_are_the_same_weights_with_the_adapter_off_and_on(
    tiny: LoadedModel, tiny_folder: Path, tmp_path: Path, pairs: list[Pair]
) -> None:
    with pytest.raises(ModelError, match="none is loaded"):
        score_pairs(tiny, pairs, "tuned")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = LoraConfig(r=2, target_modules=["q_proj", "down_proj"], init_lora_weights=False)
        get_peft_model(load_model(tiny_folder, "fp32", device="cpu").model, config).save_pretrained(tmp_path)
    adapted = load_model(tiny_folder, "fp32", device="cpu", adapter=tmp_path)
    before = score_pairs(tiny, pairs, "base")
    tuned = score_pairs(adapted, pairs, "tuned")
    assert score_pairs(adapted, pairs, "base") == before  # the adapter is off, bit for bit
    assert max(abs(t.more_log_prob - b.more_log_prob) for t, b in zip(tuned, before, strict=True)) > 0.1
    assert all(score.variant == "tuned" for score in tuned)
