"""The flow: a causal language model goes in, a less stereotyped one and the evidence come out."""

from __future__ import annotations

from typing import Any

from prefect import flow, runtime
from pydantic import Field

from artifacts.store import Store
from counterpoise.config import RunConfig
from flows.pipeline import pipeline
from flows.prefect_settings import quiet_libraries
from flows.reporters import console_reporter, dashboard_reporter
from tasks.prefect_step import Around, PrefectStep
from tasks.reporting import Reporters
from tasks.runlog import RunLog
from tasks.stopping import stop_on_sigterm

DEFAULT_CONFIG = RunConfig()


@flow(name="debias", flow_run_name="debias-{config.profile}", persist_result=False, validate_parameters=True)
def debias(
    config: RunConfig = DEFAULT_CONFIG,
    store: str = Field("store", description="Where artifacts are kept: a folder or an s3:// URL."),
) -> dict[str, Any]:
    """Download → swap → filter → align → score → generate → report; every stage cached in the store."""
    quiet_libraries()
    log = RunLog(Store.open(store), run_id(), config)
    with stop_on_sigterm() as stop, log:
        around = Around(Reporters([console_reporter(), dashboard_reporter(), log]), stop)
        final = pipeline(PrefectStep(config, store, around), config)
    return log.completed(final.result())


def run_id() -> str:
    """A name that stays the same when Prefect retries the run: the scheduled day and the flow run's id."""
    scheduled = runtime.flow_run.scheduled_start_time
    return f"{scheduled:%Y%m%d-%H%M%S}-{str(runtime.flow_run.id)[:8]}"
