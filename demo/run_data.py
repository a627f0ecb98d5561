"""Everything a page shows of a finished run, read from the store once, when the demo starts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any, TypeVar

from counterpoise.artifacts.parquet import read_records
from counterpoise.artifacts.store import Ref, Store
from counterpoise.artifacts.table_spec import TableSpec
from counterpoise.artifacts.tables import GENERATIONS, PAIRS, SCORES
from counterpoise.charts.style import Chart
from counterpoise.config import RunConfig
from counterpoise.engine.report_files import CHARTS, RESULTS
from counterpoise.engine.run_record import RunRecord
from counterpoise.errors import StoreError
from counterpoise.measures.results import Results, read_results
from counterpoise.pairs.folds import FoldedPair
from counterpoise.records import Generation, Pair, PairScore

_TITLE = re.compile(rb"<title>(.*?)</title>|<dc:title>(.*?)</dc:title>", re.DOTALL)
Record = TypeVar("Record")


@dataclass(frozen=True)
class RunData:
    """A finished run.

    Attributes:
        record: its record in the store.
        config: its configuration.
        model, adapter: the two artifacts that answer. With several folds it is the first fold's adapter.
        pairs: every pair, by its number.
        scores: base and tuned scores of whole sentences, for the pairs that this adapter was not trained on.
        generations: the run's own continuations by base and tuned.
        results: the report's numbers.
        charts: the report's charts, in the order of the report.
    """

    store: Store
    record: dict[str, Any]
    config: RunConfig
    model: Ref
    adapter: Ref
    pairs: dict[int, Pair]
    scores: list[PairScore]
    generations: list[Generation]
    results: Results
    charts: list[Chart]

    @classmethod
    def of(cls, store: Store, record: dict[str, Any]) -> RunData:
        """The data of the run with this record.

        Raises:
            UsageError: the run lacks an artifact that the demo needs, or is of an earlier recipe.
            StoreError: the store cannot be read, or holds damaged content.
        """
        run = RunRecord(record)
        config = run.config()
        refs = {stage: run.first(stage) for stage in ("base-model", "adapter", "report")}

        def rows(stage: str, spec: TableSpec, kind: type[Record]) -> list[Record]:
            return read_records(store.fetch(run.first(stage)) / f"{spec.name}.parquet", spec, kind)

        report = store.fetch(refs["report"])
        return cls(
            store=store,
            record=record,
            config=config,
            model=refs["base-model"],
            adapter=refs["adapter"],
            pairs={pair.pair_id: pair for pair in rows("pairs", PAIRS, FoldedPair)},
            scores=[row for row in rows("scores", SCORES, PairScore) if row.reading == "whole"],
            generations=[
                row
                for stage in ("generations-base", "generations")
                if run.refs(stage)  # in an older run the base's texts stand among the adapter's
                for row in rows(stage, GENERATIONS, Generation)
            ],
            results=read_results(report / RESULTS),
            charts=[_chart(path) for path in _in_order(report / CHARTS)],
        )

    @property
    def run(self) -> str:
        """The run's id."""
        return str(self.record["run"])

    @property
    def label(self) -> str:
        """The run in a few words."""
        return f"Run {self.run} · {self.config.model.source} · profile {self.config.profile}"

    @property
    def headline(self) -> str:
        """What came of the run, in the report's own words."""
        return self.results.verdict.headline

    @property
    def sentence(self) -> str:
        """The run's numbers in one sentence, in the report's own words."""
        return self.results.verdict.sentence

    def gone(self) -> str:
        """One line when the run is no longer in the store; empty while it is."""
        try:
            self.store.run(self.run)
        except StoreError as error:
            return (
                f"Run {self.run} can no longer be read from store {self.store.url} ({error.message}). "
                "This page goes on with what it loaded at its start; votes are closed. "
                "Make a run and start the demo again."
            )
        return ""


def _in_order(folder: Path) -> list[Path]:
    order = ("scores", "tradeoff", "toxicity", "toxicity_by_group", "training")
    rank = {name: at for at, name in enumerate(order)}
    return sorted(folder.glob("*.svg"), key=lambda path: (rank.get(path.stem, len(rank)), path.stem))


def _chart(path: Path) -> Chart:
    """A chart of the report; its description is its own title."""
    svg = path.read_bytes()
    title = _TITLE.search(svg)
    alt = unescape((title[1] or title[2]).decode()) if title else path.stem
    return Chart(path.stem, alt, svg, b"")
