"""Two small stages to run, cache and damage. Apart from the tests, so that their code hash is their own."""

from __future__ import annotations

import os
import signal

from counterpoise.artifacts.store import Ref
from counterpoise.engine.job import Job
from counterpoise.engine.stage import Stage
from counterpoise.errors import SourceError, UnreachableError


def write_number(job: Job) -> None:
    """The seed, in a file."""
    (job.out / "number.txt").write_text(str(job.seed))
    job.rows = 1


def write_double(job: Job, number: Ref) -> None:
    """Twice the number upstream."""
    value = int((job.folder(number) / "number.txt").read_text())
    (job.out / "double.txt").write_text(str(2 * value))
    job.says = f"twice {value}"


def write_half(job: Job) -> None:
    """Fails with a file half-written."""
    (job.out / "half.txt").write_text("half")
    raise ValueError("no")


NUMBER = Stage("number", 1, write_number, settings=lambda config: {"folds": config.pairs.folds}, seeded=True)
DOUBLE = Stage("double", 1, write_double)


def fail_twice(job: Job) -> None:
    """Works the third time."""
    attempts = job.scratch.folder / "attempts"
    count = int(attempts.read_text()) if attempts.exists() else 0
    attempts.write_text(str(count + 1))
    if count < 2:
        raise UnreachableError("mirror away")
    (job.out / "file.txt").write_text("here")


def fail_for_good(job: Job) -> None:
    """Asks for a source by a name that nothing has."""
    raise SourceError("no source is named 'nope'")


def ask_to_stop(job: Job) -> None:
    """Sends this process the notice that a spot machine gets."""
    os.kill(os.getpid(), signal.SIGTERM)
    (job.out / "file.txt").write_text("done all the same")


def save_when_asked(job: Job) -> None:
    """Is told to stop, twice as a service is, and saves before it does."""
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGTERM)
    job.tell(1, 2)
    assert job.should_stop()
    (job.scratch.folder / "checkpoint-1").write_text("kept")
    job.scratch.save("checkpoint-1")
    job.progress(1, 2)
    raise AssertionError("it went on")


def fill_memory(job: Job) -> None:
    """Keeps a shard, then asks for more than any machine has."""
    (job.scratch.folder / "shard-0.txt").write_text("kept")
    job.scratch.save("shard-0.txt")
    bytearray(1 << 62)
