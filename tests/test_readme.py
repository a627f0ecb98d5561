"""The README's numbers are those of a committed result of a real run."""

from __future__ import annotations

import json
import re
from pathlib import Path

from flows.cli import COMMANDS
from flows.readme import with_results


def test_results_block_is_the_committed_result(root: Path) -> None:
    readme = (root / "README.md").read_text(encoding="utf-8")
    summary = json.loads((root / "docs" / "results" / "local.json").read_text(encoding="utf-8"))
    assert with_results(readme, summary) == readme
    assert summary["profile"] == "local"


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
