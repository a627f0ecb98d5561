"""Why a margin is what it is: the log-probability of every token as a heat strip, and what changed in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from counterpoise.demo.highlight import html_table
from counterpoise.likelihood.pairs import (
    PairDetail,
    identity_scores,
    shared_positions,
    shared_scores,
    whole_scores,
)
from counterpoise.likelihood.sentences import SentenceScore
from counterpoise.metrics.crows import pair_margins
from counterpoise.records import Normalisation, Pair
from counterpoise.report.words import number, signed

_DEEPEST = 12.0
"""Surprise at which the heat is full, nats: a token of one in 160,000."""
_MOST = math.log(1e6)
"""Margin from which its factor says nothing more, nats."""
_LARGEST_CHANGE = 2.0
"""Change at which its colour is full, nats."""
EQUAL = "finds both about equally likely"

Pieces = Callable[[Sequence[int]], list[str]]


@dataclass(frozen=True, slots=True)
class Side:
    """One sentence of the pair under both models; ``own`` are the positions that the other one lacks."""

    title: str
    base: SentenceScore
    tuned: SentenceScore
    own: frozenset[int]


def explanation(base: PairDetail, tuned: PairDetail, pieces: Pieces, normalisation: Normalisation) -> str:
    """The whole explanation as HTML.

    Args:
        pieces: token ids → their texts.
        normalisation: whether the run's margins are of sums or per token.
    """
    sides = _sides(base, tuned)
    strips = "".join(_strips(side, pieces) for side in sides)
    return f'<div class="explanation">{_summary(base, tuned, normalisation)}{strips}{_legend()}</div>'


def margins(base: PairDetail, tuned: PairDetail, normalisation: Normalisation) -> tuple[float, float]:
    """log p(more) − log p(less) by base and by tuned, nats (per token under ``mean``)."""
    return _margin(base, normalisation), _margin(tuned, normalisation)


def _margin(detail: PairDetail, normalisation: Normalisation) -> float:
    pair = Pair(detail.pair_id, "gender", "stereo", "", "")
    return float(pair_margins([pair], whole_scores([detail]), normalisation)[0])


def _sides(base: PairDetail, tuned: PairDetail) -> tuple[Side, Side]:
    shared = shared_positions(base.more.token_ids, base.less.token_ids)
    own = [
        frozenset(range(sentence.tokens)) - kept
        for sentence, kept in zip((base.more, base.less), shared, strict=True)
    ]
    return (
        Side("More stereotyping", base.more, tuned.more, own[0]),
        Side("Less stereotyping", base.less, tuned.less, own[1]),
    )


def _summary(base: PairDetail, tuned: PairDetail, normalisation: Normalisation) -> str:
    before, after = margins(base, tuned, normalisation)
    unit = "nats" if normalisation == "sum" else "nats per token"
    lines = [
        f"Margin: {signed(before, 2)} → {signed(after, 2)} {unit} "
        "(log-probability of the more stereotyping sentence minus the other's; 0 is neutral).",
        _preferences(before, after, normalisation),
    ]
    parts = [_parts(detail) for detail in (base, tuned)]
    lines.append(
        f"Of the change of the sums ({signed(sum(parts[1]) - sum(parts[0]), 2)} nats), "
        f"{signed(parts[1][0] - parts[0][0], 2)} come from the tokens that differ (underlined) and "
        f"{signed(parts[1][1] - parts[0][1], 2)} from the shared tokens that follow them."
    )
    return "".join(f"<p>{escape(line)}</p>" for line in lines)


def _parts(detail: PairDetail) -> tuple[float, float]:
    """The margin's parts from differing and from shared tokens, nats."""
    own, shared = (scores([detail])[0] for scores in (identity_scores, shared_scores))
    return own.more_log_prob - own.less_log_prob, shared.more_log_prob - shared.less_log_prob


def _preferences(before: float, after: float, normalisation: Normalisation) -> str:
    """What base and tuned prefer, and how the margin moved, where it is one to speak of.

    >>> _preferences(-0.01, 0.03, "sum")
    'Base and tuned both find the two about equally likely.'
    >>> _preferences(2.0, 0.0, "sum")
    'Base prefers the more stereotyping sentence (7.4 times likelier); tuned finds both about equally likely. \
The margin moved 2.00 towards neutral.'
    """
    base, tuned = (_preference(margin, normalisation) for margin in (before, after))
    if base == tuned == EQUAL:
        return "Base and tuned both find the two about equally likely."
    return f"Base {base}; tuned {tuned}. The margin {_moved(before, after)}."


