"""The README's results block, from the summaries of one run or of several seeds of one recipe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from counterpoise.report.table import COLUMNS, capability_line, p_text, score_rows, score_text

Summary = Mapping[str, Any]
SEED_COLUMNS = (
    "seed",
    "pairs",
    "base",
    "tuned",
    "change",
    "p",
    "shared tokens",
    "identity tokens",
    "mean abs. margin, nats",
    "perplexity",
    "LMS",
    "usable text",
    "toxicity",
)


def readme_block(summaries: Sequence[Summary], averaged: Summary | None = None) -> str:
    """The verdict, the scores by seed and by category, and what they cost, as Markdown.

    Args:
        averaged: of several seeds, the change with each pair's margin averaged over them, as a comparison has it. Not
            an average of the seeds: one ensemble, whose mean |margin| is below each seed's and is left out.
    """
    first = summaries[0]
    parts = [[f"**{first['headline']}** {first['sentence']}"]]
    if len(summaries) > 1:
        rows = [_seed_row(summary) for summary in summaries]
        parts = [[_verdicts(summaries)], list(_table(SEED_COLUMNS, [*rows, *_averaged_rows(averaged)]))]
        parts += [
            list(_bar(summaries)),
            [f"By category, seed {first['seed']}; p of a category is Holm-adjusted:"],
        ]
    parts += [list(_table(COLUMNS, score_rows(first))), [capability_line(first) + "."]]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _verdicts(summaries: Sequence[Summary]) -> str:
    counts = Counter(summary["headline"] for summary in summaries)
    whole = len(summaries)
    said = "; ".join(f"{headline} ({number} of {whole} seeds)" for headline, number in counts.most_common())
    pairs = summaries[0]["scores"]["n"]
    return (
        f"**{said}.** {pairs:,} pairs, each scored by an adapter that was trained on neither it nor a swap of it; "
        "percent preferring the stereotype with 95 % intervals, 50 is neutral; p by the exact McNemar test. "
        "*Shared* and *identity tokens*: what both sentences of a pair say, given what stands before it, and the terms "
        "that differ. *Together*: the seeds' adapters as one, each pair's margin averaged over them."
    )


def _seed_row(summary: Summary) -> tuple[str, ...]:
    scores, perplexity, text = summary["scores"], summary["perplexity"], summary["text"]
    base, tuned = scores["base"], scores["tuned"]
    toxicity = next(iter(summary["toxicity"].values()), None)
    return (
        str(summary["seed"]),
        f"{scores['n']:,}",
        score_text(base),
        score_text(tuned),
        f"{scores['difference']:+.1f}",
        p_text(scores["p"]),
        *(_reading(summary, name) for name in ("shared tokens", "identity tokens")),
        f"{base['mean_abs_margin']:.2f} → {tuned['mean_abs_margin']:.2f}",
        f"{100 * (perplexity['ratio'] - 1):+.1f} %",
        _lms(summary),
        f"{text['base']['usable']:.1f} → {text['tuned']['usable']:.1f} %",
        f"{toxicity['base']:.3f} → {toxicity['tuned']:.3f}" if toxicity else "·",
    )


def _averaged_rows(averaged: Summary | None) -> Iterator[tuple[str, ...]]:
    if averaged is None:
        return
    base, tuned = averaged["base"], averaged["tuned"]
    cells = (
        "together",
        f"{averaged['n']:,}",
        score_text(base),
        score_text(tuned),
        f"{averaged['difference']:+.1f}",
        p_text(averaged["p"]),
    )
    yield (*cells, *("·" for _ in SEED_COLUMNS[len(cells) :]))


def _reading(summary: Summary, name: str) -> str:
    """One part of the sentences' log-probability apart; a dot where it was not scored."""
    change = summary.get("readings", {}).get("original", {}).get(name)
    if change is None:
        return "·"
    return f"{change['base']['score']:.1f} → {score_text(change['tuned'])}"


def _lms(summary: Summary) -> str:
    rows = (
        row
        for row in summary.get("benchmarks", ())
        if (row["benchmark"], row["metric"]) == ("StereoSet", "LMS")
    )
    return next((f"{row['base']:.1f} → {row['tuned']:.1f}" for row in rows), "·")


def _bar(summaries: Sequence[Summary]) -> Iterator[str]:
    """Each claim and its outcome by seed; nothing for summaries without claims."""
    by_seed = [{claim["claim"]: claim for claim in summary.get("claims", ())} for summary in summaries]
    if not all(by_seed):
        return
    columns = ("claim", "criterion", *(f"seed {summary['seed']}" for summary in summaries))
    rows = (
        (name, claim["criterion"], *(found[name]["outcome"] if name in found else "·" for found in by_seed))
        for name, claim in by_seed[0].items()
    )
    yield from _table(columns, rows)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(columns) + " |"
    yield "|---|" + "---:|" * (len(columns) - 1)
    yield from ("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
