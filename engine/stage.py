"""What a stage is: a name, a compute function, and everything that decides its result (its key)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

import counterpoise
from counterpoise import artifacts
from counterpoise.artifacts.keys import KeyParts, code_hashes, library_versions, resource_hashes
from counterpoise.artifacts.store import Ref
from counterpoise.artifacts.table_spec import TableSpec
from counterpoise.settings import deciding

if TYPE_CHECKING:
    from counterpoise.config import RunConfig  # its import would put every room into every stage's key

Inputs = Mapping[str, Ref | Sequence[Ref]]

CARRIERS = frozenset(
    {f"counterpoise.artifacts.{path.stem}" for path in Path(artifacts.__file__).parent.glob("*.py")}
    | {
        "counterpoise.artifacts",
        "counterpoise.engine",
        "counterpoise.engine.job",
        "counterpoise.engine.stage",
        "counterpoise.tasks",
    }
    | {"counterpoise", "counterpoise.files", "counterpoise.threads", "counterpoise.validation"}
    | {
        f"counterpoise.sources.{name}"
        for name in ("archives", "cache", "download", "failure", "fetch", "hub_client", "mirrors", "wheels")
    }
)
"""Modules that keep and bring files and settings, refuse them, or say how threads wait: they cannot change
what a stage makes.

Those of `counterpoise.sources` bring a file whose hash, or repository whose commit, stands in the key. What chooses
(registry, hub) counts.
"""


def nothing(config: RunConfig) -> dict[str, Any]:
    """No settings, or no resources."""
    return {}


def package_data(*names: str) -> dict[str, str]:
    """Content hashes of data files that come with `counterpoise`, named relative to it."""
    return resource_hashes(Path(counterpoise.__file__).parent, names)


@dataclass(frozen=True)
class Stage:
    """One step of the pipeline.

    Attributes:
        name: also the folder of its manifests.
        version: raised by hand when the result changes in a way that code and config don't show.
        compute: ``compute(job, **inputs)``: reads, calls, writes. The source of its module, and of everything
            that module imports from `counterpoise`, `engine` and `tasks`, is part of the key.
        settings: the part of the configuration that decides the result.
        resources: content hashes of data files that it reads besides its inputs.
        tables: what it writes, for their versions.
        libraries: installed packages whose version shapes the result.
        seeded: whether the run's seed matters.
        shows_keys: whether the result itself quotes its inputs' keys (the report's provenance).
        retries: how often to try again when a source could not be reached.
        timeout_s: seconds until it is given up.
        stops_in_s: seconds that it may take to complete a checkpoint once it is asked to stop; 0 if it makes none.
        tags: Prefect tags; ``gpu`` marks work that wants the accelerator to itself, ``network`` what may fetch.
    """

    name: str
    version: int
    compute: Callable[..., None]
    settings: Callable[[RunConfig], Mapping[str, Any]] = nothing
    resources: Callable[[RunConfig], Mapping[str, str]] = nothing
    tables: tuple[TableSpec, ...] = ()
    libraries: tuple[str, ...] = ()
    seeded: bool = False
    shows_keys: bool = False
    retries: int = 0
    timeout_s: float = 3600.0
    stops_in_s: float = 0.0
    tags: tuple[str, ...] = ()

    def label(self, fold: int | None) -> str:
        """What people call this computation."""
        return self.name if fold is None else f"{self.name} · fold {fold}"

    def key_parts(self, config: RunConfig, fold: int | None, inputs: Inputs) -> KeyParts:
        """Everything that decides the result, in clear."""
        settings = {name: _plain(value) for name, value in self.settings(config).items()}
        if fold is not None:
            settings["fold"] = fold
        resources = dict(self.resources(config))
        if self.shows_keys:
            resources |= {f"key of {name}": ref.key for name, ref in flat(inputs)}
        return KeyParts(
            stage=self.name,
            version=self.version,
            code=_code(self.compute.__module__),
            config=settings,
            inputs={name: ref.sha256 for name, ref in flat(inputs)},
            seed=config.seed if self.seeded else None,
            libraries=library_versions(self.libraries),
            resources=resources,
            schemas={table.name: table.version for table in self.tables},
        )


def flat(inputs: Inputs) -> Iterator[tuple[str, Ref]]:
    """Every input artifact with its name; those of a list are numbered.

    >>> [name for name, _ in flat({"adapters": ["a", "b"], "pairs": "c"})]
    ['adapters[0]', 'adapters[1]', 'pairs']
    """
    for name, value in inputs.items():
        if isinstance(value, list | tuple):
            yield from ((f"{name}[{index}]", ref) for index, ref in enumerate(value))
        else:
            yield name, value  # type: ignore[misc]


def _plain(value: Any) -> Any:
    return deciding(value) if isinstance(value, BaseModel) else value


@lru_cache
def _code(module: str) -> dict[str, str]:
    return code_hashes((module,), packages=("counterpoise",), leave_out=CARRIERS)
