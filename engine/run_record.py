"""A run's record as commands read it: its artifacts by stage, how it ended, and what it lacks said in one way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from counterpoise.artifacts.process import is_dead
from counterpoise.artifacts.store import Ref, Store
from counterpoise.errors import UsageError

if TYPE_CHECKING:
    from counterpoise.config import RunConfig

SMOKE = "smoke"
"""The profile whose runs show that the pipeline works and whose model means nothing."""
TINY = "tiny"
"""The source of that model."""


@dataclass(frozen=True)
class RunRecord:
    """The record of a run or a sweep, as the store gives it."""

    data: Mapping[str, Any]

    @property
    def run(self) -> str:
        """The run's id."""
        return str(self.data["run"])

    def config(self) -> RunConfig:
        """Its configuration.

        Raises:
            UsageError: another version made it, whose settings this one does not have.
        """
        from counterpoise.config import RunConfig

        try:
            return RunConfig.model_validate(self.data["config"])
        except ValidationError as error:
            first = ".".join(map(str, error.errors()[0]["loc"]))
            raise UsageError(
                f"run {self.run} is of an earlier recipe: {len(error.errors())} of its settings are not this "
                f"version's, {first} the first",
                "name a newer run, or use the version that made it",
            ) from None

    @property
    def is_sweep(self) -> bool:
        """Whether it is a sweep: its branches are runs of their own."""
        return self.data.get("kind") == "sweep"

    @property
    def is_smoke(self) -> bool:
        """Whether its model means nothing: the smoke profile's, or the tiny one that is made on the spot."""
        source = self.data.get("config", {}).get("model", {}).get("source")
        return self.data.get("profile") == SMOKE or source == TINY

    @property
    def status(self) -> str:
        """``running``, ``died`` (its process on this machine is gone), or how it ended."""
        status = str(self.data["status"])
        return "died" if status == "running" and is_dead(self.data.get("process") or {}) else status

    def refs(self, stage: str) -> list[Ref]:
        """The artifacts of a stage, one a fold, in the order in which they were made; empty without any."""
        found = (Ref.from_json(row["ref"]) for row in self.data.get("stages", ()))
        return [ref for ref in found if ref.stage == stage]

    def first(self, stage: str) -> Ref:
        """The first artifact of a stage: that of the first fold, where there are several.

        Raises:
            UsageError: it has none.
        """
        found = self.refs(stage)
        if not found:
            raise self._lacks(stage)
        return found[0]

    def require_one_run(self) -> None:
        """Refuses a sweep.

        Raises:
            UsageError: it is one.
        """
        if self.is_sweep:
            raise self._lacks("report")

    def require_finished(self) -> None:
        """Refuses what is not a completed run.

        Raises:
            UsageError: it is a sweep, or has not completed.
        """
        if self.is_sweep or self.status != "completed":
            raise self._lacks("report")

    def _lacks(self, what: str) -> UsageError:
        if not self.is_sweep:
            how = "it died" if self.status == "died" else f"it is {self.status}"
            return UsageError(f"run {self.run} has no {what}: {how}", "name a finished run")
        runs = [str(branch["run"]) for branch in self.data.get("branches", ()) if branch.get("run")]
        return UsageError(
            f"run {self.run} is a sweep, not a run with a model and a report",
            "name one of its branches" + (f": {', '.join(runs)}" if runs else ""),
        )


def newest_finished(
    store: Store, how: str = "run `counterpoise run` first", smoke: bool = True
) -> dict[str, Any]:
    """The newest completed run's record; a smoke run's only where nothing else has completed.

    Args:
        how: what somebody without one can do.
        smoke: whether a smoke run will do at all.

    Raises:
        UsageError: there is none.
    """
    records = store.runs()
    finished = [record for record in records if record["status"] == "completed"]
    runs = [record for record in finished if not RunRecord(record).is_sweep]
    real = [record for record in runs if not RunRecord(record).is_smoke]
    if not real and not (smoke and runs):
        only = f" but {len(runs)} smoke run{'s' * (len(runs) > 1)}, whose model means nothing" if runs else ""
        raise UsageError(f"no finished run in {store.url}{only}", how)
    return (real or runs)[0]
