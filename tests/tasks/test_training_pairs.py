"""The pairs of a run that trains on one data set and is judged on another, as the pipeline's stages make them."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterpoise.artifacts.parquet import read_records
from counterpoise.artifacts.store import Store
from counterpoise.artifacts.tables import PAIRS
from counterpoise.config import RunConfig
from counterpoise.engine.execute import execute
from counterpoise.engine.planning import PlanStep
from counterpoise.flows.configure import load_config
from counterpoise.flows.pipeline import pipeline
from counterpoise.pairs.folds import FoldedPair
from counterpoise.pairs.ledger import read_ledger
from counterpoise.tasks.dataset import dataset
from counterpoise.tasks.pairs import pairs
from counterpoise.tasks.training_pairs import training_pairs

HEADER = "sent_more,sent_less,stereo_antistereo,bias_type\n"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


def config(source: str) -> RunConfig:
    return load_config("smoke", [f"pairs.training_source={source}", "benchmarks.stereoset="])


def made(store: Store, settings: RunConfig) -> Path:
    judged = execute(dataset, settings, store, {}).ref
    return store.fetch(execute(training_pairs, settings, store, {"dataset": judged}).ref)


def test_all_of_the_benchmark_is_judged_and_all_of_the_other_file_trained_on(store: Store) -> None:
    folder = made(store, config("smoke-stereoset"))
    rows = read_records(folder / "pairs.parquet", PAIRS, FoldedPair)
    # 48 smoke pairs in fold 0; 24 examples of the StereoSet-like file in folds 1 and 2
    assert [row.fold for row in rows[:48]] == [0] * 48
    assert {row.fold for row in rows[48:]} == {1, 2}
    assert len(rows) == 48 + 24
    assert read_ledger(folder).kept == 24


def test_another_edition_of_the_training_file_is_another_key(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    rows = [f"p{n} q{n} r{n} bad,p{n} q{n} r{n} good,stereo,age" for n in range(6)]
    file.write_text("\n".join([HEADER.strip(), *rows]), encoding="utf-8")
    before = training_pairs.key_parts(config(str(file)), None, {})
    file.write_text("\n".join([HEADER.strip(), *rows, "same,same2,stereo,age"]), encoding="utf-8")
    assert training_pairs.key_parts(config(str(file)), None, {}).key != before.key
    assert read_ledger(made(store, config(str(file)))).offered == 7


def test_the_stage_stands_in_the_place_of_the_usual_one(store: Store) -> None:
    for settings, expected in ((load_config("smoke"), pairs), (config("smoke-stereoset"), training_pairs)):
        judged = execute(dataset, settings, store, {}).ref
        step = PlanStep(settings, store)
        pipeline(step, settings)
        (planned,) = [row for row in step.planned if row.label == "pairs"]
        assert planned.key == expected.key_parts(settings, None, {"dataset": judged}).key
