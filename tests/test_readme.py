"""The README's numbers are those of a committed result of a real run."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from counterpoise.flows.cli import COMMANDS
from counterpoise.flows.readme import PAGES, committed, committed_others, page, with_results
from counterpoise.measures.claims import Claim
from counterpoise.measures.names import SCORE
from counterpoise.measures.results import read_results
from counterpoise.report.readme import readme_block, results_page


def test_results_block_is_the_committed_result(root: Path) -> None:
    readme = (root / "README.md").read_text(encoding="utf-8")
    runs, averaged = committed(root / "docs" / "results" / "local.json")
    assert with_results(readme, runs, committed_others()) == readme
    for profile, shown in PAGES.items():
        if (file := root / "docs" / "results" / f"{profile}.json").exists():
            runs, averaged = committed(file)
            assert page(runs, averaged) == (root / shown).read_text(encoding="utf-8")
            assert {run.facts.profile for run in runs} == {profile}


def test_several_seeds_have_a_column_each(root: Path) -> None:
    (run, *_), averaged = committed(root / "docs" / "results" / "local.json")
    claim = Claim("The score moves", "|score − 50| falls", "holds", False, ())
    seeds = [replace(run, facts=replace(run.facts, seed=seed), claims=(claim,)) for seed in (0, 1)]
    seeds[1] = replace(seeds[1], verdict=replace(run.verdict, headline="Damaged"))
    block = results_page(seeds, averaged)
    score, together = run.measures.one(SCORE), averaged.one(SCORE) if averaged else None
    assert together is not None
    (line,) = (line for line in block.splitlines() if line.startswith(f"| {SCORE} |"))
    assert line.count(f"{score.base:.1f} → {score.tuned:.1f} %") == 2, "a column a seed"
    assert f"{together.base:.1f} → {together.tuned:.1f} %" in line, "one for all together"
    assert f"- **Seed 0: {run.verdict.headline}**" in block
    assert "- **Seed 1: Damaged**" in block
    readme = readme_block(seeds, {"docs/other.md": seeds})
    assert "Of 2 claims 2 hold, 0 fail and 0 are undecided" in readme
    assert f"`{run.facts.model}`, 1,508 held-out pairs: **{run.verdict.headline} Damaged**" in readme
    assert "2 of 2 claims hold, 0 fail: [its results](docs/other.md)." in readme
    assert "| The score moves | \\|score − 50\\| falls | holds | holds |" in block


def test_the_log_says_of_a_left_out_category_what_the_results_say(root: Path) -> None:
    log = (root / "docs" / "log.md").read_text(encoding="utf-8")
    results = root / "docs" / "results"
    left = read_results(results / "left_out.json")
    (trained,) = (
        run for run in committed(results / "names_whole.json")[0] if run.facts.seed == left.facts.seed
    )
    rows = [
        f"| {row.group} | {row.n} | {row.base:.1f} | {row.tuned:.1f} "
        f"| {trained.measures.one(SCORE, group=row.group).tuned:.1f} |"
        for row in left.measures.groups(SCORE)
        if row.counts
    ]
    assert len(rows) == 9
    assert [row for row in rows if row not in log] == []


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
