"""Sentences to token ids, with the prefix token stated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from counterpoise.errors import DataError, ModelError


@dataclass(frozen=True, slots=True)
class Encoded:
    """One sentence as the model reads it.

    Attributes:
        ids: prefix token if any, then the sentence's own tokens; all but the first are scored.
    """

    ids: tuple[int, ...]

    @property
    def scored(self) -> int:
        """Tokens that get a log-probability."""
        return max(0, len(self.ids) - 1)

    @property
    def targets(self) -> tuple[int, ...]:
        """The scored tokens."""
        return self.ids[1:]


def prefix_ids(tokenizer: Any, prefix: str) -> tuple[int, ...]:
    """The ids before each sentence: one for a token, none for ``none``.

    Args:
        prefix: ``bos``, ``eos``, ``none``, or the literal text of one token of the vocabulary.

    Raises:
        ModelError: the tokenizer has no such token.
    """
    if prefix == "none":
        return ()
    special = {"bos": tokenizer.bos_token_id, "eos": tokenizer.eos_token_id}
    found = special[prefix] if prefix in special else tokenizer.get_vocab().get(prefix)
    if found is not None:
        return (int(found),)
    known = [name for name, value in special.items() if value is not None]
    what = f"{prefix.upper()} token" if prefix in special else f"token {prefix!r} in its vocabulary"
    raise ModelError(
        f"the tokenizer has no {what}",
        f"use prefix {', '.join([*known, 'none'])}, or the literal text of one of its tokens",
    )


def encode(tokenizer: Any, texts: Sequence[str], prefix: str) -> list[Encoded]:
    """Token ids of each text, in order. The tokenizer adds nothing of its own: the prefix is all there is.

    Raises:
        ModelError: as :func:`prefix_ids`.
    """
    before = prefix_ids(tokenizer, prefix)
    if not texts:
        return []
    rows = tokenizer(list(texts), add_special_tokens=False, return_attention_mask=False)["input_ids"]
    return [Encoded(before + tuple(row)) for row in rows]


def check_lengths(encoded: Sequence[Encoded], texts: Sequence[str], limit: int | None) -> None:
    """Raise :class:`DataError` for the first text that does not fit the model's ``limit`` positions."""
    for row, text in zip(encoded, texts, strict=True):
        if limit is not None and row.scored > limit:
            raise DataError(
                f"a text of {row.scored} tokens exceeds the model's {limit} positions: {text[:60]!r}…",
                "shorten or split it; nothing is truncated silently",
            )
