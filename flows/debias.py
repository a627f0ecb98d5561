"""The flow: a causal language model goes in, a less stereotyped one and the evidence come out."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from prefect import flow, runtime
from prefect.states import Completed
from pydantic import BeforeValidator, Field

from counterpoise.artifacts.store import Ref, Store
from counterpoise.config import RunConfig
from counterpoise.engine.dashboard import publish_report
from counterpoise.engine.prefect_step import Around, PrefectStep
from counterpoise.engine.report_files import MARKDOWN, RESULTS
from counterpoise.engine.reporting import Reporters
from counterpoise.engine.runlog import RunLog
from counterpoise.flows.configure import load_config, of_profile
from counterpoise.flows.deploying.handing_on import end_open_tasks
from counterpoise.flows.naming import debias_name
from counterpoise.flows.pipeline import pipeline
from counterpoise.flows.prefect_settings import quiet_libraries
from counterpoise.flows.preflight import preflight
from counterpoise.flows.reporters import console_reporter, dashboard_reporter
from counterpoise.flows.termination import prefect_decides, stop_on_request
from counterpoise.flows.tracking import track
from counterpoise.measures.results import Results, read_results
from counterpoise.sources.datasets import require_licence

Result = TypeVar("Result")
DEFAULT_CONFIG = load_config()


@flow(name="debias", flow_run_name=debias_name, persist_result=False, validate_parameters=True)
def debias(
    config: Annotated[RunConfig, BeforeValidator(of_profile)] = DEFAULT_CONFIG,
    store: str = Field("store", description="Where artifacts are kept: a folder or an s3:// URL."),
) -> dict[str, Any]:
    """Download → swap → filter → align → score → generate → report; every stage cached in the store."""
    quiet_libraries()
    end_open_tasks()
    log = RunLog(Store.open(store), run_id(), config)
    with prefect_decides(), stop_on_request(log) as stop, log:
        preflight(config)
        log.accepted(config.model.source, require_licence(config.model.source))
        around = Around(Reporters([console_reporter(), dashboard_reporter(), log]), stop)
        final = pipeline(PrefectStep(config, store, around), config).result()
        folder = Store.open(store).fetch(final)
        results = read_results(folder / RESULTS)
        publish(folder, results, log.record["stages"])
        track(config, Store.open(store), log.record, results, folder)
        if config.publish.to:
            from counterpoise.publishing.deliver import deliver

            made = Ref.from_json(log.record["stages"][-1]["ref"])
            deliver(Store.open(store).fetch(made), config.publish.to, private=config.publish.private)
    headline = results.verdict.headline
    return ended(log.completed(final, headline), headline)


def ended(result: Result, said: str) -> Result:
    """A flow's result, in a Completed state that says ``said``."""
    state: Any = Completed(message=said, data=result)
    return state  # type: ignore[no-any-return]  # Prefect hands the caller its data


def publish(report: Path, results: Results, stages: Sequence[Mapping[str, Any]]) -> None:
    """Shows the report, its scores and the run's stages in the dashboard."""
    rows = [
        {name: stage[name] for name in ("stage", "state", "rows", "seconds")}
        | {"key": stage["key"][:12], "why": textwrap.shorten(stage["why"], 60, placeholder=" …")}
        for stage in stages
    ]
    publish_report((report / MARKDOWN).read_text(encoding="utf-8"), results, rows)


def run_id() -> str:
    """A name that stays the same when Prefect retries the run: the scheduled day and the flow run's id."""
    scheduled = runtime.flow_run.scheduled_start_time
    return f"{scheduled:%Y%m%d-%H%M%S}-{str(runtime.flow_run.id)[:8]}"
