"""A finished run's report, made anew from its artifacts alone."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from artifacts.store import Ref, Store
from counterpoise.config import RunConfig
from counterpoise.errors import UsageError
from counterpoise.records import silent
from counterpoise.settings import validated
from flows.pipeline import pipeline
from tasks.job import Job
from tasks.report import report
from tasks.stage import Stage


class RecordedStep:
    """Walks the pipeline over a run's record: each stage gives the artifact that the run had.

    Attributes:
        report_inputs: what the report was made of, once the walk has reached it.
    """

    def __init__(self, record: Mapping[str, Any]) -> None:
        self._run = record["run"]
        self._refs = {stage["stage"]: Ref.from_json(stage["ref"]) for stage in record["stages"]}
        self.report_inputs: dict[str, Any] = {}

    def __call__(self, stage: Stage, *, fold: int | None = None, **inputs: Any) -> Ref:
        """The artifact that the run recorded for this stage.

        Raises:
            UsageError: the run has none: it is not finished, or was made by a version without that stage.
        """
        if stage.name == report.name:
            self.report_inputs = inputs
        label = stage.label(fold)
        if label not in self._refs:
            raise UsageError(
                f"run {self._run} has no artifact of {label!r}",
                "name a finished run of this version; `counterpoise run` finishes one",
            )
        return self._refs[label]


def regenerate(store: Store, record: Mapping[str, Any], out: Path) -> Ref:
    """Writes the report of a finished run into the empty folder ``out``; gives the stored report's reference.

    Raises:
        UsageError: the run is not finished, or this version cannot read its configuration.
    """
    config = validated(RunConfig, dict(record["config"]), f"run {record['run']}")
    step = RecordedStep(record)
    stored: Ref = pipeline(step, config)
    with closing(store.scratch(report.name, stored.key)) as scratch:
        job = Job(config, None, store, out, scratch, silent, lambda: False)
        report.compute(job, **step.report_inputs)
        scratch.clear()
    return stored


def differing_files(first: Path, second: Path) -> list[str]:
    """Relative paths of the files that are not the same bytes in both folders, sorted."""
    names = {
        path.relative_to(folder).as_posix()
        for folder in (first, second)
        for path in folder.rglob("*")
        if path.is_file()
    }
    return sorted(name for name in names if _bytes(first / name) != _bytes(second / name))


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
