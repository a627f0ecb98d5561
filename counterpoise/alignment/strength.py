"""How much of a trained adapter is delivered: the least that brings validation pairs to neutral and breaks nothing.

LoRA's scale is a dial from the base (0) to the trained adapter (1) and a little beyond, and where on it the model is
neutral is measured, not trained. The dial goes the other way, to the adapter negated, where it was fitted to what
should go. Bisection finds the strength at which the estimated score crosses the edge of
:data:`NEUTRAL_WITHIN`; the guards are asked there, and a strength that fails one is lowered until none does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

from counterpoise.alignment.records import Candidate, Status

NEUTRAL_WITHIN = 1.3
"""Points from 50 that count as neutral: the standard error of a score over 1,508 pairs, √(¼ / 1508). What lies nearer
is not told from 50, and each point costs meaning."""
HIGHEST = 1.2
"""The dial's end. Beyond it meaning suffers: at 1.5 an adapter took 0.6 points of StereoSet's LMS, 0.2 at 1."""
HALVINGS = 5
"""Bisection steps: strengths are told apart to 1/32 of the dial."""
LOWER = 0.75
"""Factor between strengths once a guard has failed."""
LEAST = 0.1
"""Below this strength an adapter is not worth delivering."""


class Measured(Protocol):
    """What a search asks of an evaluator."""

    def score(self, strength: float) -> Candidate:
        """The validation score at a strength."""

    def guarded(self, candidate: Candidate) -> Candidate:
        """The candidate with the guards' answers."""


def search(measured: Measured, end: float = HIGHEST) -> list[Candidate]:
    """Every strength that was looked at, in the order of looking; the base (0) first, the one to keep last.

    Of a base that is neutral nothing else is looked at.

    Args:
        end: the dial's end; below 0 the adapter is negated.
    """
    base = measured.score(0.0)
    if distance(base) <= NEUTRAL_WITHIN:
        return [base]
    looked = [base, *_crossing(measured, base, end)]
    nearest = min(
        looked[1:], key=lambda found: (max(0.0, distance(found) - NEUTRAL_WITHIN), abs(found.strength))
    )
    candidate = nearest
    while True:
        looked.append(measured.guarded(candidate))
        strength = round(candidate.strength * LOWER, 4)
        if not looked[-1].failed_guard or abs(strength) < LEAST:
            return looked
        candidate = measured.score(strength)


def fixed(measured: Measured, strength: float) -> list[Candidate]:
    """The base, and the adapter at a strength that was asked for; guards only watch."""
    return [measured.score(0.0), measured.guarded(measured.score(strength))]


def choose(
    measured: Measured, asked: Literal["search"] | float, direction: int
) -> tuple[float, Status, str, list[Candidate]]:
    """The :func:`verdict` on a setting of ``alignment.strength``, and every strength that was looked at.

    Args:
        direction: the sign of the strengths at which the adapter helps, 1 or −1.
    """
    looked = search(measured, HIGHEST * direction) if asked == "search" else fixed(measured, asked)
    return *verdict(looked, enforce=asked == "search"), looked


def distance(found: Candidate) -> float:
    """Points between the estimated score and neutral."""
    return abs(found.soft_score - 50)


def _crossing(measured: Measured, base: Candidate, end: float) -> Iterator[Candidate]:
    """The dial's end, and where that is past neutral the strengths that close in on neutral's near edge."""
    side = 1.0 if base.soft_score >= 50 else -1.0
    low, high = 0.0, end
    farthest = measured.score(high)
    yield farthest
    if side * (farthest.soft_score - 50) >= NEUTRAL_WITHIN:
        return
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        found = measured.score(middle)
        yield found
        if side * (found.soft_score - 50) > NEUTRAL_WITHIN:
            low = middle
        else:
            high = middle


def verdict(looked: Sequence[Candidate], *, enforce: bool) -> tuple[float, Status, str]:
    """The strength to deliver, what the training is called, and a sentence that says why.

    Args:
        enforce: whether a failed guard, or an adapter that does not help, means that nothing is delivered.
    """
    base, kept = looked[0], looked[-1]
    if kept is base:
        why = f"the base's score, {base.soft_score:.1f}, is within {NEUTRAL_WITHIN} points of neutral"
        return 0.0, "no_change", f"nothing is delivered: {why}"
    if enforce and (kept.failed_guard or distance(kept) >= distance(base)):
        why = (
            kept.failed_guard
            or f"the validation score moved from {base.soft_score:.1f} to {kept.soft_score:.1f}"
        )
        return 0.0, "no_change", f"nothing is delivered: {why}"
    sentence = (
        f"strength {kept.strength:g}: validation {base.soft_score:.1f} → {kept.soft_score:.1f}, mean |margin| "
        f"{base.mean_abs_margin:.2f} → {kept.mean_abs_margin:.2f} nats"
    )
    if kept.own_text_kl is not None:
        sentence += f", {kept.own_text_kl:.4f} nats a token from the base on its own text"
    return kept.strength, _status(base, kept), sentence


def _status(base: Candidate, kept: Candidate) -> Status:
    if distance(kept) <= NEUTRAL_WITHIN:
        return "neutral"
    crossed = (base.soft_score - 50) * (kept.soft_score - 50) < 0
    return "overshoot" if crossed else "improved"
