"""Two small stages to run, cache and damage. Apart from the tests, so that their code hash is their own."""

from __future__ import annotations

from artifacts.store import Ref
from tasks.job import Job
from tasks.stage import Stage


def write_number(job: Job) -> None:
    """The seed, in a file."""
    (job.out / "number.txt").write_text(str(job.seed))
    job.rows = 1


def write_double(job: Job, number: Ref) -> None:
    """Twice the number upstream."""
    value = int((job.folder(number) / "number.txt").read_text())
    (job.out / "double.txt").write_text(str(2 * value))


def write_half(job: Job) -> None:
    """Fails with a file half-written."""
    (job.out / "half.txt").write_text("half")
    raise ValueError("no")


NUMBER = Stage("number", 1, write_number, settings=lambda config: {"folds": config.pairs.folds}, seeded=True)
DOUBLE = Stage("double", 1, write_double)
