"""`import counterpoise`: light, and what it answers is what the commands print."""

from __future__ import annotations

import asyncio
import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import counterpoise
from counterpoise.errors import UsageError
from counterpoise.flows.cli import main
from counterpoise.measures.measure import Measure
from counterpoise.measures.names import (
    BBQ_ACCURACY,
    IDENTITY,
    LMS,
    MARGIN,
    PERPLEXITY,
    PRONOUN,
    SCORE,
    SHARED,
    SS,
)
from counterpoise.measures.single import single_measures
from counterpoise.report.measure_table import MeasureTable
from tests.evaluation.questions import rows_of, write_bbq, write_choices
from tests.test_architecture import HEAVY

Capture = pytest.CaptureFixture[str]


def printed(capsys: Capture, *arguments: object) -> dict[str, Any]:
    with pytest.raises(SystemExit) as exit_:
        main(["score", *map(str, arguments), "--json"])
    assert not exit_.value.code
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    heavy = {*HEAVY, "numpy", "pydantic", "jinja2", "rich", "click"}
    code = f"import sys, counterpoise; dir(counterpoise); print(*({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
    code = f"import sys, counterpoise; counterpoise.swap('He left.'); print(*({set(HEAVY)!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_four_names_are_there_and_no_other() -> None:
    assert counterpoise.__all__ == ["compare", "debias", "score", "swap"]
    assert set(counterpoise.__all__) <= set(dir(counterpoise))
    assert all(getattr(counterpoise, name).__doc__ for name in counterpoise.__all__)
    with pytest.raises(AttributeError, match="no attribute 'scor'"):
        counterpoise.scor  # noqa: B018


def test_a_swap() -> None:
    assert counterpoise.swap("The actress lost her keys.").swapped == "The actor lost his keys."
    assert counterpoise.swap("a Muslim baker", axis="religion").swapped == "a Christian baker"


def test_one_model_scores_what_the_command_prints(
    capsys: Capture,
    tiny_folder: Path,
    pairs_csv: Path,
) -> None:
    found = counterpoise.score(tiny_folder, data=pairs_csv)
    expected = printed(capsys, tiny_folder, "--data", pairs_csv)
    whole = found.one(SCORE)
    assert (whole.base, whole.n, whole.base_interval) == (
        expected["overall"],
        12,
        tuple(expected["interval"]),
    )
    assert math.isnan(whole.tuned)
    assert math.isnan(whole.change)
    assert whole.verdict == "unclear"
    assert whole.outcome is None
    assert found.one(MARGIN).base == expected["mean_margin"]
    assert {row.group: row.base for row in found.groups(SCORE) if row.counts} == {
        name: part["score"] for name, part in expected["by_category"].items()
    }
    assert found.one(SCORE, SHARED).base == expected["shared_tokens"]["overall"]
    assert found.one(SCORE, IDENTITY).base == expected["identity_tokens"]["overall"]


def test_an_adapter_stands_under_tuned_and_is_compared(
    capsys: Capture,
    tiny_folder: Path,
    pairs_csv: Path,
    adapter_folder: Path,
) -> None:
    tuned = counterpoise.score(tiny_folder, adapter_folder, data=pairs_csv)
    both = counterpoise.compare(tiny_folder, str(adapter_folder), data=str(pairs_csv))
    alone = counterpoise.score(tiny_folder, data=pairs_csv)
    assert math.isnan(tuned.one(SCORE).base)
    for name in (SCORE, MARGIN):
        for by in ("", SHARED, IDENTITY):
            row = both.one(name, by)
            sides = alone.one(name, by).base, tuned.one(name, by).tuned
            assert (row.base, row.tuned) == pytest.approx(sides, abs=1e-6)
    printed_rows = printed(
        capsys, tiny_folder, "--data", pairs_csv, "--adapter", adapter_folder, "--compare"
    )["measures"]
    assert [row["tuned"] for row in printed_rows] == pytest.approx([row.tuned for row in both], abs=1e-6)
    assert both.one(MARGIN).base != both.one(MARGIN).tuned


def test_questions_answer_with_their_measures(capsys: Capture, tiny_folder: Path, tmp_path: Path) -> None:
    file = write_choices(tmp_path, "piqa")
    usual, plain = counterpoise.score(tiny_folder, benchmark="piqa", data=file)
    expected = printed(capsys, tiny_folder, "--benchmark", "piqa", "--data", file)
    assert (usual.base, usual.n, plain.base) == (expected["overall"], 6, expected["plain_accuracy"])
    folder = write_bbq(tmp_path / "bbq", rows_of("Age"))
    found = counterpoise.score(tiny_folder, benchmark="bbq", data=folder)
    expected = printed(capsys, tiny_folder, "--benchmark", "bbq", "--data", folder)
    for at, name in enumerate(("ambiguous_accuracy", "disambiguated_accuracy")):
        row = found.one(BBQ_ACCURACY[at])
        assert (row.base, row.base_interval) == (expected[name]["value"], tuple(expected[name]["interval"]))


