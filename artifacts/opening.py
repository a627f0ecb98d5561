"""Opening a store: which place an address means, and whether what stands there is a store of ours."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from urllib.parse import unquote, urlsplit

from counterpoise.artifacts.backend import Backend
from counterpoise.artifacts.failures import store_error
from counterpoise.artifacts.folders import make_folder
from counterpoise.artifacts.hashing import HashMemo
from counterpoise.artifacts.layout import FOLDERS, FORMAT, MANIFESTS, STORE_VERSION
from counterpoise.artifacts.local import LocalBackend
from counterpoise.errors import StoreError
from counterpoise.sources.cache import default_cache

_NAME = "counterpoise-store"


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
        if any(root.iterdir()) and not any((root / name).exists() for name in (FORMAT, *FOLDERS)):
            raise StoreError(
                f"the folder {root} holds other files and is not a store", "name an empty or new folder"
            )
    except OSError as error:
        raise store_error(error, str(root)) from error


def _check_format(backend: Backend, create: bool, must_exist: bool) -> None:
    try:
        version = _version(backend.read(FORMAT))
    except FileNotFoundError:
        if must_exist and not backend.entries(MANIFESTS):
            raise StoreError(f"{backend.url} is not a store", "name the folder of an earlier run") from None
        version = None
    if version is None and create:
        marker = {"format": _NAME, "version": STORE_VERSION}
        backend.write(FORMAT, (json.dumps(marker) + "\n").encode())
    if version not in {None, STORE_VERSION}:
        age = "newer" if (version or 0) > STORE_VERSION else "older"
        raise StoreError(
            f"store {backend.url} has version {version}, this program reads version {STORE_VERSION}",
            f"it was written by a {age} version of this program: use that one, or another store",
        )


def _version(data: bytes) -> int | None:
    """The version in a format marker; None when it is damaged (the manifests carry it too)."""
    try:
        marker = json.loads(data)
    except ValueError:
        return None
    version = marker.get("version") if isinstance(marker, dict) else None
    return version if isinstance(version, int) else None
