"""`counterpoise lexicon`: look into and check the lexicon of identity terms."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from counterpoise.flows.commands._options import json_option, print_json


@click.group()
def command() -> None:
    """Check a counterfactual lexicon, or list what the built-in one knows."""


@command.command("lint")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--notes", is_flag=True, help="Also list one-way terms and terms that syntax decides.")
@json_option
def lint_command(file: Path | None, notes: bool, as_json: bool) -> int:
    """Report collisions, missing inverses and ambiguous terms in FILE (default: the built-in lexicon).

    Exits 1 when there is an error.

    \b
    axis = "gender"               # a FILE
    [falconry]
    slots = ["singular", "plural"]
    columns = ["female", "male"]
    rows = [["falconress", "falconer"]]
    """
    from counterpoise.counterfactual.lint import lint

    findings = lint(file)
    shown = [item for item in findings if notes or file is not None or item.level != "note"]
    if as_json:
        print_json([asdict(item) for item in shown])
    else:
        for item in shown:
            click.echo(f"{item.level}: {item.axis}: {item.term or '(axis)'}: {item.message}")
        counts = {
            level: sum(item.level == level for item in findings) for level in ("error", "warning", "note")
        }
        click.echo(" · ".join(f"{number} {level}s" for level, number in counts.items()), err=True)
    return 1 if any(item.level == "error" for item in findings) else 0


@command.command("axes")
@json_option
def axes_command(as_json: bool) -> None:
    """List the axes with their groups and pairs."""
    from counterpoise.counterfactual.lexicon_file import load

    axes = load().axes.values()
    if as_json:
        print_json([{"axis": axis.name, "groups": axis.groups, "pairs": axis.pairs} for axis in axes])
        return
    for axis in axes:
        click.echo(f"{axis.name}: " + ", ".join(f"{a} ↔ {b}" for a, b in axis.pairs))
