"""Starts a training: in this process, or in one process a device that it stands between and ends together."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import torch

from counterpoise.alignment.inputs import TrainingInputs
from counterpoise.alignment.records import TrainingOutcome
from counterpoise.alignment.team import Team
from counterpoise.alignment.train import check_inputs, train_adapter
from counterpoise.errors import CounterpoiseError
from counterpoise.records import Progress, silent

ADDRESS = "127.0.0.1"
WAITING = timedelta(hours=2)
"""How long a process waits for the leader, which loads a second model and probes alone."""
LEAVING_S = 10.0


@dataclass(frozen=True, slots=True)
class Callbacks:
    """What the caller is asked and told while a model trains."""

    progress: Progress = silent
    should_stop: Callable[[], bool] = lambda: False
    on_checkpoint: Callable[[Path], None] = lambda folder: None


def train(
    model_folder: Path,
    inputs: TrainingInputs,
    *,
    callbacks: Callbacks | None = None,
    processes: int | None = None,
    device: str | None = None,
    **arguments: Any,
) -> TrainingOutcome:
    """:func:`counterpoise.alignment.train.train_adapter`, by as many processes as there are devices.

    Args:
        processes: how many train together, each on a device of its own and with its share of every batch; default: one
            for each visible CUDA device, one without any or with a ``device``. Sums of floats are added in another
            order, so the last bits of the result depend on it.
        arguments: ``config``, ``seed``, ``out`` and ``checkpoints``.

    Raises:
        CounterpoiseError: as :func:`~counterpoise.alignment.train.train_adapter`; or a process ended without a result.
    """
    check_inputs(inputs)
    callbacks = callbacks or Callbacks()
    size = (visible_devices() if device is None else 1) if processes is None else processes
    given = {"model_folder": model_folder, "inputs": inputs, "device": device, **arguments}
    if size > 1:
        return _train_together(size, given, callbacks)
    return train_adapter(
        **given,
        progress=callbacks.progress,
        should_stop=callbacks.should_stop,
        on_checkpoint=callbacks.on_checkpoint,
    )


def visible_devices() -> int:
    """How many processes train together by default: one for each CUDA device, one without any."""
    return max(1, torch.cuda.device_count())


def _train_together(size: int, arguments: Mapping[str, Any], callbacks: Callbacks) -> TrainingOutcome:
    """One training by ``size`` processes; whatever ends one of them ends all."""
    context = multiprocessing.get_context("spawn")
    port = _free_port()
    pipes = [context.Pipe() for _ in range(size)]
    team = [
        context.Process(target=_member, args=(rank, size, port, theirs, dict(arguments)), daemon=True)
        for rank, (_, theirs) in enumerate(pipes)
    ]
    for process, (_, theirs) in zip(team, pipes, strict=True):
        process.start()
        theirs.close()
    try:
        outcome = _attend([ours for ours, _ in pipes], team, callbacks)
        for process in team:
            process.join(LEAVING_S)
        return outcome
    finally:
        for process in team:
            process.kill()  # checkpoints are whole or ignored; whoever is still here waits for a process that is gone
            process.join()


def _attend(pipes: list[Connection], team: list[Any], callbacks: Callbacks) -> TrainingOutcome:
    """Answers the processes until the leader has a result."""
    open_pipes = list(pipes)
    while open_pipes:
        for pipe in wait(open_pipes):
            assert isinstance(pipe, Connection)
            rank = pipes.index(pipe)
            try:
                kind, value = pipe.recv()
            except (EOFError, ConnectionError):
                open_pipes.remove(pipe)
                team[rank].join(LEAVING_S)
                if team[rank].exitcode:
                    raise _lost(rank, f"exit code {team[rank].exitcode}") from None
                continue
            if kind == "done":
                outcome: TrainingOutcome = value
                return outcome
            if kind == "error":
                raise value if isinstance(value, CounterpoiseError) else _lost(rank, str(value))
            if kind == "checkpoint":
                callbacks.on_checkpoint(value)
            else:
                callbacks.progress(*value)
            with suppress(ConnectionError):  # it is gone, which the next reading will tell
                pipe.send(callbacks.should_stop())
    raise _lost(0, "no result")


def _lost(rank: int, why: str) -> CounterpoiseError:
    return CounterpoiseError(
        f"training process {rank} ended: {why}", "run the same command again: it goes on from the checkpoint"
    )


def _member(rank: int, size: int, port: int, pipe: Connection, arguments: dict[str, Any]) -> None:
    """One process of the team."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # the caller decides, and asks the leader to stop
    place = {
        "RANK": rank,
        "LOCAL_RANK": rank,
        "WORLD_SIZE": size,
        "MASTER_ADDR": ADDRESS,
        "MASTER_PORT": port,
    }
    os.environ |= {name: str(value) for name, value in place.items()}
    try:
        outcome = _train(rank, size, pipe, arguments)
    except (EOFError, ConnectionError):
        os._exit(1)  # the caller is gone
    except Exception as error:
        known = isinstance(error, CounterpoiseError)
        pipe.send(("error", error if known else f"{type(error).__name__}: {' '.join(str(error).split())}"))
        pipe.close()
        os._exit(0)
    if rank == 0:
        pipe.send(("done", outcome))
    pipe.close()


def _train(rank: int, size: int, pipe: Connection, arguments: dict[str, Any]) -> TrainingOutcome:
    from accelerate import PartialState  # noqa: PLC0415 - reads the environment set above

    cuda = torch.cuda.is_available() and arguments.get("device") != "cpu"
    if cuda:
        torch.cuda.set_device(rank)
        arguments["device"] = f"cuda:{rank}"
    PartialState(cpu=not cuda, backend="nccl" if cuda else "gloo", timeout=WAITING)
    stop = False

    def tell(kind: str, value: Any) -> None:
        nonlocal stop
        if rank == 0:
            pipe.send((kind, value))
            stop = pipe.recv()

    return train_adapter(
        **arguments,
        team=Team(rank, size),
        progress=lambda done, total: tell("progress", (done, total)),
        should_stop=lambda: stop,
        on_checkpoint=lambda folder: tell("checkpoint", folder),
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return int(probe.getsockname()[1])
