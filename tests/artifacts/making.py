"""Short ways to make keys and artifacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from counterpoise.artifacts.keys import KeyParts
from counterpoise.artifacts.store import Ref, Store

FILES = {"table.parquet": b"PAR1 not really PAR1", "model/weights.bin": bytes(range(256)) * 8}


def parts(stage: str = "scores", **config: Any) -> KeyParts:
    return KeyParts(
        stage=stage,
        version=1,
        code={"counterpoise.records": "ab" * 32},
        config=config,
        inputs={},
        seed=7,
        libraries={"numpy": "2.0"},
        resources={},
        schemas={"scores": 1},
    )


def commit(
    store: Store,
    key: KeyParts | None = None,
    files: Mapping[str, bytes] = FILES,
    parents: Sequence[Ref] = (),
) -> Ref:
    key = key or parts()
    with store.draft(key.stage, key.key) as draft:
        write(draft.folder, files)
        return store.commit(draft, key, label=key.stage, rows=3, parents=parents, facts={"seconds": 1.5})


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


class Clock:
    """A clock that a test moves; sleeping moves it too."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now
        self.since = 0.0
        self.slept: list[float] = []

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.since

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.forward(seconds)

    def forward(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds
        self.since += seconds


def tamper(s3: Store, name: str, data: bytes | None) -> None:
    """Changes a file in the bucket behind the store's back."""
    bucket = s3.backend._bucket  # type: ignore[attr-defined]
    bucket.delete(name) if data is None else bucket.put(name, data)
