"""Wheels as mirrors: ``pip download`` with the user's own configuration, never installed, never imported."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from counterpoise.sources.cache import locked
from counterpoise.sources.failure import FailedForNow, MirrorFailed, without_secrets
from counterpoise.sources.source import Wheel

PASSING_SIGNS = (
    "Retrying (",
    "timed out",
    "Connection",
    "Temporary failure",
    "Max retries exceeded",
    "IncompleteRead",
)
WHEEL_TIMEOUT_S = 1800.0
"""Longest time for one wheel, seconds: 90 MB at half a megabit would still come through."""


def wheel_file(wheel: Wheel, cache: Path, timeout_s: float = WHEEL_TIMEOUT_S) -> Path:
    """The wheel itself, downloaded once into ``<cache>/wheels`` for all its members.

    Args:
        timeout_s: longest time for pip, seconds.

    Raises:
        MirrorFailed: the index does not have it.
        FailedForNow: the index could not be reached.
    """
    folder = _folder(wheel, cache)
    with locked(cache, folder.name):
        present = _only_wheel(folder)
        if present is not None:
            return present
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            _pip_download(wheel, Path(scratch), timeout_s)
            if _only_wheel(Path(scratch)) is None:
                raise MirrorFailed(f"pip gave no wheel for {wheel.name}=={wheel.version}")
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(scratch, folder, copy_function=os.replace)
    downloaded = _only_wheel(folder)
    if downloaded is None:
        raise FailedForNow(f"{folder} was removed while it was used")
    return downloaded


def has_wheel(wheel: Wheel, cache: Path) -> bool:
    """Whether the wheel was downloaded before."""
    return _only_wheel(_folder(wheel, cache)) is not None


def forget_wheel(wheel: Wheel, cache: Path) -> None:
    """Deletes a downloaded wheel whose content was not what it should be."""
    shutil.rmtree(_folder(wheel, cache), ignore_errors=True)


def _folder(wheel: Wheel, cache: Path) -> Path:
    return cache / "wheels" / f"{wheel.name}-{wheel.version}"


def _only_wheel(folder: Path) -> Path | None:
    wheels = sorted(folder.glob("*.whl")) if folder.is_dir() else []
    return wheels[0] if len(wheels) == 1 else None


def pip_command(*arguments: str) -> list[str]:
    """A pip command that asks nothing and builds nothing; the user's index configuration applies."""
    quiet = ("--no-input", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--quiet")
    return [sys.executable, "-m", "pip", *arguments, *quiet]


def _pip_download(wheel: Wheel, folder: Path, timeout_s: float) -> None:
    command = pip_command("download", f"{wheel.name}=={wheel.version}", "--dest", str(folder))
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments; name and version are checked by parse_uri
            command,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise FailedForNow(f"pip took longer than {timeout_s:g} s") from None
    except OSError as error:
        raise MirrorFailed(f"pip could not be started: {error}") from None
    if done.returncode:
        kind = FailedForNow if any(sign in done.stderr for sign in PASSING_SIGNS) else MirrorFailed
        raise kind(f"pip: {_reason(done.stderr)}")


def _reason(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")] or lines[-1:]
    return without_secrets(errors[-1].removeprefix("ERROR:")) if errors else "failed without a message"
