"""Licences that a person must accept before a source is used: named in a flag or a variable, never by default."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from counterpoise.errors import LicenceError, SourceError
from counterpoise.sources.source import Source

VARIABLE = "COUNTERPOISE_ACCEPT_LICENCES"
FLAG = "--accept-licence"


def accepted() -> frozenset[str]:
    """The words in ``COUNTERPOISE_ACCEPT_LICENCES``, which commas separate."""
    return frozenset(filter(None, (word.strip() for word in os.environ.get(VARIABLE, "").split(","))))


def accept(words: Iterable[str]) -> None:
    """Accepts further licences for this process and those that it starts."""
    os.environ[VARIABLE] = ",".join(sorted(accepted() | set(words)))


def require_accepted(source: Source, text_of: Callable[[str], Path]) -> None:
    """Does nothing where no licence need be accepted, or the person has accepted it.

    Args:
        text_of: fetches the source that is the licence's text, so that it can be read without a browser.

    Raises:
        LicenceError: it was not accepted; says which, where its text is and how to accept it.
    """
    if not source.accept or source.accept in accepted():
        return
    try:
        text = f", text in {text_of(source.terms)}" if source.terms else ""
    except SourceError:
        text = ""
    raise LicenceError(
        f"{source.name}: you have not accepted its licence, the {source.licence}{text}",
        f"read it; to accept it pass {FLAG} {source.accept}, or set {VARIABLE}={source.accept}",
    )
