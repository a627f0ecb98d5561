"""Scaling: time and peak memory at 1, 10 and 100 times the work, and the same work divided over two processes.

Every point is a process of its own on one thread, so that its peak memory is its own; loading is not timed. Two
processes take half of the work each and start together. The exponent is the slope of log time over log work:
1 is linear. The store's curve (to 100,000 artifacts) is in ``benchmarks.store``.

    python -m benchmarks.scaling --out docs/results/scaling.json
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.common import Sample, crows_pairs, exponent, machine, peak_memory, show, timed, write

FACTORS = (1, 10, 100)
UNITS = {"scoring": 5, "training": 4, "generation": 2, "toxicity": 30, "counterfactuals": 300}
NAMES = {
    "scoring": "pairs",
    "training": "pairs",
    "generation": "prompts",
    "toxicity": "texts",
    "counterfactuals": "sentences",
}
Job = Callable[[], Any]


def sentences(count: int) -> list[str]:
    """CrowS-Pairs' sentences in a fixed order, from the start again when they end (with a number, so distinct)."""
    pairs = crows_pairs(1508)
    texts = [text for pair in pairs for text in (pair.more, pair.less)]
    return [texts[n % len(texts)] + (f" {n // len(texts)}" if n >= len(texts) else "") for n in range(count)]


def scoring(count: int, part: slice) -> Job:
    from counterpoise.flows.commands._model import model_folder  # noqa: PLC0415
    from counterpoise.likelihood.sentences import score_sentences  # noqa: PLC0415
    from counterpoise.models.loading import load_model  # noqa: PLC0415

    loaded = load_model(model_folder("smollm2-135m", lambda done, total: None), "bf16")
    texts = [text for pair in crows_pairs(count)[part] for text in (pair.more, pair.less)]
    score_sentences(loaded, texts[:2])
    return lambda: score_sentences(loaded, texts)


def training(count: int, part: slice) -> Job:
    """Reference log-probabilities and one epoch in batches of four pairs; two processes train two adapters."""
    from benchmarks.dpo import settings  # noqa: PLC0415
    from benchmarks.dpo_trainers import as_preference, groups_of, our_trainer  # noqa: PLC0415
    from counterpoise.flows.commands._model import model_folder  # noqa: PLC0415
    from counterpoise.models.loading import load_model  # noqa: PLC0415

    folder, config = model_folder("smollm2-135m", lambda done, total: None), settings(16, 4)
    rows = [as_preference(pair) for pair in crows_pairs(count)[part]]
    config = config.model_copy(
        update={"optimisation": config.optimisation.model_copy(update={"batch_pairs": min(4, len(rows))})}
    )
    groups, order, _ = groups_of(folder, rows, config)
    scratch = tempfile.TemporaryDirectory()
    trainer = our_trainer(load_model(folder, "nf4"), groups, order, config, scratch.name)

    def train() -> None:
        trainer.precompute()
        trainer.train()
        scratch.cleanup()

    return train


def generation(count: int, part: slice) -> Job:
    from counterpoise.flows.commands._model import model_folder  # noqa: PLC0415
    from counterpoise.generation.config import GenerationConfig  # noqa: PLC0415
    from counterpoise.generation.decode import generate  # noqa: PLC0415
    from counterpoise.generation.prompts import load_prompts  # noqa: PLC0415
    from counterpoise.models.loading import load_model  # noqa: PLC0415

    loaded = load_model(model_folder("smollm2-135m", lambda done, total: None), "bf16")
    prompts = load_prompts("local")[:count][part]
    config = GenerationConfig(samples=0, greedy=True, max_new_tokens=16)
    generate(loaded, prompts[:1], config, seed=0, variant="base")
    return lambda: generate(loaded, prompts, config, seed=0, variant="base")


