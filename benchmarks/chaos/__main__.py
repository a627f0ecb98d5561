"""The chaos command: see the package's first lines, and ``--help``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.chaos.figures import write_figures
from benchmarks.chaos.warm import warm

SETTINGS = (
    "alignment.checkpoint_every=2",
    "alignment.optimisation.batch_pairs=2",
    "generation.batch_size=32",
    "generation.max_new_tokens=4",
)
"""Besides the smoke profile: more checkpoints and shards, so that there is more to interrupt."""


def main() -> None:
    """Does the parts that are asked for; exits 1 when anything was not as it must be."""
    options = _options()
    if not options.toys:
        warm()
    figures: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {}
    parts: dict[str, Callable[[Path, argparse.Namespace], dict[str, Any]]] = {
        "smoke": _smoke,
        "faults": _faults,
        "commands": _commands,
        "real": _real,
    }
    wrong = []
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="chaos-") as folder:
        for name in options.parts:
            began = time.monotonic()
            found = parts[name](Path(folder) / name, options)
            facts = {"when": _when(time.monotonic() - began), "seed": options.seed, "toys": options.toys}
            figures[f"{name} of toys" if options.toys else name] = {**found, **facts}
            wrong += found["different"]
            _save(options, figures)
            _say(f"{name}: {time.monotonic() - began:.0f} s, {len(found['different'])} differences")
    for difference in wrong:
        print(difference, file=sys.stderr)
    sys.exit(1 if wrong else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("parts", nargs="*", default=["smoke", "faults", "commands"],
                        help="of smoke, faults, commands, real; by default all but the last")  # fmt: skip
    parser.add_argument("--kills", type=int, default=200, help="kills of the smoke pipeline")
    parser.add_argument("--command-kills", type=int, default=20, help="kills of `counterpoise run`")
    parser.add_argument("--real-kills", type=int, default=20, help="kills inside training the real model")
    parser.add_argument("--share", type=float, default=1.0, help="of the damage cases, 0 to 1")
    parser.add_argument("--toys", action="store_true",
                        help="smoke and faults on the tests' pipeline of toys, in a minute")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where to work; by default the system's temporary folder")
    parser.add_argument("--out", type=Path, default=Path("docs/results/durability.json"))
    parser.add_argument("--doc", type=Path, help="document whose figures are replaced")
    options = parser.parse_args()
    unknown = set(options.parts) - {"smoke", "faults", "commands", "real"}
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return options


def _smoke(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    from benchmarks.chaos.kills import Tally, fresh, killed_run, moments, reference

    work = fresh(_work(options), folder / "whole")
    known, tally, noise = reference(work), Tally(), random.Random(options.seed)
    while sum(tally.kills.values()) < options.kills:
        killed_run(fresh(work, folder / "killed"), known, moments(known, noise), tally, most=options.kills)
        _say(f"smoke: {sum(tally.kills.values())} kills, {len(tally.different)} differences")
    return tally.to_json()


def _faults(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    from benchmarks.chaos import damage, disk, elsewhere
    from benchmarks.chaos.bench import Bench
    from benchmarks.chaos.kills import fresh, reference

    work = fresh(_work(options), folder / "whole")
    bench = Bench(work, reference(work), folder, random.Random(options.seed), options.share, _say)
    for fault in (*damage.ALL, *disk.ALL, *elsewhere.ALL):
        fault(bench)
        _say(f"{fault.__name__}: {sum(bench.injected.values())} faults, {len(bench.different)} differences")
    return {"injected": dict(bench.injected), "messages": bench.messages, "different": bench.different}


def _commands(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    from benchmarks.chaos.commands import kill_commands

    folder.mkdir(parents=True)
    return kill_commands(folder, SETTINGS, options.command_kills, options.seed).to_json()


def _real(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    from benchmarks.chaos.real import kill_training

    return kill_training(folder, options.real_kills, options.seed, _say)


def _work(options: argparse.Namespace) -> Any:
    from benchmarks.chaos.records import Work
    from counterpoise.flows.configure import load_config

    if options.toys:
        from counterpoise.config import RunConfig
        from tests.chaos.toy import pipeline

        return Work(RunConfig(), "", Path(), pipeline=pipeline)
    return Work(load_config("smoke", SETTINGS), "", Path())


def _when(seconds: float) -> str:
    load = os.getloadavg()[2]
    return (
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, one thread, load {load:.0f}, "
        f"{seconds / 60:.0f} min, Python {platform.python_version()}"
    )


def _save(options: argparse.Namespace, figures: dict[str, Any]) -> None:
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if options.doc is not None:
        write_figures(options.doc, figures)


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
