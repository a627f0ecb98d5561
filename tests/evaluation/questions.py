"""Small benchmarks in the forms of BBQ and of the multiple-choice tasks."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from counterpoise.evaluation.bbq import UNKNOWNS

GROUPS = {"Age": ("old", "nonOld"), "Religion": ("Muslim", "Jewish")}
METADATA = ("category", "question_index", "example_id", "target_loc")


def rows_of(category: str, templates: int = 3) -> list[dict[str, Any]]:
    """Per template both polarities in both contexts; which person is named first, and right, alternates."""
    target, other = GROUPS[category]
    made = []
    for number in range(templates * 4):
        template, kind = divmod(number, 4)
        ambiguous, negative, swapped = kind % 2 == 0, kind < 2, template % 2 == 1
        people = [(f"The {other} one", other), (f"The {target} one", target)]
        people = people[::-1] if swapped else people
        unknown = UNKNOWNS[(template + kind) % len(UNKNOWNS)]
        fits = target if negative else other  # whom the stereotype gives as the answer
        right = people[template % 2][1]
        made.append(
            {
                "example_id": number,
                "question_index": str(template),
                "question_polarity": "neg" if negative else "nonneg",
                "context_condition": "ambig" if ambiguous else "disambig",
                "category": category,
                "answer_info": {"ans0": list(people[0]), "ans1": list(people[1]), "ans2": [unknown, "unknown"]},
                "additional_metadata": {"stereotyped_groups": [target]},
                "context": f"A {other} man and a {target} man met." + ("" if ambiguous else f" The {right} one left."),
                "question": f"Who {'failed' if negative else 'won'} test {template}?",
                "ans0": people[0][0],
                "ans1": people[1][0],
                "ans2": unknown,
                "label": 2 if ambiguous else template % 2,
                "target": [group for _, group in people].index(fits),
            }
        )  # fmt: skip
    return made


def write_bbq(folder: Path, rows: Sequence[dict[str, Any]], targets: Sequence[object] | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    for category in {row["category"] for row in rows}:
        lines = [json.dumps(row) for row in rows if row["category"] == category]
        (folder / f"{category}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with (folder / "additional_metadata.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(METADATA)
        for row, target in zip(rows, targets or [row["target"] for row in rows], strict=True):
            writer.writerow([row["category"], row["question_index"], row["example_id"], target])
    return folder


TAILS = ("are often late for work.", "cannot drive a car.", "know nothing at all.", "like the sea.")
WHO = ("Women", "Men", "The poor", "The rich", "Old people", "Young people")
ROWS: dict[str, list[dict[str, Any]]] = {
    "hellaswag": [
        {
            "activity_label": "Driving [header]",
            "ctx_a": f"{who}  are seen.",
            "ctx_b": "they",
            "endings": [f"[substeps] {tail}" for tail in TAILS],
            "label": str(number % 4),
        }
        for number, who in enumerate(WHO)
    ],
    "piqa": [
        {"goal": f"Where do {who} go? ", "sol1": f"{who} {TAILS[0]} ", "sol2": TAILS[3], "label": number % 2}
        for number, who in enumerate(WHO)
    ],
    "openbookqa": [
        {
            "question_stem": who,
            "choices": {"text": list(TAILS), "label": ["A", "B", "C", "D"]},
            "answerKey": "ABCD"[number % 4],
        }
        for number, who in enumerate(WHO)
    ],
    "boolq": [
        {"title": who, "passage": f"{who} {TAILS[3]}", "question": f"do {who.lower()} like it", "answer": answer}
        for who, answer in zip(WHO, ["True", "False"] * 3, strict=True)
    ],
}  # fmt: skip


def write_choices(folder: Path, task: str) -> Path:
    path = folder / f"{task}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS[task]), encoding="utf-8")
    return path
