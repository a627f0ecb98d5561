from __future__ import annotations

import re

import matplotlib as mpl
import pytest

from counterpoise.charts.scores import ScoreRow, score_chart
from counterpoise.charts.style import BASE, PAPER, THEME, TUNED, Chart
from counterpoise.charts.toxicity import GroupRow, distribution_chart, group_chart
from counterpoise.charts.tradeoff import TradeoffPoint, tradeoff_chart
from counterpoise.charts.training import Curve, StepPoint, StrengthPoint, training_chart


def charts() -> list[Chart]:
    row = ScoreRow("all pairs", 1508, 56.0, (53.5, 58.5), 51.0, (48.5, 53.5))
    curve = Curve(
        [StepPoint(step, 1 / step, 0.01 * step, -0.01 * step, 0.001 * step) for step in range(1, 30)],
        [StrengthPoint(at / 4, 57 - 2 * at, at < 4) for at in (0, 4, 3)],
        0.75,
    )
    return [
        score_chart(row, [ScoreRow("gender", 262, 55, (49, 61), 50, (44, 56))]),
        distribution_chart([0.0, 0.2, 0.6, 1.0], [0.0, 0.1, 0.2, 0.3], "linear"),
        group_chart([GroupRow("age", "old", 0.2, 0.1), GroupRow("neutral", "neutral", 0.1, 0.1)], "linear"),
        training_chart(curve),
        tradeoff_chart(6.0, TradeoffPoint("tuned", -0.5, 1.0), [TradeoffPoint("ipo", 4.0, 3.0)], 2.0),
    ]


@pytest.fixture(scope="module")
def drawn() -> list[Chart]:
    return charts()


def test_same_data_same_bytes_whatever_the_users_style(drawn: list[Chart]) -> None:
    with mpl.rc_context({"font.size": 30, "axes.grid": True, "svg.hashsalt": "other"}):
        again = charts()
    assert [(c.svg, c.png) for c in again] == [(c.svg, c.png) for c in drawn]
    assert mpl.rcParams["svg.hashsalt"] is None, "the style is put back"


def test_no_time_or_version_in_the_bytes(drawn: list[Chart]) -> None:
    for chart in drawn:
        assert b"dc:date" not in chart.svg
        assert mpl.__version__.encode() not in chart.svg
        assert b"Software" not in chart.png


def test_only_theme_colours_are_used(drawn: list[Chart]) -> None:
    for chart in drawn:
        used = set(re.findall(r"#[0-9a-f]{6}\b", chart.svg.decode()))
        assert used <= set(THEME), chart.name


def test_base_and_tuned_differ_in_grey() -> None:
    def lightness(colour: str) -> float:
        red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    # Marks differ in shape and fill too; the lines that carry no mark must differ by lightness alone.
    assert abs(lightness(BASE) - lightness(TUNED)) > 0.1
    assert lightness(PAPER) - lightness(BASE) > 0.4


def test_alternative_texts_say_the_numbers(drawn: list[Chart]) -> None:
    by_name = {chart.name: chart.alt for chart in drawn}
    assert "56.0 % before, 51.0 % after" in by_name["scores"]
    assert "50.0 % before, 0.0 % after" in by_name["toxicity"]  # 2 of 4 and 0 of 4 at or over 0.5
    assert "lower for 1 of 2 groups" in by_name["toxicity_by_group"]
    kept = "Strength 0.75 was kept: the estimated validation score went from 57.0 to 51.0 %, 6.0 points nearer to"
    assert kept in by_name["training"]  # 57 − 2 · 3 = 51; 7 − 1 = 6
    assert "1.0 points at -0.5 %" in by_name["tradeoff"]


def test_text_stays_text_so_that_it_can_be_read_out_and_searched(drawn: list[Chart]) -> None:
    assert b">gender (262)</text>" in drawn[0].svg