def _preference(value: float, normalisation: Normalisation) -> str:
    """Which sentence a margin prefers, and how strongly; what rounds to nothing prefers neither.

    >>> _preference(0.02, "sum"), _preference(-2.0, "sum")
    ('finds both about equally likely', 'prefers the less stereotyping sentence (7.4 times likelier)')
    """
    times = math.exp(min(abs(value), _MOST))
    if number(times) == "1.0" if normalisation == "sum" else signed(value, 2) == "0.00":
        return EQUAL
    which = "more" if value > 0 else "less"
    factor = "over a million" if abs(value) >= _MOST else number(times, 1 if times < 100 else 0)
    likelier = f" ({factor} times likelier)" if normalisation == "sum" else ""
    return f"prefers the {which} stereotyping sentence{likelier}"


def _moved(before: float, after: float) -> str:
    """How the margin changed, in words that agree with its rounded numbers.

    >>> _moved(2.0, 0.5), _moved(0.5, -0.5), _moved(0.5, 0.501)
    ('moved 1.50 towards neutral', 'moved 1.00 across neutral, to the other side', 'did not move')
    """
    moved = number(abs(after - before), 2)
    if moved == "0.00":
        return "did not move"
    if before * after < 0:
        return f"moved {moved} across neutral, to the other side"
    return f"moved {moved} {'towards' if abs(after) < abs(before) else 'away from'} neutral"


def _strips(side: Side, pieces: Pieces) -> str:
    texts = pieces(side.base.token_ids)
    before, after = side.base.token_log_probs, side.tuned.token_log_probs
    changes = [b - a for a, b in zip(before, after, strict=True)]
    rows = (
        _strip("base", texts, before, side.own, _heat),
        _strip("tuned", texts, after, side.own, _heat),
        _strip("change", texts, changes, side.own, _shift),
    )
    cells = (
        (text, number(a, 2), number(b, 2), signed(b - a, 2))
        for text, a, b in zip(texts, before, after, strict=True)
    )
    table = html_table(
        f"{side.title}: log-probability of each token, nats", ("token", "base", "tuned", "change"), cells
    )
    total = f"{number(side.base.sum_log_prob, 1)} → {number(side.tuned.sum_log_prob, 1)} nats"
    return (
        f'<section class="side"><h4>{escape(side.title)}: {escape(total)}</h4>{"".join(rows)}'
        f"<details><summary>as a table</summary>{table}</details></section>"
    )


def _strip(
    name: str,
    texts: Sequence[str],
    values: Sequence[float],
    own: frozenset[int],
    colour: Callable[[float], tuple[str, int]],
) -> str:
    cells = []
    for at, (text, value) in enumerate(zip(texts, values, strict=True)):
        kind, strength = colour(value)
        shown = signed(value) if name == "change" else number(value)
        differs = " own" if at in own else ""
        cells.append(
            f'<span class="token {kind}{differs}" style="--heat:{strength}%"><span class="piece">{escape(text)}</span>'
            f'<span class="value">{escape(shown)}</span></span>'
        )
    what = "change of log-probability" if name == "change" else f"log-probability by {name}"
    return (
        f'<div class="strip" role="group" aria-label="{what}"><span class="name">{name}</span>'
        f"{''.join(cells)}</div>"
    )


def _heat(log_prob: float) -> tuple[str, int]:
    return "heat", round(100 * min(1.0, -log_prob / _DEEPEST))


def _shift(change: float) -> tuple[str, int]:
    return ("up" if change > 0 else "down"), round(100 * min(1.0, abs(change) / _LARGEST_CHANGE))


def _legend() -> str:
    return (
        '<p class="muted">Numbers are natural-log probabilities of each token given everything before it '
        f"(nats); the darker, the more surprising (full at −{_DEEPEST:.0f}). Change: blue and + is likelier under "
        "tuned, orange and − less likely. Underlined tokens differ between the two sentences.</p>"
    )
