"""`counterpoise swap`: one sentence, or lines on stdin."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.errors import DataError, UsageError
from counterpoise.flows.commands._options import engine_options, json_option

if TYPE_CHECKING:
    from counterpoise.counterfactual.records import Direction, Swap


@click.command()
@click.argument("text", required=False)
@engine_options
@click.option("--from", "source", metavar="GROUP", help="Group to swap, on axes with more than two.")
@click.option("--to", "target", metavar="GROUP", help="Group it changes places with.")
@json_option
def command(
    text: str | None,
    axes: tuple[str, ...],
    source: str | None,
    target: str | None,
    lexicon: Path | None,
    syntax: str,
    names: bool,
    real_people: str,
    as_json: bool,
) -> None:
    """Swap identity terms in TEXT, or in every line of stdin (plain text, or JSON with a "text").

    A line without terms, in another language or not in UTF-8 comes out as it went in; with --json the reason is
    among its refusals.
    """
    from counterpoise.counterfactual.config import CounterfactualConfig
    from counterpoise.counterfactual.engine import Engine

    direction = _direction(source, target)
    values: dict[str, Any] = {
        "axes": tuple(dict.fromkeys(axes)),
        "lexicon": lexicon,
        "syntax": syntax,
        "names": names,
        "real_people": real_people,
    }
    engine = Engine.from_config(CounterfactualConfig(**values))
    engine.swap("", axes, direction)
    lines = [(text, "\n")] if text is not None else _lines()
    for line, ending in lines:
        _write(engine.swap(line, axes, direction), ending, as_json)


def _direction(source: str | None, target: str | None) -> Direction | None:
    if (source is None) != (target is None):
        raise UsageError("--from and --to belong together", "give both groups, or neither")
    return (source, target) if source is not None and target is not None else None


def _lines() -> Iterator[tuple[str, str]]:
    """Each line of stdin, and the line ending it came with."""
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("no text", 'give a sentence ("She left.") or lines on stdin')
    for number, raw in enumerate(sys.stdin.buffer, start=1):
        line = raw.decode("utf-8", "surrogateescape")
        if number == 1:
            line = line.removeprefix("\ufeff")
        body = line.rstrip("\r\n")
        yield _text_of(body, number), line[len(body) :]


def _text_of(line: str, number: int) -> str:
    if not line.startswith("{"):
        return line
    try:
        row = json.loads(line)
    except ValueError:
        return line
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise DataError(f'stdin, line {number}: a JSON object without a "text" string', 'write {"text": "…"}')
    text: str = row["text"]
    return text


def _write(swap: Swap, ending: str, as_json: bool) -> None:
    from counterpoise.counterfactual import serial

    data = (
        serial.json_line(serial.as_json(swap))
        if as_json
        else (swap.swapped + ending).encode("utf-8", "surrogateescape")
    )
    sys.stdout.buffer.write(data)