def test_other_benchmarks_answer_with_their_measures(tiny_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "neutral.txt"
    file.write_text("Women like the sea.\nMen cannot drive a car.\n", "utf-8")
    (row,) = counterpoise.score(tiny_folder, benchmark="perplexity", data=file)
    assert (row.name, row.n, row.aim) == (PERPLEXITY, 2, "lower")
    assert row.base_interval is not None
    assert row.base_interval[0] <= row.base <= row.base_interval[1]


def test_stereoset_and_winobias_results_become_measures() -> None:
    part = {"n": 6, "targets": 2, "lms": 80.0, "icat": 64.0, "ties": 0, "mean_margin": 0.5}
    part |= {f"{name}_interval": (10.0, 90.0) for name in ("lms", "icat")} | {"interval": (50.0, 70.0)}
    stereoset = part | {"benchmark": "stereoset", "variant": "tuned", "overall": 60.0}
    stereoset["by_category"] = {"gender": part | {"score": 55.0}, "intrasentence": part | {"score": 65.0}}
    found = MeasureTable(single_measures(stereoset), "")
    assert found.one(SS).tuned_interval == (50.0, 70.0)
    assert (found.one(LMS).tuned, found.one(LMS).n) == (80.0, 2), "target terms are the independent units"
    assert found.one(SS, group="gender").tuned == 55.0
    assert found.one(SS, by="intrasentence").tuned == 65.0
    winobias = part | {"benchmark": "winobias", "variant": "base", "overall": 60.0, "normalisation": "sum"}
    winobias["by_category"] = {"type1": part | {"score": 55.0, "ties": 1}}
    found = MeasureTable(single_measures(winobias), "")
    assert found.one(PRONOUN).base == 60.0
    assert found.one(PRONOUN, by="type 1, ties apart").base == 55.0


ROWS = [
    Measure(
        name=SCORE, unit="%", aim="50", base=60.0, tuned=52.0, change=-8.0, n=100, interval=(-12.0, -4.0)
    ),
    Measure(name=SCORE, group="<b>", unit="%", aim="50", base=70.0, tuned=70.0, change=0.0, n=10),
]


def test_a_frame_has_a_row_a_measure_and_a_column_a_field() -> None:
    frame = MeasureTable(ROWS, "made up").to_frame()
    assert list(frame["base"]) == [60.0, 70.0]
    assert list(frame["group"]) == ["", "<b>"]
    assert (frame.loc[0, "interval_low"], frame.loc[0, "interval_high"]) == (-12.0, -4.0)
    assert pd.isna(frame.loc[1, "interval_low"])
    assert {"name", "by", "unit", "aim", "n", "p", "limit", "verdict", "outcome", "counts"} <= set(frame)
    assert frame["interval_low"].dtype == float
    assert len(MeasureTable([], "none").to_frame()) == 0


def test_a_notebook_shows_the_measures_and_folds_the_groups() -> None:
    page = MeasureTable(ROWS, "smollm2 & an adapter")._repr_html_()
    assert "<b>smollm2 &amp; an adapter</b>" in page
    before, folded = page.split("<details>")
    assert "60.0" in before
    assert "−8.0 (−12.0 to −4.0)" in before.replace("\u00a0", " ")
    assert f"{SCORE}: &lt;b&gt;" in folded, "names are data, not markup"
    assert "<details>" not in MeasureTable(ROWS[:1], "")._repr_html_()
    assert repr(MeasureTable(ROWS, "made up")) == "<made up: 2 measures>"


def test_one_model_alone_is_shown_without_a_change(tiny_folder: Path, pairs_csv: Path) -> None:
    page = counterpoise.score(tiny_folder, data=pairs_csv)._repr_html_()
    assert "nan" not in page
    assert "base (95 %)" in page
    assert "change" not in page


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"benchmark": "crows"}, "no benchmark 'crows' — known: crows-pairs"),
        ({"precision": "fp64"}, "precision"),
        ({"benchmark": "crows-pairs-revised", "data": None}, "has no published mirror"),
    ],
)
def test_a_wrong_option_is_one_line(
    tiny_folder: Path,
    pairs_csv: Path,
    options: dict[str, Any],
    expected: str,
) -> None:
    with pytest.raises(UsageError, match=re.escape(expected)) as error:
        counterpoise.score(tiny_folder, **{"data": pairs_csv} | options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("smokey", "no profile or .toml file 'smokey' — did you mean 'smoke'?"),
        ({"profile": "smok"}, "did you mean 'smoke'?"),
        ({"profile": "smoke", "pair": {}}, "did you mean 'pairs'?"),
        ({"seed": -1}, "profile local, changed: seed = -1"),
    ],
)
def test_a_wrong_setting_is_one_line_before_anything_runs(config: Any, expected: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=re.escape(expected)):
        counterpoise.debias(config, store=str(tmp_path / "store"))
    assert not (tmp_path / "store").exists()


@pytest.mark.slow
def test_the_lines_of_the_documentation_run_in_a_notebook(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """A notebook runs a cell inside an event loop. Run again, the cell finds everything that it made."""
    monkeypatch.chdir(tmp_path)
    (cell,) = re.findall(r"```python\n(.*?)```", (root / "docs" / "python.md").read_text("utf-8"), re.DOTALL)
    first, second = (run_cell(cell) for _ in range(2))
    found, again = first["found"], second["found"]
    assert [(row.label, row.tuned) for row in found] == [(row.label, row.tuned) for row in again]
    assert (found.run != again.run, found.results.facts.seed) == (True, 1)
    assert found.results.verdict.headline in found._repr_html_()
    assert "<html" in found.report.read_text("utf-8")
    said = capsys.readouterr().out
    assert said.startswith("She lost her keys.")
    score = first["measures"].one(SCORE)
    assert (score.n, score.verdict) == (48, said.splitlines()[-1])
    assert next(iter(first["scores"]["base"])) == score.base


def run_cell(cell: str) -> dict[str, Any]:
    names: dict[str, Any] = {}

    async def run() -> None:
        exec(cell, names)

    asyncio.run(run())
    return names
