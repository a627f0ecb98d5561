"""Doctor's look at what surrounds a command: the folders it writes beside the store, a proxy, its output."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from counterpoise.errors import SourceError
from counterpoise.flows.commands._doctor_findings import Check, State
from counterpoise.flows.prefect_settings import HOME, LOOPBACK, is_writable
from counterpoise.sources.cache import VARIABLE, default_cache


def folders() -> Check:
    """Whether Prefect's folder and the cache can be written: HOME may be read-only, or no folder at all."""
    prefect = Path(os.path.expanduser(os.environ.get(HOME) or "~/.prefect"))  # noqa: PTH111 (Path's fails without a home)
    wanted = {VARIABLE: _cache(), HOME: prefect}
    wrong = {name: path for name, path in wanted.items() if not is_writable(path)}
    if not wrong:
        return Check("folders", "ok", f"{wanted[VARIABLE]} and {prefect} can be written")
    named = ", ".join(str(path) for path in wrong.values())
    state: State = "fail" if VARIABLE in wrong or HOME in os.environ else "warn"
    remedy = f"set {' and '.join(wrong)} to folders that can"
    return Check("folders", state, f"{named} cannot be written", remedy)


def _cache() -> Path:
    try:
        return default_cache()
    except SourceError:
        return Path("~")


def proxy() -> Check:
    """Whether a proxy is set that would be asked for this machine's own servers."""
    names = sorted(name for name, value in os.environ.items() if name.lower().endswith("_proxy") and value)
    asked = [name for name in names if name.lower() != "no_proxy"]
    if not asked:
        return Check("proxy", "ok", "none set")
    exempt = {
        part.strip() for name in ("no_proxy", "NO_PROXY") for part in os.environ.get(name, "").split(",")
    }
    if exempt & {"*", LOOPBACK[0]}:
        return Check("proxy", "ok", f"{', '.join(asked)}; not for this machine's own servers")
    return Check(
        "proxy",
        "warn",
        f"{', '.join(asked)} would be asked for servers on this machine too; `counterpoise` sees to its own",
        f"for workers and your own programs: export NO_PROXY={','.join(LOOPBACK[:2])}",
    )


def output() -> Check:
    """Whether what is printed arrives as it is."""
    encoding = getattr(sys.stdout, "encoding", None) or "none"
    if encoding.lower().replace("-", "") == "utf8":
        return Check("output", "ok", "UTF-8")
    return Check(
        "output", "warn", f"encoding {encoding}: what it lacks is shown as ?", "export PYTHONIOENCODING=utf-8"
    )
