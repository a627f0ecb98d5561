"""Doctor's look at what a run uses: store, disk, data, mirrors, Prefect."""

from __future__ import annotations

import os
import shutil
import warnings
from pathlib import Path

from counterpoise.artifacts.store import Store
from counterpoise.errors import CounterpoiseError
from counterpoise.flows.cli import without_password
from counterpoise.flows.commands._doctor_findings import GIB, LOCAL_DISK_BYTES, Check
from counterpoise.sources.cache import cached, default_cache
from counterpoise.sources.reach import reach_mirrors
from counterpoise.sources.registry import get_source

NEEDED = ("crows-pairs", "smollm2-135m", "bold-wikipedia-profession")
"""What the default profile fetches."""
HEALTH_TIMEOUT_S = 5.0
OK_STATUS = 200


def store(url: str) -> Check:
    """Whether runs can be written to it; makes nothing."""
    try:
        opened = Store.open(url, create=False)
        runs = len(opened.runs())
    except CounterpoiseError as error:
        folder = None if "://" in url else _existing(Path(url))
        if folder is not None and not Path(url).exists() and os.access(folder, os.W_OK):
            return Check("store", "ok", f"{Path(url).absolute()} will be made by the first run")
        return Check("store", "fail", error.message, error.remedy)
    if "://" not in url and not os.access(url, os.W_OK):
        return Check(
            "store", "fail", f"{opened.url} cannot be written", "change its permissions, or use --store"
        )
    return Check("store", "ok", f"{opened.url}, {runs} runs")


def disk(store_url: str) -> Check:
    """Free space where the store and the cache are."""
    places = {"cache": default_cache()} | ({} if "://" in store_url else {"store": Path(store_url)})
    free = {name: shutil.disk_usage(_existing(path)).free for name, path in places.items()}
    detail = ", ".join(f"{name} {size / GIB:.0f} GiB free" for name, size in free.items())
    if min(free.values()) >= LOCAL_DISK_BYTES:
        return Check("disk", "ok", detail)
    return Check(
        "disk", "warn", detail, "local needs about 3 GiB; set COUNTERPOISE_CACHE or --store to a larger disk"
    )


def data() -> Check:
    """What of the default profile's data is in the cache already."""
    missing = [name for name in NEEDED if cached(get_source(name), default_cache()) is None]
    if not missing:
        return Check("data", "ok", f"all of local's data is in {default_cache()}")
    return Check("data", "warn", f"to be fetched by the first run: {', '.join(missing)}")


def mirrors(*, data_cached: bool) -> list[Check]:
    """Where data and models can be fetched from. One place for the data is enough; the hub is for OPT."""
    reached = reach_mirrors()
    some = data_cached or any(not one.failure for one in reached)
    return [
        Check(f"reach {one.place}", "ok", "reached")
        if not one.failure
        else Check(
            f"reach {one.place}",
            "warn" if some else "fail",
            one.failure,
            "" if some else "connect to a network, or name your own mirrors in a COUNTERPOISE_SOURCES file",
        )
        for one in reached
    ]


def prefect_api(*, offline: bool) -> Check:
    """The Prefect server that runs would report to."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a home that cannot be written, which has a row of its own
        from prefect.settings import PREFECT_API_URL

    url = PREFECT_API_URL.value()
    shown = without_password(url or "")
    if not url:
        return Check("prefect", "ok", "no server set: each run starts its own, embedded one")
    if offline:
        return Check("prefect", "ok", f"server {shown}, not tried")
    import httpx

    try:
        status = httpx.get(f"{url}/health", timeout=HEALTH_TIMEOUT_S).status_code
        problem = "" if status == OK_STATUS else f"HTTP {status}"
    except httpx.HTTPError as error:
        problem = str(error) or type(error).__name__
    if not problem:
        return Check("prefect", "ok", f"server {shown} answers")
    return Check(
        "prefect", "fail", f"server {shown}: {problem}", "start it, or unset PREFECT_API_URL to run embedded"
    )


def _existing(path: Path) -> Path:
    """The nearest folder on the way to ``path`` that exists."""
    path = path.expanduser().absolute()
    return next(folder for folder in (path, *path.parents) if folder.is_dir())
