"""Trains the tiny model and dies without warning, one process after another: ``kill_me MODEL OUT CHECKPOINTS WHEN…``.

Each ``WHEN`` is ``checkpoint:N`` (just after the N-th completed checkpoint), ``step:N`` (after step N, before its
checkpoint), ``inside:N`` (the N-th checkpoint's files written, not yet vouched for), or ``never``. Each has a process
of its own, forked before anything has run, so that the libraries are imported once. Prints how they ended.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import torch

from counterpoise.alignment import checkpoints as checkpoint_module
from counterpoise.alignment.train import train_adapter
from tests.alignment.material import CONFIG, inputs


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    model, out, checkpoints = (Path(argument) for argument in sys.argv[1:4])
    print(json.dumps([ending(model, out, checkpoints, when) for when in sys.argv[4:]]))


def ending(model: Path, out: Path, checkpoints: Path, when: str) -> int:
    """The exit code of a process that trains until then."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        train(model, out, checkpoints, when)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def train(model: Path, out: Path, checkpoints: Path, when: str) -> None:
    kind, _, number = when.partition(":")
    completed = []
    torch.set_num_threads(1)

    def on_checkpoint(folder: Path) -> None:
        completed.append(folder)
        if kind == "checkpoint" and len(completed) == int(number):
            die()

    def progress(done: int, total: int) -> None:
        if kind == "step" and done == int(number):
            die()

    if kind == "inside":
        replacing = checkpoint_module.replacing

        def killed(path: Path) -> Any:
            if len(completed) + 1 == int(number):
                die()
            return replacing(path)

        checkpoint_module.replacing = killed
    outcome = train_adapter(
        model, inputs(), CONFIG, seed=3, out=out, checkpoints=checkpoints, progress=progress,
        on_checkpoint=on_checkpoint,
    )  # fmt: skip
    (out / "outcome.txt").write_text(repr(outcome))


if __name__ == "__main__":
    main()
