"""Options and output that several commands share."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from counterpoise.errors import UsageError
from counterpoise.flows.terminal import is_utf8
from counterpoise.sources.licences import accept

Function = TypeVar("Function", bound=Callable[..., Any])

DEFAULT_STORE = "store"


def store_option(function: Function) -> Function:
    """``--store URL``: where artifacts are kept."""
    return click.option(
        "--store",
        "store_url",
        envvar="COUNTERPOISE_STORE",
        default=DEFAULT_STORE,
        show_default=True,
        help="Artifact store: a folder or an s3:// URL (or COUNTERPOISE_STORE).",
    )(function)


def profile_options(function: Function) -> Function:
    """``--profile`` and ``--set``."""
    function = click.option(
        "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override one setting; repeatable."
    )(function)
    return click.option(
        "--profile", default="local", show_default=True, help="A profile's name, or a TOML file."
    )(function)


def licence_option(function: Function) -> Function:
    """``--accept-licence``: for this process and those it starts."""
    return click.option(
        "--accept-licence",
        multiple=True,
        metavar="NAME",
        expose_value=False,
        callback=lambda _context, _option, words: accept(words),
        help="Accept the licence of that name (or COUNTERPOISE_ACCEPT_LICENCES); a model that needs it says so.",
    )(function)


def engine_options(function: Function) -> Function:
    """What the engine is told: ``--axis``, ``--lexicon``, ``--syntax``, ``--names``, ``--real-people``."""
    options = (
        click.option(
            "--axis",
            "axes",
            multiple=True,
            default=("gender",),
            show_default=True,
            help="Identity axis; repeatable.",
        ),
        click.option(
            "--lexicon",
            type=click.Path(dir_okay=False, path_type=Path),
            help="A TOML file of your own terms.",
        ),
        click.option(
            "--syntax",
            type=click.Choice(["rules", "spacy"]),
            default="rules",
            show_default=True,
            help="How her and his are told apart.",
        ),
        click.option("--names/--no-names", default=True, show_default=True, help="Swap first names."),
        click.option(
            "--real-people",
            type=click.Choice(["keep", "known", "swap"]),
            default="keep",
            show_default=True,
            help="keep: a text with a full name is left alone; known: only with a listed one; swap: none.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def json_option(function: Function) -> Function:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")(function)


def require_folder(file: Path) -> None:
    """Checks, before any work, that the folder of an output is there.

    Raises:
        UsageError: it is not.
    """
    if not file.absolute().parent.is_dir():
        raise UsageError(
            f"the folder {file.parent} does not exist", f"mkdir -p {shlex.quote(str(file.parent))}"
        )


def print_json(value: Any) -> None:
    """One JSON document on stdout, in ASCII where that is all it can show."""
    click.echo(json.dumps(value, ensure_ascii=not is_utf8(sys.stdout), default=str))
