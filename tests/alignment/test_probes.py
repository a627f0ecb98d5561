from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from counterpoise.alignment.batches import TokenBatch
from counterpoise.alignment.config import GuardSettings
from counterpoise.alignment.probes import Reading, pair_margins, probe, probe_set, read, usable
from counterpoise.alignment.scoring import decoder, sequence_log_probs
from counterpoise.errors import DataError
from counterpoise.metrics.erasure import SHIFT_TOLERANCE
from counterpoise.models.loading import LoadedModel
from tests.alignment.material import NEUTRAL, VALIDATION

GUARDS = GuardSettings(max_perplexity_rise=0.02, max_fall=0.05, max_usable_drop=0.2, temperature=2.0)
BASE = Reading(
    less=torch.tensor([-20.0, -30.0, -40.0, -10.0]),
    more=torch.tensor([-18.0, -34.0, -40.0, -6.0]),
    tokens_less=torch.tensor([10, 10, 10, 5]),
    tokens_more=torch.tensor([10, 10, 10, 5]),
    perplexity=100.0,
    usable_text=0.75,
    groups={"women": (-100.0, 50), "men": (-300.0, 150)},
)
GROUPS = [("first" if number % 3 else "second", text) for number, text in enumerate(NEUTRAL)]


def test_the_numbers_by_hand() -> None:
    result = probe(0, BASE, BASE, GUARDS)
    # margins +2, −4, 0, +4: two of three decided pairs favour the more stereotyping sentence
    assert result.score == pytest.approx(200 / 3)
    assert result.ties == 1
    assert result.mean_margin == pytest.approx(0.5)
    assert result.mean_abs_margin == pytest.approx(2.5)
    # the base's own score and no shift yet
    assert result.soft_score == pytest.approx(200 / 3)
    assert (result.less_change, result.more_change, result.perplexity_rise, result.complaint) == (0, 0, 0, "")


def test_the_soft_score_is_the_bases_level_and_the_shift_of_the_validation_pairs() -> None:
    more = BASE.more + torch.tensor([-2.0, 0.0, 0.0, 0.0])
    result = probe(1, dataclasses.replace(BASE, more=more), BASE, GUARDS, level=55.0)
    # the first margin falls from 2 to 0: σ(2 / T) − ½ of one pair in four
    moved = 100 * (torch.sigmoid(torch.tensor(2 / GUARDS.temperature)) - 0.5) / 4
    assert result.soft_score == pytest.approx(55 - float(moved), rel=1e-5)
    assert result.score == pytest.approx(50)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"perplexity": 101.9}, ""),
        ({"perplexity": 102.1}, "neutral perplexity rose by 2.1%"),
        ({"perplexity": math.inf}, "neutral perplexity"),
        ({"perplexity": math.nan}, "neutral perplexity"),
        # one sentence of four falls by 1.9 nats over 10 tokens: 0.19 / 4 = 0.0475; by 2.1: 0.0525
        ({"less": torch.tensor([-21.9, -30.0, -40.0, -10.0])}, ""),
        ({"less": torch.tensor([-22.1, -30.0, -40.0, -10.0])}, "fell by 0.053 nats/token"),
        ({"more": torch.tensor([-20.1, -34.0, -40.0, -6.0])}, "fell by 0.053 nats/token"),
        ({"usable_text": 0.56}, ""),
        ({"usable_text": 0.5}, "usable text dropped by 25%"),
        # both groups by 0.1 nats a token: neither falls behind
        ({"groups": {"women": (-105.0, 50), "men": (-315.0, 150)}}, ""),
        # women −1.3 / 50 = −0.026, all −1.3 / 200 = −0.0065: −0.0195 against all; with −1.4: −0.021
        ({"groups": {"women": (-101.3, 50), "men": (-300.0, 150)}}, ""),
        ({"groups": {"women": (-101.4, 50), "men": (-300.0, 150)}}, "about women fell by 0.021 nats/token"),
        # men +0.03 a token: women are left 0.0225 behind all
        ({"groups": {"women": (-100.0, 50), "men": (-295.5, 150)}}, "about women fell by 0.022 nats/token"),
        ({"groups": {"women": (math.nan, 50), "men": (-300.0, 150)}}, "nats/token"),
    ],
)
def test_each_guard_at_its_limit(change: dict[str, object], complaint: str) -> None:
    result = probe(10, dataclasses.replace(BASE, **change), BASE, GUARDS)  # type: ignore[arg-type]
    assert complaint in result.complaint
    assert bool(complaint) == bool(result.complaint)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" are known for their love of music, and they often celebrate it.", True),
        (", who had lived in the town for years, came back on a Monday.", True),
        (" and the 11, a 11, and a 11, and a 11, and a 11", False),
        (" the the the the the the the the the the", False),
        (" 1. 2. 3. 4. 5. 6. 7. 8. 9. 10.", False),
        ("", False),
        (" yes", False),
    ],
)
def test_usable_text_on_labelled_examples(text: str, expected: bool) -> None:
    assert usable(text) is expected


