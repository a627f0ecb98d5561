"""What a run would do, without doing it: the same pipeline, walked with look-ups only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from counterpoise.artifacts.keys import explain
from counterpoise.artifacts.store import Ref, Store
from counterpoise.config import RunConfig
from counterpoise.engine.execute import named, why_missing
from counterpoise.engine.stage import Stage

_UNKNOWN = "?"
"""Stands for the content of an artifact that is still to be made."""


@dataclass(frozen=True)
class Planned:
    """What would become of one stage.

    Attributes:
        would: ``hit`` or ``run``.
        why: the nearest earlier computation's differences, damage, or the upstream stage that would run.
        ref: the artifact on a hit, else None.
        key: the cache key, unknown (None) while an upstream artifact is.
    """

    label: str
    would: Literal["hit", "run"]
    why: str
    ref: Ref | None
    key: str | None

    def to_json(self) -> dict[str, Any]:
        """The row of this stage in ``plan --json``."""
        rows = self.ref.rows if self.ref else None
        return {"stage": self.label, "would": self.would, "why": self.why, "key": self.key, "rows": rows}


class PlanStep:
    """Looks stages up and remembers what each would do, in pipeline order."""

    def __init__(self, config: RunConfig, store: Store) -> None:
        self._config = config
        self._store = store
        self.planned: list[Planned] = []

    def __call__(
        self, stage: Stage, *, fold: int | None = None, **inputs: Planned | Sequence[Planned]
    ) -> Planned:
        """What this stage would do, given what its inputs would."""
        waiting = [planned.label for planned in _flat(inputs) if planned.ref is None]
        planned = (
            self._waiting(stage, fold, inputs, waiting) if waiting else self._looked_up(stage, fold, inputs)
        )
        self.planned.append(planned)
        return planned

    def _waiting(
        self, stage: Stage, fold: int | None, inputs: Mapping[str, Any], waiting: Sequence[str]
    ) -> Planned:
        """Its key is not known yet, but which of its own components changed is."""
        parts = stage.key_parts(self._config, fold, _refs(inputs))
        nearest = self._store.nearest(parts)
        changes = explain(nearest.parts, parts) if nearest else ()
        own = [change for change in changes if change.after != _UNKNOWN]
        why = "; ".join([f"after {', '.join(waiting)}", *([named(own)] if own else [])])
        return Planned(stage.label(fold), "run", why, None, None)

    def _looked_up(self, stage: Stage, fold: int | None, inputs: Mapping[str, Any]) -> Planned:
        parts = stage.key_parts(self._config, fold, _refs(inputs))
        found = self._store.lookup(stage.name, parts.key, peek=True)
        if isinstance(found, Ref):
            return Planned(stage.label(fold), "hit", "", found, parts.key)
        return Planned(stage.label(fold), "run", why_missing(self._store, parts, found), None, parts.key)


def _refs(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The artifacts of planned inputs, each by its own name; one that is still to be made is unknown."""

    def ref(planned: Planned) -> Ref:
        return planned.ref or Ref(planned.label, planned.label, _UNKNOWN, _UNKNOWN, None, ())

    return {
        name: [ref(one) for one in value] if isinstance(value, list | tuple) else ref(value)
        for name, value in inputs.items()
    }


def _flat(inputs: Mapping[str, Planned | Sequence[Planned]]) -> list[Planned]:
    found: list[Planned] = []
    for value in inputs.values():
        found += [value] if isinstance(value, Planned) else value
    return found
