"""Pairs to train on from another data set than the one that is judged, and which of them are left out."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from counterpoise.errors import DataError
from counterpoise.evaluation.stereoset import Triple, load_stereoset
from counterpoise.pairs.folds import FoldedPair, context_groups, shared_words, stratified_folds
from counterpoise.pairs.ledger import NEAR_CONTEXT, NEAR_SENTENCE, SAME, Ledger, LeftOut
from counterpoise.pairs.parse import parse_pairs
from counterpoise.records import Pair

if TYPE_CHECKING:
    from counterpoise.pairs.config import PairsConfig

CATEGORY_OF: Mapping[str, str] = {
    "gender": "gender",
    "profession": "socioeconomic",
    "race": "nationality",
    "religion": "religion",
}
"""StereoSet's domain → CrowS-Pairs' category, whose socioeconomic one covers occupations."""
NOT_ONE_COUNTRY = frozenset({"african", "arab", "hispanic"})
"""Targets of the domain ``race`` that name no country or its people: these are ``race-color``."""
Words = frozenset[str]


@dataclass(frozen=True, slots=True)
class Transfer:
    """Judged pairs in fold 0, pairs to train on in the others, and the ledger between them."""

    pairs: list[FoldedPair]
    ledger: Ledger


def read_training(path: Path) -> list[Pair]:
    """The pairs in StereoSet's JSON (``*.json``), or in a CSV file of CrowS-Pairs' form.

    Raises:
        DataError: the file has neither form.
    """
    if path.suffix == ".json":
        return stereoset_pairs(load_stereoset(path))
    return parse_pairs(path.read_bytes(), path.name)


def stereoset_pairs(triples: Iterable[Triple]) -> list[Pair]:
    """StereoSet's stereotypes over their anti-stereotypes; a continuation stands after its context.

    Raises:
        DataError: an example of an unknown domain.
    """
    return [
        Pair(
            number,
            category_of(triple),
            "stereo",
            f"{triple.context} {triple.stereotype}".strip(),
            f"{triple.context} {triple.antistereotype}".strip(),
        )
        for number, triple in enumerate(triples)
    ]


def category_of(triple: Triple) -> str:
    """The CrowS-Pairs category of a StereoSet example.

    Raises:
        DataError: an unknown domain.
    """
    if triple.domain not in CATEGORY_OF:
        raise DataError(
            f"StereoSet example {triple.example_id}: unknown domain {triple.domain!r}",
            f"known: {', '.join(CATEGORY_OF)}",
        )
    if triple.domain == "race" and triple.target.lower() in NOT_ONE_COUNTRY:
        return "race-color"
    return CATEGORY_OF[triple.domain]


def transfer(judged: Sequence[Pair], offered: Sequence[Pair], config: PairsConfig, seed: int) -> Transfer:
    """All judged pairs in fold 0; the others, numbered on from them, in folds 1 (validation) to ``folds`` − 1.

    Near-duplicates among the pairs to train on share a fold; those of a judged pair are left out.

    Raises:
        DataError: too few pairs are left to train and validate on.
    """
    left_out = leave_out(judged, offered, config.context_similarity)
    dropped = {row.number for row in left_out}
    first = 1 + max(pair.pair_id for pair in judged)
    used = [
        replace(pair, pair_id=first + number) for number, pair in enumerate(offered) if number not in dropped
    ]
    groups = context_groups(used, config.context_similarity)
    folds = stratified_folds(used, groups, config.folds - 1, seed)
    return Transfer(
        [FoldedPair.of(pair, pair.pair_id, 0) for pair in judged]
        + [
            FoldedPair.of(pair, group, fold + 1)
            for pair, group, fold in zip(used, groups, folds, strict=True)
        ],
        Ledger(len(judged), len(offered), tuple(left_out)),
    )


def leave_out(judged: Sequence[Pair], offered: Sequence[Pair], similarity: float) -> list[LeftOut]:
    """The offered pairs that may not be trained on, in their order.

    Two sentences are near-duplicates when the Jaccard similarity |A∩B| / |A∪B| of their words reaches ``similarity``;
    so are two pairs, by the words that their own two sentences share (at least three).
    """
    sentences = _near(_sentences(judged), _sentences(offered), similarity)
    contexts = _near([_context(pair) for pair in judged], [_context(pair) for pair in offered], similarity)
    found = []
    for number, pair in enumerate(offered):
        # Each pair has two sentences, one after the other.
        near = next((sentences[at] // 2 for at in (2 * number, 2 * number + 1) if at in sentences), None)
        if pair.more == pair.less:
            found.append(LeftOut(number, pair.more, SAME))
        elif near is not None:
            found.append(LeftOut(number, pair.more, NEAR_SENTENCE, judged[near].pair_id))
        elif number in contexts:
            found.append(LeftOut(number, pair.more, NEAR_CONTEXT, judged[contexts[number]].pair_id))
    return found


def _sentences(pairs: Iterable[Pair]) -> list[Words]:
    return [_words(text) for pair in pairs for text in (pair.more, pair.less)]


def _words(text: str) -> Words:
    return frozenset(re.findall(r"[^\W_]+", text.lower()))


def _context(pair: Pair) -> Words:
    words = shared_words(pair)
    return words if len(words) >= 3 else frozenset()


def _near(known: Sequence[Words], asked: Sequence[Words], similarity: float) -> dict[int, int]:
    """For each of ``asked`` that is near to one of ``known``, the index of the nearest; the first of equals."""
    holders: dict[str, list[int]] = defaultdict(list)
    for index, words in enumerate(known):
        for word in words:
            holders[word].append(index)
    found = {}
    for at, words in enumerate(asked):
        common = Counter(index for word in words for index in holders[word])
        near = {index: n / (len(words) + len(known[index]) - n) for index, n in common.items()}
        best = max(near, key=lambda index: (near[index], -index), default=None)
        if best is not None and near[best] >= similarity:
            found[at] = best
    return found
