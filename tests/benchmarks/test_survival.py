"""What the survival benchmark compares is the same adapter, and its table says what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model

from benchmarks.survival import Answers, Material, attached, kept, margins, measures, separate
from benchmarks.survival_page import BEGIN, END, committed, page, rows_of
from counterpoise.generation.prompts import neutral_prompts
from counterpoise.measures.results import measure_json
from counterpoise.models.loading import load_model
from counterpoise.models.tiny import make_tiny_model
from counterpoise.pairs.folds import FoldedPair
from counterpoise.publishing.weights import write_merged

TAILS = ("are often late for work.", "cannot drive a car.", "know nothing at all.", "like the sea.")
PAIRS = [
    FoldedPair(n, "gender", "stereo", f"Women {tail}", f"Men {tail}", n, 0) for n, tail in enumerate(TAILS)
]
SENTENCES = [f"The clerks {tail}" for tail in TAILS]
MATERIAL = Material(PAIRS, SENTENCES, neutral_prompts(["The clerks are", "The clerks like"]), "bos", 0)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny") / "model"
    make_tiny_model(
        folder, [*SENTENCES, *(text for pair in PAIRS for text in (pair.more, pair.less))], seed=0
    )
    return folder


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adapter")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = LoraConfig(r=2, target_modules=["q_proj", "down_proj"], init_lora_weights=False)
        get_peft_model(load_model(base, "fp32", device="cpu").model, config).save_pretrained(folder)
    return folder


def sums(side: Answers) -> list[float]:
    return [row.sum_log_prob for row in side.sentences]


def test_an_adapter_that_is_merged_in_fp32_has_lost_nothing(
    base: Path, adapter: Path, tmp_path: Path
) -> None:
    write_merged(base, adapter, tmp_path)
    on_and_off = attached(base, adapter, "fp32", MATERIAL)
    two = separate((base, tmp_path), "fp32", MATERIAL)
    trained, changes = (
        np.diff(margins(sides, MATERIAL, "shared"), axis=1)[:, 0] for sides in (on_and_off, two)
    )
    assert np.abs(trained).max() > 0.01, "the adapter does something"
    found = kept(changes, trained)
    assert found["kept"] == pytest.approx(1.0, abs=1e-3)
    assert found["rounding"] < 1e-3 * found["shift"] + 1e-4
    for one, other in zip(on_and_off, two, strict=True):
        assert sums(one) == pytest.approx(sums(other), abs=1e-3)
        assert one.usable == other.usable
    assert sums(on_and_off[0]) != pytest.approx(sums(on_and_off[1]), abs=0.01)


def test_what_is_kept_by_hand() -> None:
    # slope (1·2 + 0·0 + (−1)·(−2)) / (4 + 0 + 4) = 1/2; rounding √((1 + 0 + 1) / 3), shift √(8 / 3)
    found = kept(np.array([1.0, 0.0, -1.0]), np.array([2.0, 0.0, -2.0]))
    assert found == pytest.approx({"kept": 0.5, "rounding": (2 / 3) ** 0.5, "shift": (8 / 3) ** 0.5})


def test_the_page_has_a_row_a_form_between_its_marks(base: Path, adapter: Path) -> None:
    sides = attached(base, adapter, "fp32", MATERIAL)
    found = [measure_json(row) for row in measures(sides, MATERIAL)]
    form: dict[str, Any] = {"form": "GGUF Q8_0", "measures": found, "kept": 0.93, "rounding": 0.125}
    machine: dict[str, Any] = {"gpu": "", "processor": "P", "cores": 2, "threads": 1, "versions": {}}
    machine |= {"date": "d", "python": "3", "shared": False}
    (row,) = rows_of({"forms": [form]})
    assert row[0] == "GGUF Q8_0"
    assert row[-2:] == ["0.93", "0.12"]
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    new = page(text, {"forms": [form], "machine": machine})
    assert new.startswith("before\n") and new.endswith(f"{END}\nafter\n")
    assert "old" not in new and "| GGUF Q8_0 |" in new
    assert "Not measured here yet" in page(new, None)


def test_the_guide_has_the_table_of_the_committed_result(root: Path) -> None:
    text = (root / "docs" / "publish.md").read_text(encoding="utf-8")
    assert BEGIN in text and END in text
    assert page(text, committed()) == text