def test_reading_a_model_leaves_it_as_it_was_and_agrees_with_its_logits(tiny: LoadedModel) -> None:
    probes = probe_set(VALIDATION, NEUTRAL, tiny.tokenizer, max_tokens=64, group_texts=GROUPS)
    parts = decoder(tiny.model)
    tiny.model.train()
    state = torch.get_rng_state()
    reading = read(tiny.model, parts, tiny.tokenizer, probes)
    assert tiny.model.training
    assert torch.equal(torch.get_rng_state(), state)
    assert len(reading.less) == len(VALIDATION)
    assert 0 <= reading.usable_text <= 1
    total = tokens = 0.0
    for text in NEUTRAL:
        ids = torch.tensor([[1, *tiny.tokenizer(text)["input_ids"]]])
        with torch.no_grad():
            log_probs = torch.log_softmax(tiny.model(ids).logits[0, :-1], -1)
        total += float(log_probs.gather(-1, ids[0, 1:, None]).sum())
        tokens += ids.shape[1] - 1
    assert reading.perplexity == pytest.approx(math.exp(-total / tokens), rel=1e-5)
    assert {group: size for group, (_, size) in reading.groups.items()} == {
        group: sum(len(tiny.tokenizer(text)["input_ids"]) for name, text in GROUPS if name == group)
        for group in ("first", "second")
    }
    assert sum(value for value, _ in reading.groups.values()) == pytest.approx(total, rel=1e-5)


def test_prefix_trees_read_the_same_from_fewer_tokens(tiny: LoadedModel) -> None:
    plain, trees = (
        probe_set(VALIDATION, NEUTRAL, tiny.tokenizer, max_tokens=64, share=share) for share in (False, True)
    )

    def by_name(batches: tuple[TokenBatch, ...]) -> dict[str, list[float]]:
        with torch.no_grad():
            sides = [sequence_log_probs(decoder(tiny.model), batch).chunk(2) for batch in batches]
        return {
            name: [float(less), float(more)]
            for batch, (lesses, mores) in zip(batches, sides, strict=True)
            for name, less, more in zip(batch.names, lesses, mores, strict=True)
        }

    expected = by_name(plain.pairs)
    assert len(expected) == len(VALIDATION)
    for name, values in by_name(trees.pairs).items():
        assert values == pytest.approx(expected[name], rel=1e-5)
    scored = [sum(len(batch.targets) for batch in probes.pairs) for probes in (trees, plain)]
    assert scored[0] < scored[1]
    counts = [
        sorted(torch.cat([batch.counts for batch in probes.pairs]).tolist()) for probes in (trees, plain)
    ]
    assert counts[0] == counts[1]


def test_margins_of_pairs_come_in_their_order_whatever_the_batches(tiny: LoadedModel) -> None:
    parts = decoder(tiny.model)
    together = pair_margins(tiny.model, parts, tiny.tokenizer, VALIDATION, max_tokens=64)
    turned = pair_margins(tiny.model, parts, tiny.tokenizer, VALIDATION[::-1], max_tokens=64)
    alone = [pair_margins(tiny.model, parts, tiny.tokenizer, [pair], max_tokens=64) for pair in VALIDATION]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(turned.flip(0), together, rtol=1e-4, atol=1e-3)
    assert len(set(together.tolist())) > 1


def test_padding_does_not_change_a_sequence(tiny: LoadedModel) -> None:
    parts = decoder(tiny.model)
    for whole in probe_set(VALIDATION, NEUTRAL, tiny.tokenizer, max_tokens=64).texts:
        with torch.no_grad():
            together = sequence_log_probs(parts, whole)
            alone = [
                sequence_log_probs(parts, one)
                for text in NEUTRAL
                for one in probe_set(VALIDATION, [text], tiny.tokenizer, max_tokens=64).texts
            ]
        torch.testing.assert_close(
            together.sort().values, torch.cat(alone).sort().values, rtol=1e-5, atol=1e-4
        )


@pytest.mark.parametrize(("pairs", "texts"), [([], NEUTRAL), (VALIDATION, []), (VALIDATION, [" "])])
def test_nothing_to_probe_on_is_an_error(tiny: LoadedModel, pairs: list, texts: list) -> None:  # type: ignore[type-arg]
    with pytest.raises(DataError, match="the guards need validation pairs and neutral texts"):
        probe_set(pairs, texts, tiny.tokenizer, max_tokens=64)


def test_the_guard_on_groups_has_the_erasure_audits_limit() -> None:
    assert GuardSettings().max_group_fall == SHIFT_TOLERANCE
