"""What the README and the guides have people type: each call of `counterpoise`, and each Python block, in order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

NO_GUIDES = {"log.md", "results.md"}
"""What was tried, and what came out: nobody types anything there."""
_TYPED = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```|`(?P<inline>[^`\n]+)`", re.M | re.S)


def pages(root: Path) -> list[Path]:
    """The README, then the guides."""
    guides = [*sorted((root / "docs").glob("*.md")), *sorted((root / "docs" / "deployments").glob("*.md"))]
    return [root / "README.md", *(page for page in guides if page.name not in NO_GUIDES)]


def typed(page: Path) -> Iterator[str]:
    """The calls of `counterpoise` and the Python blocks of a page, in order; doctests have a test of their own."""
    for found in _TYPED.finditer(page.read_text(encoding="utf-8")):
        if found["language"] == "python" and ">>>" not in found["body"]:
            yield found["body"]
        shell = found["body"] if found["language"] == "" else found["inline"]
        lines = re.sub(r" *\\?\n +", " ", shell or "").splitlines()
        for line in lines:
            command = re.split(r" {2,}|\s#", line)[0].strip().removeprefix(".venv/bin/")
            command = "counterpoise run" if command == "make run" else command  # the Makefile says so
            if command.startswith("counterpoise "):
                yield command
