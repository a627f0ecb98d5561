from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.alignment.batches import (
    EncodedPair,
    encode_preferences,
    encode_validation,
    pair_batch,
    pair_groups,
    schedule,
    text_batches,
)
from counterpoise.errors import DataError, ModelError
from counterpoise.models.loading import LoadedModel
from tests.alignment.material import PAIRS, preference

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


def test_two_equal_sentences_are_refused_by_name(tiny: LoadedModel) -> None:
    row = dataclasses.replace(preference(PAIRS[0]), rejected=PAIRS[0].less)
    with pytest.raises(DataError, match="0/human/gender/0"):
        encode_preferences([row], tiny.tokenizer, append_eos=False, max_tokens=256)


def test_a_tokenizer_without_bos_and_eos_is_refused() -> None:
    class Bare:
        bos_token_id = eos_token_id = None

    with pytest.raises(ModelError, match="neither a BOS nor an EOS"):
        encode_validation(PAIRS[:1], Bare(), max_tokens=9)


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


def test_texts_are_scored_from_their_first_token(tiny: LoadedModel) -> None:
    (batch,) = text_batches(["cannot drive"], tiny.tokenizer, max_tokens=64, rows=4)
    assert tiny.tokenizer.decode(batch.targets) == "cannot drive"
    assert batch.input_ids[0, 0] == tiny.tokenizer.bos_token_id
