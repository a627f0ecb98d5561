"""Whether a swap changes the identity that its pair is about."""

from __future__ import annotations

from difflib import SequenceMatcher


def touches(more: str, less: str, swapped: str) -> bool:
    """Whether ``swapped`` changes a word of ``more`` in which ``less`` differs from it too.

    A swap elsewhere in the sentence makes no counterfactual of the pair's bias.

    >>> touches("The black man ran.", "The white man ran.", "The Asian man ran.")
    True
    >>> touches("The black man ran.", "The white man ran.", "The black woman ran.")
    False
    """
    words = more.split()
    return bool(_changed(words, less.split()) & _changed(words, swapped.split()))


def _changed(words: list[str], others: list[str]) -> set[int]:
    """Places of ``words`` that ``others`` has not; what it has in between belongs to the word that follows."""
    codes = SequenceMatcher(None, words, others, autojunk=False).get_opcodes()
    return {
        place
        for tag, start, end, _, _ in codes
        if tag != "equal"
        for place in range(start, max(end, start + 1))
    }
