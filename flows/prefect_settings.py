"""Prefect as a quiet library inside the command line: no telemetry, no log stack, an embedded server if none is set.

Everything here is a default: what the user has set in the environment or a Prefect profile wins.
"""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import MutableMapping
from pathlib import Path

from counterpoise.errors import UsageError
from counterpoise.threads import share_one_arena

QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_SERVER_LEVEL": "CRITICAL",
    "PREFECT_INTERNAL_LOGGING_LEVEL": "CRITICAL",  # an event that a busy server did not take, at full length
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "600",
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_SHOW_CONSOLE_ERRORS": "false",
}
"""Settings for runs started by the command line; a worker's runs keep Prefect's own logging."""

LIBRARIES = {
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "BITSANDBYTES_NOWELCOME": "1",
    "TQDM_DISABLE": "1",
}
"""Settings of the model libraries: no telemetry, no advisories and no second progress bar on the terminal."""

PROXIES = ("http_proxy", "https_proxy", "all_proxy")
SCHEMES = ("http", "https", "socks5", "socks5h")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
HOME = "PREFECT_HOME"


def quiet_defaults() -> None:
    """Sets the defaults of both; must run before Prefect is imported.

    Raises:
        UsageError: Prefect's folder cannot be written, and was named by the user or has no substitute; or a proxy is of
            a kind that cannot be used.
    """
    for name, value in (QUIET | LIBRARIES).items():
        os.environ.setdefault(name, value)
    share_one_arena()
    settle_proxies(os.environ)
    exempt_loopback(os.environ)
    if said := ensure_home(os.environ):
        print(f"counterpoise: {said}", file=sys.stderr)


def quiet_libraries() -> None:
    """Sets the model libraries' defaults, also in a worker's run; must run before they are imported."""
    for name, value in LIBRARIES.items():
        os.environ.setdefault(name, value)
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it warns when it is imported
    for library in ("transformers", "peft", "trl", "bitsandbytes", "torch"):
        warnings.filterwarnings("ignore", module=rf"{library}(\.|$)")


def settle_proxies(environment: MutableMapping[str, str]) -> None:
    """Gives ``socks://``, which desktops write, the version that HTTP clients ask for.

    Raises:
        UsageError: a proxy is of a kind that they do not know; they would refuse even what needs no proxy.
    """
    for name, value in list(environment.items()):
        scheme, separator, rest = value.partition("://")
        if name.lower() not in PROXIES or not separator:
            continue
        if scheme.lower() == "socks":
            environment[name] = f"socks5://{rest}"
        elif scheme.lower() not in SCHEMES:
            raise UsageError(
                f"{name} names a {scheme}:// proxy", f"name one of {', '.join(SCHEMES)}, or: unset {name}"
            )


def exempt_loopback(environment: MutableMapping[str, str]) -> None:
    """Keeps a proxy from being asked for servers on this machine: no proxy reaches those.

    >>> environment = {"HTTP_PROXY": "http://proxy:3128", "no_proxy": ".intern"}
    >>> exempt_loopback(environment)
    >>> environment["no_proxy"]
    '.intern,127.0.0.1,localhost,::1'
    """
    if not any(name.lower().endswith("_proxy") for name in environment):
        return
    named = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    exempt = [name for name in named.split(",") if name.strip()]
    if "*" not in (name.strip() for name in exempt):
        exempt += [name for name in LOOPBACK if name not in exempt]
    environment["no_proxy"] = environment["NO_PROXY"] = ",".join(exempt)


def ensure_home(environment: MutableMapping[str, str]) -> str:
    """Sees to a folder that Prefect can write; what to tell the user, if it is another than they expect.

    Raises:
        UsageError: there is none.
    """
    given = environment.get(HOME)
    wanted = Path(os.path.expanduser(given or "~/.prefect"))  # noqa: PTH111 (Path's fails without a home)
    if is_writable(wanted):
        return ""
    if given:
        raise UsageError(f"{HOME}={given}: the folder cannot be written", f"set {HOME} to one that can")
    try:
        folder = tempfile.mkdtemp(prefix="counterpoise-prefect-")
    except OSError:
        raise UsageError(
            f"neither {wanted} nor a temporary folder can be written", f"set {HOME} to a folder that can"
        ) from None
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    environment[HOME] = folder
    return f"{wanted} cannot be written: Prefect's own records of this run go when it ends ({HOME} names another)"


def is_writable(folder: Path) -> bool:
    """Whether files can be made in ``folder``, which may still have to be made itself.

    A ``~`` that is left stands for a home that this user does not have.
    """
    if folder.parts[:1] == ("~",):
        return False
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)
