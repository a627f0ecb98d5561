"""Sentences to token ids, with the prefix token stated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from counterpoise.errors import DataError, ModelError


@dataclass(frozen=True, slots=True)
class Encoded:
    """One sentence, or a context and its continuation, as the model reads it.

    Attributes:
        ids: prefix token if any, context if any, then the text's own tokens.
        first: index in ``ids`` of the first scored token; at least 1, as nothing stands before the first id.
    """

    ids: tuple[int, ...]
    first: int = 1

    @property
    def targets(self) -> tuple[int, ...]:
        """The scored tokens."""
        return self.ids[self.first :]


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


def own_prefix(tokenizer: Any) -> str:
    """``bos`` where the tokenizer itself begins every text with that token, as Gemma's does; else ``none``."""
    begun = tokenizer("a")["input_ids"][:1]
    return "bos" if tokenizer.bos_token_id is not None and begun == [tokenizer.bos_token_id] else "none"


def encode(tokenizer: Any, texts: Sequence[str], prefix: str) -> list[Encoded]:
    """Token ids of each text, in order. The tokenizer adds nothing of its own: the prefix is all there is.

    Raises:
        ModelError: as :func:`prefix_ids`.
    """
    before = prefix_ids(tokenizer, prefix)
    return [Encoded(before + row) for row in _token_ids(tokenizer, texts)]


def encode_continuations(
    tokenizer: Any, continuations: Sequence[tuple[str, str]], prefix: str
) -> list[Encoded]:
    """Token ids of each (context, continuation); the continuation's tokens are the scored ones.

    Context and continuation are tokenized as one text, as they would be read, and cut where the ids part from the
    context's own: a token that reaches over the boundary belongs to the continuation. Begin a continuation with
    a space where the text would have one.

    Raises:
        ModelError: as :func:`prefix_ids`.
    """
    before = prefix_ids(tokenizer, prefix)
    contexts = _token_ids(tokenizer, [context for context, _ in continuations])
    wholes = _token_ids(tokenizer, [context + rest for context, rest in continuations])
    return [
        Encoded(before + whole, max(1, len(before) + common_lead(context, whole)))
        for context, whole in zip(contexts, wholes, strict=True)
    ]


def common_lead(first: Sequence[int], second: Sequence[int]) -> int:
    """How many ids both begin with alike."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((at for at, (one, other) in pairs if one != other), min(len(first), len(second)))


def check_lengths(encoded: Sequence[Encoded], limit: int | None, tokenizer: Any) -> None:
    """Raise :class:`DataError` for the first text whose inputs exceed the model's ``limit`` positions."""
    for row in encoded:
        if limit is not None and len(row.ids) - 1 > limit:
            raise DataError(
                f"{tokenizer.decode(row.targets)[:40]!r}… has {len(row.ids)} tokens and the model {limit} positions",
                "shorten or split it; nothing is truncated silently",
            )


def check_ids(encoded: Sequence[Encoded], rows: int) -> None:
    """Raise :class:`ModelError` for the first text with a token that has none of the model's ``rows`` embeddings."""
    for index, row in enumerate(encoded):
        beyond = [token for token in row.ids if token >= rows]
        if beyond:
            raise ModelError(
                f"text {index} has token {beyond[0]} and the model {rows:,} embeddings",
                "give the tokenizer the model came with",
            )


def _token_ids(tokenizer: Any, texts: Sequence[str]) -> list[tuple[int, ...]]:
    if not texts:
        return []
    rows = tokenizer(list(texts), add_special_tokens=False, return_attention_mask=False)["input_ids"]
    return [tuple(row) for row in rows]
