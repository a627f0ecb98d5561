"""The record of a run in the store: written as it starts, after every stage, and as it ends."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from artifacts.store import Ref, Store
from counterpoise.config import RunConfig
from counterpoise.errors import Stopped, StoreError
from tasks.execute import Outcome
from tasks.provenance import git_state


class RunLog:
    """A :class:`tasks.reporting.Reporter` that keeps ``runs/<run id>.json`` current."""

    def __init__(
        self, store: Store, run_id: str, config: RunConfig, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._clock = clock
        self.record: dict[str, Any] = {
            "run": run_id,
            "status": "running",
            "profile": config.profile,
            "config": config.model_dump(mode="json"),
            "started": clock(),
            "finished": None,
            "stages": [],
            "report": None,
            **git_state(),
        }

    def __enter__(self) -> RunLog:
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

    def started(self, label: str) -> None:
        """Nothing to keep."""

    def moved(self, label: str, done: int, total: int) -> None:
        """Nothing to keep."""

    def failed(self, label: str, error: BaseException) -> None:
        """Nothing to keep: the run's own end says it."""

    def finished(self, outcome: Outcome) -> None:
        """Adds the stage."""
        self.record["stages"].append(outcome.to_json())
        self._write()

    def completed(self, report: Ref) -> dict[str, Any]:
        """Ends the record as completed and returns it."""
        self._end("completed", report={"key": report.key, "sha256": report.sha256})
        return self.record

    def _end(self, status: str, **more: Any) -> None:
        self.record |= {"status": status, "finished": self._clock(), **more}
        self._write()

    def _write(self) -> None:
        self._store.write_run(self.record["run"], self.record)
