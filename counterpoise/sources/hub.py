"""The model hub: the address of one file of a repository, or a whole repository at one commit."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import quote

from counterpoise.errors import SourceError, UnreachableError
from counterpoise.records import Progress, silent
from counterpoise.sources.cache import disk_errors_told, locked
from counterpoise.sources.failure import MirrorFailed
from counterpoise.sources.hub_client import download_snapshot
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


def repository_place(repository: str, revision: str, cache: Path, *, weights: bool = True) -> Path:
    """Where a repository is, or will be, in the cache."""
    part = "" if weights else "+tokenizer"
    return cache / "repositories" / f"{repository.replace('/', '--')}@{revision}{part}"


def fetch_repository(
    repository: str, revision: str, cache: Path, *, weights: bool = True, progress: Progress = silent
) -> Path:
    """A folder with the repository's configuration, tokenizer and weights at one commit.

    Weights are the safetensors files, or the PyTorch ones where there are no others. An interrupted
    download goes on from what is there; a folder under its final name is complete.

    Args:
        revision: the 40-digit commit. A branch may name other bytes tomorrow and is refused.
        weights: False for the configuration and tokenizer alone.
        progress: called with bytes done and bytes in all.

    Raises:
        SourceError: not a commit, no such repository, or no access; says where to put the files by hand.
        UnreachableError: no network, or the hub does not answer as it should; says the same.
    """
    if not COMMIT.fullmatch(revision):
        raise SourceError(
            f"{repository}@{revision} is not pinned",
            "give the 40-digit commit, as listed under “Files and versions” of the repository",
        )
    final = repository_place(repository, revision, cache, weights=weights)
    with disk_errors_told(cache), locked(cache, final.name):
        if not (final.is_dir() and any(final.iterdir())):
            _download(repository, revision, final, weights=weights, progress=progress)
    return final


def _download(repository: str, revision: str, final: Path, *, weights: bool, progress: Progress) -> None:
    partial = final.with_name(f"{final.name}.partial")
    try:
        download_snapshot(
            repository,
            revision,
            partial,
            endpoint=hub_endpoint(),
            choose=lambda names: wanted(names, weights=weights),
            progress=progress,
        )
    except MirrorFailed as failure:
        raise (UnreachableError if failure.transient else SourceError)(
            f"{repository}@{revision[:8]} could not be had from {hub_endpoint()}: {failure}",
            f"check the network and your access to it (HF_TOKEN), set HF_ENDPOINT to a mirror of the hub, "
            f"or put the repository's files into {final}",
        ) from None
    shutil.rmtree(partial / ".cache", ignore_errors=True)
    shutil.rmtree(final, ignore_errors=True)
    partial.rename(final)


def wanted(names: Sequence[str], *, weights: bool = True) -> tuple[str, ...]:
    """The files of a repository that loading needs: never both formats of the weights.

    >>> wanted(["config.json", "pytorch_model.bin", "flax_model.msgpack"])
    ('config.json', 'pytorch_model.bin')
    >>> wanted(["config.json", "model.safetensors", "pytorch_model.bin", "onnx/model.onnx"])
    ('config.json', 'model.safetensors')
    """
    top = [name for name in names if "/" not in name]
    best = SAFE_WEIGHTS if any(fnmatch(name, SAFE_WEIGHTS) for name in top) else OLD_WEIGHTS
    used = (best, f"{best}.index.json") if weights else ()
    indexes = tuple(f"{pattern}.index.json" for pattern in (SAFE_WEIGHTS, OLD_WEIGHTS))
    return tuple(
        safe_member(name)
        for name in top
        if _fits(name, used) or (_fits(name, SMALL_FILES) and not _fits(name, indexes))
    )


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)
