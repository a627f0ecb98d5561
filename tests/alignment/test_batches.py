from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.alignment.batches import (
    EncodedPair,
    TokenBatch,
    aligned_tokens,
    encode_preferences,
    own_text_batches,
    pair_batch,
    pair_groups,
    places,
    schedule,
)
from counterpoise.alignment.scoring import decoder, sequence_log_probs
from counterpoise.alignment.tree_batches import packed_batch
from counterpoise.errors import DataError, ModelError
from counterpoise.likelihood.sentences import score_sentences
from counterpoise.models.loading import LoadedModel
from counterpoise.records import Pair
from tests.alignment.material import OWN_TEXT, PAIRS, preference

TOKENS = st.lists(st.integers(3, 9), min_size=1, max_size=6).map(tuple)
ENCODED = st.lists(
    st.builds(EncodedPair, st.uuids().map(str), TOKENS, TOKENS, TOKENS), min_size=1, max_size=9
)


def encode(tiny: LoadedModel, prompt: str = "", **options: Any) -> EncodedPair:
    settings = {"append_eos": False, "max_tokens": 256} | options
    return encode_preferences([preference(PAIRS[0], prompt)], tiny.tokenizer, **settings)[0]


def test_a_preference_is_its_whole_sentences_behind_bos(tiny: LoadedModel) -> None:
    pair = encode(tiny)
    assert pair.prompt == (tiny.tokenizer.bos_token_id,)
    assert tiny.tokenizer.decode(pair.chosen) == PAIRS[0].less
    assert tiny.tokenizer.decode(pair.rejected) == PAIRS[0].more


def test_the_prompt_ends_where_the_tokens_part() -> None:
    # One character a token, except that "ab" merges: the prompt "a" is no token of "ab".
    class Merging:
        bos_token_id, eos_token_id = 1, 2

        def __call__(self, texts: list[str], **_: Any) -> dict[str, list[list[int]]]:
            return {"input_ids": [[ord(c) for c in text.replace("ab", "X")] for text in texts]}

    row = dataclasses.replace(preference(PAIRS[0]), prompt="za", chosen="bc", rejected="de")
    (pair,) = encode_preferences([row], Merging(), append_eos=False, max_tokens=9)
    assert pair.prompt == (1, ord("z"))
    assert pair.chosen == (ord("X"), ord("c"))
    assert pair.rejected == (ord("a"), ord("d"), ord("e"))


def test_a_shared_prompt_is_not_scored_again(tiny: LoadedModel) -> None:
    row = dataclasses.replace(PAIRS[0], less="Some men sing.", more="Some women sing.")
    (pair,) = encode_preferences([preference(row, "Some")], tiny.tokenizer, append_eos=False, max_tokens=256)
    assert tiny.tokenizer.decode(pair.prompt[1:]) == "Some"
    assert tiny.tokenizer.decode(pair.chosen) == " men sing."


def test_eos_and_length_limit(tiny: LoadedModel) -> None:
    assert encode(tiny, append_eos=True).chosen[-1] == tiny.tokenizer.eos_token_id
    short = encode(tiny, max_tokens=8)
    assert len(short.prompt) + len(short.chosen) == 8


LATE = dataclasses.replace(
    PAIRS[1],
    pair_id=90,
    more="The tired clerk in the hall met her.",
    less="The tired clerk in the hall met him.",
)


