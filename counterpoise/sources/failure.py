"""Why one attempt at one mirror failed, and whether trying again can help."""

from __future__ import annotations

import re


class MirrorFailed(Exception):  # noqa: N818 - never leaves this package
    """One attempt failed for good: a missing file, a wrong hash, an unsafe archive.

    Raised and caught inside this package; people see a :class:`counterpoise.errors.SourceError`.
    """

    transient = False


class FailedForNow(MirrorFailed):
    """One attempt failed in a way that may pass: a timeout, a lost connection, a server's 5xx."""

    transient = True


def without_secrets(text: str) -> str:
    """``text`` on one line, with credentials in addresses and bearer tokens blanked."""
    text = re.sub(r"(?<=://)[^/\s@]+@", "", text)
    text = re.sub(r"(?i)(bearer\s+|(?:token|key|signature|password|credential)=)[^\s&'\"]+", r"\1…", text)
    return " ".join(text.split())
