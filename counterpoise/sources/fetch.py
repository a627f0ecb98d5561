"""Fetches a source: its mirrors in order, verified, into the cache."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from counterpoise.errors import SourceError, UnreachableError
from counterpoise.files import sync_folder
from counterpoise.records import Progress, silent
from counterpoise.sources.cache import cached, disk_errors_told, locked, place_of, remove
from counterpoise.sources.failure import FailedForNow, MirrorFailed, without_secrets
from counterpoise.sources.hashing import path_sha256
from counterpoise.sources.hub import fetch_repository
from counterpoise.sources.licences import require_accepted
from counterpoise.sources.mirrors import bring, discard, has_leftovers
from counterpoise.sources.registry import get_source
from counterpoise.sources.source import Hub, Source, parse_uri

PASSES = 4
FIRST_DELAY_S = 1.0
SILENCE_S = 30.0
"""Longest silence of a server before an attempt counts as failed, seconds."""


@dataclass(frozen=True, slots=True)
class _Terms:
    cache: Path
    progress: Progress
    sleep: Callable[[float], None]
    timeout_s: float


def fetch(
    source: Source,
    cache: Path,
    *,
    progress: Progress = silent,
    sleep: Callable[[float], None] = time.sleep,
    timeout_s: float = SILENCE_S,
) -> Path:
    """``source`` as a file or folder in ``cache``, with its pinned hash.

    Every mirror is tried in order before any is tried again; those that failed in a way that may pass are
    then retried after 1, 2 and 4 s. Several processes may fetch the same source at once: one does the
    work, the others find it done.

    Args:
        progress: called with bytes done and bytes in all (0 if unknown).
        sleep: waits so many seconds; a test passes its own.
        timeout_s: longest silence of a server, seconds.

    Raises:
        LicenceError: a person must accept its licence first.
        SourceError: no mirror gave it. Lists each attempt with its reason, and where to put the file by hand.
        UnreachableError: the same, and at least one mirror may give it later.
    """
    require_accepted(source, lambda terms: fetch(get_source(terms), cache, sleep=sleep, timeout_s=timeout_s))
    if source.kind == "repository":
        return _repository(source, cache, progress)
    terms = _Terms(cache, progress, sleep, timeout_s)
    with disk_errors_told(cache):
        ready = cached(source, cache)
        if ready is not None:
            return ready
        with locked(cache, source.sha256):
            # Another process may have brought it while this one waited.
            ready = cached(source, cache)
            if ready is not None:
                return ready
            return _assembled(source, terms) if source.kind == "set" else _from_mirrors(source, terms)


def _repository(source: Source, cache: Path, progress: Progress) -> Path:
    place = parse_uri(source.uris[0])
    if not isinstance(place, Hub):
        raise SourceError(
            f"{source.name}: {source.uris[0]!r} is not a hub repository", "use hf://owner/name@commit"
        )
    return fetch_repository(
        place.repository, place.revision, cache, weights=source.weights, progress=progress
    )


def _assembled(source: Source, terms: _Terms) -> Path:
    scratch = _part(source, "set", terms.cache)
    remove(scratch)
    scratch.mkdir(parents=True)
    for number, name in enumerate(source.members):
        member = get_source(name)
        path = fetch(member, terms.cache, sleep=terms.sleep, timeout_s=terms.timeout_s)
        shutil.copyfile(path, scratch / member.filename)
        terms.progress(number + 1, len(source.members))
    return _placed(source, scratch, terms.cache)


def _from_mirrors(source: Source, terms: _Terms) -> Path:
    reasons: dict[str, str] = {}
    waiting = list(source.uris)
    for number in range(PASSES):
        for uri in list(waiting):
            try:
                return _attempt(source, uri, terms)
            except MirrorFailed as failure:
                reasons[uri] = str(failure)
                if not failure.transient:
                    waiting.remove(uri)
        if not waiting:
            break
        if number + 1 < PASSES:
            terms.sleep(FIRST_DELAY_S * 2**number)
    raise _exhausted(source, terms.cache, reasons, UnreachableError if waiting else SourceError)


def _attempt(source: Source, uri: str, terms: _Terms) -> Path:
    place = parse_uri(uri)
    part = _part(source, uri, terms.cache)
    part.parent.mkdir(parents=True, exist_ok=True)
    resumed = has_leftovers(place, part, terms.cache)
    try:
        bring(source, place, part, terms.cache, terms.progress, timeout_s=terms.timeout_s)
        digest = path_sha256(part)
        if digest.startswith(source.sha256):
            return _placed(source, part, terms.cache)
        raise MirrorFailed(f"sha256 {digest[:12]}… where {source.sha256[:12]}… is pinned; refused")
    except FailedForNow:
        raise
    except MirrorFailed as failure:
        discard(place, part, terms.cache)
        # The fault may be in what an earlier attempt left: the same mirror is asked once more from the start.
        if resumed:
            raise FailedForNow(str(failure)) from None
        raise


def _part(source: Source, uri: str, cache: Path) -> Path:
    """One partial file a mirror, so that a bad mirror cannot spoil what a good one sent."""
    mirror = hashlib.sha256(uri.encode()).hexdigest()[:12]
    return cache / "partial" / f"{source.sha256[:16]}-{mirror}.part"


def _placed(source: Source, part: Path, cache: Path) -> Path:
    final = place_of(source, cache)
    final.parent.mkdir(parents=True, exist_ok=True)
    if final.is_dir() or part.is_dir():
        remove(final)
    part.replace(final)
    sync_folder(final.parent)
    return final


def _exhausted(source: Source, cache: Path, reasons: dict[str, str], kind: type[SourceError]) -> SourceError:
    attempts = "; ".join(
        f"[{number}] {without_secrets(uri)}: {reasons[uri]}" for number, uri in enumerate(source.uris, 1)
    )
    return kind(
        f"{source.name} could not be had from any of its {len(source.uris)} mirrors: {attempts}",
        f"check the network, or bring the {source.kind} from elsewhere to {place_of(source, cache)} "
        f"(it is verified), or name a mirror of your own in a COUNTERPOISE_SOURCES file",
    )
