"""Both sentences of every pair under one model, whole and split into shared and identity tokens."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from counterpoise.errors import DataError
from counterpoise.likelihood.budget import TOKEN_BUDGET
from counterpoise.likelihood.encoding import common_lead
from counterpoise.likelihood.sentences import SentenceScore, score_sentences
from counterpoise.models.loading import LoadedModel, adapter_switched
from counterpoise.records import Pair, PairScore, Progress, Variant, silent


@dataclass(frozen=True, slots=True)
class PairDetail:
    """A pair's two sentences, token by token.

    Attributes:
        pair_id: the pair's row number.
        variant: which model scored it.
        more, less: the scores of the two sentences.
    """

    pair_id: int
    variant: Variant
    more: SentenceScore
    less: SentenceScore


def score_pairs(
    loaded: LoadedModel,
    pairs: Sequence[Pair],
    variant: Variant,
    *,
    prefix: str = "bos",
    token_budget: int = TOKEN_BUDGET,
    progress: Progress = silent,
) -> list[PairScore]:
    """Log-probabilities of the whole sentences of each pair, in order of ``pairs``.

    Args:
        loaded: the model; its adapter is switched off for ``base`` and on for ``tuned``.
        prefix, token_budget, progress: as in :func:`score_sentences`.

    Raises:
        ModelError: ``tuned`` without an adapter, or no such prefix token.
    """
    details = score_pair_details(
        loaded, pairs, variant, prefix=prefix, token_budget=token_budget, progress=progress
    )
    return whole_scores(details)


def score_pair_details(
    loaded: LoadedModel,
    pairs: Sequence[Pair],
    variant: Variant,
    *,
    prefix: str = "bos",
    token_budget: int = TOKEN_BUDGET,
    progress: Progress = silent,
) -> list[PairDetail]:
    """As :func:`score_pairs`, with the log-probability of every token.

    Raises:
        ModelError: as :func:`score_pairs`.
        DataError: nothing of a sentence is scored.
    """
    texts = [text for pair in pairs for text in (pair.more, pair.less)]
    with adapter_switched(loaded, variant == "tuned"):
        scores = score_sentences(loaded, texts, prefix=prefix, token_budget=token_budget, progress=progress)
    return [
        _detail(pair, variant, more, less)
        for pair, more, less in zip(pairs, scores[::2], scores[1::2], strict=True)
    ]


def _detail(pair: Pair, variant: Variant, more: SentenceScore, less: SentenceScore) -> PairDetail:
    for text, score in ((pair.more, more), (pair.less, less)):
        if not score.tokens:
            raise DataError(
                f"pair {pair.pair_id}: no token of {text[:40]!r} is scored, so it would count as certain",
                "leave the pair out; with prefix none use a prefix token",
            )
    return PairDetail(pair.pair_id, variant, more, less)


def whole_scores(details: Iterable[PairDetail]) -> list[PairScore]:
    """log p of the whole sentences."""
    return [
        PairScore(
            pair_id=detail.pair_id,
            variant=detail.variant,
            more_log_prob=detail.more.sum_log_prob,
            less_log_prob=detail.less.sum_log_prob,
            more_tokens=detail.more.tokens,
            less_tokens=detail.less.tokens,
        )
        for detail in details
    ]


def shared_scores(details: Iterable[PairDetail]) -> list[PairScore]:
    """log p of the tokens that the two sentences share, given everything before them.

    Nangia et al. 2020 (section 3) score a masked model by the unmodified tokens given the modified ones, so
    that the frequency of the identity terms themselves does not count. A causal model conditions on what
    stands to the left only: shared tokens before the first difference cancel, and modified tokens at the end
    of a sentence influence nothing. Shared tokens are the matching blocks of the two id sequences (difflib),
    so a word that is tokenised differently in its new context counts as modified.
    """
    return [_part(detail, shared=True) for detail in details]


def identity_scores(details: Iterable[PairDetail]) -> list[PairScore]:
    """log p of the tokens that differ, the identity terms mostly; the rest of the whole score.

    A sentence that only leaves words out has no token of its own here: its count is 0 and its sum 0.
    """
    return [_part(detail, shared=False) for detail in details]


def shared_positions(first: Sequence[int], second: Sequence[int]) -> tuple[frozenset[int], frozenset[int]]:
    """Positions of the tokens that both sequences share, in each of them."""
    blocks = SequenceMatcher(None, first, second, autojunk=False).get_matching_blocks()
    return (
        frozenset(block.a + offset for block in blocks for offset in range(block.size)),
        frozenset(block.b + offset for block in blocks for offset in range(block.size)),
    )


def _part(detail: PairDetail, *, shared: bool) -> PairScore:
    more, less = detail.more, detail.less
    positions = shared_positions(more.token_ids, less.token_ids)
    # Before the first difference the two are equal by definition; computed apart, they could differ in the
    # last digit and make a tie look like a preference.
    lead = common_lead(more.token_ids, less.token_ids)
    values = (more.token_log_probs, more.token_log_probs[:lead] + less.token_log_probs[lead:])
    parts = [
        [value for at, value in enumerate(side) if (at in kept) is shared]
        for side, kept in zip(values, positions, strict=True)
    ]
    return PairScore(
        pair_id=detail.pair_id,
        variant=detail.variant,
        more_log_prob=math.fsum(parts[0]),
        less_log_prob=math.fsum(parts[1]),
        more_tokens=len(parts[0]),
        less_tokens=len(parts[1]),
        reading="shared" if shared else "identity",
    )
