"""Opening a store: which place an address means, and whether what stands there is a store of ours."""

from __future__ import annotations

import contextlib
import hashlib
import logging
from pathlib import Path
from urllib.parse import unquote, urlsplit

from counterpoise.artifacts.backend import Backend
from counterpoise.artifacts.damage import Damaged
from counterpoise.artifacts.failures import store_error
from counterpoise.artifacts.folders import make_folder
from counterpoise.artifacts.hashing import HashMemo
from counterpoise.artifacts.layout import (
    FOLDERS,
    FORMAT,
    MANIFESTS,
    STORE_VERSION,
    format_marker,
    format_version,
)
from counterpoise.artifacts.local import LocalBackend
from counterpoise.artifacts.verify import read_manifest
from counterpoise.errors import StoreError
from counterpoise.sources.cache import default_cache

_LOG = logging.getLogger(__name__)
_ASKED = 64
"""Manifests that are asked for the store's version where the marker does not say it."""


def open_backend(
    url: str | Path, *, create: bool, cache: Path | None, may_be_absent: bool = False
) -> Backend:
    """The place at ``url``, after checking (or writing) its format marker. See :meth:`Store.open`."""
    must_exist = not (create or may_be_absent)
    cache = (cache or default_cache()) / "store"
    text = str(url)
    if "://" in text and not text.startswith("file://"):
        if urlsplit(text).password or "@" in urlsplit(text).netloc:
            raise StoreError(
                "the store's address holds credentials",
                "put them into the environment (AWS_ACCESS_KEY_ID, …)",
            )
        from counterpoise.artifacts.remote import RemoteBackend  # noqa: PLC0415 (local stores need no fsspec)

        remote = RemoteBackend(text, cache, _memo(cache, text))
        _check_format(remote, create, must_exist)
        return remote
    root = _local_root(text)
    local = LocalBackend(root, _memo(cache, str(root)))
    _check_folder(local, create, must_exist)
    _check_format(local, create, must_exist)
    return local


def _memo(cache: Path, store: str) -> HashMemo:
    return HashMemo(cache / "verified" / hashlib.sha256(store.encode()).hexdigest()[:16])


def _local_root(text: str) -> Path:
    path = Path(unquote(urlsplit(text).path)) if text.startswith("file://") else Path(text)
    return path.expanduser().absolute()


def _check_folder(backend: LocalBackend, create: bool, must_exist: bool) -> None:
    root = backend.root
    try:
        if not root.exists() and not must_exist:
            if create:
                make_folder(root)
            return
        if not root.is_dir():
            what = "is not a folder" if root.exists() else "does not exist"
            raise StoreError(f"store {root} {what}", "name another folder, or `counterpoise run` to make one")
        if not _is_ours(root):
            raise StoreError(
                f"the folder {root} holds other files and is not a store", "name an empty or new folder"
            )
    except OSError as error:
        raise store_error(error, str(root)) from error


def _is_ours(root: Path) -> bool:
    """Whether a folder is a store or can become one: nothing of anyone else's is ever taken for a damaged store."""
    if (root / MANIFESTS).is_dir() or {path.name for path in root.iterdir()} <= {FORMAT, *FOLDERS}:
        return True
    try:
        format_version((root / FORMAT).read_bytes())
    except (FileNotFoundError, Damaged):
        return False
    return True


def _check_format(backend: Backend, create: bool, must_exist: bool) -> None:
    try:
        version = format_version(backend.read(FORMAT))
    except FileNotFoundError:
        if must_exist and not backend.entries(MANIFESTS):
            raise StoreError(f"{backend.url} is not a store", "name the folder of an earlier run") from None
        version = _marked(backend) if create else STORE_VERSION
    except Damaged as damage:
        version = _put_right(backend, damage, create)
    if version != STORE_VERSION:
        age = "newer" if version > STORE_VERSION else "older"
        raise StoreError(
            f"store {backend.url} has version {version}, this program reads version {STORE_VERSION}",
            f"it was written by a {age} version of this program: use that one, or another store",
        )


def _marked(backend: Backend) -> int:
    """Writes the format marker; returns the version that it says."""
    backend.write(FORMAT, format_marker())
    return STORE_VERSION


def _put_right(backend: Backend, damage: Damaged, may_write: bool) -> int:
    """Says that the marker is damaged; who may write keeps it in quarantine and writes it anew.

    Raises:
        StoreError: a manifest is of a newer version, so the marker was too.
    """
    for entry in backend.entries(MANIFESTS)[:_ASKED]:
        with contextlib.suppress(FileNotFoundError, Damaged):
            read_manifest(backend, entry)
    if may_write:
        backend.quarantine(FORMAT, str(damage))
    done = "it is in quarantine/ and was written anew" if may_write else "the next run writes it anew"
    _LOG.warning("store %s: %s %s; %s", backend.url, FORMAT, damage, done)
    return _marked(backend) if may_write else STORE_VERSION
