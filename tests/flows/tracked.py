"""A made-up run of two folds, as trackers get it."""

from __future__ import annotations

from counterpoise.config import RunConfig
from counterpoise.flows.tracked import Tracked
from counterpoise.report.build import build_report
from tests.report.synthetic import run


def tracked_run(config: RunConfig) -> Tracked:
    """Its curves and measures are made up, its report is computed."""
    inputs = run(evaluated=(0, 1), pairs_per_category=20)
    training = {f"adapter · fold {fold.evaluated}": fold.training.history for fold in inputs.folds}
    return Tracked("20260101-000000-abcd", config, build_report(inputs).results, training)
