"""What the commands do, from Python: the same functions behind them, with measures as the answer.

Nothing is printed but a run's progress, and nothing ends the interpreter: an error is a
:class:`counterpoise.errors.CounterpoiseError` whose text says what to do.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from counterpoise.evaluation.names import Benchmark
from counterpoise.flows.commands._options import DEFAULT_STORE
from counterpoise.measures.results import Results
from counterpoise.report.measure_table import MeasureTable

Precision = Literal["fp32", "bf16", "nf4"]


@dataclass(frozen=True, slots=True)
class How:
    """How sentences are scored; the options of `counterpoise score`."""

    prefix: str | None = None
    precision: Precision = "fp32"
    normalisation: Literal["sum", "mean"] = "sum"
    data: str | None = None


class DebiasedModel(MeasureTable):
    """A finished run: its measures, and where what it made lies.

    Attributes:
        run: its id in the store.
        model: the base model's folder; adapter: the first fold's LoRA folder, as peft loads it.
        report: the page.
        results: verdict, claims and measures, as `counterpoise show --json` has them.
    """

    def __init__(self, run: str, model: Path, adapter: Path, report: Path, results: Results) -> None:
        super().__init__(results.measures, f"{results.facts.model}: {results.verdict.headline}")
        self.run, self.results = run, results
        self.model, self.adapter, self.report = model, adapter, report


def score(
    model: str | Path,
    adapter: str | Path | None = None,
    benchmark: Benchmark = "crows-pairs",
    *,
    prefix: str | None = None,
    precision: Precision = "fp32",
    normalisation: Literal["sum", "mean"] = "sum",
    data: str | Path | None = None,
) -> MeasureTable:
    """One model on one benchmark, with the adapter on where one is given, as `counterpoise score` does it.

    Args:
        model: a folder with config.json and safetensors, a registry name, a GGUF file, or ``hf://owner/name@commit``.
        prefix: token before each sentence: ``bos``, ``eos``, ``none``, or its text; default: ``bos``, and before a
            question what the tokenizer itself begins with.
        data: your own benchmark file; default: the published one, pinned.

    Returns:
        Values under ``base``, or under ``tuned`` with an adapter; the other side and every change are nan.

    Raises:
        CounterpoiseError: the model, adapter or data cannot be had, or an option is wrong.
    """
    from counterpoise.measures.single import single_measures

    result = _scored(model, adapter, benchmark, False, How(prefix, precision, normalisation, _text(data)))
    return MeasureTable(single_measures(result), _caption(result))


def compare(
    base: str | Path,
    adapter: str | Path,
    *,
    prefix: str = "bos",
    precision: Precision = "fp32",
    normalisation: Literal["sum", "mean"] = "sum",
    data: str | Path | None = None,
) -> MeasureTable:
    """Base against tuned on the same CrowS-Pairs, through the same weights, as `counterpoise score --compare` does it.

    All pairs of the file count: those that the adapter was trained on, too. A run's report has the held-out ones.

    Raises:
        CounterpoiseError: as :func:`score`.
    """
    from counterpoise.measures.sweeps import measures_from

    how = How(prefix, precision, normalisation, _text(data))
    result = _scored(base, adapter, "crows-pairs", True, how)
    return MeasureTable(measures_from(result["measures"]), _caption(result))


def debias(
    config: str | Path | Mapping[str, Any] | Any = "local", *, store: str | None = None
) -> DebiasedModel:
    """Runs the pipeline, or what is left of it, as `counterpoise run` does; its progress goes to stderr.

    Args:
        config: a profile's name or TOML file, a mapping of what it changes (of ``local``, unless it names another
            ``profile``), or a :class:`counterpoise.config.RunConfig`.
        store: where artifacts are kept; default: ``COUNTERPOISE_STORE``, else the folder ``store``.

    Raises:
        CounterpoiseError: a setting is wrong, or a stage failed; what was finished is kept.
    """
    from counterpoise.flows.commands.run import run_flow

    where = store or os.environ.get("COUNTERPOISE_STORE") or DEFAULT_STORE
    return _finished(run_flow(_config(config), where, as_json=False), where)


def _scored(
    model: str | Path, adapter: str | Path | None, benchmark: str, compared: bool, how: How
) -> dict[str, Any]:
    from counterpoise.flows.commands._progress import progress_bar
    from counterpoise.flows.commands._scoring import Request
    from counterpoise.flows.commands._scoring import score as run

    tuned = None if adapter is None else Path(adapter).expanduser()
    with progress_bar(hidden=False) as progress:
        return run(Request(str(model), tuned, compared, benchmark, **asdict(how)), progress)


def _caption(result: Mapping[str, Any]) -> str:
    on = f" + {result['adapter']}" if result["adapter"] else ""
    how = f"prefix {result['prefix']}, {result['precision']}"
    return f"{result['benchmark']} · {result['model']}{on} · {how}"


def _config(config: Any) -> Any:
    from counterpoise.config import RunConfig
    from counterpoise.flows.configure import DEFAULT_PROFILE, load_config, overlaid
    from counterpoise.validation import validated

    if isinstance(config, RunConfig):
        return config
    if not isinstance(config, Mapping):
        return load_config(str(config))
    changes = dict(config)
    name = str(changes.pop("profile", DEFAULT_PROFILE))
    return validated(RunConfig, overlaid(load_config(name).model_dump(), changes), f"profile {name}, changed")


def _finished(record: dict[str, Any], where: str) -> DebiasedModel:
    from counterpoise.artifacts.store import Store
    from counterpoise.engine.models import ADAPTER_FOLDER
    from counterpoise.engine.report_files import HTML, RESULTS
    from counterpoise.engine.run_record import RunRecord
    from counterpoise.measures.results import read_results

    store, run = Store.open(where, create=False), RunRecord(record)
    model, adapter, report = (store.fetch(run.first(stage)) for stage in ("base-model", "adapter", "report"))
    results = read_results(report / RESULTS)
    return DebiasedModel(run.run, model, adapter / ADAPTER_FOLDER, report / HTML, results)


def _text(data: str | Path | None) -> str | None:
    return None if data is None else str(data)
