"""Every kind of file in a store damaged in every way, through a whole run: it heals, with the same bytes."""

from __future__ import annotations

import random
import shutil
import signal
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.chaos.bench import Bench
from benchmarks.chaos.life import live
from benchmarks.chaos.records import REFUSED, Moment

Way = Callable[[Path, random.Random], object]


def _flip(position: Callable[[int], int]) -> Way:
    def flip(path: Path, noise: random.Random) -> None:
        data = bytearray(path.read_bytes())
        data[position(len(data))] ^= 1 << noise.randrange(8)
        path.write_bytes(data)

    return flip


def _append(path: Path, noise: random.Random) -> None:
    with path.open("ab") as file:
        file.write(b"\0")


WAYS: dict[str, Way] = {
    "first byte flipped": _flip(lambda size: 0),
    "middle byte flipped": _flip(lambda size: size // 2),
    "last byte flipped": _flip(lambda size: size - 1),
    "cut in half": lambda path, noise: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "last byte gone": lambda path, noise: path.write_bytes(path.read_bytes()[:-1]),
    "byte appended": _append,
    "empty": lambda path, noise: path.write_bytes(b""),
    "deleted": lambda path, noise: path.unlink(),
}


def damage_finished(bench: Bench) -> None:
    """A finished store: one file of each kind, in each way; then the run again."""
    kinds = _kinds(bench.known.store)
    cases = [(kind, way) for kind in kinds for way in WAYS]
    for kind, way in bench.chosen(cases):
        work = bench.copy("damaged")
        name = bench.noise.choice(kinds[kind])
        WAYS[way](Path(work.store) / name, bench.noise)
        fault = f"{kind} {way}"
        if kind == "format marker" and live(work).code == REFUSED:
            # A version that is not ours is refused, whoever wrote it; the person puts the marker right.
            shutil.copyfile(bench.known.store / name, Path(work.store) / name)
        life = bench.finishes(work, f"{fault} ({name})")
        computed = [event["stage"] for event in life.of("finished") if event["state"] == "computed"]
        if len(computed) > 1:
            bench.different.append(f"{fault} ({name}): computed {computed} again, one would do")
        bench.count(f"{kind}: {_plain(way)}")


def swap_files(bench: Bench) -> None:
    """Two files, two objects or two manifests change places."""
    kinds = {kind: names for kind, names in _kinds(bench.known.store).items() if len(names) > 1}
    for kind in bench.chosen(sorted(kinds)):
        work = bench.copy("swapped")
        _swap(*(Path(work.store) / name for name in bench.noise.sample(kinds[kind], 2)))
        bench.finishes(work, f"two files swapped ({kind})")
        bench.count(f"{kind}: swapped")
    work = bench.copy("swapped")
    _swap(*bench.noise.sample(sorted(Path(work.store).glob("objects/*/*")), 2))
    bench.finishes(work, "two objects swapped")
    bench.count("object folder: swapped")


def damage_unfinished(bench: Bench) -> None:
    """A store whose run was killed among its checkpoints or shards: each file of them, in each way."""
    for stage, part in (("adapter · fold 0", "checkpoint"), ("generations", "shard")):
        torn = bench.fresh("torn")
        life = live(torn, Moment(stage, signal.SIGKILL, after_s=0.0, steps=5))
        if life.killed_in != stage:
            bench.different.append(f"the kill in {stage} came in {life.killed_in or 'no stage'}")
        files = [path.relative_to(torn.store) for path in sorted(Path(torn.store).glob("scratch/*/*/**/*"))
                 if path.is_file() and not path.name.startswith(".")]  # fmt: skip
        ways = ("middle byte flipped", "cut in half", "empty", "deleted")
        for name, way in bench.chosen([(name, way) for name in files for way in ways]):
            work = bench.copy("torn-again", Path(torn.store))
            WAYS[way](Path(work.store) / name, bench.noise)
            bench.finishes(work, f"{part} {name.name} {way}")
            bench.count(f"{part}: {_plain(way)}")


def _kinds(store: Path) -> dict[str, list[Path]]:
    """Every file of a finished store, by what it is."""
    found: dict[str, list[Path]] = {}
    for path in sorted(path for path in store.rglob("*") if path.is_file()):
        name = path.relative_to(store)
        kind = {
            "objects": f"{path.suffix.removeprefix('.')} file",
            "manifests": "manifest",
            "runs": "run record",
            "format.json": "format marker",
        }.get(name.parts[0])
        if kind is not None:
            found.setdefault(kind, []).append(name)
    return found


def _swap(first: Path, second: Path) -> None:
    aside = first.with_name("aside")
    first.rename(aside)
    second.rename(first)
    aside.rename(second)


def _plain(way: str) -> str:
    return "one byte flipped" if "flipped" in way else way


ALL: Iterable[Callable[[Bench], None]] = (damage_finished, swap_files, damage_unfinished)
