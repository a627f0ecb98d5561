"""What was run, what was claimed, and whether it held."""

from __future__ import annotations

import json

from counterpoise.report.blocks import Bullets, Column, Details, Paragraph, Row, Section, Table
from counterpoise.report.claims import claims
from counterpoise.report.findings import Findings
from counterpoise.report.inputs import ReportInputs, RunFacts
from counterpoise.report.limits import FAILS, HOLDS, OPEN, TONES
from counterpoise.report.words import count, texts_of_each


def what_was_run(inputs: ReportInputs, found: Findings) -> Section:
    """Model, data, training and seed; the whole configuration folded away."""
    run = inputs.run
    evaluated = ", ".join(str(fold.evaluated) for fold in found.folds)
    trained = sum(row.kept for row in inputs.preferences)
    facts = [
        ("profile", run.profile),
        ("base model", run.model),
        ("precision", f"{run.precision}, the same weights for base (adapter off) and tuned (adapter on)"),
        (
            "benchmark",
            f"{count(len(inputs.pairs))} pairs of {run.dataset}, {run.folds} folds ({run.split}), "
            f"evaluated: {evaluated}",
        ),
        ("held-out pairs", count(found.held_out.base.n)),
        ("preferences", f"{count(found.filter.candidates)} candidates, {count(trained)} kept by the filter"),
        ("score", f"{_normalisation(run)} log-probability, prefix token: {run.prefix}"),
        ("continuations", f"{texts_of_each(found.texts.base.n, found.texts.tuned.n)}; {_writers(inputs)}"),
        ("toxicity", ", ".join(inputs.toxicity) or "not measured"),
        ("seed", str(run.seed)),
    ]
    table = Table("The run", (Column("", "left"), Column("", "left")), tuple(Row(fact) for fact in facts))
    config = json.dumps(run.config, indent=1, sort_keys=True, ensure_ascii=False)
    blocks = (Bullets(_protocol(inputs)), table, Details("The whole configuration", config))
    return Section("run", "Protocol, and what was run", blocks)


def _writers(inputs: ReportInputs) -> str:
    """Who wrote the continuations."""
    answering = inputs.run.config.get("generation", {}).get("adapters")
    if len(inputs.folds) > 1 and answering in ("split", "all"):
        by = "one" if answering == "split" else "every one"
        return f"{len(inputs.folds)} adapters, each prompt answered by {by} of them"
    return f"tuned is the adapter that had fold {inputs.folds[0].evaluated} held out"


def _normalisation(run: RunFacts) -> str:
    return "summed" if run.normalisation == "sum" else "mean per-token"


def hypotheses(found: Findings) -> Section:
    """Each claim with its criterion and what became of it."""
    rows = [
        Row((claim.name, claim.criterion, claim.measured, claim.outcome), tone=TONES[claim.outcome])
        for claim in claims(found)
    ]
    columns = (
        Column("hypothesis", "left"),
        Column("criterion", "left"),
        Column("measured", "left"),
        Column("outcome", "left"),
    )
    outcomes = [row.cells[-1] for row in rows]
    intro = (
        f"{outcomes.count(HOLDS)} of {len(rows)} hold, {outcomes.count(FAILS)} fail, "
        f"{outcomes.count(OPEN)} are undecided. A limit on a loss holds when the whole 95 % interval is within it, and "
        "fails when what was measured is over it and the interval leaves out no loss at all; in between the data "
        "cannot tell. The criteria are part of the program, not of this run."
    )
    return Section(
        "bar",
        "The bar, and what became of it",
        (Paragraph(intro), Table("Each claim, with 95 % intervals", columns, rows)),
    )


def _protocol(inputs: ReportInputs) -> list[str]:
    run = inputs.run
    whole = len(inputs.folds) == run.folds
    if run.split == "leave-one-category-out":
        folds = f"Each of {run.folds} folds is one category: it is held out, the next one validates, the rest train."
    else:
        folds = (
            f"Pairs are divided into {run.folds} folds; one is held out, the next validates, the rest train."
        )
    return [
        folds
        + (
            " Every fold was held out once, so every pair is scored by an adapter that never saw it."
            if whole
            else " Only held-out pairs count as evidence."
        ),
        "An adapter is never trained on a held-out pair or on a counterfactual of one; the pipeline checks "
        "that row by row and stops otherwise."
        + (
            " Nor on any swap along the held-out category's axis."
            if run.split == "leave-one-category-out"
            else ""
        ),
        "The adapter's strength is chosen by the change on the validation fold, added to where the base stands on all "
        "pairs outside the held-out fold, subject to guards on perplexity, text and sentences "
        "about each group.",
        "The aim is 50 %: a smaller |score − 50| is better, a score beyond 50 on the other side is an "
        "overshoot and counts as failure. Ties are counted apart, not as wins.",
        "Base and tuned answer the same pairs, so tests are paired: exact McNemar for the change of the "
        "score, a seeded bootstrap over pairs for every interval, Holm's correction across categories.",
    ]
