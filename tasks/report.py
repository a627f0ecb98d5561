"""Everything a run has measured → one report: Markdown, a self-contained HTML file, charts and a summary."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from artifacts.parquet import TableSpec
from artifacts.store import Ref
from artifacts.tables import (
    BENCHMARKS,
    CAPABILITY,
    GENERATIONS,
    HISTORY,
    PAIRS,
    PREFERENCES,
    PROBES,
    SCORES,
    STEERING,
    TOXICITY,
)
from counterpoise.alignment.records import Probe, TrainingOutcome, TrainingStep
from counterpoise.alignment.steering import CategoryBias
from counterpoise.evaluation.items import BenchmarkScore
from counterpoise.neutral.records import Capability
from counterpoise.pairs.folds import PairRow, from_rows
from counterpoise.records import Generation, PairScore, Preference, ToxicityScore
from tasks.job import Job
from tasks.stage import Stage, package_data

if TYPE_CHECKING:
    from counterpoise.report.inputs import ArtifactFact, FoldEvidence, RevisedEvidence

Record = TypeVar("Record")
MARKDOWN, HTML, SUMMARY = "report.md", "report.html", "summary.json"
CHARTS = "charts"


def compute(
    job: Job,
    pairs: Ref,
    counterfactuals: Ref,
    preferences: Ref,
    **evidence: Sequence[Ref],
) -> None:
    """Gathers the evidence and writes the report.

    Args:
        evidence: adapters, scores and capability, one a fold; benchmarks, generations and revised, any number;
            generation_toxicity, one.
    """
    from counterpoise.report.build import build_report
    from counterpoise.report.inputs import ReportInputs, RunFacts

    (toxicity,) = evidence["generation_toxicity"]
    refs = [pairs, counterfactuals, preferences, *(ref for group in evidence.values() for ref in group)]
    inputs = ReportInputs(
        run=RunFacts.of(job.config),
        pairs=from_rows(job.read(pairs, PAIRS, PairRow)),
        preferences=job.read(preferences, PREFERENCES, Preference),
        folds=_folds(job, evidence["adapters"], evidence["scores"], evidence["capability"]),
        generations=_all(job, evidence["generations"], GENERATIONS, Generation),
        toxicity=_by_classifier(job.read(toxicity, TOXICITY, ToxicityScore)),
        provenance=[_fact(ref) for ref in refs],
        benchmarks=_all(job, evidence["benchmarks"], BENCHMARKS, BenchmarkScore),
        revised=_revised(job, evidence["revised"]),
    )
    _write(job, build_report(inputs))


def _all(job: Job, refs: Sequence[Ref], spec: TableSpec, record: type[Record]) -> list[Record]:
    return [row for ref in refs for row in job.read(ref, spec, record)]


def _revised(job: Job, refs: Sequence[Ref]) -> RevisedEvidence | None:
    """The revised pairs that were scored: those of the evaluated folds."""
    from counterpoise.report.inputs import RevisedEvidence

    if not refs:
        return None
    scores = _all(job, refs[1:], SCORES, PairScore)
    scored = {row.pair_id for row in scores}
    pairs = [
        item.pair for item in from_rows(job.read(refs[0], PAIRS, PairRow)) if item.pair.pair_id in scored
    ]
    return RevisedEvidence(pairs, scores)


def _folds(
    job: Job, adapters: Sequence[Ref], scores: Sequence[Ref], capability: Sequence[Ref]
) -> list[FoldEvidence]:
    from counterpoise.report.inputs import FoldEvidence

    return [
        FoldEvidence(
            fold,
            _training(job, adapter),
            job.read(scored, SCORES, PairScore),
            job.read(capable, CAPABILITY, Capability),
        )
        for fold, adapter, scored, capable in zip(
            job.config.pairs.evaluate, adapters, scores, capability, strict=True
        )
    ]


def _training(job: Job, adapter: Ref) -> TrainingOutcome:
    chosen = json.loads((job.folder(adapter) / "selection.json").read_text(encoding="utf-8"))
    return TrainingOutcome(
        history=tuple(job.read(adapter, HISTORY, TrainingStep)),
        probes=tuple(job.read(adapter, PROBES, Probe)),
        steering=tuple(job.read(adapter, STEERING, CategoryBias)),
        selected_step=chosen["selected_step"],
        status=chosen["status"],
        reason=chosen["reason"],
    )


def _by_classifier(rows: Sequence[ToxicityScore]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for row in rows:
        found[row.classifier][row.text] = row.toxicity
    return dict(found)


def _fact(ref: Ref) -> ArtifactFact:
    from counterpoise.report.inputs import ArtifactFact

    return ArtifactFact(ref.label, ref.key, ref.sha256, ref.rows)


def _write(job: Job, report: object) -> None:
    from counterpoise.report.build import Report

    assert isinstance(report, Report)
    (job.out / MARKDOWN).write_text(report.markdown, encoding="utf-8")
    (job.out / HTML).write_text(report.html, encoding="utf-8")
    summary = json.dumps(report.summary, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    (job.out / SUMMARY).write_text(summary + "\n", encoding="utf-8")
    (job.out / CHARTS).mkdir()
    for name, image in report.charts.items():
        (job.out / CHARTS / name).write_bytes(image)


report = Stage(
    name="report",
    version=1,
    compute=compute,
    settings=lambda config: {"config": config.model_dump(mode="json", exclude={"publish"})},
    resources=lambda config: package_data(
        "report/report.html.j2", "report/report.css", "generation/prompts.toml"
    ),
    libraries=("matplotlib", "jinja2", "numpy", "scipy"),
    shows_keys=True,
)
