"""Other benchmarks, limits, and where every number comes from."""

from __future__ import annotations

from counterpoise.report.benchmarks import benchmark_rows
from counterpoise.report.blocks import Bullets, Column, Paragraph, Row, Section, Table
from counterpoise.report.findings import Findings
from counterpoise.report.inputs import ReportInputs
from counterpoise.report.words import MISSING, count, interval, number, signed

REFERENCES = (
    "Nangia et al. 2020, CrowS-Pairs: a challenge dataset for measuring social biases in masked language "
    "models.",
    "Rafailov et al. 2023, Direct preference optimization: your language model is secretly a reward model.",
    "Blodgett et al. 2021, Stereotyping Norwegian salmon: an inventory of pitfalls in fairness benchmark "
    "datasets.",
    "Névéol et al. 2022, French CrowS-Pairs: extending a challenge dataset for measuring social bias in "
    "masked language models to a language other than English.",
    "Dixon et al. 2018, Measuring and mitigating unintended bias in text classification.",
    "Gehman et al. 2020, RealToxicityPrompts: evaluating neural toxic degeneration in language models.",
    "McNemar 1947; Wilson 1927; Holm 1979; Efron 1979: the tests and intervals.",
)


def benchmarks(found: Findings) -> Section | None:
    """Other benchmarks' numbers; None if none was run."""
    measured = benchmark_rows(found)
    if not measured:
        return None
    columns = (
        Column("benchmark", "left"),
        Column("measure", "left"),
        Column("aim", "left"),
        Column("base"),
        Column("tuned"),
        Column("change"),
        Column("95 %"),
    )
    rows = [
        Row(
            (
                row.benchmark,
                f"{row.metric}, {row.unit}",
                row.aim,
                number(row.base, 2),
                number(row.tuned, 2),
                signed(row.tuned - row.base, 2),
                interval(*row.interval, 2) if row.interval else MISSING,
            )
        )
        for row in measured
    ]
    return Section("benchmarks", "Other benchmarks", (Table("Before and after", columns, rows),))


def limits(inputs: ReportInputs, found: Findings) -> Section:
    """What this report cannot show."""
    small = [name for name, change in found.held_out.by_category.items() if change.base.n < 100]
    items = [
        "CrowS-Pairs itself: many of its pairs are unclear, ungrammatical, or differ in more than the "
        "group (Blodgett et al. 2021), and part of them were corrected later (Névéol et al. 2022). A score "
        "of 50 % on it is not the absence of bias.",
        "It is in English and about US stereotypes, and it compares sentence probabilities; what a model "
        "writes, or decides, can be biased in ways that it doesn't see.",
        "The prefix token and the precision move the score by points, so it is comparable only with scores "
        f"made the same way (here: prefix {inputs.run.prefix}, {inputs.run.precision}, "
        f"{'summed' if inputs.run.normalisation == 'sum' else 'mean'} log-probability).",
        f"One small model ({inputs.run.model}) and one seed: other models, sizes and seeds may behave "
        "differently.",
        "Toxicity comes from classifiers with identity-term bias, and no person judged the continuations "
        "here.",
        "Usable text is a rule about surface form. It does not see falsehood or nonsense.",
    ]
    if small:
        items.append(f"Categories with under 100 held-out pairs say little alone: {', '.join(small)}.")
    if inputs.run.split == "notebook":
        items.append(
            "The case study's split is row by row: near-duplicates of a held-out pair may have been trained "
            "on."
        )
    if len(inputs.folds) < inputs.run.folds:
        items.append(
            f"{len(inputs.folds)} of {inputs.run.folds} folds were held out, so the scores rest on "
            f"{count(found.held_out.base.n)} of {count(len(inputs.pairs))} pairs."
        )
    return Section("limits", "Limits", (Bullets(items),))


def provenance(inputs: ReportInputs) -> Section:
    """Every artifact with its key and hash, and the references."""
    columns = (Column("stage", "left"), Column("key", "code"), Column("sha256", "code"), Column("rows"))
    rows = [
        Row((fact.stage, fact.key, fact.sha256, MISSING if fact.rows is None else count(fact.rows)))
        for fact in inputs.provenance
    ]
    return Section(
        "provenance",
        "Provenance",
        (
            Paragraph(
                "This report is computed from these artifacts alone; the same artifacts give the same "
                "bytes. A key names everything that decided an artifact (code, settings, inputs, library "
                "versions); the sha256 is of its content."
            ),
            Table("Artifacts", columns, rows),
            Paragraph("", lead="References"),
            Bullets(REFERENCES),
        ),
    )
