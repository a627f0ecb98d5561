"""What errors tell people to do is itself right: every command exists, every setting is one, every example is taken."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from counterpoise import errors
from counterpoise.config import RunConfig
from counterpoise.flows.cli import cli
from counterpoise.flows.configure import load_config
from counterpoise.validation import keys

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("artifacts", "counterpoise", "demo", "engine", "flows", "tasks")
ERRORS = {name for name in vars(errors) if name.endswith(("Error", "Stopped"))}
SETTINGS = set(keys(RunConfig))
LAST_NAMES = {key.rpartition(".")[2] for key in SETTINGS}
HOLE = "…"
"""Stands for what a message takes from the moment."""


def told() -> Iterator[tuple[str, str]]:
    """Where an error is made, and a text that it tells."""
    for package in PRODUCT:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ERRORS:
                    for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                        yield f"{path.relative_to(ROOT)}:{node.lineno}", text_of(argument)


def text_of(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) for part in node.values)
    if isinstance(node, ast.BinOp):
        return text_of(node.left) + text_of(node.right)
    if isinstance(node, ast.IfExp):
        return f"{text_of(node.body)} {text_of(node.orelse)}"
    return HOLE


TOLD = list(told())


def test_errors_are_found() -> None:
    assert len(TOLD) > 400
    assert any("--set" in text for _, text in TOLD)


def test_every_example_of_an_override_is_taken() -> None:
    examples = [
        (where, found) for where, text in TOLD for found in re.findall(r"--set ([\w.]+=[^\s…`'\"]+)", text)
    ]
    assert examples
    for where, example in examples:
        if example != "key.path=value":
            assert load_config("local", [example]), where


def test_every_setting_that_is_named_is_named_in_full() -> None:
    """So that it can be given to ``--set`` as it stands."""
    wrong = []
    for where, text in TOLD:
        for name in re.findall(r"(?<![\w./\"'-])[a-z_]+(?:\.[a-z_]+)*(?![\w./(\"'])", text):
            section, _, rest = name.partition(".")
            looks_like_one = (section in SETTINGS and rest) or (
                "_" in name and name.rpartition(".")[2] in LAST_NAMES
            )
            if looks_like_one and name not in SETTINGS:
                wrong.append((where, name))
    assert wrong == []


def commands() -> list[tuple[str, str]]:
    found = [(where, line) for where, text in TOLD for line in re.findall(r"counterpoise [a-z][^`…]*", text)]
    return [(where, line) for where, line in found if not line.startswith("counterpoise cannot")]


def meant(line: str) -> tuple[click.Command | None, list[str]]:
    """The command of a line, and the words behind it."""
    words = line.split()[1:]
    command: click.Command | None = cli
    while isinstance(command, click.Group):
        command = command.get_command(click.Context(command), words.pop(0).rstrip(",.;:"))
    return command, words


@pytest.mark.parametrize(("where", "line"), commands())
def test_every_command_that_is_named_exists_with_its_options(where: str, line: str) -> None:
    command, words = meant(line)
    assert command is not None, f"{where}: {line}"
    known = {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    asked = {word.rstrip(",.;:)") for word in words if word.startswith("--")}
    assert asked <= known | {"--help"}, f"{where}: {line}"


def test_a_line_that_is_more_than_a_commands_name_can_be_typed_as_it_stands() -> None:
    lines = [(where, *meant(line)) for where, line in commands()]
    whole = [(where, command, words) for where, command, words in lines if words and words != ["--help"]]
    assert whole
    for where, command, words in whole:
        assert command is not None, where
        assert command.make_context(command.name, words).params, where
