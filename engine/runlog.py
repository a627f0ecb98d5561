"""The record of a run or a sweep in the store: written as it starts, after every part, and as it ends."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from counterpoise.artifacts.process import identity
from counterpoise.artifacts.store import Ref, Store
from counterpoise.config import RunConfig
from counterpoise.engine.execute import Outcome
from counterpoise.engine.provenance import git_state
from counterpoise.errors import Stopped, StoreError


class RecordLog:
    """Keeps ``runs/<run id>.json`` current, from the beginning of a ``with`` block to what ended it.

    Args:
        profile, config: what was asked for.
        more: what else the record holds.
    """

    def __init__(
        self,
        store: Store,
        run_id: str,
        profile: str,
        config: Mapping[str, Any],
        clock: Callable[[], float],
        **more: Any,
    ) -> None:
        self._store = store
        self._clock = clock
        self.record: dict[str, Any] = {
            "run": run_id,
            "status": "running",
            "profile": profile,
            "config": config,
            "started": clock(),
            "finished": None,
            "stages": [],
            "report": None,
            "process": identity(),
            **git_state(),
            **more,
        }

    def __enter__(self) -> Self:
        self._write()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        stopped = isinstance(error, Stopped | KeyboardInterrupt)
        with contextlib.suppress(StoreError):  # a full disk: what ended the run is what a person must read
            self._end("stopped" if stopped else "failed", error=str(error) or type(error).__name__)

    def stopped(self) -> None:
        """Ends the record as stopped, unless it has ended."""
        if self.record["status"] == "running":
            self._end("stopped", error="stopped on request")

    def _end(self, status: str, **more: Any) -> None:
        self.record |= {"status": status, "finished": self._clock(), **more}
        self._write()

    def _write(self) -> None:
        self._store.write_run(self.record["run"], self.record)


class RunLog(RecordLog):
    """A :class:`counterpoise.engine.reporting.Reporter` that keeps a run's record."""

    def __init__(
        self, store: Store, run_id: str, config: RunConfig, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(store, run_id, config.profile, config.model_dump(mode="json"), clock)

    def accepted(self, source: str, licence: str) -> None:
        """Names the licence that a person accepted for this run; nothing where none had to be."""
        if licence:
            self.record["licences"] = {source: licence}
            self._write()

    def started(self, label: str) -> None:
        """Nothing to keep."""

    def moved(self, label: str, done: int, total: int) -> None:
        """Nothing to keep."""

    def waiting(self, label: str, owner: str) -> None:
        """Nothing to keep."""

    def retrying(self, label: str, error: BaseException, delay_s: float) -> None:
        """Nothing to keep."""

    def failed(self, label: str, error: BaseException) -> None:
        """Nothing to keep: the run's own end says it."""

    def finished(self, outcome: Outcome) -> None:
        """Adds the stage."""
        self.record["stages"].append(outcome.to_json())
        self._write()

    def completed(self, report: Ref, headline: str = "") -> dict[str, Any]:
        """Ends the record as completed, with the report and its headline, and returns it."""
        shown = {"key": report.key, "sha256": report.sha256}
        self._end("completed", report=shown, headline=headline)
        return self.record
