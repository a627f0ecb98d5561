"""The finished branches of a sweep → one table, one comparison report with paired tests, a trade-off chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from counterpoise.artifacts.store import Ref
from counterpoise.artifacts.tables import PAIRS, SCORES, SWEEP
from counterpoise.engine.job import Job
from counterpoise.engine.report_files import CHARTS, HTML, MARKDOWN, RESULTS
from counterpoise.engine.stage import Stage, package_data
from counterpoise.pairs.folds import FoldedPair
from counterpoise.records import PairScore
from counterpoise.tasks.report import TEMPLATES, write_files

if TYPE_CHECKING:
    from counterpoise.engine.run_record import (
        RunRecord,  # reads records, shapes no result: no part of the key
    )
    from counterpoise.measures.sweeps import Failure
    from counterpoise.report.sweep.inputs import BranchEvidence, BranchFacts


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
        from counterpoise.measures.results import to_text
        from counterpoise.report.sweep.build import build_comparison
        from counterpoise.report.sweep.inputs import SweepInputs

        branches = [_evidence(job, branch) for branch in finished]
        report = build_comparison(SweepInputs(name, branches, failures))
        job.write(SWEEP, report.rows)
        texts = {
            MARKDOWN: report.markdown,
            HTML: report.html,
            RESULTS: to_text(report.results.to_json()) + "\n",
        }
        charts = {f"{CHARTS}/{file}": image for file, image in report.charts.items()}
        write_files({name: text.encode() for name, text in texts.items()} | charts, job.out)

    return Stage(
        name="comparison",
        version=1,
        compute=compute,
        settings=lambda config: {
            "name": name,
            "branches": [asdict(branch.facts) for branch in finished],
            "failures": [asdict(failure) for failure in failures],
        },
        resources=lambda config: package_data(*TEMPLATES, "report/sweep.j2", "report/sweep_line.j2"),
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
    from counterpoise.measures.results import read_results
    from counterpoise.report.sweep.inputs import BranchEvidence

    return BranchEvidence(
        facts=branch.facts,
        pairs=job.read(branch.pairs, PAIRS, FoldedPair),
        scores=[row for ref in branch.scores for row in job.read(ref, SCORES, PairScore)],
        results=read_results(job.folder(branch.report) / RESULTS),
        report_key=branch.report.key,
    )
