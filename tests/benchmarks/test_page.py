"""docs/performance.md says what docs/results say, and the GPU benchmark runs (a tiny shape, on the CPU)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.common import exponent
from benchmarks.render import PAGE, load, page


def test_the_page_is_what_the_results_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(load()), "run python -m benchmarks.render"


def test_a_section_without_results_names_its_command() -> None:
    text = page({})
    assert "Not measured here yet: `python -m benchmarks scoring`." in text
    assert "{{" not in text


def test_the_exponent_by_hand() -> None:
    # t = 3 w² and t = 5: slopes 2 and 0
    assert exponent([1, 10, 100], [3, 300, 30_000]) == pytest.approx(2)
    assert exponent([1, 10, 100], [5, 5, 5]) == pytest.approx(0)


def test_the_gpu_benchmark_on_a_tiny_shape(tmp_path: Path) -> None:
    pytest.importorskip("lm_eval")
    from benchmarks.gpu import main  # noqa: PLC0415  # imports trl and lm-eval

    out = tmp_path / "gpu.json"
    small = ["--pairs", "16", "--batch", "4", "--epochs", "1", "--score-pairs", "8", "--peer-steps", "2"]
    main(["--shape", "tiny", "--device", "cpu", *small, "--out", str(out)])
    result = json.loads(out.read_text(encoding="utf-8"))
    # 16 pairs / (4 × 2 accumulated) = 2 steps
    losses = {name: run["losses"] for name, run in result["dpo"]["runs"].items()}
    assert {len(values) for values in losses.values()} == {2}
    # The adapter starts as the identity: −log σ(0) = log 2.
    assert losses["counterpoise"][0] == pytest.approx(0.6931, abs=1e-3)
    assert result["scoring"]["largest_difference_fp32_nats"] < 1e-3
    assert result["dpo"]["flop_per_pair"] > 0
    assert "Training took" in page({"gpu": result})
