"""HellaSwag, PIQA, OpenBookQA and BoolQ as lm-eval asks them: a context, its choices, and which one is right.

Context, choices and what is counted follow lm-eval's tasks of the same names. A choice is scored as the continuation
of its context, after one space; ``accuracy`` takes the most probable choice, ``normalised accuracy`` divides by the
choice's length in characters first.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counterpoise.errors import DataError

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Attributes:
        task: ``hellaswag``, ``piqa``, ``openbookqa`` or ``boolq``.
        name: its place in the file, from 0.
        context: what stands before a choice.
        right: the right one of ``choices``.
    """

    task: str
    name: str
    context: str
    choices: tuple[str, ...]
    right: str


def load_questions(task: str, path: Path) -> list[Question]:
    """The questions in a task's file: an Arrow stream as `datasets` keeps it, or JSON lines with the same fields.

    Raises:
        DataError: the file cannot be read, or a row lacks a field; two choices alike, or an empty one.
    """
    return [_question(task, number, row, path) for number, row in enumerate(_rows(path))]


def subset(questions: Sequence[Question], most: int) -> list[Question]:
    """At most ``most`` questions, drawn in the order of their names' hashes; 0 for all."""
    if not most:
        return list(questions)
    chosen = {one.name for one in sorted(questions, key=_draw)[:most]}
    return [question for question in questions if question.name in chosen]


def _draw(question: Question) -> bytes:
    return hashlib.sha256(f"{question.task}/{question.name}".encode()).digest()


def _question(task: str, number: int, row: Row, path: Path) -> Question:
    try:
        context, choices, right = TASKS[task](row)
        question = Question(task, str(number), context, tuple(choices), choices[right])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DataError(
            f"{path}, row {number}: not a question of {task} ({type(error).__name__}: {error})",
            "give the validation file with the fields of its official release",
        ) from None
    if len(set(question.choices)) < len(question.choices):
        raise DataError(f"{path}, row {number}: two choices are alike", "leave the row out")
    if not all(choice.strip() for choice in question.choices):
        raise DataError(f"{path}, row {number}: an empty choice", "leave the row out")
    return question


def _rows(path: Path) -> Iterable[Row]:
    try:
        if path.suffix == ".arrow":
            import pyarrow as pa  # noqa: PLC0415 - kept out of the import of every command

            with pa.memory_map(str(path)) as source:
                rows: Sequence[Row] = pa.ipc.open_stream(source).read_all().to_pylist()
            return rows
        # Lines end with \n alone: str.splitlines would divide a text at U+2028 too.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
        return [json.loads(line) for line in lines if line.strip()]
    except (OSError, ValueError) as error:  # ArrowInvalid is a ValueError
        raise DataError(f"{path}: cannot be read ({str(error)[:120]})", "fetch it again") from None


def _hellaswag(row: Row) -> tuple[str, Sequence[str], int]:
    begun = f"{row['activity_label']}: {row['ctx_a']} {row['ctx_b'].capitalize()}"
    return _without_marks(begun), [_without_marks(ending) for ending in row["endings"]], int(row["label"])


def _without_marks(text: str) -> str:
    """Without WikiHow's bracketed marks; each pair of spaces becomes one, once."""
    return re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". ")).replace("  ", " ")


def _piqa(row: Row) -> tuple[str, Sequence[str], int]:
    return f"Question: {row['goal']}\nAnswer:", [row["sol1"], row["sol2"]], int(row["label"])


def _openbookqa(row: Row) -> tuple[str, Sequence[str], int]:
    right = row["choices"]["label"].index(row["answerKey"].strip())
    return row["question_stem"], row["choices"]["text"], right


def _boolq(row: Row) -> tuple[str, Sequence[str], int]:
    # lm-eval reads SuperGLUE's edition, whose passages begin with their title.
    right = {"False": 0, "True": 1}[str(row["answer"])]
    return f"{row['title']} -- {row['passage']}\nQuestion: {row['question']}?\nAnswer:", ["no", "yes"], right


TASKS: Mapping[str, Callable[[Row], tuple[str, Sequence[str], int]]] = {
    "hellaswag": _hellaswag,
    "piqa": _piqa,
    "openbookqa": _openbookqa,
    "boolq": _boolq,
}
NORMALISED = frozenset({"hellaswag", "piqa", "openbookqa"})
"""Tasks that are reported by normalised accuracy, as is usual; lm-eval defines none for BoolQ."""
