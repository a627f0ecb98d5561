"""Kill the pipeline again and again until it is done; what must hold after every kill, and at the end."""

from __future__ import annotations

import filecmp
import random
import shutil
import signal
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.chaos.life import live
from benchmarks.chaos.records import FINISHED, STOPPED, Life, Moment, Work
from benchmarks.chaos.warm import learn
from counterpoise.artifacts.scratch import MARKER
from counterpoise.artifacts.store import Store

HOLDS_LONGEST: Mapping[str, int] = {"adapter": 3, "generations": 2}
"""Stages that are aimed at more than once a run, because they keep checkpoints or shards."""


@dataclass(frozen=True)
class Reference:
    """An uninterrupted run to compare with.

    Attributes:
        store: its folder.
        seconds: how long each stage took when it was last computed, by label.
        boundaries: how many file-system calls each stage made, by label.
        total_s: how long the whole run took.
        life: everything it told.
    """

    store: Path
    seconds: dict[str, float]
    boundaries: Mapping[str, int]
    total_s: float
    life: Life


@dataclass
class Tally:
    """What the kills came to.

    Attributes:
        kills: how many, by stage and signal.
        lost_s: work lost by each kill, seconds.
        resumed_s: how long each life after a kill took until it computed something new, seconds.
        stretched: time of a killed run's lives over the uninterrupted run's time, for each run.
        different: what was not as it must be, in words; empty is the aim.
    """

    kills: Counter[tuple[str, str]] = field(default_factory=Counter)
    how: Counter[str] = field(default_factory=Counter)
    lost_s: list[float] = field(default_factory=list)
    resumed_s: list[float] = field(default_factory=list)
    stretched: list[float] = field(default_factory=list)
    runs: int = 0
    lives: int = 0
    files: int = 0
    different: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Figures for the document."""
        by_stage: dict[str, dict[str, int]] = {}
        for (stage, name), count in self.kills.items():
            by_stage.setdefault(stage, {})[name] = count
        return {
            "kills": sum(self.kills.values()),
            "by_stage": by_stage,
            "by_moment": dict(self.how),
            "runs": self.runs,
            "lives": self.lives,
            "files_compared": self.files,
            "lost_s": _spread(self.lost_s),
            "resume_s": _spread(self.resumed_s),
            "stretched": _spread(self.stretched),
            "different": self.different,
        }


def reference(work: Work) -> Reference:
    """Runs ``work`` once without a kill; what it imported, later lives find imported.

    Raises:
        RuntimeError: it did not finish.
    """
    life = live(work)
    if life.code != FINISHED:
        raise RuntimeError(f"the uninterrupted run ended with {life.code}: {life.error}")
    learn(life, work)
    seconds = _durations(life)
    boundaries = {event["stage"]: event["boundaries"] for event in life.of("finished")}
    return Reference(Path(work.store), seconds, boundaries, life.seconds, life)


def _durations(life: Life) -> dict[str, float]:
    """Seconds of each stage that a life computed."""
    begun = {event["stage"]: event["at"] for event in life.of("started")}
    done = [event for event in life.of("finished") if event["state"] == "computed"]
    return {event["stage"]: event["at"] - begun[event["stage"]] for event in done}


def moments(known: Reference, noise: random.Random, stages: Sequence[str] = ()) -> Iterator[Moment]:
    """Kills for one run: each stage in its turn, half at a random time, half before a random call.

    Args:
        stages: aim at these instead.
    """
    aims = stages or [
        stage for stage in known.seconds for _ in range(HOLDS_LONGEST.get(stage.partition(" ")[0], 1))
    ]
    for number, stage in enumerate(aims):
        how = noise.choice((signal.SIGKILL, signal.SIGTERM))
        if (number + noise.randrange(2)) % 2:
            yield Moment(stage, how, after_s=noise.uniform(0.0, known.seconds[stage]))
        else:
            yield Moment(stage, how, boundary=noise.randint(1, max(1, known.boundaries[stage])))


def killed_run(
    work: Work, known: Reference, kills: Iterator[Moment], tally: Tally, *, most: int | None = None
) -> None:
    """Lives and dies until the run is done, then compares it with the uninterrupted one."""
    spent, was_killed = 0.0, False
    before = Kept.of(Store.open(work.store, cache=work.cache))
    while True:
        moment = next(kills, None) if most is None or sum(tally.kills.values()) < most else None
        life = live(work, moment)
        tally.lives += 1
        spent += life.seconds
        known.seconds.update(_durations(life))  # the machine may be busier or idler than it was
        if was_killed and life.resumed_s is not None:
            tally.resumed_s.append(life.resumed_s)
        was_killed = _count(life, moment, tally)
        after = Kept.of(Store.open(work.store, cache=work.cache))
        tally.different += [f"after {life.killed_in}: {what}" for what in after.lacks(before)]
        before = after
        if life.code == FINISHED:
            break
        if not was_killed:
            tally.different.append(f"a life ended by itself with {life.code}: {life.error}")
            break
    tally.runs += 1
    tally.stretched.append(spent / known.total_s)
    files, different = compare(known.store, Path(work.store))
    tally.files += files
    tally.different += different


def _count(life: Life, moment: Moment | None, tally: Tally) -> bool:
    """Enters a kill; whether there was one that the life did not outlive."""
    if moment is None or not life.killed_in:
        return False
    tally.kills[life.killed_in, moment.signal.name] += 1
    tally.how["at a random time" if moment.boundary is None else "before a file-system call"] += 1
    ended = life.code in {-signal.SIGKILL, -signal.SIGTERM, STOPPED}
    if ended:
        tally.lost_s.append(life.lost_s)
    return ended


@dataclass(frozen=True)
class Kept:
    """What a store holds that a kill must not take: artifacts, shards and checkpoints."""

    artifacts: Mapping[tuple[str, str], str]
    items: frozenset[str]
    problems: tuple[str, ...]

    @classmethod
    def of(cls, store: Store) -> Kept:
        """Reads a store in a folder, and checks it."""
        root = Path(store.url)
        artifacts = {
            (path.parent.name, path.stem): store.manifest(path.parent.name, path.stem).sha256
            for path in root.glob("manifests/*/*.json")
        }
        items = {str(path.relative_to(root)) for path in root.glob(f"scratch/*/*/*{MARKER}")}
        return cls(artifacts, frozenset(items), tuple(map(str, store.verify(full=True))))

    def lacks(self, before: Kept) -> list[str]:
        """What was there before and is not any more, or is damaged."""
        gone = [
            f"{stage} {key[:12]} is gone"
            for stage, key in before.artifacts
            if (stage, key) not in self.artifacts
        ]
        changed = [
            f"{stage} {key[:12]} has other content"
            for (stage, key), sha256 in before.artifacts.items()
            if self.artifacts.get((stage, key), sha256) != sha256
        ]
        return [*gone, *changed, *self._lost_items(before), *self.problems]

    def _lost_items(self, before: Kept) -> list[str]:
        """Shards that vanished, and training that fell behind its newest checkpoint."""
        done = {key for _, key in self.artifacts}
        lost = []
        for item in sorted(before.items - self.items):
            _, stage, key, name = item.split("/")
            newer = any(other.startswith(f"scratch/{stage}/{key}/") and other > item for other in self.items)
            if key not in done and not (name.startswith("checkpoint-") and newer):
                lost.append(f"{stage} lost {name}")
        return lost


def compare(reference: Path, other: Path) -> tuple[int, list[str]]:
    """How many files of finished artifacts were compared byte by byte, and what differs or was left over."""
    wanted, found = Kept.of(Store.open(reference)), Kept.of(Store.open(other))
    different = [f"{stage} differs" for stage, key in wanted.artifacts
                 if found.artifacts.get((stage, key)) != wanted.artifacts[stage, key]]  # fmt: skip
    files = 0
    for sha256 in wanted.artifacts.values():
        place = Path("objects", sha256[:2], sha256)
        names = [
            path.relative_to(reference / place) for path in (reference / place).rglob("*") if path.is_file()
        ]
        same, unlike, missing = filecmp.cmpfiles(
            reference / place, other / place, map(str, names), shallow=False
        )
        files += len(same)
        different += [f"{place}/{name} differs" for name in (*unlike, *missing)]
    return files, [*different, *_left_over(other)]


def _left_over(folder: Path) -> list[str]:
    """What no kill may leave, and what a collection does not take.

    A kill after a commit leaves the stage's shards and its lease, which nobody looks at any more: garbage.
    """
    damaged = [*folder.glob("quarantine/**/*"), *folder.glob("tmp/draft-*")]
    Store.open(folder).gc(keep_runs=1000, min_age_s=-1)
    litter = [path for name in ("scratch", "leases") for path in (folder / name).rglob("*")
              if path.is_file() and path.name != ".lock"]  # fmt: skip
    return [f"{path.relative_to(folder)} is left over" for path in (*damaged, *litter)]


def fresh(work: Work, folder: Path) -> Work:
    """``work`` on an empty store and an empty machine in ``folder``."""
    shutil.rmtree(folder, ignore_errors=True)
    return replace(work, store=str(folder / "store"), cache=folder / "cache")


def _spread(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    return {"median": round(statistics.median(values), 3), "worst": round(max(values), 3), "n": len(values)}
