"""Everything a run has measured → one report: Markdown, a self-contained HTML file, charts and a summary."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from counterpoise.artifacts.store import Ref
from counterpoise.artifacts.table_spec import TableSpec
from counterpoise.artifacts.tables import (
    BENCHMARKS,
    CANDIDATES,
    CAPABILITY,
    DIVERGENCE,
    GENERATIONS,
    HISTORY,
    PAIRS,
    PREFERENCES,
    SCORES,
    TOXICITY,
)
from counterpoise.engine.job import Job
from counterpoise.engine.report_files import CHARTS, HTML, MARKDOWN, RESULTS
from counterpoise.engine.stage import Stage, package_data
from counterpoise.neutral.records import Capability, Divergence
from counterpoise.pairs.cut import read_cut
from counterpoise.pairs.folds import FoldedPair
from counterpoise.pairs.ledger import read_ledger
from counterpoise.records import Generation, PairScore, Preference, ToxicityScore

if TYPE_CHECKING:
    from counterpoise.alignment.records import TrainingOutcome
    from counterpoise.config import RunConfig
    from counterpoise.report.build import Report
    from counterpoise.report.inputs import ArtifactFact, FoldEvidence, ReportInputs, RevisedEvidence

Record = TypeVar("Record")
TEMPLATES = ("report/html.j2", "report/markdown.j2", "report/report.css")
"""How every report looks."""


class Evidence(Protocol):
    """Where a run's artifacts are read from: a stage's job, or a finished run in the store."""

    @property
    def config(self) -> RunConfig:
        """The run's configuration."""

    def folder(self, ref: Ref) -> Path:
        """A local folder with the files of an artifact."""

    def read(self, ref: Ref, spec: TableSpec, record: type[Record]) -> list[Record]:
        """A table as records."""


def compute(
    job: Job,
    pairs: Ref,
    counterfactuals: Ref,
    preferences: Ref,
    **evidence: Sequence[Ref],
) -> None:
    """Gathers the evidence and writes the report.

    Args:
        evidence: adapters, scores and capability, one a fold; benchmarks, generations, null and revised, any number;
            generation_toxicity, one; fit, the checks before training, one (none in runs of earlier versions).
    """
    from counterpoise.report.build import build_report

    made = build_report(gather(job, pairs, counterfactuals, preferences, evidence))
    job.says = made.results.verdict.headline
    write_files(files_of(made), job.out)


def gather(
    source: Evidence,
    pairs: Ref,
    counterfactuals: Ref,
    preferences: Ref,
    evidence: Mapping[str, Sequence[Ref]],
) -> ReportInputs:
    """The records behind a report; the arguments are those of :func:`compute`."""
    from counterpoise.evaluation.items import BenchmarkScore
    from counterpoise.report.inputs import ReportInputs, RunFacts

    (toxicity,) = evidence["generation_toxicity"]
    refs = [pairs, counterfactuals, preferences, *(ref for group in evidence.values() for ref in group)]
    return ReportInputs(
        run=RunFacts.of(source.config),
        pairs=source.read(pairs, PAIRS, FoldedPair),
        preferences=_candidates(source, preferences),
        folds=_folds(source, evidence["adapters"], evidence["scores"], evidence["capability"]),
        generations=_all(source, evidence["generations"], GENERATIONS, Generation),
        toxicity=_by_classifier(source.read(toxicity, TOXICITY, ToxicityScore)),
        provenance=[_fact(ref) for ref in refs],
        null=_all(source, evidence.get("null", ()), GENERATIONS, Generation),
        benchmarks=_all(source, evidence.get("benchmarks", ()), BENCHMARKS, BenchmarkScore),
        revised=_revised(source, evidence.get("revised", ())),
        ledger=read_ledger(source.folder(pairs)) if source.config.pairs.training_source else None,
        cut=next((read_cut(source.folder(ref)) for ref in evidence.get("fit", ())), None),
    )


def _candidates(source: Evidence, preferences: Ref) -> list[Preference]:
    """Every candidate; pairs that are judged by training on another source are none of its."""
    rows = source.read(preferences, PREFERENCES, Preference)
    return [row for row in rows if row.fold] if source.config.pairs.training_source else rows


def _all(job: Evidence, refs: Sequence[Ref], spec: TableSpec, record: type[Record]) -> list[Record]:
    return [row for ref in refs for row in job.read(ref, spec, record)]


def _revised(job: Evidence, refs: Sequence[Ref]) -> RevisedEvidence | None:
    """The revised pairs that were scored: those of the evaluated folds."""
    from counterpoise.report.inputs import RevisedEvidence

    if not refs:
        return None
    scores = _all(job, refs[1:], SCORES, PairScore)
    scored = {row.pair_id for row in scores}
    pairs = [pair for pair in job.read(refs[0], PAIRS, FoldedPair) if pair.pair_id in scored]
    return RevisedEvidence(pairs, scores)


def _folds(
    job: Evidence, adapters: Sequence[Ref], scores: Sequence[Ref], capability: Sequence[Ref]
) -> list[FoldEvidence]:
    from counterpoise.report.inputs import FoldEvidence

    return [
        FoldEvidence(
            fold,
            _training(job, adapter),
            job.read(scored, SCORES, PairScore),
            job.read(capable, CAPABILITY, Capability),
            job.read(capable, DIVERGENCE, Divergence),
        )
        for fold, adapter, scored, capable in zip(
            job.config.pairs.evaluate, adapters, scores, capability, strict=True
        )
    ]


def _training(job: Evidence, adapter: Ref) -> TrainingOutcome:
    from counterpoise.alignment.records import Candidate, TrainingOutcome, TrainingStep

    chosen = json.loads((job.folder(adapter) / "selection.json").read_text(encoding="utf-8"))
    return TrainingOutcome(
        history=tuple(job.read(adapter, HISTORY, TrainingStep)),
        candidates=tuple(job.read(adapter, CANDIDATES, Candidate)),
        strength=chosen["strength"],
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


def files_of(report: Report) -> dict[str, bytes]:
    """The files of a report, by their path in its folder."""
    from counterpoise.measures.results import to_text

    texts = {MARKDOWN: report.markdown, HTML: report.html, RESULTS: to_text(report.results.to_json()) + "\n"}
    charts = {f"{CHARTS}/{name}": image for name, image in report.charts.items()}
    return {name: text.encode() for name, text in texts.items()} | charts


def write_files(files: Mapping[str, bytes], folder: Path) -> None:
    """Writes the files of a report into an existing folder."""
    (folder / CHARTS).mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)


report = Stage(
    name="report",
    version=1,
    compute=compute,
    settings=lambda config: {"config": config.model_dump(mode="json", exclude={"publish", "tracking"})},
    resources=lambda config: package_data(
        *TEMPLATES, "report/page.j2", "report/headline.j2", "report/sentence.j2", "generation/prompts.toml"
    ),
    libraries=("matplotlib", "jinja2", "numpy", "scipy"),
    shows_keys=True,
)
