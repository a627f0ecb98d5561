"""Batches that don't fit the memory: a limit of this process's address space makes torch's own allocator fail."""

from __future__ import annotations

import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from counterpoise.memory import in_halves, is_out_of_memory

MEBIBYTE = 1 << 20


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


def test_a_batch_is_halved_until_torch_can_allocate_it() -> None:
    """64 MiB an item and room for 200: eight and four don't fit, two do."""
    sizes = []

    def compute(part: Sequence[int]) -> list[float]:
        sizes.append(len(part))
        block = torch.ones(len(part), 16 * MEBIBYTE)
        return [float(block[row, 0]) * item for row, item in enumerate(part)]

    with room_for(200):
        assert in_halves(range(8), compute) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    assert sizes == [8, 4, 2, 2, 4, 2, 2]


def test_what_does_not_fit_alone_is_the_callers_to_tell() -> None:
    with room_for(200), pytest.raises(RuntimeError) as caught:
        in_halves([0], lambda part: [torch.ones(len(part), 256 * MEBIBYTE)])
    assert is_out_of_memory(caught.value)


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
