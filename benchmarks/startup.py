"""Start-up: ``--help`` and ``plan`` in fresh processes, where the imports' time goes, and what the installation weighs.

The packages come from the installed metadata: those that ``counterpoise`` needs, directly or through others, and
for each extra those that it adds. ``--install`` also makes a new environment with the package manager, timed.

    python -m benchmarks.startup --out docs/results/startup.json
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks.common import Sample, machine, show, write
from benchmarks.pipeline import child

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "counterpoise"
SHOWN = 12
TARGETS = {"counterpoise --help": 0.3, "counterpoise plan": 2.0}
"""Seconds, on a quiet machine."""


def commands(store: Path) -> dict[str, list[str]]:
    start = [sys.executable, "-m", "counterpoise.flows.cli"]
    return {
        "counterpoise --help": [*start, "--help"],
        "counterpoise plan": [*start, "plan", "--profile", "smoke", "--store", str(store)],
        "python -c pass": [sys.executable, "-c", "pass"],
    }


def start_up(repeats: int) -> dict[str, dict[str, Any]]:
    """Both clocks of each command: the least of ``repeats`` turns, as nothing but noise can add to it."""
    samples: dict[str, list[Sample]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        ways = commands(Path(scratch) / "store")
        for way in ways.values():
            child(way, Path(scratch))
        for _ in range(repeats):
            for name, way in ways.items():
                samples.setdefault(name, []).append(child(way, Path(scratch))[0])
    return {
        name: {
            **{which: min(row[which] for row in rows) for which in ("wall", "cpu")},
            "median_wall": statistics.median(row["wall"] for row in rows),
            "target": TARGETS.get(name),
        }
        for name, rows in samples.items()
    }


def import_profile(code: str) -> list[dict[str, Any]]:
    """The packages whose modules took most of the import time themselves (``-X importtime``), milliseconds."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    spent: dict[str, float] = {}
    for own, name in re.findall(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", done.stderr):
        top = name.partition(".")[0]
        spent[top] = spent.get(top, 0.0) + int(own) / 1000
    ordered = sorted(spent.items(), key=lambda item: -item[1])
    rest = sum(value for _, value in ordered[SHOWN:])
    rows = [{"package": name, "ms": round(value, 1)} for name, value in ordered[:SHOWN]]
    return [*rows, {"package": f"{len(ordered) - SHOWN} others", "ms": round(rest, 1)}]


def needed(package: str, extras: Iterable[str] = ()) -> set[str]:
    """Names of the installed distributions that ``package`` with ``extras`` requires, itself included."""
    found: set[str] = set()
    open_ones = [(canonicalize_name(package), frozenset(extras))]
    seen: set[tuple[str, frozenset[str]]] = set()
    while open_ones:
        name, wanted = item = open_ones.pop()
        installed = _installed(name)
        if item in seen or installed is None:
            continue
        seen.add(item)
        found.add(name)
        open_ones += [
            (canonicalize_name(requirement.name), frozenset(requirement.extras))
            for requirement in _requirements(installed, wanted)
        ]
    return found


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _requirements(installed: Distribution, extras: frozenset[str]) -> Iterator[Requirement]:
    for line in installed.requires or []:
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield requirement


def mebibytes(name: str) -> float:
    """Size of a distribution's files on the disk."""
    files = distribution(name).files or []
    paths = (Path(str(file.locate())) for file in files)
    return sum(path.stat().st_size for path in paths if path.is_file()) / 2**20


def installation() -> dict[str, Any]:
    extras = distribution(PACKAGE).metadata.get_all("Provides-Extra") or []
    core = needed(PACKAGE)
    sizes = {name: mebibytes(name) for name in core}
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:SHOWN]
    direct = {
        canonicalize_name(requirement.name)
        for requirement in _requirements(distribution(PACKAGE), frozenset())
    }
    others = {name: needed(PACKAGE, [name]) - core for name in extras}
    return {
        "core": {"packages": len(core), "mib": round(sum(sizes.values()))},
        "largest": [{"package": name, "mib": round(size)} for name, size in largest],
        # What would leave with one direct requirement: its own needs that nothing else has.
        "leaves_with": {
            name: round(sum(sizes[gone] for gone in core - _without(name)), 1)
            for name in sorted(direct & core)
        },
        "extras": {
            name: {"packages": len(more), "mib": round(sum(map(mebibytes, more)))}
            for name, more in others.items()
        },
    }


def _without(dropped: str) -> set[str]:
    """What the package would need if it didn't require ``dropped`` itself."""
    kept = [
        r for r in _requirements(distribution(PACKAGE), frozenset()) if canonicalize_name(r.name) != dropped
    ]
    return {canonicalize_name(PACKAGE)}.union(*(needed(r.name, r.extras) for r in kept))


def install() -> dict[str, float]:
    """Seconds and size of a new environment, through the package manager's ordinary client."""
    with tempfile.TemporaryDirectory() as scratch:
        start = time.perf_counter()
        venv.create(scratch, with_pip=True)
        pip = [str(Path(scratch) / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "-c", "constraints.txt", "-e", "."], check=True, cwd=ROOT)
        seconds = time.perf_counter() - start
        size = sum(path.lstat().st_size for path in Path(scratch).rglob("*") if path.is_file())
        return {"seconds": round(seconds, 1), "mib": round(size / 2**20)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--install", action="store_true", help="time a new installation too (minutes)")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    where = machine("prefect", "torch")
    result = {
        "benchmark": "start-up",
        "commands": start_up(options.repeats),
        "imports": {
            "counterpoise --help": import_profile("import counterpoise.flows.cli"),
            "counterpoise plan": import_profile(
                "import counterpoise.flows.commands.plan, counterpoise.flows.pipeline, counterpoise.artifacts.store"
            ),
        },
        "installation": installation() | ({"new": install()} if options.install else {}),
        "machine": where,
    }
    show(
        f"Start-up, the least of {options.repeats}",
        ("", "s", "CPU s", "target s"),
        [
            (name, f"{row['wall']:.2f}", f"{row['cpu']:.2f}", f"{row['target'] or '':}")
            for name, row in result["commands"].items()
        ],
    )
    write(result, options.out)


if __name__ == "__main__":
    main()
