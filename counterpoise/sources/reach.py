"""Whether the places that sources come from can be reached from here."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from counterpoise.sources.failure import MirrorFailed, without_secrets
from counterpoise.sources.hub import hub_endpoint, hub_headers, hub_url
from counterpoise.sources.registry import get_source
from counterpoise.sources.source import Hub, Place, Url, Wheel, parse_uri
from counterpoise.sources.wheels import wheel_file

PROBED = "crows-pairs"
"""The source whose mirrors are tried: every profile but smoke needs it, and it is small."""
MISSING_STATUS = 400


@dataclass(frozen=True, slots=True)
class Reach:
    """One kind of mirror.

    Attributes:
        place: what a person calls it.
        failure: why it can't be reached; empty if it can.
    """

    place: str
    failure: str


def reach_mirrors(timeout_s: float = 10.0) -> list[Reach]:
    """Tries GitHub, the model hub and the package index, at the same time.

    Args:
        timeout_s: longest time for each, seconds.
    """
    places = [parse_uri(uri) for uri in get_source(PROBED).uris]
    places.append(parse_uri(get_source("opt-1.3b").uris[0]))
    with ThreadPoolExecutor(len(places)) as pool:
        return list(pool.map(lambda place: Reach(_called(place), _failure(place, timeout_s)), places))


def _called(place: Place) -> str:
    if isinstance(place, Wheel):
        return "package index (pip)"
    return f"model hub ({hub_endpoint()})" if isinstance(place, Hub) else urlsplit(_address(place)).netloc


def _address(place: Place) -> str:
    if isinstance(place, Hub):
        return hub_url(Hub(place.repository, place.revision, place.file or "config.json"))
    return place.url if isinstance(place, Url) else ""


def _failure(place: Place, timeout_s: float) -> str:
    try:
        if isinstance(place, Wheel):
            with tempfile.TemporaryDirectory() as scratch:
                wheel_file(place, Path(scratch), timeout_s)
            return ""
        return _http_failure(_address(place), hub_headers() if isinstance(place, Hub) else {}, timeout_s)
    except MirrorFailed as failure:
        return str(failure)


def _http_failure(url: str, headers: dict[str, str], timeout_s: float) -> str:
    import httpx  # noqa: PLC0415 - a tenth of a second that most commands do not need

    try:
        answer = httpx.head(url, headers=headers, timeout=timeout_s, follow_redirects=True)
    except httpx.HTTPError as error:
        return without_secrets(str(error)) or type(error).__name__
    return f"HTTP {answer.status_code}" if answer.status_code >= MISSING_STATUS else ""
