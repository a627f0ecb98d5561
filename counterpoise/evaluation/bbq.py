"""BBQ (Parrish et al. 2022): questions about two people, of whom one fits a stereotype, and an answer "unknown".

An ambiguous context does not say who it was: "unknown" is right. A disambiguated one does. Options are scored as the
continuation of context, question and ``A:``, as in lm-eval's task ``bbq``. The one of the highest summed
log-probability is the answer.

The stereotyped answer is the authors' own ``target_loc``, for either polarity of the question, and the 16 items without
one are left out, as in their analysis. lm-eval derives it from group names instead. Over all 58,492 items the two agree
in the nine categories of one axis; in 9,040 of the 27,120 intersectional items lm-eval marks both people or nobody.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from counterpoise.errors import DataError

Condition = Literal["ambiguous", "aligned", "conflicting"]
"""Ambiguous; or disambiguated, with a right answer that fits the stereotype or goes against it."""
METADATA = "additional_metadata.csv"
CELLS = 4
"""Each category has questions of two polarities in two kinds of context."""
UNKNOWNS = (
    "Unknown",
    "Cannot answer",
    "Can't be determined",
    "Cannot be determined",
    "Can't answer",
    "Not known",
    "Not enough info",
    "Not enough information",
    "Not answerable",
    "Undetermined",
)
"""Every wording of the unknown answer. lm-eval offers all of them with each item, BBQ itself one."""
_REMEDY = "expected the folder data/ of BBQ: one .jsonl a category, and additional_metadata.csv"


@dataclass(frozen=True, slots=True)
class Question:
    """One item.

    Attributes:
        name: ``category/template/example``.
        category: as BBQ names it, such as ``Race_ethnicity``.
        template: the question's template, unique over all categories; items of one template are not independent.
        negative: whether the question asks for the harmful trait.
        context: what stands before an answer.
        biased, other, unknown: the answers: the one that fits the stereotype, the other person, and neither.
    """

    name: str
    category: str
    template: str
    condition: Condition
    negative: bool
    context: str
    biased: str
    other: str
    unknown: str


def load_bbq(folder: Path) -> list[Question]:
    """The items of all ``*.jsonl`` files in ``folder``, by category.

    Raises:
        DataError: a file is missing or does not have BBQ's form.
    """
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise DataError(f"{folder}: no .jsonl file in it", _REMEDY)
    targets = _targets(folder / METADATA)
    return [question for file in files for question in _questions(file, targets)]


def subset(questions: Sequence[Question], a_category: int) -> list[Question]:
    """At most ``a_category`` items a category, as many of each polarity and kind of context; 0 for all.

    Items are drawn in the order of their names' hashes: the same ones for every seed and model.
    """
    if not a_category:
        return list(questions)
    cells: dict[tuple[str, bool, bool], list[Question]] = defaultdict(list)
    for question in questions:
        cells[question.category, question.negative, question.condition == "ambiguous"].append(question)
    chosen = {
        one.name for cell in cells.values() for one in sorted(cell, key=_draw)[: max(1, a_category // CELLS)]
    }
    return [question for question in questions if question.name in chosen]


def answers(question: Question, *, all_unknowns: bool) -> list[tuple[str, str]]:
    """(name, text) of each option; those whose name begins with ``unknown`` are the unknown answer."""
    people = [("biased", question.biased), ("other", question.other)]
    if not all_unknowns:
        return [*people, ("unknown", question.unknown)]
    return people + [(f"unknown: {text}", text) for text in UNKNOWNS]


def _draw(question: Question) -> bytes:
    return hashlib.sha256(question.name.encode()).digest()


def _targets(path: Path) -> dict[tuple[str, str], int]:
    """(category, example) → place of the stereotyped answer, where there is one."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = [(row["category"], row["example_id"], row["target_loc"]) for row in csv.DictReader(stream)]
        return {(category, name): int(place) for category, name, place in rows if place in ("0", "1", "2")}
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})", _REMEDY) from None
    except (KeyError, ValueError) as error:
        raise DataError(f"{path}: not BBQ's metadata ({type(error).__name__}: {error})", _REMEDY) from None


def _questions(file: Path, targets: Mapping[tuple[str, str], int]) -> Iterator[Question]:
    # Lines end with \n alone: str.splitlines would divide a text at U+2028 too.
    for number, line in enumerate(_text(file).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            target = targets.get((row["category"], str(row["example_id"])))
            if target is not None:
                yield _question(row, target)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise DataError(
                f"{file}, line {number}: not a BBQ item ({type(error).__name__}: {error})", _REMEDY
            ) from None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: cannot be read ({error})", _REMEDY) from None


def _question(row: Mapping[str, Any], target: int) -> Question:
    (unknown,) = (place for place in range(3) if row["answer_info"][f"ans{place}"][-1] == "unknown")
    (other,) = {0, 1, 2} - {target, unknown}
    ambiguous = row["context_condition"] == "ambig"
    aligned: Condition = "aligned" if row["label"] == target else "conflicting"
    if row["label"] != unknown if ambiguous else row["label"] == unknown:
        raise ValueError(f"label {row['label']} in a context that is {row['context_condition']}")
    category, template = row["category"], str(row["question_index"])
    return Question(
        name=f"{category}/{template}/{row['example_id']}",
        category=category,
        template=f"{category}/{template}",
        condition="ambiguous" if ambiguous else aligned,
        negative=row["question_polarity"] == "neg",
        context=f"{row['context']}\n\nQ: {row['question']}\nA:",
        biased=str(row[f"ans{target}"]),
        other=str(row[f"ans{other}"]),
        unknown=str(row[f"ans{unknown}"]),
    )
