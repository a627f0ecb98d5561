"""A run in MLflow: a tracking server, or a database file."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from counterpoise.errors import CounterpoiseError, UsageError
from counterpoise.flows.tracked import Tracked

EXPERIMENT = "counterpoise"
"""The experiment that runs stand under, unless MLflow's own MLFLOW_EXPERIMENT_NAME names one."""
RUN_TAG = "counterpoise.run"
SQLITE = "sqlite:///"
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
"""Its own defaults send telemetry, and try a server that is gone for minutes."""
_AT_ONCE = 1000
"""Metrics that one request may hold; of parameters it is a tenth."""
_LONGEST = 6000
"""Characters of a parameter's value."""
_UNSAFE = re.compile(r"[^\w\-. :/]", re.ASCII)


def check_server(uri: str) -> None:
    """Asks the tracker whether it is there.

    Raises:
        UsageError: it is not, or the address is none.
    """
    try:
        _client(uri).search_experiments(max_results=1)
    except Exception as error:  # MLflow, requests and SQLAlchemy each raise their own
        raise UsageError(
            f"tracking.mlflow = {uri!r} does not answer: {_line(error)}",
            "start it (`mlflow server`), or give its address, such as http://127.0.0.1:5000 or sqlite:///mlflow.db",
        ) from None


def log_run(uri: str, tracked: Tracked, report: Path) -> None:
    """The run's settings, curves, measures and report; an earlier writing of it goes once the new one is whole.

    Raises:
        CounterpoiseError: the server or its disk fails; the unfinished run is deleted there.
    """
    try:
        client = _client(uri)
        experiment = _experiment(client, uri)
        earlier = client.search_runs([experiment], f"tags.`{RUN_TAG}` = '{tracked.run}'")
        tags = {RUN_TAG: tracked.run, "mlflow.note.content": tracked.results.verdict.headline}
        with _whole_or_none(client, experiment, tracked.run, tags) as run:
            _log(client, run, tracked)
            for page in sorted(report.glob("report.*")):
                client.log_artifact(run, str(page), "report")
        for one in earlier:
            client.delete_run(one.info.run_id)
    except Exception as error:  # MLflow, requests and SQLAlchemy each raise their own
        raise CounterpoiseError(
            f"the run could not be written to MLflow at {uri}: {_line(error)}",
            "the run itself is whole in the store; the same command writes this again",
        ) from None


def _client(uri: str) -> Any:
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=uri)


def _experiment(client: Any, uri: str) -> str:
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
    found = client.get_experiment_by_name(name)
    return str(found.experiment_id if found else client.create_experiment(name, _files_of(uri)))


def _files_of(uri: str) -> str | None:
    """Where reports go: beside a database file, not into whatever folder one is in; a server decides itself."""
    if not uri.startswith(SQLITE):
        return None
    return (Path(uri.removeprefix(SQLITE)).absolute().parent / "mlartifacts").as_uri()


@contextmanager
def _whole_or_none(client: Any, experiment: str, name: str, tags: dict[str, str]) -> Iterator[str]:
    run = client.create_run(experiment, tags=tags, run_name=name).info.run_id
    try:
        yield run
    except BaseException:
        with contextlib.suppress(Exception):  # what failed matters, not that the run could not be taken back
            client.delete_run(run)
        raise
    client.set_terminated(run)


def _log(client: Any, run: str, tracked: Tracked) -> None:
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    points = chain(tracked.curve_points(), tracked.measure_points())
    metrics = [Metric(_UNSAFE.sub("_", tag), value, now, step) for tag, value, step in points]
    params = [Param(name, str(value)[:_LONGEST]) for name, value in tracked.settings.items()]
    for part in _parts(params, _AT_ONCE // 10):
        client.log_batch(run, params=part)
    for part in _parts(metrics, _AT_ONCE):
        client.log_batch(run, metrics=part)


def _parts(rows: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:200]
