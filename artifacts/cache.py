"""The folder for what can always be made again: downloads of a remote store, verified-file memos."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """``$COUNTERPOISE_CACHE``, else ``counterpoise`` in ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    explicit = os.environ.get("COUNTERPOISE_CACHE")
    if explicit:
        return Path(explicit)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "counterpoise"
