"""Batches that don't fit the memory: a limit of a process's address space makes torch's own allocator fail.

A process that has worked for a while has freed memory that it still holds, and gets more than the limit says. So these
tests run in fresh ones.
"""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
import torch

from counterpoise.memory import in_halves, is_out_of_memory

MEBIBYTE = 1 << 20
Result = TypeVar("Result")


@contextmanager
def room_for(mebibytes: int) -> Iterator[None]:
    """This process may map only so much more."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + mebibytes * MEBIBYTE, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def in_a_fresh_process(work: Callable[[], Result]) -> Result:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work).result(timeout=120)


def eight_of_64_mebibytes() -> tuple[list[float], list[int]]:
    """What came of eight items in room for three, and the sizes that were tried."""
    sizes = []

    def compute(part: Sequence[int]) -> list[float]:
        sizes.append(len(part))
        block = torch.ones(len(part), 16 * MEBIBYTE)
        return [float(block[row, 0]) * item for row, item in enumerate(part)]

    torch.ones(4 * MEBIBYTE)  # its threads have their stacks before the limit
    with room_for(200):
        return in_halves(range(8), compute), sizes


def one_of_a_gibibyte() -> bool:
    """Whether one item in a fifth of its room ends in an error that is known as a full memory."""
    with room_for(200), pytest.raises(RuntimeError) as caught:
        in_halves([0], lambda part: [torch.ones(len(part), 256 * MEBIBYTE)])
    return is_out_of_memory(caught.value)


def test_a_batch_is_halved_until_torch_can_allocate_it() -> None:
    """64 MiB an item and room for 200: eight and four don't fit, two do."""
    computed, sizes = in_a_fresh_process(eight_of_64_mebibytes)
    assert computed == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    assert sizes == [8, 4, 2, 2, 4, 2, 2]


def test_what_does_not_fit_alone_is_the_callers_to_tell() -> None:
    assert in_a_fresh_process(one_of_a_gibibyte)


def test_other_errors_are_not_tried_again() -> None:
    calls = []

    def broken(part: Sequence[int]) -> list[int]:
        calls.append(len(part))
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        in_halves([1, 2], broken)
    assert calls == [2]


def test_device_and_python_memory_errors_are_known() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."))
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(OSError("out of memory"))
