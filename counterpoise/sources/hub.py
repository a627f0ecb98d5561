"""The model hub: one file of a repository as an address, or a whole repository through `huggingface_hub`."""

from __future__ import annotations

import importlib
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from types import ModuleType
from urllib.parse import quote

from counterpoise.errors import SourceError
from counterpoise.sources.cache import locked
from counterpoise.sources.failure import without_secrets
from counterpoise.sources.source import COMMIT, Hub, safe_member

DEFAULT_ENDPOINT = "https://huggingface.co"
SMALL_FILES = ("*.json", "*.txt", "*.model", "*.jinja", "LICENSE*")
SAFE_WEIGHTS = "*.safetensors"
OLD_WEIGHTS = "pytorch_model*.bin"
"""PyTorch pickles: loaded with ``weights_only`` alone, fetched only where there are no safetensors."""


def hub_endpoint() -> str:
    """``HF_ENDPOINT`` (a mirror of the hub), else the hub itself."""
    return (os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/")


def hub_url(place: Hub) -> str:
    """The address of one file at its commit."""
    return f"{hub_endpoint()}/{place.repository}/resolve/{place.revision}/{quote(place.file)}"


def hub_headers() -> dict[str, str]:
    """The user's own token, if there is one; it is dropped at a redirect to another host."""
    token = os.environ.get("HF_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


def repository_place(repository: str, revision: str, cache: Path) -> Path:
    """Where a repository is, or will be, in the cache."""
    return cache / "repositories" / f"{repository.replace('/', '--')}@{revision}"


def fetch_repository(repository: str, revision: str, cache: Path) -> Path:
    """A folder with the repository's configuration, tokenizer and weights at one commit.

    Weights are the safetensors files, or the PyTorch ones where there are no others. An interrupted
    download goes on from what is there; a folder under its final name is complete.

    Args:
        revision: the 40-digit commit. A branch may name other bytes tomorrow and is refused.

    Raises:
        SourceError: not a commit, no such repository, no access, or no network; says where to put the
            files by hand.
    """
    if not COMMIT.fullmatch(revision):
        raise SourceError(
            f"{repository}@{revision} is not pinned",
            "give the 40-digit commit, as listed under “Files and versions” of the repository",
        )
    final = repository_place(repository, revision, cache)
    with locked(cache, final.name):
        if not _has_files(final):
            _download(repository, revision, final)
    return final


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _download(repository: str, revision: str, final: Path) -> None:
    # Read on import by huggingface_hub; a pipeline reports nothing about its user.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    import httpx  # noqa: PLC0415
    from huggingface_hub import HfApi, snapshot_download  # noqa: PLC0415
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError  # noqa: PLC0415

    partial = final.with_name(f"{final.name}.partial")
    network = (httpx.HTTPError, _client_of_the_hub().HTTPError)
    known = (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError, *network)
    try:
        with _hub_is_quiet():
            names = HfApi(endpoint=hub_endpoint()).list_repo_files(repository, revision=revision)
            snapshot_download(
                repository,
                revision=revision,
                local_dir=partial,
                allow_patterns=list(wanted(names)),
                endpoint=hub_endpoint(),
            )
    except known as error:
        raise SourceError(
            f"{repository}@{revision[:8]} could not be had from {hub_endpoint()}: {_told(error)}",
            f"check the network and your access to it (HF_TOKEN), set HF_ENDPOINT to a mirror of the hub, "
            f"or put the repository's files into {final}",
        ) from None
    shutil.rmtree(partial / ".cache", ignore_errors=True)
    shutil.rmtree(final, ignore_errors=True)
    partial.rename(final)


@contextmanager
def _hub_is_quiet() -> Iterator[None]:
    """The hub's client warns at each of its own retries; ours is one line at the end."""
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _client_of_the_hub() -> ModuleType:
    """The HTTP client that huggingface_hub itself uses: since its version 2 not the one we use."""
    try:
        return importlib.import_module("httpx2")
    except ImportError:
        return importlib.import_module("httpx")


def wanted(names: Sequence[str]) -> tuple[str, ...]:
    """The files of a repository that loading needs: never both formats of the weights.

    >>> wanted(["config.json", "pytorch_model.bin", "flax_model.msgpack"])
    ('config.json', 'pytorch_model.bin')
    >>> wanted(["config.json", "model.safetensors", "pytorch_model.bin", "onnx/model.onnx"])
    ('config.json', 'model.safetensors')
    """
    top = [name for name in names if "/" not in name]
    weights = SAFE_WEIGHTS if any(fnmatch(name, SAFE_WEIGHTS) for name in top) else OLD_WEIGHTS
    indexes = {f"{pattern}.index.json" for pattern in (SAFE_WEIGHTS, OLD_WEIGHTS)}
    unused = {pattern for pattern in indexes if not pattern.startswith(weights)}
    return tuple(
        safe_member(name)
        for name in top
        if any(fnmatch(name, pattern) for pattern in (*SMALL_FILES, weights))
        and not any(fnmatch(name, pattern) for pattern in unused)
    )


def _told(error: Exception) -> str:
    text = without_secrets(str(error)) or type(error).__name__
    return text if len(text) <= 300 else f"{text[:300]}…"
