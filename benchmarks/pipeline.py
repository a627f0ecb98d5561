"""A fully cached run over an empty Prefect flow: what our caching, checking and reporting add to Prefect itself.

The ``smoke`` profile is run once, untimed. Then, in turns and each in a process of its own: that run again, every
stage from the store, and a flow without a single task under the same Prefect settings. Both start Prefect's
embedded server and import what they need. That every stage was a hit is checked each time.

    python -m benchmarks.pipeline --out docs/results/pipeline.json
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common import Sample, clock, machine, show, summary, write

EMPTY = """
from counterpoise.flows.prefect_settings import quiet_defaults
quiet_defaults()
from prefect import flow
@flow
def empty():
    pass
empty()
"""


def child(arguments: list[str], home: Path) -> tuple[Sample, str]:
    """Wall and CPU seconds of a process and of those it waited for, and what it printed."""
    environment = {**os.environ, "PREFECT_HOME": str(home)}
    environment.pop("PREFECT_API_URL", None)
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, env=environment)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments[:4])} … failed: {done.stderr.strip()[-300:]}")
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return {"wall": wall, "cpu": cpu}, done.stdout


def measure(repeats: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        home, store = Path(scratch) / "prefect", Path(scratch) / "store"
        run = [
            sys.executable,
            "-m",
            "counterpoise.flows.cli",
            "run",
            "--profile",
            "smoke",
            "--store",
            str(store),
            "--json",
        ]
        first, _ = child(run, home)
        empty = [sys.executable, "-c", EMPTY]
        child(empty, home)
        where = machine("prefect")
        samples: dict[str, list[Sample]] = {"empty flow": [], "cached run": []}
        stages: list[dict[str, Any]] = []
        for _ in range(repeats):
            samples["empty flow"].append(child(empty, home)[0])
            sample, printed = child(run, home)
            stages = json.loads(printed)["stages"]
            computed = [stage["stage"] for stage in stages if stage["state"] != "cached"]
            if computed:
                raise SystemExit(f"not a cached run: {', '.join(computed)} were computed")
            samples["cached run"].append(sample)
    return {
        "benchmark": "fully cached run",
        "profile": "smoke",
        "stages": len(stages),
        "first_run": first,
        "runs": {name: summary(rows) for name, rows in samples.items()},
        "machine": where,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    result = measure(options.repeats)
    use = clock(result["machine"])
    base = result["runs"]["empty flow"][use]
    show(
        f"A run whose {result['stages']} stages are all in the store",
        ("", "s", "CPU s", "over the empty flow"),
        [
            (name, f"{run['wall']:.2f}", f"{run['cpu']:.2f}", f"{run[use] - base:+.2f} s")
            for name, run in result["runs"].items()
        ],
    )
    write(result, options.out)


if __name__ == "__main__":
    main()
