"""The README's results block and the page of all results, from one run or from several seeds of one recipe."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from counterpoise.measures.measure import FAILS, HOLDS, OPEN, Measure, Measures
from counterpoise.measures.names import ABS_MARGIN, IDENTITY, LMS, PERPLEXITY, SCORE, SHARED, TOXICITY, USABLE
from counterpoise.measures.results import Results
from counterpoise.report.rendering import to_text
from counterpoise.report.tables import Row, Table, table
from counterpoise.report.views import cost_line, score_table
from counterpoise.report.words import MISSING, changed, moved, p_value, plain, span

BRIEF = {(SCORE, ""), (SCORE, SHARED), (PERPLEXITY, "")}
"""Measure and way of what the README shows."""


def readme_block(runs: Sequence[Results], others: Mapping[str, Sequence[Results]]) -> str:
    """What a reader needs first, as Markdown: the headlines, three measures by seed, and other models' headlines.

    Args:
        others: page → the runs of another profile that it shows.
    """
    wanted = [row for row in _main(runs[0].measures) if (row.name, row.by) in BRIEF]
    said = {
        "headlines": headlines(runs),
        "pairs": runs[0].measures.one(SCORE).n,
        "seeds": _by_seed(wanted, runs),
        "decided": _decided(runs),
        "others": [(page, seeds[0], headlines(seeds), _decided(seeds)) for page, seeds in others.items()],
    }
    return plain(to_text("readme.md.j2", **said)).rstrip("\n")


def results_page(runs: Sequence[Results], averaged: Measures | None = None, *, brief: bool = False) -> str:
    """The verdict, the scores by seed and by category, every claim, and what it cost, as Markdown.

    Args:
        brief: of one run, without its claims.
        averaged: of several seeds, the measures with each pair's margin averaged over them, as a comparison has it.
    """
    said = {
        "first": runs[0],
        "brief": brief,
        "headlines": headlines(runs),
        "averaged": averaged,
        "seeds": by_seed(runs, averaged),
        "claims": claims_by_seed(runs),
        "scores": score_table(runs[0].measures),
        "costs": cost_line(runs[0].measures),
    }
    return plain(to_text("results.md.j2", **said)).rstrip("\n")


def headlines(runs: Iterable[Results]) -> list[tuple[str, list[int]]]:
    """Each headline and the seeds that have it."""
    found: dict[str, list[int]] = defaultdict(list)
    for run in runs:
        found[run.verdict.headline].append(run.facts.seed)
    return list(found.items())


def by_seed(runs: Sequence[Results], averaged: Measures | None) -> Table:
    """The main measures as rows, a column a seed, and one for all seeds together."""
    return _by_seed(_main(runs[0].measures), runs, averaged)


def _by_seed(wanted: Sequence[Measure], runs: Sequence[Results], averaged: Measures | None = None) -> Table:
    columns = [run.measures for run in runs]
    columns += [Measures([averaged.one(SCORE)])] if averaged else []  # an ensemble's margins are no seed's
    titles = ["measure", *(f"seed {run.facts.seed}" for run in runs), *(["together"] if averaged else [])]
    rows = [
        Row((_name(row), *(_cell(measures.get(row.name, row.by)) for measures in columns))) for row in wanted
    ]
    return table(titles, rows)


def _decided(runs: Sequence[Results]) -> dict[str, int]:
    """How many claims there are over all seeds, and how many hold, fail and are undecided."""
    outcomes = [claim.outcome for run in runs for claim in run.claims]
    return {"all": len(outcomes), **{name: outcomes.count(name) for name in (HOLDS, FAILS, OPEN)}}


def _name(measure: Measure) -> str:
    return f"{measure.label}, nats" if measure.unit == "nats" else measure.label


def _main(measures: Measures) -> list[Measure]:
    wanted = [(SCORE, ""), (SCORE, SHARED), (SCORE, IDENTITY), (ABS_MARGIN, ""), (PERPLEXITY, ""), (LMS, "")]
    rows = [row for name, by in wanted if (row := measures.get(name, by))]
    return [*rows, *measures.ways(USABLE), *measures.ways(TOXICITY)]


def _cell(measure: Measure | None) -> str:
    if measure is None:
        return MISSING
    tested = [span(measure)] if measure.interval else []
    tested += [p_value(measure.adjusted_p)] if measure.p is not None else []
    return f"{moved(measure)} ({'; '.join([changed(measure), *tested])})"


def claims_by_seed(runs: Sequence[Results]) -> Table:
    """Each claim and its outcome by seed."""
    names = dict.fromkeys(claim.name for run in runs for claim in run.claims)
    found = [{claim.name: claim for claim in run.claims} for run in runs]
    rows = [
        Row(
            (
                name,
                next(claims[name].criterion for claims in found if name in claims),
                *(claims[name].outcome if name in claims else MISSING for claims in found),
            )
        )
        for name in names
    ]
    return table(("claim", "criterion", *(f"seed {run.facts.seed}" for run in runs)), rows, left=(0, 1))
