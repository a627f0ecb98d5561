"""From pairs, counterfactuals and toxicity to the preferences that DPO learns from.

A preference is ``chosen`` over ``rejected`` where ``rejected`` stereotypes. The filter keeps a candidate only
when its chosen sentence is no more toxic than the rejected one; every decision is written beside the row.
"""

from __future__ import annotations

import os
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from counterpoise.errors import DataError
from counterpoise.pairs.folds import FoldedPair
from counterpoise.preferences.config import PreferencesConfig
from counterpoise.preferences.identity import touches
from counterpoise.records import Counterfactual, Origin, Preference

KEPT = "kept: chosen no more toxic than rejected"
BOTH_TOXIC = "dropped: both above the toxicity limit"
NOT_CLEANER = "dropped: chosen more toxic than rejected"
DUPLICATE = "dropped: same sentences as an earlier candidate"


@dataclass(frozen=True, slots=True)
class _Candidate:
    pair: FoldedPair
    axis: str
    origin: Origin
    chosen: str
    rejected: str
    number: int


def build_preferences(
    pairs: Sequence[FoldedPair],
    swaps: Sequence[Counterfactual],
    toxicity: Mapping[str, float],
    config: PreferencesConfig,
    seed: int,
) -> list[Preference]:
    """All candidates in pair order, each kept or dropped with its reason.

    Args:
        toxicity: sentence → probability of being toxic, 0 to 1; must have every sentence.

    Raises:
        DataError: a sentence has no toxicity score.
    """
    swaps_of: dict[int, list[Counterfactual]] = defaultdict(list)
    for swap in swaps:
        if swap.side == "more":
            swaps_of[swap.pair_id].append(swap)
    seen: set[tuple[str, str]] = set()
    rows = []
    for pair in pairs:
        for candidate in _candidates(pair, swaps_of[pair.pair_id], config, seed):
            rows.append(_decided(candidate, toxicity, config, seen))
            seen.add((candidate.chosen, candidate.rejected))
    return rows


def _candidates(
    pair: FoldedPair, swaps: Sequence[Counterfactual], config: PreferencesConfig, seed: int
) -> Iterator[_Candidate]:
    if "human" in config.origins:
        yield _Candidate(pair, pair.category, "human", pair.less, pair.more, 0)
    if "counterfactual" not in config.origins:
        return
    if config.swaps == "identity":
        swaps = [swap for swap in swaps if touches(pair.more, pair.less, swap.swapped)]
    order = random.Random(f"{seed}/{pair.pair_id}")  # noqa: S311 - reproducible choice, not a secret
    picked = order.sample(list(swaps), k=min(config.max_counterfactuals, len(swaps)))
    for number, swap in enumerate(picked):
        yield _Candidate(pair, swap.axis, "counterfactual", swap.swapped, pair.more, number)


def _decided(
    candidate: _Candidate,
    toxicity: Mapping[str, float],
    config: PreferencesConfig,
    seen: set[tuple[str, str]],
) -> Preference:
    chosen_toxicity = _toxicity_of(candidate.chosen, toxicity)
    rejected_toxicity = _toxicity_of(candidate.rejected, toxicity)
    reason = filter_reason(chosen_toxicity, rejected_toxicity, config)
    if (candidate.chosen, candidate.rejected) in seen:
        reason = DUPLICATE
    pair = candidate.pair
    prompt = shared_prefix(candidate.chosen, candidate.rejected) if config.prompt == "shared-prefix" else ""
    return Preference(
        preference_id=f"{pair.pair_id}/{candidate.origin}/{candidate.axis}/{candidate.number}",
        pair_id=pair.pair_id,
        fold=candidate.pair.fold,
        category=pair.category,
        axis=candidate.axis,
        origin=candidate.origin,
        prompt=prompt,
        chosen=candidate.chosen[len(prompt) :],
        rejected=candidate.rejected[len(prompt) :],
        chosen_toxicity=chosen_toxicity,
        rejected_toxicity=rejected_toxicity,
        kept=reason == KEPT,
        reason=reason,
    )


def filter_reason(chosen: float, rejected: float, config: PreferencesConfig) -> str:
    """What the filter says of a candidate with these toxicities (0 to 1).

    >>> filter_reason(0.2, 0.4, PreferencesConfig())
    'kept: chosen no more toxic than rejected'
    >>> filter_reason(0.6, 0.9, PreferencesConfig())
    'dropped: both above the toxicity limit'
    """
    if min(chosen, rejected) > config.max_toxicity:
        return BOTH_TOXIC
    return KEPT if chosen <= rejected + config.tolerance else NOT_CLEANER


def shared_prefix(left: str, right: str) -> str:
    """The longest common beginning that ends where a word does, without the space after it.

    >>> shared_prefix("The men left early", "The mentor left early")
    'The'
    """
    common = os.path.commonprefix([left, right])  # noqa: RUF071 - characters are what is meant
    return common[: max(common.rfind(" "), 0)]


def _toxicity_of(text: str, toxicity: Mapping[str, float]) -> float:
    try:
        return toxicity[text]
    except KeyError:
        raise DataError(
            f"no toxicity score for the sentence {text!r}", "score every sentence first"
        ) from None
