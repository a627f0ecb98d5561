"""Every command and option that the README and the guides name exists."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from counterpoise.flows.cli import cli
from tests.typed_commands import pages, typed


def options(command: click.Command) -> set[str]:
    return {name for param in command.params for name in (*param.opts, *param.secondary_opts)}


@pytest.mark.parametrize("page", pages(Path(__file__).parent.parent), ids=lambda page: page.name)
def test_every_command_and_option_that_is_named_exists(page: Path) -> None:
    for line in typed(page):
        if not line.startswith("counterpoise "):
            continue
        command: click.Command = cli
        for word in line.split()[1:]:
            if isinstance(command, click.Group) and not word.startswith("-"):
                found = command.get_command(click.Context(command), word)
                assert found is not None, f"{word!r} in {line!r}"
                command = found
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", line))
        assert named <= options(command) | {"--help", "--version"}, line


def test_what_is_typed_is_found_in_fences_tables_and_sentences(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        'Try `counterpoise runs` or `make check`:\n```\ncounterpoise swap "a b"   # why\ncounterpoise deploy \\\n'
        "  --limit 1\nmake run\n```\n```toml\nx = 1\n```\n```python\nprint(1)\n```\n```python\n>>> 1\n1\n```\n"
        "| `.venv/bin/counterpoise gc` |\n"
    )
    assert list(typed(page)) == [
        *("counterpoise runs", 'counterpoise swap "a b"', "counterpoise deploy --limit 1"),
        *("counterpoise run", "print(1)\n", "counterpoise gc"),
    ]