def toxicity(count: int, part: slice) -> Job:
    """A BERT of two layers with random weights: speed does not depend on what was learnt."""
    from benchmarks.toxicity import make_model  # noqa: PLC0415
    from counterpoise.sources.cache import default_cache  # noqa: PLC0415
    from counterpoise.toxicity.classifiers import load_classifier  # noqa: PLC0415
    from counterpoise.toxicity.scoring import score_texts  # noqa: PLC0415

    texts = sentences(count)[part]
    with tempfile.TemporaryDirectory() as scratch:
        make_model(Path(scratch), sentences(3000), layers=2)
        classifier = load_classifier(f"hf:{scratch}", cache=default_cache())
    score_texts(classifier, texts[:1], batch_size=64)
    return lambda: score_texts(classifier, texts, batch_size=64)


def counterfactuals(count: int, part: slice) -> Job:
    from counterpoise.counterfactual import Engine  # noqa: PLC0415

    engine, texts = Engine.from_config(), sentences(count)[part]
    engine.swap(texts[0])
    return lambda: [engine.swap(text) for text in texts]


JOBS = {
    "scoring": scoring,
    "training": training,
    "generation": generation,
    "toxicity": toxicity,
    "counterfactuals": counterfactuals,
}


def work(name: str, count: int, part: slice) -> None:
    """A child's life: prepare, say so, wait for a line, work, print what it took."""
    from counterpoise.models.loading import quiet_libraries  # noqa: PLC0415

    quiet_libraries()
    job = JOBS[name](count, part)
    print("ready", flush=True)
    sys.stdin.readline()
    with peak_memory() as memory:
        sample = timed(job)[0]
    print(json.dumps(sample | memory), flush=True)


def measured(name: str, count: int, processes: int) -> Sample:
    """The slowest process's clocks and the largest one's memory."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
    children = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "benchmarks.scaling",
                "--child",
                name,
                str(count),
                str(first),
                str(processes),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        for first in range(processes)
    ]
    lines = [iter(child.stdout or ()) for child in children]
    try:
        for each in lines:
            _until(each, "ready")
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        samples = [json.loads(_until(each, "{")) for each in lines]
    finally:
        for child in children:
            child.communicate()
    return {clock: max(sample[clock] for sample in samples) for clock in ("wall", "cpu", "peak_mib")}


def _until(lines: Iterator[str], start: str) -> str:
    """The next line that starts so; libraries may print before it."""
    for line in lines:
        if line.startswith(start):
            return line
    raise SystemExit("a measured process ended without an answer; run it alone with --child to see why")


def curve(name: str, unit: int) -> dict[str, Any]:
    counts = [unit * factor for factor in FACTORS]
    points = [{"count": count, **measured(name, count, 1)} for count in counts]
    divided = measured(name, counts[-1], 2)
    return {
        "unit": NAMES[name],
        "points": points,
        "two_processes": {"count": counts[-1], **divided},
        "exponent": {
            clock: round(exponent(counts, [point[clock] for point in points]), 2)
            for clock in ("wall", "cpu", "peak_mib")
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=JOBS, default=list(JOBS))
    parser.add_argument("--shrink", type=int, default=1, help="divide the amounts of work, for a quick look")
    parser.add_argument("--out", type=Path)
    parser.add_argument(
        "--child", nargs=4, metavar=("WHAT", "COUNT", "FIRST", "STEP"), help=argparse.SUPPRESS
    )
    options = parser.parse_args()
    if options.child:
        name, *numbers = options.child
        count, first, step = map(int, numbers)
        work(name, count, slice(first, None, step))
        return
    where = machine("torch", threads=1)
    curves = {name: curve(name, max(2, UNITS[name] // options.shrink)) for name in options.only}
    show(
        "Scaling, one thread a process",
        ("", "work", "CPU s", "exponent", "peak MiB", "two processes, wall s", "one, wall s"),
        [
            (
                name,
                " · ".join(f"{point['count']:,}" for point in row["points"]) + f" {row['unit']}",
                " · ".join(f"{point['cpu']:.2f}" for point in row["points"]),
                f"{row['exponent']['cpu']:.2f}",
                " · ".join(f"{point['peak_mib']:,.0f}" for point in row["points"]),
                f"{row['two_processes']['wall']:.1f}",
                f"{row['points'][-1]['wall']:.1f}",
            )
            for name, row in curves.items()
        ],
    )
    write({"benchmark": "scaling", "curves": curves, "machine": where}, options.out)


if __name__ == "__main__":
    main()
