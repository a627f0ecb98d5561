"""What an optional part needs is told in one way: what it is for, and the command that installs it here."""

from __future__ import annotations

import shlex
import sys
from importlib.util import find_spec

from counterpoise.errors import UsageError


def install_command(what: str) -> str:
    """The line that installs ``what`` into the environment of the interpreter that runs.

    >>> install_command("counterpoise[demo]").endswith("-m pip install 'counterpoise[demo]'")
    True
    """
    return f"{shlex.quote(sys.executable)} -m pip install {shlex.quote(what)}"


def extra_missing(extra: str, purpose: str, module: str) -> UsageError:
    """The error to raise where ``module`` of an extra is not installed."""
    return UsageError(
        f"{purpose} needs {module}, which is not installed", install_command(f"counterpoise[{extra}]")
    )


def require_extra(extra: str, purpose: str, module: str) -> None:
    """Checks that ``module`` is installed, without importing it.

    Raises:
        UsageError: it is not; the remedy is the command that installs the extra.
    """
    if find_spec(module) is None:
        raise extra_missing(extra, purpose, module)
