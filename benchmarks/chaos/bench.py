"""What every fault works with: the reference run, a folder, a seed, and the count of what was tried."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.chaos.kills import Reference, compare
from benchmarks.chaos.life import live
from benchmarks.chaos.records import FINISHED, Life, Work


@dataclass
class Bench:
    """The place where faults are tried.

    Attributes:
        work: the run, on the reference's own store.
        known: the uninterrupted run.
        folder: where faulty stores are made.
        share: of the cases to try, 0 to 1; one of each kind is tried whatever it is.
        injected: how many faults, by kind.
        different: what was not as it must be; empty is the aim.
    """

    work: Work
    known: Reference
    folder: Path
    noise: random.Random
    share: float = 1.0
    say: Callable[[str], None] = print
    injected: Counter[str] = field(default_factory=Counter)
    messages: dict[str, str] = field(default_factory=dict)
    different: list[str] = field(default_factory=list)

    def copy(self, name: str, of: Path | None = None) -> Work:
        """The run on a copy of the reference's store (or of another folder's), on a new machine."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(of or self.known.store, folder / "store")
        return replace(self.work, store=str(folder / "store"), cache=folder / "cache")

    def fresh(self, name: str) -> Work:
        """The run on an empty store, on a new machine."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        return replace(self.work, store=str(folder / "store"), cache=folder / "cache")

    def chosen(self, cases: list[Any]) -> list[Any]:
        """Some of the cases, drawn anew by the seed; at least one."""
        return self.noise.sample(cases, max(1, round(len(cases) * self.share)))

    def finishes(self, work: Work, fault: str, *, where: Path | None = None) -> Life:
        """Runs it once more: it must finish, with the reference's bytes."""
        life = live(work)
        if life.code != FINISHED:
            self.different.append(f"{fault}: the next run ended with {life.code}: {life.error[-600:]}")
            return life
        self.same(where or Path(work.store), fault)
        return life

    def same(self, store: Path, fault: str) -> None:
        """The store's artifacts must be the reference's."""
        _, different = compare(self.known.store, store)
        kept = ("quarantine", "leases")
        self.different += [f"{fault}: {what}" for what in different if not what.startswith(kept)]

    def refused(self, life: Life, fault: str, code: int) -> None:
        """A life must have ended with ``code`` and one line; the first such line is kept for the document."""
        if life.code != code or "\n" in life.error:
            self.different.append(f"{fault}: ended with {life.code}: {life.error[-600:]}")
        self.messages.setdefault(fault, life.error)

    def count(self, kind: str, number: int = 1) -> None:
        """Enters faults."""
        self.injected[kind] += number
