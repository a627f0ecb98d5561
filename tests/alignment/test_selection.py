from __future__ import annotations

import pytest

from counterpoise.alignment.config import GuardSettings
from counterpoise.alignment.records import Probe, Status
from counterpoise.alignment.selection import best, stop_reason, verdict
from tests.alignment.material import make_probe

GUARDS = GuardSettings(neutral_within=1.5, patience=2, stop_past_neutral=5.0)


def kept(*probes: Probe) -> int:
    return best(probes, GUARDS).step


def test_the_probe_nearest_to_fifty_is_kept() -> None:
    assert kept(make_probe(0, 58), make_probe(10, 54), make_probe(20, 52), make_probe(30, 44)) == 20


def test_within_tolerance_the_smaller_margins_win_and_then_the_earlier_step() -> None:
    # 50.1 and 51.4 are both neutral within 1.5 points; 51.6 is not, by 0.1.
    probes = [make_probe(0, 58), make_probe(10, 51.4, margin=3), make_probe(20, 50.1, margin=4)]
    assert kept(*probes, make_probe(30, 51.6, margin=1)) == 10
    assert kept(make_probe(0, 58), make_probe(10, 51, margin=3), make_probe(20, 50, margin=3)) == 10


def test_an_unhealthy_probe_is_never_kept() -> None:
    assert kept(make_probe(0, 58), make_probe(10, 50, complaint="perplexity"), make_probe(20, 55)) == 20


def test_a_neutral_base_is_still_improved_by_smaller_margins() -> None:
    assert kept(make_probe(0, 50.2, margin=5), make_probe(10, 50.9, margin=4)) == 10


@pytest.mark.parametrize(
    ("probes", "status", "step"),
    [
        ([make_probe(0, 58), make_probe(10, 51)], "neutral", 10),
        ([make_probe(0, 58), make_probe(10, 55)], "improved", 10),
        # |41 − 50| = 9 < 10, but beyond neutral: a failure, not a gain of one point
        ([make_probe(0, 60), make_probe(10, 41)], "overshoot", 10),
        ([make_probe(0, 40), make_probe(10, 58)], "overshoot", 10),
        ([make_probe(0, 58), make_probe(10, 61)], "no_change", 0),
        ([make_probe(0, 58), make_probe(10, 50, complaint="perplexity rose")], "damaged", 0),
    ],
)
def test_what_a_run_is_called(probes: list[Probe], status: Status, step: int) -> None:
    probe, name, reason = verdict(probes, GUARDS, "")
    assert (name, probe.step) == (status, step)
    assert f"step {step}" in reason


def test_an_early_stop_is_told() -> None:
    assert verdict([make_probe(0, 58), make_probe(10, 51)], GUARDS, "because")[2].endswith("early: because")


def test_damage_stops_only_when_it_lasts() -> None:
    sick = make_probe(10, 50, complaint="perplexity rose")
    assert stop_reason([make_probe(0, 58), sick], GUARDS) == ""
    assert stop_reason([make_probe(0, 58), sick, make_probe(20, 50)], GUARDS) == ""
    assert stop_reason([make_probe(0, 58), sick, sick], GUARDS) == "perplexity rose"


@pytest.mark.parametrize(
    ("base", "now", "stops"), [(58, 45, False), (58, 44.9, True), (42, 55.1, True), (42, 30, False)]
)
def test_passing_neutral_by_more_than_the_limit_stops(base: float, now: float, stops: bool) -> None:
    assert bool(stop_reason([make_probe(0, base), make_probe(10, now)], GUARDS)) is stops


def test_guards_that_only_watch_stop_nothing_and_keep_the_last() -> None:
    watching = GuardSettings(enforce=False, patience=1)
    probes = [make_probe(0, 56), make_probe(8, 50), make_probe(16, 30, complaint="damaged")]
    assert best(probes, watching).step == 16
    assert stop_reason(probes, watching) == ""
    assert best(probes, GuardSettings()).step == 8
