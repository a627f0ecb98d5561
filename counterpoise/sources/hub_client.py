"""The edge to `huggingface_hub`: its calls made quiet, its progress bars turned into our progress."""

from __future__ import annotations

import errno
import importlib
import io
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from counterpoise.records import Progress
from counterpoise.sources.download import PASSING_STATUSES
from counterpoise.sources.failure import FailedForNow, MirrorFailed, without_secrets

LONGEST_REASON = 300
DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM})


def download_snapshot(
    repository: str,
    revision: str,
    folder: Path,
    *,
    endpoint: str,
    choose: Callable[[Sequence[str]], Sequence[str]],
    progress: Progress,
) -> None:
    """Downloads the files that ``choose`` picks of a repository into ``folder``, going on from what is there.

    Raises:
        MirrorFailed: for every failure that the hub's client knows, without its advice to the programmer.
        FailedForNow: for those of them that may pass.
        OSError: the disk is full or read-only.
    """
    # Read on import by huggingface_hub: a pipeline reports nothing about its user.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import HfApi, snapshot_download  # noqa: PLC0415 - half a second

    try:
        with _quiet():
            names = HfApi(endpoint=endpoint).list_repo_files(repository, revision=revision)
            snapshot_download(
                repository,
                revision=revision,
                local_dir=folder,
                allow_patterns=list(choose(names)),
                endpoint=endpoint,
                tqdm_class=_reporting_bar(progress),
            )
    except _known_failures() as error:
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            raise
        raise _told(error) from None


def upload_folder(folder: Path, repository: str, *, endpoint: str, private: bool, message: str) -> str:
    """Makes the repository if there is none and commits the folder's files to it; the commit's address.

    Files that it has already are not sent again. The token is ``HF_TOKEN``, or that of ``hf auth login``.

    Raises:
        MirrorFailed: for every failure that the hub's client knows.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import HfApi  # noqa: PLC0415 - half a second

    try:
        with _quiet():
            api = HfApi(endpoint=endpoint)
            api.create_repo(repository, private=private, exist_ok=True)
            done = api.upload_folder(repo_id=repository, folder_path=folder, commit_message=message)
    except _known_failures() as error:
        raise _told(error) from None
    return str(done.commit_url)


def _told(error: Exception) -> MirrorFailed:
    reason = without_secrets(str(error)) or type(error).__name__
    return (FailedForNow if _may_pass(error) else MirrorFailed)(reason[:LONGEST_REASON])


def _may_pass(error: Exception) -> bool:
    """Whether a later try may do better: there was no answer, or one with a status that says so."""
    from huggingface_hub import errors  # noqa: PLC0415

    response = getattr(error, "response", None)
    if response is not None:
        return response.status_code in PASSING_STATUSES
    return not isinstance(error, errors.HFValidationError | errors.OfflineModeIsEnabled)


def _known_failures() -> tuple[type[Exception], ...]:
    from huggingface_hub import errors  # noqa: PLC0415

    clients = [_module_or_none(name) for name in ("httpx", "httpx2")]
    transport = [client.HTTPError for client in clients if client is not None]
    return (
        errors.HfHubHTTPError,
        errors.HFValidationError,
        errors.LocalEntryNotFoundError,
        OSError,
        *transport,
    )


def _module_or_none(name: str) -> Any:
    """huggingface_hub changed its HTTP client in version 2; either may be installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _reporting_bar(progress: Progress) -> type[Any]:
    base: Any = importlib.import_module("tqdm").tqdm

    class Bar(base):  # type: ignore[misc]
        """A bar that draws nothing; the one over all bytes written tells ``progress``."""

        monitor_interval = 0  # no thread to redraw what is not drawn

        def __init__(self, *arguments: Any, **options: Any) -> None:
            self.over_all_bytes = str(options.get("desc", "")).startswith("Reconstructing")
            super().__init__(*arguments, **options | {"file": io.StringIO(), "disable": False})

        def update(self, n: float | None = 1) -> Any:
            shown = super().update(n)
            if self.over_all_bytes:
                progress(int(self.n), int(self.total or 0))
            return shown

    return Bar


@contextmanager
def _quiet() -> Iterator[None]:
    """The hub's client warns at each of its own retries; ours is one line at the end."""
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
