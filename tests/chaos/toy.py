"""A pipeline that takes milliseconds and has what the real one has: checkpoints, shards, tables, folders, a report.

Its stages bear the real ones' names, so that the chaos command aims at them as it does at those.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Sequence
from typing import Any

from counterpoise.artifacts.store import Ref
from counterpoise.artifacts.tables import TOXICITY
from counterpoise.config import RunConfig
from counterpoise.engine.job import Job
from counterpoise.engine.shards import in_shards
from counterpoise.engine.stage import Stage
from counterpoise.errors import TrainingStopped
from counterpoise.records import ToxicityScore

STEPS, CHECKPOINT_EVERY, STEP_S = 12, 2, 0.004


def make_model(job: Job) -> None:
    """Weights, a configuration and a tokenizer."""
    (job.out / "model.safetensors").write_bytes(random.Random(job.seed).randbytes(60_000))
    (job.out / "config.json").write_text('{"layers": 2}')
    (job.out / "tokenizer.json").write_text('{"vocab": ["a", "b"]}')


def make_pairs(job: Job) -> None:
    """A CSV file."""
    (job.out / "pairs.csv").write_text("".join(f"{number},more,less\n" for number in range(300)))


def score(job: Job, pairs: Ref) -> None:
    """A table, in shards."""
    lines = (job.folder(pairs) / "pairs.csv").read_text().splitlines()

    def scored(chunk: Sequence[str]) -> list[ToxicityScore]:
        time.sleep(STEP_S)
        return [ToxicityScore(line, "toy", len(line) / 100) for line in chunk]

    job.write(TOXICITY, in_shards(job, "texts", lines, 30, scored, TOXICITY, ToxicityScore))


def train(job: Job, model: Ref, pairs: Ref) -> None:
    """A chain of hashes, one a step; the newest checkpoint is resumed."""
    items = [item for item in job.scratch.restore() if item.startswith("checkpoint-")]
    state, done = (job.folder(model) / "model.safetensors").read_bytes()[:32], 0
    if items:
        state = (job.scratch.folder / items[-1] / "state.bin").read_bytes()
        done = json.loads((job.scratch.folder / items[-1] / "progress.json").read_text())["step"]
    for step in range(done + 1, STEPS + 1):
        time.sleep(STEP_S)
        state = hashlib.sha256(state).digest() * 300
        stops = job.should_stop() and step < STEPS
        if step % CHECKPOINT_EVERY == 0 or stops:
            _checkpoint(job, step, state)
        if stops:
            raise TrainingStopped(f"training stopped after step {step}", "run the same command again")
        job.progress(step, STEPS)
    (job.out / "adapter.safetensors").write_bytes(state)
    (job.out / "selection.json").write_text('{"status": "healthy"}')


def _checkpoint(job: Job, step: int, state: bytes) -> None:
    folder = job.scratch.folder / f"checkpoint-{step:04d}"
    folder.mkdir(exist_ok=True)
    (folder / "state.bin").write_bytes(state)
    (folder / "progress.json").write_text(json.dumps({"step": step}))
    job.scratch.save(folder.name)
    if step > 2 * CHECKPOINT_EVERY:
        job.scratch.remove(f"checkpoint-{step - 2 * CHECKPOINT_EVERY:04d}")


def generate(job: Job, model: Ref, adapter: Ref) -> None:
    """A table, one shard a batch; how many depends on the configuration."""
    start = (job.folder(adapter) / "adapter.safetensors").read_bytes()[0]
    texts = [f"text {start} {number}" for number in range(30 * job.config.generation.max_new_tokens)]

    def generated(chunk: Sequence[str]) -> list[ToxicityScore]:
        time.sleep(STEP_S)
        return [ToxicityScore(text, "toy", 0.5) for text in chunk]

    job.write(TOXICITY, in_shards(job, "batch", texts, 40, generated, TOXICITY, ToxicityScore))


def rate(job: Job, generations: Ref) -> None:
    """A table from a table."""
    job.write(TOXICITY, job.read(generations, TOXICITY, ToxicityScore))


def tell(job: Job, **inputs: Any) -> None:
    """Text, a page and pictures."""
    for name, data in {"report.md": b"# Report\n", "report.html": b"<p>Report</p>\n", "chart.png": b"\x89PNG...",
                       "chart.svg": b"<svg/>"}.items():  # fmt: skip
        (job.out / name).write_bytes(data * 50)


MODEL = Stage("base-model", 1, make_model, seeded=True)
PAIRS = Stage("pairs", 1, make_pairs)
TOXIC = Stage("toxicity", 1, score, tables=(TOXICITY,))
ADAPTER = Stage("adapter", 1, train)
GENERATIONS = Stage("generations", 1, generate, settings=lambda config: {"generation": config.generation})
RATED = Stage("generation-toxicity", 1, rate)
REPORT = Stage("report", 1, tell, settings=lambda config: {"generation": config.generation}, shows_keys=True)


def pipeline(step: Any, config: RunConfig) -> Any:
    """From the model to the report."""
    model, pairs = step(MODEL), step(PAIRS)
    toxic = step(TOXIC, pairs=pairs)
    tuned = step(ADAPTER, fold=0, model=model, pairs=pairs)
    written = step(GENERATIONS, model=model, adapter=tuned)
    rated = step(RATED, generations=written)
    return step(REPORT, adapter=tuned, toxicity=toxic, generations=written, rated=rated)
