"""What `counterpoise diff` compares: the tables of a recorded run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from counterpoise.artifacts.parquet import read_records
from counterpoise.artifacts.table_spec import TableSpec
from counterpoise.artifacts.tables import BENCHMARKS, CAPABILITY, NEUTRAL, PAIRS, SCORES
from counterpoise.engine.run_record import RunRecord
from counterpoise.evaluation.items import BenchmarkScore
from counterpoise.neutral.records import Capability, NeutralText
from counterpoise.pairs.folds import FoldedPair
from counterpoise.records import PairScore
from counterpoise.report.run_comparison import RunEvidence

if TYPE_CHECKING:
    from counterpoise.artifacts.store import Store

Record = TypeVar("Record")


def run_evidence(store: Store, record: dict[str, Any]) -> RunEvidence:
    """The evidence of a run; parts that it doesn't have (yet) are empty."""
    run = RunRecord(record)

    def rows(stage: str, spec: TableSpec, kind: type[Record]) -> list[Record]:
        tables = (store.fetch(ref) / f"{spec.name}.parquet" for ref in run.refs(stage))
        return [row for table in tables for row in read_records(table, spec, kind)]

    config = record["config"]
    scoring = config["scoring"]
    return RunEvidence(
        pairs=rows("pairs", PAIRS, FoldedPair),
        scores=rows("scores", SCORES, PairScore),
        neutral={row.text_id: row.text for row in rows("neutral", NEUTRAL, NeutralText)},
        capability=rows("capability", CAPABILITY, Capability),
        benchmarks=rows("benchmarks", BENCHMARKS, BenchmarkScore),
        measured_as={
            "model": config["model"]["source"],
            "precision": scoring["precision"] or config["model"]["precision"],
            "prefix": scoring["prefix"],
            "normalisation": scoring["normalisation"],
        },
    )
