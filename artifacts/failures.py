"""Errors of disks and networks: which are worth another try, and one clear line for the rest."""

from __future__ import annotations

import errno
import functools
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

from counterpoise.artifacts.damage import Damaged
from counterpoise.errors import CounterpoiseError, StoreError

Method = TypeVar("Method", bound=Callable[..., Any])

PAUSES_S = (0.1, 0.4, 1.6, 6.4)
"""Waits between tries of a transient failure, seconds: five tries, under nine seconds in all."""

_TRANSIENT = frozenset(
    {errno.EIO, errno.EAGAIN, errno.EINTR, errno.EBUSY, errno.ESTALE, errno.ETIMEDOUT, errno.ECONNRESET}
)
_FREE = "free some space (`counterpoise gc` removes old artifacts), then run again"
_ALLOW = "allow this user to write there, or choose another store"
_REMEDIES = {
    errno.ENOSPC: ("the disk is full", _FREE),
    errno.EDQUOT: ("the disk quota is used up", _FREE),
    errno.EFBIG: ("the file is larger than this system allows", "raise the file-size limit (`ulimit -f`)"),
    errno.EROFS: ("the file system is read-only", "mount it for writing, or choose another store"),
    errno.EACCES: ("permission denied", _ALLOW),
    errno.EPERM: ("operation not permitted", _ALLOW),
    errno.EMFILE: ("too many open files", "raise the limit (`ulimit -n`), then run again"),
    errno.ENOTDIR: ("a folder was expected, a file is there", "choose another store, or move that file"),
    errno.EIO: ("the device cannot be read or written", "check the disk; delete what is damaged, run again"),
}
_TEXTS = {
    "no space left on device": errno.ENOSPC,
    "os error 28": errno.ENOSPC,
    "disk quota exceeded": errno.EDQUOT,
    "file too large": errno.EFBIG,
    "os error 27": errno.EFBIG,
    "read-only file system": errno.EROFS,
}


class Retrying(Protocol):
    """A backend whose methods :func:`retried` wraps."""

    url: str
    pauses_s: tuple[float, ...]

    def is_transient(self, error: Exception) -> bool:
        """Whether the same call may succeed a moment later."""
        ...


def retried(method: Method) -> Method:
    """Tries a backend's ``method`` again on transient failures; what remains becomes a :class:`StoreError`.

    ``FileNotFoundError`` passes through: absence is an answer, not a failure.
    """

    @functools.wraps(method)
    def call(self: Retrying, *args: Any, **kwargs: Any) -> Any:
        for pause in (*self.pauses_s, None):
            try:
                return method(self, *args, **kwargs)
            except (FileNotFoundError, CounterpoiseError, Damaged):
                raise
            except Exception as error:
                if pause is None or not self.is_transient(error):
                    raise store_error(error, self.url, args) from error
                time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    return cast(Method, call)


def is_transient_os_error(error: Exception) -> bool:
    """Whether an error of a local file system may pass by itself."""
    return isinstance(error, OSError) and error.errno in _TRANSIENT


def disk_errno(error: BaseException) -> int | None:
    """The errno behind ``error``, also where a library kept only its text."""
    if isinstance(error, OSError) and error.errno in _REMEDIES:
        return error.errno
    text = str(error).lower()
    return next((number for phrase, number in _TEXTS.items() if phrase in text), None)


def store_error(error: Exception, url: str, args: tuple[object, ...] = ()) -> StoreError:
    """One line for ``error``: where in the store, what happened, what to do."""
    name = next((arg for arg in args if isinstance(arg, str)), "")
    where = f"store {url}" + (f", {name}" if name else "")
    number = disk_errno(error)
    if number is not None:
        what, remedy = _REMEDIES[number]
        return StoreError(f"{where}: {what}", remedy)
    text = " ".join(str(error).split()) or type(error).__name__
    return StoreError(f"{where}: {text}", "check that the store can be reached, then run again")
