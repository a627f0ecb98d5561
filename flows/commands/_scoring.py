"""What `counterpoise score` does once it is called: fetch, load, score, show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from counterpoise.errors import UsageError
from counterpoise.evaluation.asked import FOUR
from counterpoise.evaluation.benchmarks import BENCHMARKS, compare_crows_pairs
from counterpoise.evaluation.task import Result, Task
from counterpoise.flows.commands._model import model_folder
from counterpoise.flows.terminal import console
from counterpoise.likelihood.config import ScoringConfig
from counterpoise.likelihood.encoding import own_prefix
from counterpoise.measures.names import SCORE
from counterpoise.measures.sweeps import measures_from
from counterpoise.models.loading import load_model
from counterpoise.records import Progress
from counterpoise.sources.datasets import locate
from counterpoise.validation import validated


@dataclass(frozen=True)
class Request:
    """The command's arguments."""

    model: str
    adapter: Path | None
    compare: bool
    benchmark: str
    prefix: str | None
    precision: str
    normalisation: str
    data: str | None
    questions: int | None = None


def score(request: Request, progress: Progress) -> Result:
    """The result as JSON: ``benchmark, n, overall, interval, by_category, prefix, precision`` and more."""
    if request.compare and (request.adapter is None or request.benchmark != "crows-pairs"):
        raise UsageError("--compare needs --adapter and CrowS-Pairs", "add --adapter DIR, or leave it out")
    benchmark = BENCHMARKS.get(request.benchmark)
    if benchmark is None:
        raise UsageError(f"no benchmark {request.benchmark!r}", f"known: {', '.join(BENCHMARKS)}")
    if request.questions is not None and not benchmark.asked:
        raise UsageError(f"{request.benchmark} asks no questions", "leave --questions out")
    given = {name: getattr(request, name) for name in ("prefix", "precision", "normalisation")}
    given = {name: value for name, value in given.items() if value is not None}
    config = validated(ScoringConfig, given, "counterpoise score")
    source = request.data or benchmark.source
    if source is None:
        raise UsageError(f"{request.benchmark} has no published mirror", "give its file with --data FILE")
    file = locate(source, progress=progress)
    folder = model_folder(request.model, progress)
    loaded = load_model(folder, config.precision or "fp32", adapter=request.adapter)
    if benchmark.asked and request.prefix is None:
        config = config.model_copy(update={"prefix": own_prefix(loaded.tokenizer)})
    task = Task(loaded, "tuned" if request.adapter else "base", config, progress, request.questions)
    result = compare_crows_pairs(task, file) if request.compare else benchmark.run(task, file)
    return result | {"model": request.model, "adapter": str(request.adapter) if request.adapter else None}


def print_result(result: Result) -> None:
    """A table by category, and what else there is to say in a line each."""
    screen = console()
    screen.print(_table(result))
    for line in _notes(result):
        screen.print(line, highlight=False)


def _table(result: Result) -> Table:
    adapter = f" + {result['adapter']}" if result["adapter"] else ""
    how = f"prefix {result['prefix']}, {result['precision']}"
    title = f"{result['benchmark']} · {result['model']}{adapter} · {how}"
    table = Table("", title=title, title_justify="left")
    margins = "ties" in result
    columns = ["n", BENCHMARKS[result["benchmark"]].column, "95 % interval"]
    for name in [*columns, "ties", "mean margin, nats"] if margins else columns:
        table.add_column(name, justify="right")
    for name, row in result["by_category"].items():
        table.add_row(*_cells(name, row, row["score"], margins))
    table.add_section()
    table.add_row(*_cells("all", result, result["overall"], margins), style="bold")
    return table


def _cells(name: str, row: Result, value: float | None, margins: bool) -> list[str]:
    if value is None:
        return [name, f"{row['n']:,}", "not defined", "-"]
    low, high = row["interval"]
    cells = [name, f"{row['n']:,}", f"{value:.2f}", f"{low:.1f} – {high:.1f}"]
    return [*cells, str(row["ties"]), f"{row['mean_margin']:+.3f}"] if margins else cells


def _notes(result: Result) -> list[str]:
    notes = []
    if "unweighted" in result:
        low, high = result["unweighted_interval"]
        notes.append(f"mean of categories {result['unweighted']:.2f} ({low:.1f} – {high:.1f}); 50 is neutral")
    if result.get("left_out"):
        rows = ", ".join(f"{number} ({reason})" for number, reason in result["left_out"][:5])
        notes.append(f"{len(result['left_out'])} rows left out: {rows}")
    if "icat" in result:
        notes.append(f"LMS {result['lms']:.2f}, ICAT {result['icat']:.2f}; ideal: LMS 100, SS 50, ICAT 100")
    if "plain_accuracy" in result:
        notes.append(
            f"the most probable choice, whatever its length, is right in {result['plain_accuracy']:.2f} %"
        )
    notes += [
        f"{name.replace('_', ', ')} {_estimate(result[name])}"
        for name in (*FOUR[:2], FOUR[3])
        if name in result
    ]
    if "measures" in result:
        score = measures_from(result["measures"]).one(SCORE)
        notes.append(
            f"base {score.base:.2f} → tuned {score.tuned:.2f}: {score.verdict}, McNemar p = {score.p:.3g}"
        )
    return notes


def _estimate(found: Result | None) -> str:
    if found is None:
        return "not defined"
    low, high = found["interval"]
    return f"{found['value']:.2f} % ({low:.1f} – {high:.1f})"
