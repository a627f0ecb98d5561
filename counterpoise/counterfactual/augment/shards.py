"""One shard from text to disk, committed so that a killed run continues where it was.

A shard is complete when its statistics file exists: the data is written to a temporary name, flushed, renamed, and
only then are the statistics renamed into place beside it.
"""

from __future__ import annotations

import heapq
import json
import zlib
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from counterpoise.counterfactual.augment.formats import Format, Payload
from counterpoise.counterfactual.augment.job import Job
from counterpoise.counterfactual.augment.rows import added
from counterpoise.counterfactual.augment.statistics import Statistics
from counterpoise.counterfactual.engine import Engine
from counterpoise.counterfactual.records import Swap
from counterpoise.files import replacing


def data_path(job: Job, number: int) -> Path:
    """Where shard ``number`` is."""
    return job.parts / f"{number:06d}.{job.format}"


def summary_path(job: Job, number: int) -> Path:
    """The statistics and sample of shard ``number``; its existence means that the shard is complete."""
    return job.parts / f"{number:06d}.summary.json"


def process(job: Job, layout: Format, engine: Engine, number: int, first_row: int, payload: Payload) -> None:
    """Swaps one shard and commits it."""
    statistics = Statistics()
    sample = _Sample(job.sample)
    rows = []
    for place, text in enumerate(layout.texts(job, payload, first_row)):
        for axis, swap in job.swaps(engine, text):
            statistics.count(swap)
            sample.offer(first_row + place, axis, swap)
            null = {"counterfactual": None} if text is None else {}
            rows.append((place, added(axis, swap) | null))
    with replacing(data_path(job, number)) as draft:
        layout.write(payload, rows, draft)
    summary = {"statistics": statistics.as_json(), "sample": sample.items()}
    text_ = json.dumps(summary, ensure_ascii=True)
    with replacing(summary_path(job, number)) as draft:
        draft.write_text(text_, encoding="utf-8")


class _Sample:
    """The rows with the smallest hashes: the same whichever way the file is sharded or the work is shared out."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._heap: list[tuple[int, int, dict[str, Any]]] = []
        self._offered = 0

    def offer(self, row: int, axis: str, swap: Swap) -> None:
        """Considers one output row; rows that were neither changed nor refused are of no interest."""
        if not self._size or not (swap.edits or any(item.term for item in swap.refusals)):
            return
        self._offered += 1
        rank = -zlib.crc32(f"{row}/{axis}/{swap.swapped}".encode("utf-8", "replace"))
        if len(self._heap) >= self._size and rank <= self._heap[0][0]:
            return
        item = {
            "row": row,
            "axis": axis,
            "text": swap.text[:2_000],
            "swapped": swap.swapped[:2_000],
            "edits": [asdict(edit) for edit in swap.edits],
            "refusals": [asdict(refusal) for refusal in swap.refusals],
            "confidence": swap.confidence,
        }
        push = heapq.heappushpop if len(self._heap) >= self._size else heapq.heappush
        push(self._heap, (rank, -self._offered, item))

    def items(self) -> list[list[Any]]:
        """``[rank, row]`` pairs, smallest hash first."""
        return [
            [-rank, item] for rank, _, item in sorted(self._heap, key=lambda entry: (-entry[0], -entry[1]))
        ]


def merged_sample(parts: Iterable[list[list[Any]]], size: int) -> list[dict[str, Any]]:
    """The sample of all shards together, in the order of the input."""
    best = heapq.nsmallest(size, (entry for part in parts for entry in part), key=lambda entry: entry[0])
    return [
        item
        for _, item in sorted(
            best, key=lambda entry: (entry[1]["row"], entry[1]["axis"], entry[1]["swapped"])
        )
    ]
