"""One file over HTTP: streamed to a partial file, resumed where the server allows it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from counterpoise.files import sync_file
from counterpoise.records import Progress
from counterpoise.sources.failure import FailedForNow, MirrorFailed, without_secrets

if TYPE_CHECKING:
    import httpx

CONNECT_TIMEOUT_S = 5.0
PASSING_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
RESUMED = 206
UNSATISFIABLE = 416
LONGEST = 64 << 30
"""Bytes that a file of unknown size may have: more than any model shard, less than a disk."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask for.

    Attributes:
        headers: sent along; may hold a token, and is never shown.
        size: expected bytes, or None if unknown.
    """

    url: str
    headers: Mapping[str, str]
    size: int | None


def download(request: Request, part: Path, *, progress: Progress, timeout_s: float) -> None:
    """Downloads the file to ``part``, going on from what is already there.

    Args:
        part: the partial file. After a transient failure it holds what came, for the next attempt.
        timeout_s: longest silence of the server, seconds.

    Raises:
        MirrorFailed: the server does not have the file, or sends another one.
        FailedForNow: the connection failed or ended early.
    """
    size = request.size
    start = part.stat().st_size if part.exists() else 0
    if size is not None and start > size:
        part.unlink()
        start = 0
    if start and start == size:
        return
    with _response(request, start, timeout_s) as response:
        if response.status_code == UNSATISFIABLE and start:
            part.unlink()
            raise FailedForNow("the server refused to resume")
        _check_status(response)
        start = start if _resumes_at(response, start) else 0
        announced = _announced(response, start)
        if size is not None and announced is not None and announced != size:
            raise MirrorFailed(f"the server announces {announced:,} bytes, expected {size:,}")
        _receive(response, part, start, size or announced, progress)
    _check_complete(part, size or announced)


@contextmanager
def _response(request: Request, start: int, timeout_s: float) -> Iterator[httpx.Response]:
    import httpx  # noqa: PLC0415 - a tenth of a second that most commands do not need

    # `identity`: a byte range of a compressed body would not fit what is already there.
    asked = {"Accept-Encoding": "identity", "User-Agent": "counterpoise", **request.headers}
    if start:
        asked["Range"] = f"bytes={start}-"
    timeout = httpx.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s))
    try:
        with httpx.stream(
            "GET", request.url, headers=asked, timeout=timeout, follow_redirects=True
        ) as response:
            yield response
    except httpx.TimeoutException:
        raise FailedForNow(f"no answer for {timeout_s:g} s") from None
    except (httpx.TransportError, httpx.DecodingError) as error:
        raise FailedForNow(
            f"connection failed: {without_secrets(str(error)) or type(error).__name__}"
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise MirrorFailed(without_secrets(str(error))) from None


def _check_status(response: httpx.Response) -> None:
    if response.is_success:
        return
    kind = FailedForNow if response.status_code in PASSING_STATUSES else MirrorFailed
    raise kind(f"HTTP {response.status_code} {response.reason_phrase}".strip())


def _resumes_at(response: httpx.Response, start: int) -> bool:
    ranged = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return response.status_code == RESUMED and ranged is not None and int(ranged[1]) == start


def _announced(response: httpx.Response, start: int) -> int | None:
    length = response.headers.get("Content-Length", "")
    encoded = response.headers.get("Content-Encoding", "identity") != "identity"
    return start + int(length) if length.isdigit() and not encoded else None


def _receive(response: httpx.Response, part: Path, start: int, total: int | None, progress: Progress) -> None:
    done = start
    with part.open("r+b" if start else "wb") as file:
        file.seek(start)
        # As the bytes come: a chunk that is still being filled is lost when the connection ends.
        for chunk in response.iter_bytes():
            done += len(chunk)
            if done > (total or LONGEST):
                raise MirrorFailed(f"the server sends more than {total or LONGEST:,} bytes")
            file.write(chunk)
            progress(done, total or 0)
    sync_file(part)


def _check_complete(part: Path, total: int | None) -> None:
    came = part.stat().st_size
    if total is not None and came < total:
        raise FailedForNow(f"the connection ended after {came:,} of {total:,} bytes")
