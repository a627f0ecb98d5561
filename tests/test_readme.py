"""The README's numbers are those of a committed result of a real run."""

from __future__ import annotations

import json
import re
from pathlib import Path

from counterpoise.report.readme import readme_block
from flows.cli import COMMANDS
from flows.front import RECIPES, front_chart
from flows.readme import with_results


def test_results_block_is_the_committed_result(root: Path) -> None:
    readme = (root / "README.md").read_text(encoding="utf-8")
    results = json.loads((root / "docs" / "results" / "local.json").read_text(encoding="utf-8"))
    assert with_results(readme, results) == readme
    assert {run["profile"] for run in results["runs"]} == {"local"}


def test_several_seeds_have_a_line_each(root: Path) -> None:
    (run, *_) = json.loads((root / "docs" / "results" / "local.json").read_text(encoding="utf-8"))["runs"]
    claim = {
        "claim": "The score moves",
        "criterion": "|score − 50| falls",
        "measured": "",
        "outcome": "holds",
    }
    seeds = [run | {"seed": seed, "claims": [claim]} for seed in (0, 1)]
    seeds[1]["headline"] = "Damaged"
    scores = run["scores"]
    averaged = {"n": 1508, "base": scores["base"], "tuned": scores["tuned"], "difference": -4.26, "p": 0.0123}
    block = readme_block(seeds, averaged)
    score = f"{run['scores']['tuned']['score']:.1f} ["
    assert [line[:6] for line in block.splitlines() if line.startswith(("| 0 |", "| 1 |"))] == [
        "| 0 | ",
        "| 1 | ",
    ]
    assert block.count(score) == 4, (
        "a line a seed, one for all together, and the whole of the first by category"
    )
    (average,) = (line for line in block.splitlines() if line.startswith("| together | 1,508 |"))
    assert "| -4.3 | 0.012 |" in average and average.count("|") == block.splitlines()[2].count("|")
    assert "(1 of 2 seeds); Damaged (1 of 2 seeds)" in block
    assert "| The score moves | \\|score − 50\\| falls | holds | holds |" in block


def test_the_log_says_of_a_left_out_category_what_the_results_say(root: Path) -> None:
    log = (root / "docs" / "log.md").read_text(encoding="utf-8")
    results = root / "docs" / "results"
    left = json.loads((results / "left_out.json").read_text(encoding="utf-8"))
    (trained,) = (
        run
        for run in json.loads((results / "names_whole.json").read_text(encoding="utf-8"))["runs"]
        if run["seed"] == left["seed"]
    )
    whole = trained["scores"]["by_category"]
    rows = [
        f"| {name} | {change['n']} | {change['base']['score']:.1f} | {change['tuned']['score']:.1f} "
        f"| {whole[name]['tuned']['score']:.1f} |"
        for name, change in left["scores"]["by_category"].items()
    ]
    assert len(rows) == 9
    assert [row for row in rows if row not in log] == []


def test_the_front_is_drawn_from_the_committed_results(root: Path) -> None:
    results = root / "docs" / "results"
    found = {
        label: json.loads((results / name).read_text(encoding="utf-8")) for label, name in RECIPES.items()
    }
    alt = front_chart(found).alt
    for label, content in found.items():
        distances = [abs(run["scores"]["tuned"]["score"] - 50) for run in content["runs"]]
        assert f"{label}: {sum(distances) / len(distances):.1f} at " in alt


def test_every_file_it_links_to_exists(root: Path) -> None:
    readme = (root / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(((?!https?://)[^)#]+)\)", readme)
    assert len(links) > 5
    assert [link for link in links if not (root / link).exists()] == []


def test_every_command_it_names_exists(root: Path) -> None:
    readme = (root / "README.md").read_text(encoding="utf-8")
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)`", readme)) <= targets
    assert set(re.findall(r"`(?:\.venv/bin/)?counterpoise ([a-z]+)", readme)) <= set(COMMANDS)
