"""The examples of every benchmark in one form: a context and a few options, each of which gets a log-probability."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from counterpoise.evaluation import bbq, multiple_choice
from counterpoise.evaluation.group_sentences import load_group_sentences
from counterpoise.evaluation.names import BBQ, CHOICE_TASKS, CHOICES, GROUPS, STEREOSET, WINOBIAS
from counterpoise.evaluation.stereoset import load_stereoset
from counterpoise.evaluation.winobias import load_winobias
from counterpoise.records import Variant

if TYPE_CHECKING:
    from counterpoise.evaluation.config import BenchmarksConfig


@dataclass(frozen=True, slots=True)
class Option:
    """One of an example's texts: scored is ``text`` after ``context``."""

    name: str
    context: str
    text: str


@dataclass(frozen=True, slots=True)
class BenchmarkItem:
    """One example of one benchmark.

    Attributes:
        benchmark: one of those in `counterpoise.evaluation.names`.
        item: its name there.
        part, group, target: as in the table ``benchmarks``.
    """

    benchmark: str
    item: str
    part: str
    group: str
    target: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class BenchmarkScore:
    """What one variant makes of one option: nats, summed over ``tokens``. Columns as in
    `counterpoise.artifacts.tables`."""

    benchmark: str
    item: str
    part: str
    group: str
    target: str
    option: str
    variant: Variant
    log_prob: float
    tokens: int


def load_items(benchmark: str, data: Path, config: BenchmarksConfig) -> list[BenchmarkItem]:
    """The examples in a benchmark's file or folder.

    Raises:
        DataError: the data do not have that benchmark's form.
    """
    if benchmark == STEREOSET:
        return list(_stereoset(data))
    if benchmark == BBQ:
        return list(_bbq(data, config))
    if benchmark in CHOICE_TASKS:
        return list(_choices(benchmark, data, config.choice_questions))
    return list(_winobias(data) if benchmark == WINOBIAS else _groups(data, config.group_sentences))


def share_of(items: Sequence[BenchmarkItem], number: int, adapters: int) -> list[BenchmarkItem]:
    """The share of adapter ``number``, from 0, in the order of the examples.

    Within each part and group the examples are ordered by the hash of their names and dealt over the adapters, so
    every share is balanced, all shares together are every example once, and no seed changes them.
    """
    cells: dict[tuple[str, str, str], list[BenchmarkItem]] = defaultdict(list)
    for item in items:
        cells[item.benchmark, item.part, item.group].append(item)
    ordered = [item for _, cell in sorted(cells.items()) for item in sorted(cell, key=_draw)]
    chosen = {(item.benchmark, item.item) for item in ordered[number::adapters]}
    return [item for item in items if (item.benchmark, item.item) in chosen]


def _draw(item: BenchmarkItem) -> bytes:
    return hashlib.sha256(f"{item.benchmark}/{item.item}".encode()).digest()


def _stereoset(data: Path) -> Iterator[BenchmarkItem]:
    for triple in load_stereoset(data):
        space = " " if triple.context else ""
        options = (
            Option("stereotype", triple.context, space + triple.stereotype),
            Option("antistereotype", triple.context, space + triple.antistereotype),
            Option("unrelated", triple.context, space + triple.unrelated),
        )
        yield BenchmarkItem(STEREOSET, triple.example_id, triple.part, triple.domain, triple.target, options)


def _winobias(data: Path) -> Iterator[BenchmarkItem]:
    for pair in load_winobias(data):
        options = (Option("pro", "", pair.more), Option("anti", "", pair.less))
        yield BenchmarkItem(WINOBIAS, str(pair.pair_id), pair.category, pair.category, pair.category, options)


def _groups(data: Path, sentences: int) -> Iterator[BenchmarkItem]:
    for number, row in enumerate(load_group_sentences(data, [sentences])[0]):
        options = (Option("sentence", "", row.text),)
        yield BenchmarkItem(GROUPS, str(number), row.domain, row.group, row.group, options)


def _bbq(data: Path, config: BenchmarksConfig) -> Iterator[BenchmarkItem]:
    for one in bbq.subset(bbq.load_bbq(data), config.bbq_items):
        named = bbq.answers(one, all_unknowns=config.bbq_all_unknowns)
        options = tuple(Option(name, one.context, f" {text}") for name, text in named)
        yield BenchmarkItem(BBQ, one.name, one.condition, one.category, one.template, options)


def _choices(task: str, data: Path, most: int) -> Iterator[BenchmarkItem]:
    """An option is named by its own text, so that its length is known where it is judged."""
    for one in multiple_choice.subset(multiple_choice.load_questions(task, data), most):
        options = tuple(Option(choice, one.context, f" {choice}") for choice in one.choices)
        yield BenchmarkItem(CHOICES, f"{task}/{one.name}", task, task, one.right, options)