def test_pairs_equal_after_the_cut_are_left_out_with_a_reason(
    tiny: LoadedModel, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [preference(PAIRS[0]), preference(LATE)]
    kept = encode_preferences(rows, tiny.tokenizer, append_eos=False, max_tokens=8)
    assert [pair.name for pair in kept] == ["0/human/gender/0"]
    assert "1 of 2 pairs are left out, equal in their first 8 tokens" in caplog.text
    assert "90/human" in caplog.text
    assert len(encode_preferences(rows, tiny.tokenizer, append_eos=False, max_tokens=64)) == 2
    with pytest.raises(DataError, match="all 1 pairs are equal in their first 8 tokens: 90"):
        encode_preferences(rows[1:], tiny.tokenizer, append_eos=False, max_tokens=8)


def test_a_missing_prefix_token_is_refused() -> None:
    class Bare:
        bos_token_id = eos_token_id = None

    with pytest.raises(ModelError, match="no BOS token — use prefix none"):
        encode_preferences([preference(PAIRS[0])], Bare(), append_eos=False, max_tokens=9)


@pytest.mark.parametrize("build", [pair_batch, packed_batch])
def test_without_a_prefix_the_first_token_is_not_scored(
    tiny: LoadedModel, build: Callable[[list[EncodedPair]], TokenBatch]
) -> None:
    how: dict[str, Any] = {"append_eos": False, "max_tokens": 64}
    rows = [preference(pair) for pair in PAIRS[:4]]
    whole = encode_preferences(rows, tiny.tokenizer, prefix="bos", **how)
    bare = encode_preferences(rows, tiny.tokenizer, prefix="none", **how)
    counts = [build(pairs).counts for pairs in (whole, bare)]
    assert sorted((counts[0] - 1).tolist()) == sorted(counts[1].tolist())
    scored = sequence_log_probs(decoder(tiny.model), build(bare))
    names = build(bare).names
    texts = [text for side in ("less", "more") for text in (getattr(_pair(name), side) for name in names)]
    expected = [score.sum_log_prob for score in score_sentences(tiny, texts, prefix="none")]
    assert scored.tolist() == pytest.approx(expected, abs=1e-4)


def _pair(name: str) -> Pair:
    return PAIRS[int(name.partition("/")[0])]


@given(pairs=ENCODED, size=st.integers(1, 4), seed=st.integers(0, 9))
def test_batches_hold_every_pair_once_and_score_every_completion_token(
    pairs: list[EncodedPair], size: int, seed: int
) -> None:
    batches = [pair_batch(group) for group in pair_groups(pairs, size, seed)]
    assert sorted(name for batch in batches for name in batch.names) == sorted(pair.name for pair in pairs)
    by_name = {pair.name: pair for pair in pairs}
    for batch in batches:
        rows, length = batch.input_ids.shape
        assert rows == 2 * len(batch.names)
        start = 0
        for row in range(rows):
            pair = by_name[batch.names[row % len(batch.names)]]
            completion = pair.chosen if row < len(batch.names) else pair.rejected
            count = int(batch.counts[row])
            targets = batch.targets[start : start + count]
            positions = batch.positions[start : start + count]
            assert tuple(targets.tolist()) == completion
            # The state that predicts the first completion token stands on the last prompt token.
            assert int(positions[0]) == row * length + len(pair.prompt) - 1
            assert torch.equal(batch.input_ids.flatten()[positions + 1], targets)
            start += count


@given(pairs=ENCODED, size=st.integers(1, 4))
def test_batches_are_in_order_of_length(pairs: list[EncodedPair], size: int) -> None:
    lengths = [pair_batch(group).input_ids.shape[1] for group in pair_groups(pairs, size, seed=0)]
    assert lengths == sorted(lengths)


@given(batches=st.integers(1, 12), epochs=st.integers(1, 4), seed=st.integers(0, 99))
def test_the_schedule_takes_every_batch_once_an_epoch(batches: int, epochs: int, seed: int) -> None:
    order = schedule(batches, epochs, seed)
    for epoch in range(epochs):
        assert sorted(order[epoch * batches : (epoch + 1) * batches]) == list(range(batches))
    assert order == schedule(batches, epochs, seed)


def test_seeds_give_other_orders() -> None:
    assert schedule(20, 1, 0) != schedule(20, 1, 1)
    assert schedule(20, 2, 0)[:20] != schedule(20, 2, 0)[20:]


def test_aligned_tokens_are_those_that_both_have_after_the_first_difference() -> None:
    # 1 2 [3] 4 5 and 1 2 [6 7] 4 5: token 4 stands at 3 and at 4, token 5 at 4 and at 5
    pair = EncodedPair("a", (1,), (2, 3, 4, 5), (2, 6, 7, 4, 5))
    assert aligned_tokens(pair) == [(3, 4), (4, 5)]
    batch = pair_batch([pair, EncodedPair("b", (1,), (8,), (9,))])
    # rows of 6: chosen in row 0, rejected in row 2; a token is predicted one place before it stands
    assert batch.aligned is not None
    assert batch.aligned.tolist() == [[2, 3], [2 * 6 + 3, 2 * 6 + 4]]
    assert places([]).shape == (2, 0)


def test_of_the_bases_own_text_what_it_wrote_is_scored() -> None:
    batches = own_text_batches(OWN_TEXT, seed=0, rows=2)
    assert [len(batch.names) for batch in batches].count(2) == 2
    assert sorted(int(name) for batch in batches for name in batch.names) == [0, 1, 2, 3, 4]
    by_id = {str(text.text_id): text for text in OWN_TEXT}
    for batch in batches:
        parts = torch.split(batch.targets, batch.counts.tolist())
        assert [tuple(part.tolist()) for part in parts] == [by_id[name].tokens[2:] for name in batch.names]
    assert [batch.names for batch in own_text_batches(OWN_TEXT, 0, 2)] == [batch.names for batch in batches]
