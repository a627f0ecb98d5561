"""Multiple choice: lm-eval's questions, log-likelihoods and accuracies, by running lm-eval on the same rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from counterpoise.errors import DataError
from counterpoise.evaluation.accuracy import accuracy_measures, is_right
from counterpoise.evaluation.config import BenchmarksConfig
from counterpoise.evaluation.items import BenchmarkScore, load_items
from counterpoise.evaluation.multiple_choice import load_questions, subset
from counterpoise.measures.measure import Measures
from counterpoise.measures.names import ACCURACY
from counterpoise.records import Variant
from tests.evaluation.questions import ROWS, write_choices


def test_marks_of_wikihow_are_removed(tmp_path: Path) -> None:
    (first, *_) = load_questions("hellaswag", write_choices(tmp_path, "hellaswag"))
    assert first.context == "Driving : Women are seen. They"
    assert first.choices[0] == " are often late for work."
    assert first.right == first.choices[0]


def test_an_arrow_stream_is_read_like_json_lines(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(ROWS["openbookqa"])
    path = tmp_path / "data.arrow"
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    assert load_questions("openbookqa", path) == load_questions(
        "openbookqa", write_choices(tmp_path, "openbookqa")
    )


@pytest.mark.parametrize(
    ("task", "row", "reason"),
    [
        ("piqa", {"goal": "x", "sol1": "a", "label": 0}, "row 0: not a question of piqa .KeyError: 'sol2'"),
        ("piqa", {"goal": "x", "sol1": "a", "sol2": "b", "label": 2}, "row 0: not a question of piqa .IndexError"),
        ("piqa", {"goal": "x", "sol1": "a", "sol2": "a", "label": 0}, "row 0: two choices are alike"),
        ("boolq", {"title": "t", "passage": "p", "question": "q", "answer": "maybe"}, "KeyError: 'maybe'"),
    ],
)  # fmt: skip
def test_a_broken_row_is_one_line(tmp_path: Path, task: str, row: dict[str, Any], reason: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(DataError, match=reason):
        load_questions(task, path)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="cannot be read"):
        load_questions(task, path)


def test_the_subset_is_the_same_for_everyone(tmp_path: Path) -> None:
    questions = load_questions("piqa", write_choices(tmp_path, "piqa"))
    assert len(subset(questions, 3)) == 3
    assert subset(questions[::-1], 3) == subset(questions, 3)[::-1]
    assert subset(questions, 0) == questions
    items = load_items("piqa", write_choices(tmp_path, "piqa"), BenchmarksConfig(choice_questions=3))
    assert [(item.benchmark, item.part) for item in items] == [("choices", "piqa")] * 3
    assert all(item.target in {option.name for option in item.options} for item in items)


def test_length_decides_where_it_is_divided_by() -> None:
    # −6 nats over 4 characters is −1.5 each, −8 over 8 is −1: the plain answer is "four", the normalised "eightish".
    options = {"four": (-6.0, 1), "eightish": (-8.0, 2)}
    assert is_right("piqa", options, "eightish") == (100, 0)
    assert is_right("boolq", options, "eightish") == (0, 0)
    assert is_right("piqa", {"a": (-1.0, 1), "b": (-1.0, 1)}, "b") == (0, 0), "of a tie the first is taken"


def answered(task: str, right: Sequence[bool], variant: Variant) -> list[BenchmarkScore]:
    return [
        BenchmarkScore("choices", f"{task}/{number}", task, task, "yes", option, variant, value, 1)
        for number, one in enumerate(right)
        for option, value in (("yes", 0.0 if one else -9.0), ("nah", -1.0))
    ]


def test_the_mean_is_over_tasks_not_questions() -> None:
    rows = answered("piqa", [True] * 8 + [False] * 2, "base") + answered("boolq", [True, False], "base")
    rows += answered("piqa", [True] * 7 + [False] * 3, "tuned") + answered("boolq", [True, True], "tuned")
    found = Measures(accuracy_measures(rows, seed=0))
    assert [row.by for row in found.ways(ACCURACY)] == ["", "boolq", "piqa"]
    piqa, mean = found.one(ACCURACY, "piqa"), found.one(ACCURACY)
    assert (piqa.base, piqa.tuned) == (80, 70)
    assert (mean.base, mean.tuned) == (65, 85)  # (80 + 50)/2, (70 + 100)/2
    assert mean.n == 12
    assert accuracy_measures([], seed=0) == []


def test_the_same_answers_have_no_uncertainty_about_their_change() -> None:
    right = [True, False] * 20
    rows = answered("piqa", right, "base") + answered("piqa", right, "tuned")
    mean = Measures(accuracy_measures(rows, seed=0)).one(ACCURACY)
    assert (mean.change, mean.interval) == (0, (0, 0))


def test_lines_end_with_a_newline_alone_and_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    rows = [dict(row) for row in ROWS["openbookqa"][:2]]
    rows[0]["question_stem"] = "One line,\u2028which a reader may divide"
    path = tmp_path / "rows.jsonl"
    text = "\r\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert [one.context for one in load_questions("openbookqa", path)] == [
        row["question_stem"] for row in rows
    ]


def test_an_empty_choice_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(ROWS["piqa"][0] | {"sol2": " "}), encoding="utf-8")
    with pytest.raises(DataError, match="row 0: an empty choice"):
        load_questions("piqa", path)
