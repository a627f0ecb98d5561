"""Log-probability of whole sentences under a causal language model.

For a sentence of tokens y₁ … yₙ after the prefix token y₀: log p(y) = Σᵢ log p(yᵢ | y₀ … yᵢ₋₁), natural log.
Without a prefix y₁ has nothing to be conditioned on and is left out. From the logits on everything is fp32.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from counterpoise.errors import DataError, ModelError
from counterpoise.likelihood.budget import TOKEN_BUDGET
from counterpoise.likelihood.encoding import Encoded, check_ids, check_lengths, encode, encode_continuations
from counterpoise.likelihood.fast_path import SHORTEST, fast_path, positions
from counterpoise.likelihood.forward import batch_log_probs, causal_of, embeddings, planned
from counterpoise.likelihood.trees import Ids
from counterpoise.models.abreast import abreast
from counterpoise.models.loading import LoadedModel
from counterpoise.records import Progress, silent


@dataclass(frozen=True, slots=True)
class SentenceScore:
    """One sentence's log-probability.

    Attributes:
        sum_log_prob: Σ log p over the scored tokens, nats.
        tokens: how many tokens are scored.
        token_ids: the scored tokens; with prefix ``none`` the sentence's first token is not among them.
        token_log_probs: log p of each of them, nats.
    """

    sum_log_prob: float
    tokens: int
    token_ids: tuple[int, ...]
    token_log_probs: tuple[float, ...]


def score_sentences(
    loaded: LoadedModel,
    texts: Sequence[str],
    *,
    prefix: str = "bos",
    token_budget: int = TOKEN_BUDGET,
    progress: Progress = silent,
) -> list[SentenceScore]:
    """Log-probability of each text, in input order.

    Equal texts are scored once, common beginnings are computed once, and rows of similar length share a
    batch. The batches depend on the set of texts alone, not on their order.

    Args:
        loaded: the model, its adapter switched as wanted.
        prefix: ``bos``, ``eos``, ``none`` or the literal text of one token; see :func:`encode`.
        token_budget: tokens of one forward pass, padding included; a pass that does not fit the memory is halved.
        progress: told of distinct texts done and in all.

    Raises:
        ModelError: the tokenizer lacks the prefix token.
        DataError: a text has more tokens than the model has positions.
    """
    encoded = encode(loaded.tokenizer, texts, prefix)
    return _score_encoded(loaded, encoded, token_budget, progress)


def score_continuations(
    loaded: LoadedModel,
    continuations: Sequence[tuple[str, str]],
    *,
    prefix: str = "bos",
    token_budget: int = TOKEN_BUDGET,
    progress: Progress = silent,
) -> list[SentenceScore]:
    """log p(continuation | context) of each (context, continuation), in input order.

    A context that several continuations share is computed once. Arguments and errors as
    :func:`score_sentences`.

    Raises:
        DataError: nothing of a continuation is scored: beside others it would count as certain.
    """
    encoded = encode_continuations(loaded.tokenizer, continuations, prefix)
    for row, (context, rest) in zip(encoded, continuations, strict=True):
        if not row.targets:
            raise DataError(
                f"no token of {rest[:40]!r} is scored (after {context[-40:]!r})",
                "leave its example out; with prefix none use a prefix token",
            )
    return _score_encoded(loaded, encoded, token_budget, progress)


def _score_encoded(
    loaded: LoadedModel, encoded: Sequence[Encoded], token_budget: int, progress: Progress
) -> list[SentenceScore]:
    model = loaded.model
    check_lengths(encoded, positions(model), loaded.tokenizer)
    check_ids(encoded, embeddings(model))
    wanted = {row.ids for row in encoded if len(row.ids) > 1}
    found: dict[Ids, list[float]] = {}
    if wanted:
        way = fast_path(model, max(map(len, wanted)) - 1).way
        with closing(
            abreast(
                model,
                lambda group: list(batch_log_probs(model, way, group)),
                planned(way, wanted, token_budget),
            )
        ) as scored:
            for rows in scored:
                found.update(_finite(model, rows))
                progress(len(found), len(wanted))
    return [_sentence(row, found.get(row.ids, [])) for row in encoded]


def _finite(model: Any, scored: Iterable[tuple[Ids, list[float]]]) -> Iterator[tuple[Ids, list[float]]]:
    """``scored`` as it is.

    Raises:
        ModelError: a log-probability is not finite.
    """
    for ids, values in scored:
        if not all(map(math.isfinite, values)):
            raise ModelError(
                f"{type(causal_of(model)).__name__} gives a log-probability that is not finite",
                "check its weights, or score at a higher precision",
            )
        yield ids, values


def shares_prefixes(model: Any, longest: int = SHORTEST) -> bool:
    """Whether ``model`` (in a ``PeftModel`` or not) reads prefix trees; see :func:`fast_path`."""
    return fast_path(model, longest).way.rows == "trees"


def _sentence(row: Encoded, log_probs: list[float]) -> SentenceScore:
    """The score of ``row`` from log p of all its ids but the first."""
    scored = log_probs[row.first - 1 :]
    return SentenceScore(math.fsum(scored), len(scored), row.targets, tuple(scored))
