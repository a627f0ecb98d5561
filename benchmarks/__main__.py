"""``make bench``: the CPU set, each script in a process of its own; then docs/performance.md from what they wrote.

python -m benchmarks                  all of it: under 20 minutes on two quiet cores
python -m benchmarks --quick          fewer pairs in scoring, fewer prompts in generation
python -m benchmarks scoring dpo      only these
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

from benchmarks.common import RESULTS, write

FULL: dict[str, list[str]] = {
    "startup": [],
    "pipeline": ["--repeats", "2"],
    "scoring": ["--repeats", "2"],
    "dpo": ["--pairs", "96"],
    "generation": ["--prompts", "32", "--tokens", "16", "--repeats", "2"],
    "toxicity": ["--repeats", "2"],
    "counterfactual": [],
    "scaling": ["--shrink", "2"],
    "contention": ["--repeats", "2"],
}
QUICK = FULL | {
    "startup": ["--repeats", "5"],
    "scoring": ["--pairs", "400", "--repeats", "3"],
    "generation": ["--prompts", "24", "--tokens", "16", "--repeats", "2"],
}
CHECKED = {"store": ["--sizes", "10", "1000", "--megabytes", "64"]}
"""Run to see that they still do; the figures in docs/ come from a longer run (docs/store.md names its command)."""


def main() -> None:
    """Runs the scripts named on the command line, or all; a failing one doesn't stop the others."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scripts", nargs="*", metavar="SCRIPT", help=f"of {', '.join([*FULL, *CHECKED])}")
    parser.add_argument("--quick", action="store_true", help="less work in scoring and generation")
    options = parser.parse_args()
    measured = QUICK if options.quick else FULL
    unknown = set(options.scripts) - {*measured, *CHECKED}
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    failed, took = [], {}
    for name in options.scripts or [*measured, *CHECKED]:
        print(f"\n== {name} ==", flush=True)
        arguments = CHECKED.get(name) or [*measured[name], "--out", str(RESULTS / f"{name}.json")]
        start = time.monotonic()
        done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *arguments], check=False)
        took[name] = round(time.monotonic() - start, 1)
        failed += [name] if done.returncode else []
    if not options.scripts and not failed:
        write({"quick": options.quick, "seconds": took}, RESULTS / "bench.json")
    subprocess.run([sys.executable, "-m", "benchmarks.render"], check=True)
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
