"""WinoBias (Zhao et al. 2018) as sentence pairs: does the model prefer pronouns that fit the stereotype?

The benchmark was made for coreference. Each line exists twice, with a pronoun that fits the occupation's
gender stereotype (pro) and one that does not (anti); a causal model is asked which of the two sentences is
more probable. Every occupation pair occurs with both genders, so a mere preference for "he" cancels in the
mean. The result is a :class:`~counterpoise.metrics.crows.BiasScore` over (pro, anti) pairs: 50 and a mean
margin of 0 are neutral. Type 1 needs world knowledge to resolve the pronoun, type 2 syntax alone suffices.
"""

from __future__ import annotations

import re
from pathlib import Path

from counterpoise.errors import DataError
from counterpoise.records import Pair

TYPES = ("type1", "type2")
SPLITS = ("dev", "test")
PRONOUNS = frozenset({"he", "she", "him", "her", "his", "hers", "himself", "herself"})
_NUMBER = re.compile(r"^\d+\s+")
_DETACHED = re.compile(r" (?='s\b|[.,;:!?])")


def load_winobias(folder: Path) -> list[Pair]:
    """The (pro, anti) pairs of all files ``{pro,anti}_stereotyped_type{1,2}.txt.{dev,test}`` in ``folder``.

    ``more`` is the pro-stereotypical sentence, ``category`` the type. Lines that differ in more than their
    pronouns (slips in the files, 19 of 1,584) are left out: their margin would measure other words. Pair ids
    number the lines, those left out included.

    Raises:
        DataError: a file is missing, empty or not line by line aligned with its twin.
    """
    pairs: list[Pair] = []
    lines = 0
    for kind in TYPES:
        for split in SPLITS:
            twins = [_lines(folder / f"{side}_stereotyped_{kind}.txt.{split}") for side in ("pro", "anti")]
            if len(twins[0]) != len(twins[1]):
                raise DataError(
                    f"{folder}: the {kind} {split} files have {len(twins[0])} and {len(twins[1])} lines",
                    "fetch both again: line n of one belongs to line n of the other",
                )
            pairs += [
                Pair(lines + index, kind, "stereo", pro, anti)
                for index, (pro, anti) in enumerate(zip(*twins, strict=True))
                if differ_in_pronouns_alone(pro, anti)
            ]
            lines += len(twins[0])
    return pairs


def differ_in_pronouns_alone(first: str, second: str) -> bool:
    """Whether the sentences are equal word by word but for pronouns, and not equal."""
    words = [re.findall(r"[\w']+|[^\w\s]", text) for text in (first, second)]
    if len(words[0]) != len(words[1]):
        return False
    changed = [(a, b) for a, b in zip(*words, strict=True) if a != b]
    return bool(changed) and all({a.lower(), b.lower()} <= PRONOUNS for a, b in changed)


def _lines(path: Path) -> list[str]:
    """The sentences without line numbers, coreference brackets and detached punctuation."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file", "give the folder of WinoBias' eight files") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})", "fetch it again") from None
    rows = [line.strip() for line in text.split("\n") if line.strip()]
    if not rows:
        raise DataError(f"{path}: empty", "fetch it again")
    return [_DETACHED.sub("", re.sub(r"[\[\]]", "", _NUMBER.sub("", row))) for row in rows]
