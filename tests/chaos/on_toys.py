"""Kills and faults on the toy pipeline: ``python -m tests.chaos.on_toys FOLDER KILLS SHARE``; prints JSON."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

from benchmarks.chaos import damage, disk, elsewhere
from benchmarks.chaos.bench import Bench
from benchmarks.chaos.kills import Tally, fresh, killed_run, moments, reference
from benchmarks.chaos.records import Work
from counterpoise.config import RunConfig
from tests.chaos.toy import pipeline


def main(folder: Path, kills: int, share: float) -> None:
    work = fresh(Work(RunConfig(), "", Path(), pipeline=pipeline), folder / "whole")
    known, noise, tally = reference(work), random.Random(0), Tally()
    while sum(tally.kills.values()) < kills:
        killed_run(fresh(work, folder / "killed"), known, moments(known, noise), tally, most=kills)
    bench = Bench(work, known, folder, noise, share, say=lambda text: print(text, file=sys.stderr))
    for fault in (*damage.ALL, *disk.ALL, *elsewhere.ALL):
        fault(bench)
    found = tally.to_json() | {"injected": bench.injected, "messages": bench.messages}
    print(json.dumps(found | {"different": [*tally.different, *bench.different]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
