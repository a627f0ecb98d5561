"""A finished run's report with the votes that people have cast since: made on demand, stored nowhere.

The report artifact is a pure function of the run's artifacts, and votes come after it. So they are no input of the
report stage: the same function that made the report is called again with the votes, and the page names the digest of
those it holds. The same run and the same votes give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from counterpoise.artifacts.parquet import read_records
from counterpoise.artifacts.store import Manifest, Ref, Store
from counterpoise.artifacts.table_spec import TableSpec
from counterpoise.artifacts.votes import VoteBox, digest
from counterpoise.config import RunConfig
from counterpoise.engine.run_record import RunRecord
from counterpoise.tasks.report import gather
from counterpoise.votes.records import Vote

if TYPE_CHECKING:
    from counterpoise.report.build import Report

Record = TypeVar("Record")
SHOWN_KEY = "key of "
"""Before each input's role in the key of a stage that quotes its inputs' keys; see :meth:`Stage.key_parts`."""


@dataclass(frozen=True)
class StoredRun:
    """A finished run's artifacts, as :class:`counterpoise.tasks.report.Evidence`."""

    config: RunConfig
    store: Store

    def folder(self, ref: Ref) -> Path:
        """A local folder with the files of an artifact."""
        return self.store.fetch(ref)

    def read(self, ref: Ref, spec: TableSpec, record: type[Record]) -> list[Record]:
        """A table as records."""
        return read_records(self.folder(ref) / f"{spec.name}.parquet", spec, record)


def vote_box(store: Store, record: Mapping[str, Any]) -> VoteBox:
    """The votes on a run: those on its first fold's adapter, whose texts people judge.

    Raises:
        UsageError: the run has no adapter.
    """
    return VoteBox(store, RunRecord(record).first("adapter").sha256)


def report_with_votes(store: Store, record: Mapping[str, Any], votes: Sequence[Vote]) -> Report:
    """The report of a finished run, with a section on these votes where there are any.

    Raises:
        UsageError: the run has no report.
        StoreError: what the report was made from is no longer in the store.
    """
    from counterpoise.report.build import build_report
    from counterpoise.report.inputs import VoteEvidence

    report = RunRecord(record).first("report")
    run = StoredRun(RunRecord(record).config(), store)
    (pairs,), (swaps,), (preferences,), evidence = _roles(store.manifest("report", report.key))
    inputs = gather(run, pairs, swaps, preferences, evidence)
    return build_report(replace(inputs, votes=VoteEvidence(votes, digest(list(votes))) if votes else None))


def _roles(report: Manifest) -> tuple[list[Ref], list[Ref], list[Ref], dict[str, list[Ref]]]:
    """The artifacts a report was made from, by the role in which its stage took them, in its order."""
    names = {
        key: name.removeprefix(SHOWN_KEY) for name, key in report.parts.resources.items() if SHOWN_KEY in name
    }
    roles: dict[str, list[Ref]] = {}
    for parent in report.parents:
        roles.setdefault(names[parent.key].partition("[")[0], []).append(parent)
    return roles.pop("pairs"), roles.pop("counterfactuals"), roles.pop("preferences"), roles
