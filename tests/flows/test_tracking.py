"""What TensorBoard's own reader finds in the files that a run leaves for it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from counterpoise.config import RunConfig
from counterpoise.errors import CounterpoiseError, UsageError
from counterpoise.flows.configure import load_config
from counterpoise.flows.preflight import preflight
from counterpoise.flows.tracked import Tracked
from counterpoise.flows.tracking_tensorboard import write_events
from counterpoise.measures.names import SCORE
from counterpoise.settings import deciding
from tests.artifacts.test_disk import largest_file
from tests.flows.tracked import tracked_run

pytest.importorskip("tensorboard", reason="the tensorboard extra is not installed")
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

CONFIG = load_config("smoke", ["seed=3", "tracking.tensorboard=here"])


@pytest.fixture(scope="module")
def finished() -> Tracked:
    return tracked_run(CONFIG)


def read(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    found.Reload()
    return found


def scalar(found: EventAccumulator, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in found.Scalars(tag)]


def test_curves_measures_and_settings_are_read_back(finished: Tracked, tmp_path: Path) -> None:
    write_events(tmp_path / "run", finished)
    found = read(tmp_path / "run")
    history = finished.training["adapter · fold 1"]
    assert len(history) > 2
    for name in ("loss", "reward_margin", "own_text"):
        expected = [(row.step, pytest.approx(getattr(row, name), rel=1e-6)) for row in history]
        assert scalar(found, f"adapter · fold 1/{name}") == expected
    for row in (finished.results.measures.one(SCORE), finished.results.measures.one(SCORE, group="gender")):
        for side in ("base", "tuned", "change"):
            assert scalar(found, f"{side}/{row.label}") == [(0, pytest.approx(getattr(row, side), rel=1e-6))]
    settings = hyperparameters(found)
    assert (settings["seed"].number_value, settings["profile"].string_value) == (3, "smoke")
    assert settings["alignment.loss.beta"].number_value == CONFIG.alignment.loss.beta
    (text,) = found.Tensors("headline/text_summary")
    assert text.tensor_proto.string_val == [finished.results.verdict.headline.encode()]


def hyperparameters(found: EventAccumulator) -> Any:
    content = found.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    return plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams


def test_the_same_run_again_replaces_its_files(finished: Tracked, tmp_path: Path) -> None:
    for _ in range(2):
        write_events(tmp_path / "run", finished)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert len(scalar(read(tmp_path / "run"), f"tuned/{SCORE}")) == 1


def test_a_full_disk_is_one_line_and_leaves_what_was_there(finished: Tracked, tmp_path: Path) -> None:
    write_events(tmp_path / "run", replace(finished, training={}))
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    with largest_file(2_000), pytest.raises(CounterpoiseError, match="could not be written for TensorBoard"):
        write_events(tmp_path / "run", finished)
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_where_it_goes_decides_no_result() -> None:
    assert json.dumps(deciding(CONFIG)) == json.dumps(deciding(load_config("smoke", ["seed=3"])))
    assert RunConfig().tracking.tensorboard == ""


def test_a_folder_that_cannot_be_one_is_refused_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"file is a file — name a folder"):
        preflight(load_config("smoke", [f"tracking.tensorboard={tmp_path / 'file' / 'here'}"]))
    preflight(load_config("smoke", [f"tracking.tensorboard={tmp_path / 'new'}"]))
