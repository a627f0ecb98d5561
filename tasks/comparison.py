"""The finished branches of a sweep → one table, one comparison report with paired tests, a trade-off chart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from artifacts.store import Ref
from artifacts.tables import PAIRS, SCORES, SWEEP
from counterpoise.pairs.folds import FoldedPair
from counterpoise.records import PairScore
from engine.job import Job
from engine.stage import Stage, package_data

if TYPE_CHECKING:
    from counterpoise.report.sweep.inputs import BranchEvidence, BranchFacts, Failure
    from engine.run_record import RunRecord  # reads records, shapes no result: no part of the key

MARKDOWN, HTML, SUMMARY, CHARTS = "report.md", "report.html", "summary.json", "charts"


@dataclass(frozen=True)
class Finished:
    """A finished branch: what it is, and the artifacts of its run that are compared."""

    facts: BranchFacts
    pairs: Ref
    scores: tuple[Ref, ...]
    report: Ref

    @classmethod
    def of_run(cls, facts: BranchFacts, run: RunRecord) -> Finished:
        """From the branch's run record.

        Raises:
            UsageError: it has no pairs or no report.
        """
        return cls(facts, run.first("pairs"), tuple(run.refs("scores")), run.first("report"))


def comparison(name: str, finished: Sequence[Finished], failures: Sequence[Failure]) -> Stage:
    """The stage that compares these branches; give it :func:`inputs_of` them."""

    def compute(job: Job, pairs: Sequence[Ref], scores: Sequence[Ref], reports: Sequence[Ref]) -> None:
        """Compares the branches and writes table, report and charts."""
        from counterpoise.report.sweep.build import build_comparison
        from counterpoise.report.sweep.inputs import SweepInputs

        branches = [_evidence(job, branch) for branch in finished]
        report = build_comparison(SweepInputs(name, branches, failures))
        job.write(SWEEP, report.rows)
        (job.out / MARKDOWN).write_text(report.markdown, encoding="utf-8")
        (job.out / HTML).write_text(report.html, encoding="utf-8")
        summary = json.dumps(report.summary, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
        (job.out / SUMMARY).write_text(summary + "\n", encoding="utf-8")
        (job.out / CHARTS).mkdir()
        for file, image in report.charts.items():
            (job.out / CHARTS / file).write_bytes(image)

    return Stage(
        name="comparison",
        version=1,
        compute=compute,
        settings=lambda config: {
            "name": name,
            "branches": [asdict(branch.facts) for branch in finished],
            "failures": [asdict(failure) for failure in failures],
        },
        resources=lambda config: package_data("report/report.html.j2", "report/report.css"),
        tables=(SWEEP,),
        libraries=("matplotlib", "jinja2", "numpy", "scipy"),
        shows_keys=True,
    )


def inputs_of(finished: Sequence[Finished]) -> dict[str, list[Ref]]:
    """The artifacts that :func:`comparison` reads."""
    return {
        "pairs": [branch.pairs for branch in finished],
        "scores": [ref for branch in finished for ref in branch.scores],
        "reports": [branch.report for branch in finished],
    }


def _evidence(job: Job, branch: Finished) -> BranchEvidence:
    from counterpoise.report.sweep.inputs import BranchEvidence

    summary = json.loads((job.folder(branch.report) / SUMMARY).read_text(encoding="utf-8"))
    return BranchEvidence(
        facts=branch.facts,
        pairs=job.read(branch.pairs, PAIRS, FoldedPair),
        scores=[row for ref in branch.scores for row in job.read(ref, SCORES, PairScore)],
        summary=summary,
        report_key=branch.report.key,
    )
