"""Which probed adapter is kept, when training stops, what the result is called: pure functions of probes."""

from __future__ import annotations

from collections.abc import Sequence

from counterpoise.alignment.config import GuardSettings
from counterpoise.alignment.records import Probe, Status


def distance(probe: Probe) -> float:
    """Points between the soft validation score and neutral."""
    return abs(probe.soft_score - 50)


def preference_order(probe: Probe, settings: GuardSettings) -> tuple[float, float, int]:
    """Sort key: the smallest is the best adapter.

    First the distance from 50 beyond ``neutral_within``; among those within it the smallest mean |margin|
    (two probes that near to 50 cannot be told apart by a few hundred pairs, but the size of the margins can);
    then the earlier step. The soft score stands in for the score because a few hundred 0/1 outcomes carry 3–4
    points of noise, much of it from pairs whose margin is within a nat of zero; where margins are spread
    evenly around zero both cross 50 together.
    """
    return (max(0.0, distance(probe) - settings.neutral_within), probe.mean_abs_margin, probe.step)


def best(probes: Sequence[Probe], settings: GuardSettings) -> Probe:
    """The adapter to keep among the healthy probes; step 0, the base, is always one of them.

    Guards that only watch keep the last one.
    """
    if not settings.enforce:
        return probes[-1]
    healthy = [probe for probe in probes if probe.step == 0 or not probe.complaint]
    return min(healthy, key=lambda probe: preference_order(probe, settings))


def stop_reason(probes: Sequence[Probe], settings: GuardSettings) -> str:
    """Why training must not go on, or an empty string."""
    if not settings.enforce:
        return ""
    recent = probes[-settings.patience :]
    if len(recent) == settings.patience and all(probe.complaint for probe in recent):
        return recent[-1].complaint
    past = _past_neutral(probes[-1], probes[0])
    if past > settings.stop_past_neutral:
        return f"the validation score passed neutral by {past:.1f} points"
    return ""


def verdict(probes: Sequence[Probe], settings: GuardSettings, stopped: str) -> tuple[Probe, Status, str]:
    """The probe to keep, what the run is called, and a sentence that says why.

    Args:
        stopped: why training ended early, or an empty string.
    """
    base, kept = probes[0], best(probes, settings)
    status = _status(kept, probes, settings)
    sentence = (
        f"validation soft score {base.soft_score:.1f} → {kept.soft_score:.1f} "
        f"(score {base.score:.1f} → {kept.score:.1f}), mean |margin| {base.mean_abs_margin:.2f} → "
        f"{kept.mean_abs_margin:.2f} nats, neutral perplexity {kept.perplexity_rise:+.1%}, step {kept.step}"
    )
    return kept, status, f"{sentence}; stopped early: {stopped}" if stopped else sentence


def _status(kept: Probe, probes: Sequence[Probe], settings: GuardSettings) -> Status:
    if kept.step == 0:
        return "damaged" if any(probe.complaint for probe in probes) else "no_change"
    if distance(kept) <= settings.neutral_within:
        return "neutral"
    return "overshoot" if _past_neutral(kept, probes[0]) > 0 else "improved"


def _past_neutral(probe: Probe, base: Probe) -> float:
    """Points beyond 50 on the side where the base was not; negative on the base's own side."""
    side = 1.0 if base.soft_score >= 50 else -1.0
    return side * (50 - probe.soft_score)
