"""Which texts mention a group: the audit counts it, and training balances by it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from counterpoise.errors import DataError


def mentions(texts: Sequence[str], terms: Mapping[str, Sequence[str]]) -> dict[str, list[bool]]:
    """For each group, whether each text contains one of its terms as whole words, in any case.

    Args:
        terms: group → its surface forms, plural and inflected ones included.

    Raises:
        DataError: a group without terms.
    """
    patterns = {group: _pattern(group, forms) for group, forms in terms.items()}
    return {group: [bool(found.search(text)) for text in texts] for group, found in patterns.items()}


def _pattern(group: str, forms: Sequence[str]) -> re.Pattern[str]:
    if not forms:
        raise DataError(f"group {group!r} has no terms", "give at least one surface form")
    longest_first = sorted((re.escape(form) for form in forms), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(longest_first)})(?!\w)", re.IGNORECASE)
