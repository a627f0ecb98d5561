"""Packed rows of prefix trees: every pair once, little padding, and the same numbers as plain rows."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.alignment.batches import EncodedPair, encode_preferences, pair_batch
from counterpoise.alignment.scoring import decoder, pair_pass, sequence_log_probs
from counterpoise.alignment.tree_batches import ROW, packed_batch
from counterpoise.likelihood.pairs import score_pair_details, shared_scores
from counterpoise.models.loading import LoadedModel
from counterpoise.records import Pair
from tests.alignment.material import TRAIN

TOKENS = st.lists(st.integers(3, 6), min_size=1, max_size=40).map(tuple)
GROUPS = st.lists(st.builds(EncodedPair, st.uuids().map(str), TOKENS, TOKENS, TOKENS), min_size=1, max_size=9)


def pair(name: str, prompt: int, chosen: int, rejected: int) -> EncodedPair:
    """A pair of so many tokens each, which share nothing but the prompt: its tree has one node fewer a side."""
    return EncodedPair(name, (1,) * prompt, (2,) * chosen, (3,) * rejected)


def test_trees_share_rows_that_fill_up_evenly() -> None:
    # nodes: 1 + 9 + 9 = 19, 1 + 4 + 4 = 9, and 1 + 4 + 4 = 9. Rows of 19 and 9 + 9 take 2 × 19 = 38 places; three
    # rows would take 57, and one row 37: none of them is padding.
    batch = packed_batch([pair("a", 1, 10, 10), pair("b", 1, 5, 5), pair("c", 1, 5, 5)])
    assert batch.input_ids.shape == (1, 37)
    # with 91 nodes and two of 9 a single row would be longer than ROW = 96: 2 × 91 places
    assert ROW == 96
    batch = packed_batch([pair("a", 1, 46, 46), pair("b", 1, 5, 5), pair("c", 1, 5, 5)])
    assert batch.input_ids.shape == (2, 91)
    # a tree above ROW has its row, and the others may fill rows as long as that
    assert packed_batch([pair("a", 1, 101, 101), pair("b", 1, 5, 5)]).input_ids.shape == (2, 201)


@given(group=GROUPS)
def test_every_completion_token_is_scored_once_a_sentence_from_the_token_before_it(
    group: list[EncodedPair],
) -> None:
    batch = packed_batch(group)
    by_name = {one.name: one for one in group}
    assert sorted(batch.names) == sorted(by_name)
    sides = [by_name[name].chosen for name in batch.names] + [by_name[name].rejected for name in batch.names]
    assert batch.counts.tolist() == [len(side) for side in sides]
    assert batch.members is not None
    parts = torch.split(batch.members, batch.counts.tolist())
    for at, (side, members) in enumerate(zip(sides, parts, strict=True)):
        one = by_name[batch.names[at % len(group)]]
        assert tuple(batch.targets[members].tolist()) == side
        before = batch.input_ids.flatten()[batch.positions[members]]
        assert tuple(before.tolist()) == (*one.prompt, *side)[len(one.prompt) - 1 : -1]


def test_a_pairs_shared_margin_is_that_of_the_published_reading(tiny: LoadedModel) -> None:
    """Packed or in plain rows, it is what the scores stage writes for the same two sentences."""
    sentences = [Pair(at, "gender", "stereo", row.rejected, row.chosen) for at, row in enumerate(TRAIN[:7])]
    scores = shared_scores(score_pair_details(tiny, sentences, "base"))
    wanted = {TRAIN[row.pair_id].preference_id: row.less_log_prob - row.more_log_prob for row in scores}
    encoded = encode_preferences(TRAIN[:7], tiny.tokenizer, append_eos=False, max_tokens=64)
    assert any(abs(margin) > 0.01 for margin in wanted.values())
    for batch in (pair_batch(encoded), packed_batch(encoded)):
        found = pair_pass(decoder(tiny.model), batch)
        assert torch.equal(found.sums, sequence_log_probs(decoder(tiny.model), batch))
        assert found.shared.tolist() == pytest.approx([wanted[name] for name in batch.names], abs=1e-4)


def test_packed_or_plain_the_aligned_states_are_the_same(tiny: LoadedModel) -> None:
    encoded = encode_preferences(TRAIN[:7], tiny.tokenizer, append_eos=False, max_tokens=64)
    by_pair = [torch.cat(pair_pass(decoder(tiny.model), pair_batch([one])).aligned) for one in encoded]
    packed = packed_batch(encoded)
    order = {name: at for at, name in enumerate(packed.names)}
    ordered = sorted(range(len(encoded)), key=lambda at: order[encoded[at].name])
    chosen = torch.cat([by_pair[at].chunk(2)[0] for at in ordered])
    rejected = torch.cat([by_pair[at].chunk(2)[1] for at in ordered])
    found = pair_pass(decoder(tiny.model), packed).aligned
    assert len(chosen) > 20
    torch.testing.assert_close(found[0], chosen, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(found[1], rejected, rtol=1e-3, atol=1e-4)


def test_packed_rows_have_the_log_probabilities_and_gradients_of_plain_ones(tiny: LoadedModel) -> None:
    encoded = encode_preferences(TRAIN[:7], tiny.tokenizer, append_eos=True, max_tokens=64)
    parts = decoder(tiny.model)
    tiny.model.requires_grad_(True)
    weights = {pair.name: 0.3 + at for at, pair in enumerate(encoded)}

    def read(packed: bool) -> tuple[dict[str, list[float]], dict[str, torch.Tensor]]:
        batch = (packed_batch if packed else pair_batch)(encoded)
        chosen, rejected = sequence_log_probs(parts, batch).chunk(2)
        tiny.model.zero_grad()
        weight = torch.tensor([weights[name] for name in batch.names])
        (weight * (chosen - 2 * rejected)).sum().backward()
        gradients = {
            name: value.grad.clone()
            for name, value in tiny.model.named_parameters()
            if value.grad is not None and "layers" in name
        }
        found = zip(batch.names, chosen.tolist(), rejected.tolist(), strict=True)
        return {name: [high, low] for name, high, low in found}, gradients

    plain, plain_gradients = read(packed=False)
    packed, packed_gradients = read(packed=True)
    for name, values in plain.items():
        assert packed[name] == pytest.approx(values, rel=1e-5)
    assert len(plain_gradients) > 4
    for name, gradient in plain_gradients.items():
        torch.testing.assert_close(packed_gradients[name], gradient, rtol=1e-3, atol=1e-4)
