"""A corpus on a real two-worker Dask cluster has the bytes of one process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from counterpoise.counterfactual.augment.job import Job
from counterpoise.counterfactual.augment.run import augment
from counterpoise.errors import UsageError
from counterpoise.flows.augment_runner import augment_on, dask_runner
from tests.servers import talking_to


def corpus(path: Path, rows: int) -> Path:
    lines = (json.dumps({"text": f"He lost his {n} keys, and the woman found them."}) for n in range(rows))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.slow
def test_two_workers_give_the_bytes_of_one_process(tmp_path: Path, prefect_server: str) -> None:
    source = corpus(tmp_path / "in.jsonl", 50)
    alone = augment(Job(source, tmp_path / "alone.jsonl", shard_rows=10))
    with talking_to(prefect_server):
        runner, workers = dask_runner("2")
        together = augment_on(Job(source, tmp_path / "together.jsonl", shard_rows=10), runner, workers)
    assert (workers, together.shards, together.resumed) == (2, 5, 5)  # every shard came from a worker
    assert together.statistics == alone.statistics
    for suffix in (".jsonl", ".stats.json"):
        one, two = (tmp_path / f"{name}{suffix}" for name in ("alone", "together"))
        assert one.read_bytes() == two.read_bytes()
    assert not (tmp_path / "together.jsonl.parts").exists()


def test_a_wrong_cluster_is_one_clear_line() -> None:
    with pytest.raises(UsageError, match="give a number of workers"):
        dask_runner("many")
