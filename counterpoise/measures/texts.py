"""What the continuations show: health, toxicity by every classifier, gaps between groups, mentions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from counterpoise.generation.prompts import group_terms
from counterpoise.measures.erasure import mention_measures
from counterpoise.measures.matching import Answers, Matched, by_prompt, match
from counterpoise.measures.measure import Aim, Measure, before_after
from counterpoise.measures.names import (
    ADAPTER,
    DISTINCT,
    DRIFT,
    FAULT,
    GREEDY,
    GREEDY_NULL,
    REPETITION,
    SAMPLED,
    TEXTS,
    USABLE,
    WORDS,
)
from counterpoise.measures.toxicity import judge, toxicity_measures
from counterpoise.metrics.groups import Agreement, agreement
from counterpoise.metrics.health import TextHealth, fault, mean_health, text_health
from counterpoise.metrics.intervals import bootstrap_mean
from counterpoise.records import Generation

OFTEN = 5.0
"""Share of the base's texts, percent, from which a group's mentions are looked at adapter by adapter."""


@dataclass(frozen=True, slots=True)
class TextFindings:
    """Everything measured on generated text.

    Attributes:
        matched: the continuations, base with tuned, in prompt order; where several adapters answered every prompt,
            the first one's, then the next one's.
        answers: how many adapters answered each prompt.
        toxicity: classifier → its value for base and tuned of each match, 0 to 1.
        agreements: each two classifiers on all texts.
        measures: the numbers.
    """

    matched: tuple[Matched, ...]
    answers: int
    toxicity: Mapping[str, tuple[Sequence[float], Sequence[float]]]
    agreements: Mapping[tuple[str, str], Agreement]
    measures: tuple[Measure, ...]


def text_findings(
    generations: Sequence[Generation],
    toxicity: Mapping[str, Mapping[str, float]],
    seed: int,
    *,
    greedy: bool = False,
    null: Sequence[Generation] = (),
) -> TextFindings:
    """All numbers that come from continuations.

    Args:
        toxicity: classifier → text → probability of being toxic.
        greedy: whether sample 0 of each prompt is the most likely continuation.
        null: continuations of the same prompts by a random adapter.

    Raises:
        DataError: as :func:`match`, or a text has no toxicity score.
    """
    answers = match(generations)
    matched = [pair for answer in answers for pair in answer]
    judged = {name: judge(name, answers, scores) for name, scores in toxicity.items()}
    values = {name: item.values for name, item in judged.items()}
    both = {name: (*base[: len(answers[0])], *tuned) for name, (base, tuned) in values.items()}
    return TextFindings(
        matched=tuple(matched),
        answers=len(answers),
        toxicity=values,
        agreements={pair: agreement(both[pair[0]], both[pair[1]]) for pair in combinations(both, 2)},
        measures=(
            *usable_measures(answers, seed=seed),
            *(
                row
                for by, part in _decodings(answers, greedy)
                for row in usable_measures(part, by=by, seed=seed)
            ),
            *_beside_null(answers, generations, null, seed, greedy=greedy),
            *form_measures(answers),
            *(row for item in judged.values() for row in toxicity_measures(item, answers, seed)),
            *_mentions(answers, seed),
            *_mentions_by_adapter(answers, seed),
        ),
    )


def usable_measures(answers: Answers, *, by: str = "", seed: int = 0) -> list[Measure]:
    """How many continuations there are, and which share is usable.

    Args:
        answers: base with tuned, one list for each adapter that answered every prompt.
        by: how the texts were decoded, where they are not all.
    """
    base, tuned = _health(answers)
    changes = _usable_changes([pair for answer in answers for pair in answer])
    where: dict[str, Any] = {"by": by, "n": len(changes)}
    usable = before_after(USABLE, base.usable, tuned.usable, unit="%", aim="higher", **where)
    return [
        before_after(TEXTS, base.n, tuned.n, unit="texts", **where),
        replace(
            usable,
            interval=bootstrap_mean(changes, seed),
            base_interval=base.usable_interval,
            tuned_interval=tuned.usable_interval,
        ),
    ]


def _usable_changes(matched: Sequence[Matched]) -> list[float]:
    """Change of each prompt's usable share, percentage points."""
    flags = [100.0 * ((fault(b.text) is not None) - (fault(t.text) is not None)) for b, t in matched]
    return by_prompt(matched, flags)


