"""What a real MLflow server, and a database file, hold of a run."""

from __future__ import annotations

import math
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from counterpoise.errors import CounterpoiseError, UsageError
from counterpoise.flows.cli import without_password
from counterpoise.flows.configure import load_config
from counterpoise.flows.preflight import preflight
from counterpoise.flows.tracked import Tracked
from counterpoise.flows.tracking_mlflow import EXPERIMENT, log_run
from counterpoise.measures.names import SCORE
from tests.flows.tracked import tracked_run

pytest.importorskip("mlflow", reason="the mlflow extra is not installed")
from mlflow.tracking import MlflowClient

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of MLflow's own server, with a database and a folder for files."""
    folder = tmp_path_factory.mktemp("mlflow")
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--workers",
        "1",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    command += [
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination",
        str(folder / "files"),
    ]
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(process, address, folder / "log")
        yield address
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{address}/health", timeout=5)
            return
        except OSError:
            assert process.poll() is None, log.read_text()
            time.sleep(0.5)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="module")
def finished() -> Tracked:
    return tracked_run(load_config("smoke", ["seed=3"]))


@pytest.fixture
def report(tmp_path: Path) -> Path:
    (tmp_path / "report.html").write_text("<p>the page</p>")
    (tmp_path / "report.md").write_text("the page")
    (tmp_path / "results.json").write_text("{}")
    return tmp_path


def client(address: str) -> Any:
    return MlflowClient(tracking_uri=address)


def runs(address: str) -> list[Any]:
    found = client(address).get_experiment_by_name(EXPERIMENT)
    return list(client(address).search_runs([found.experiment_id])) if found else []


def test_settings_curves_measures_and_report_are_read_back(
    server: str, finished: Tracked, report: Path
) -> None:
    log_run(server, finished, report)
    (run,) = runs(server)
    assert (run.info.run_name, run.info.status) == (finished.run, "FINISHED")
    assert run.data.tags["mlflow.note.content"] == finished.results.verdict.headline
    assert run.data.params["seed"] == "3"
    assert run.data.params["alignment.loss.beta"] == str(finished.config.alignment.loss.beta)
    score = finished.results.measures.one(SCORE)
    assert run.data.metrics[f"tuned/{score.label}"] == score.tuned
    history = finished.training["adapter · fold 1"]
    curve = client(server).get_metric_history(run.info.run_id, "adapter _ fold 1/loss")
    assert [(point.step, point.value) for point in curve] == [(row.step, row.loss) for row in history]
    finite = [row for row in finished.results.measures if math.isfinite(row.tuned)]
    assert len([name for name in run.data.metrics if name.startswith("tuned/")]) == len(finite)
    assert sorted(item.path for item in client(server).list_artifacts(run.info.run_id, "report")) == [
        "report/report.html",
        "report/report.md",
    ]


def test_the_same_run_again_takes_the_place_of_the_earlier(
    server: str, finished: Tracked, report: Path
) -> None:
    log_run(server, finished, report)
    before = {run.info.run_id for run in runs(server)}
    log_run(server, finished, report)
    after = {run.info.run_id for run in runs(server)}
    assert len(before) == len(after) == 1
    assert before != after


def test_what_fails_halfway_leaves_the_earlier_run_alone(
    server: str, finished: Tracked, report: Path
) -> None:
    log_run(server, finished, report)
    before = [run.info.run_id for run in runs(server)]
    (report / "report.txt").symlink_to(report / "nowhere")
    with pytest.raises(CounterpoiseError, match=r"could not be written to MLflow at http://127") as caught:
        log_run(server, finished, report)
    assert "\n" not in str(caught.value)
    assert [run.info.run_id for run in runs(server)] == before


def test_a_database_file_needs_no_server(tmp_path: Path, finished: Tracked, report: Path) -> None:
    address = f"sqlite:///{tmp_path / 'mlflow.db'}"
    preflight(load_config("smoke", [f"tracking.mlflow={address}"]))
    log_run(address, finished, report)
    (run,) = runs(address)
    assert run.data.params["profile"] == "smoke"
    assert (tmp_path / "mlartifacts" / run.info.run_id / "artifacts" / "report" / "report.html").is_file()
    assert not (Path.cwd() / "mlruns").exists()


def test_a_server_that_is_not_there_is_one_line_before_the_run() -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(UsageError, match=r"does not answer.*mlflow server") as caught:
        preflight(load_config("smoke", [f"tracking.mlflow=http://127.0.0.1:{port}"]))
    assert "\n" not in str(caught.value)


def test_a_login_in_the_address_is_refused_and_not_shown() -> None:
    with pytest.raises(UsageError, match="MLFLOW_TRACKING_USERNAME") as caught:
        load_config("smoke", ["tracking.mlflow=https://ann:secret@tracker.example"])
    assert "secret" not in without_password(str(caught.value))  # as the command line shows it
