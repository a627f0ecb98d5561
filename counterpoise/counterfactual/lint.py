"""What is wrong or doubtful in a lexicon: collisions, missing inverses, ambiguous terms, dead guards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from counterpoise.counterfactual.lexicon import Axis, Lexicon, Reading
from counterpoise.counterfactual.lexicon_file import add, load, read_user_file
from counterpoise.counterfactual.resolve.guards import GUARDS
from counterpoise.counterfactual.resolve.slots import DECIDABLE

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark on a lexicon.

    Attributes:
        level: ``error`` (the engine would misbehave), ``warning`` (probably not meant), ``note``.
        axis, term: where.
        message: what and what to do.
    """

    level: Level
    axis: str
    term: str
    message: str


def lint(user: Path | None = None) -> list[Finding]:
    """Findings in the built-in lexicon or, given a file, in that file on top of it, errors first.

    Raises:
        DataError: the file cannot be read as a lexicon at all.
    """
    lexicon = load(user)
    findings = [finding for axis in lexicon.axes.values() for finding in _axis_findings(axis)]
    if user is not None:
        mine = add(Lexicon(), read_user_file(user), str(user))
        terms = {reading.form.lower() for reading in mine.readings}
        findings = [
            item for item in findings if item.axis == mine.name and (item.term in terms or not item.term)
        ]
        findings += list(_overrides(mine, load().axes.get(mine.name)))
    order = {"error": 0, "warning": 1, "note": 2}
    return sorted(findings, key=lambda item: (order[item.level], item.axis, item.term, item.message))


def _axis_findings(axis: Axis) -> Iterator[Finding]:
    yield from _groups(axis)
    for concept in axis.concepts:
        if concept.guard and concept.guard not in GUARDS:
            yield Finding(
                "error",
                axis.name,
                "",
                f"[{concept.rule}] unknown guard {concept.guard!r}; known: {', '.join(filter(None, GUARDS))}",
            )
        if not 0 <= concept.confidence <= 1:
            yield Finding(
                "error",
                axis.name,
                "",
                f"[{concept.rule}] confidence {concept.confidence} is not between 0 and 1",
            )
    by_term: dict[str, list[Reading]] = defaultdict(list)
    for reading in axis.readings:
        by_term[reading.form.lower()].append(reading)
    for term, readings in by_term.items():
        yield from _term(axis, term, readings)
    yield from _protected_terms(axis, by_term)


def _groups(axis: Axis) -> Iterator[Finding]:
    used = {group for concept in axis.concepts for group in concept.forms}
    for group in sorted(used - set(axis.groups)):
        yield Finding(
            "error",
            axis.name,
            "",
            f"group {group!r} is in no pair, so nothing of it is ever swapped; add it to `pairs`",
        )
    for group in sorted(set(axis.groups) - used):
        yield Finding("warning", axis.name, "", f"group {group!r} is in a pair and has no term")
    for group in sorted(set(axis.groups) - set(axis.default)):
        yield Finding(
            "warning",
            axis.name,
            "",
            f"group {group!r} has no default partner; it is swapped only when a direction is named",
        )
    for group, partner in sorted(axis.default.items()):
        if group not in axis.groups or partner not in axis.groups:
            yield Finding(
                "error", axis.name, "", f"default {group} = {partner!r} names a group that is in no pair"
            )


def _term(axis: Axis, term: str, readings: list[Reading]) -> Iterator[Finding]:
    for group in sorted({reading.group for reading in readings}):
        here = [reading for reading in readings if reading.group == group]
        slots = frozenset(reading.slot for reading in here)
        if _differ(here) and (len(slots) < len(here) or slots not in DECIDABLE) and not _apart(here):
            rules = ", ".join(sorted({f"[{reading.concept.rule}] {reading.slot}" for reading in here}))
            yield Finding(
                "error",
                axis.name,
                term,
                f"collision: {rules} give different replacements and nothing tells them apart",
            )
        elif _differ(here):
            yield Finding(
                "note",
                axis.name,
                term,
                f"ambiguous between {' and '.join(sorted(slots))}: decided by syntax or refused",
            )
    if all(reading.alias for reading in readings):
        to = next(form for reading in readings for group, form in _partners(reading) if form)
        yield Finding("note", axis.name, term, f"one way: becomes {to!r} (or its like) and never comes back")


def _differ(readings: list[Reading]) -> bool:
    """Whether some partner group would get two different words."""
    targets: dict[str, set[str | None]] = defaultdict(set)
    for reading in readings:
        for group, form in _partners(reading):
            targets[group].add(form)
    return any(len(forms) > 1 for forms in targets.values())


def _apart(readings: list[Reading]) -> bool:
    """Whether different guards keep the readings from meeting."""
    guards = [reading.concept.guard for reading in readings]
    return len(set(guards)) == len(guards) and all(guards)


def _partners(reading: Reading) -> list[tuple[str, str | None]]:
    return [
        (group, reading.concept.form(group, reading.slot))
        for group in reading.concept.forms
        if group != reading.group
    ]


def _protected_terms(axis: Axis, by_term: dict[str, list[Reading]]) -> Iterator[Finding]:
    for phrase in axis.phrases:
        if phrase.text.lower() in by_term and not phrase.exact and not phrase.group:
            yield Finding(
                "warning",
                axis.name,
                phrase.text.lower(),
                "is both a term and a protected phrase; it is never swapped",
            )


def _overrides(mine: Axis, builtin: Axis | None) -> Iterator[Finding]:
    known = {reading.form.lower() for reading in builtin.readings} if builtin else set()
    for term in sorted({reading.form.lower() for reading in mine.readings} & known):
        yield Finding("note", mine.name, term, "replaces the built-in readings of this term")