def form_measures(answers: Answers) -> list[Measure]:
    """What ails the continuations: another language, repetition, little variety, and each fault's share."""
    base, tuned = _health(answers)
    where: dict[str, Any] = {"n": len({before.prompt_id for before, _ in answers[0]})}
    faults = dict.fromkeys([*base.faults, *tuned.faults])
    return [
        *(
            before_after(name, getattr(base, field), getattr(tuned, field), unit=unit, aim=aim, **where)
            for name, field, unit, aim in _FORM
        ),
        *(
            before_after(
                FAULT, _share(base, name), _share(tuned, name), group=name, unit="%", counts=False, **where
            )
            for name in faults
        ),
    ]


_FORM: tuple[tuple[str, str, str, Aim], ...] = (
    (DRIFT, "drift", "%", "lower"),
    (REPETITION, "repetition", "0 to 1", "lower"),
    *((name, name.replace("-", "_"), "0 to 1", "higher") for name in DISTINCT),
    (WORDS, "mean_words", "words", ""),
)
"""Measure, field of :class:`TextHealth`, unit, aim."""


def _health(answers: Answers) -> tuple[TextHealth, TextHealth]:
    """Of the base's continuations, and of the adapters': each one's own, averaged."""
    tuned = [text_health([after.text for _, after in answer]) for answer in answers]
    return text_health([before.text for before, _ in answers[0]]), mean_health(tuned)


def _share(health: TextHealth, name: Any) -> float:
    return 100 * health.faults.get(name, 0) / health.n


def _decodings(answers: Answers, greedy: bool) -> Iterator[tuple[str, Answers]]:
    """The continuations by how they were decoded: the most likely ones, and the sampled ones."""
    for by in (GREEDY, SAMPLED):
        parts = [[pair for pair in answer if _decoded(pair, greedy) == by] for answer in answers]
        if parts[0]:
            yield by, parts


def _beside_null(
    answers: Answers,
    generations: Sequence[Generation],
    null: Sequence[Generation],
    seed: int,
    *,
    greedy: bool,
) -> list[Measure]:
    """The usable share of greedy text after training beside that of a random adapter; nothing where there is none."""
    base = [row for row in generations if row.variant == "base"]
    if not (null and greedy):
        return []
    # Where the prompts are dealt over the adapters, the random one answers the first adapter's.
    random = {(other.prompt_id, other.sample): other for (_, other) in match([*base, *null])[0]}
    drawn = [
        [
            (random[after.prompt_id, after.sample], after)
            for _, after in answer
            if (after.prompt_id, after.sample) in random
        ]
        for answer in answers
    ]
    (part,) = (part for by, part in _decodings(drawn, greedy) if by == GREEDY)
    return [row for row in usable_measures(part, by=GREEDY_NULL, seed=seed) if row.name == USABLE]


def _decoded(pair: Matched, greedy: bool) -> str:
    return GREEDY if greedy and pair[0].sample == 0 else SAMPLED


def _mentions(answers: Answers, seed: int, by: str = "") -> list[Measure]:
    base = [before for before, _ in answers[0]]
    return mention_measures(
        [row.prompt_id for row in base],
        [row.text for row in base],
        [[after.text for _, after in answer] for answer in answers],
        group_terms(),
        by=by,
        seed=seed,
    )


def _mentions_by_adapter(answers: Answers, seed: int) -> Iterator[Measure]:
    """Of several adapters, each one's mentions of the groups that are spoken of often or that it lets fall."""
    if len(answers) == 1:
        return
    for place, answer in enumerate(answers, start=1):
        for row in _mentions([answer], seed, f"{ADAPTER}{place}"):
            if row.base >= OFTEN or (row.interval is not None and row.interval[1] < 0):
                yield row
