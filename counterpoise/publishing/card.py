"""The model card: what the model is, how it was made, what was measured, and what that does not show."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from counterpoise.measures.losses import losses
from counterpoise.measures.measure import Measure
from counterpoise.measures.names import FOLD, SCORE
from counterpoise.measures.results import Results
from counterpoise.publishing.evaluations import evaluations, result_files
from counterpoise.report.readme import results_page
from counterpoise.report.rendering import to_text

SPDX = {"apache-2.0": "apache-2.0", "mit": "mit", "cc by-sa 4.0": "cc-by-sa-4.0"}
"""Licence names, lower-cased, that the hub has an identifier for."""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card says.

    Attributes:
        base: source of the base model, as the configuration names it.
        base_repository: the hub repository it comes from, None where it is not known.
        base_file: the one file of that repository that it is, where it is a GGUF; else empty.
        licence: of the result, empty where it is not known.
        merged: whether the weights are whole, else they are an adapter.
        fold: the fold that was held out of this adapter's training.
        strength: the share of the trained adapter that is delivered.
        status: what its training came to.
        config: the whole configuration, as plain values.
        results: the numbers of the run's report.
        artifacts: (stage, key, sha256) of everything it rests on.
    """

    base: str
    base_repository: str | None
    base_file: str
    licence: str
    merged: bool
    fold: int
    strength: float
    status: str
    config: Mapping[str, Any]
    results: Results
    artifacts: Sequence[tuple[str, str, str]]


METHODS = {
    "sigmoid": "direct preference optimisation",
    "sigmoid_norm": "length-normalised direct preference optimisation",
    "ipo": "identity preference optimisation",
    "sft": "supervised fine-tuning",
    "npo": "negative preference optimisation",
    "sft_rejected": "the negation of a task vector",
    "steering": "a steering vector",
}
"""A loss of ``alignment.loss.types`` → what its result is called."""


def model_card(facts: CardFacts) -> str:
    """The card as Markdown with the hub's front matter; the same facts give the same bytes."""
    own = _own_score(facts)
    place = repr(facts.base_repository or facts.base)
    return to_text(
        "card.md.j2",
        card=facts,
        own=own,
        method=" and ".join(METHODS[name] for name in _losses(facts)),
        front_matter=_front_matter(facts, own),
        place=place + (f", gguf_file={facts.base_file!r}" if facts.base_file else ""),
        results_block=results_page([facts.results], brief=True),
        worse=losses(facts.results.measures, facts.results.claims),
        config=json.dumps(facts.config, indent=1, sort_keys=True, ensure_ascii=False),
    )


def evaluation_files(facts: CardFacts) -> dict[str, str]:
    """The hub's evaluation-results files with the card's numbers: path in the repository → YAML."""
    return result_files(evaluations(facts.config, facts.results, _own_score(facts)))


def _losses(facts: CardFacts) -> Sequence[str]:
    found: Sequence[str] = facts.config["alignment"]["loss"]["types"]
    return found


def _own_score(facts: CardFacts) -> Measure:
    """Over the pairs that this adapter has not seen."""
    return facts.results.measures.one(SCORE, group=f"{FOLD}{facts.fold}")


def _front_matter(facts: CardFacts, own: Measure) -> str:
    from huggingface_hub import ModelCardData  # noqa: PLC0415 - half a second

    known = SPDX.get(facts.licence.lower())
    data = ModelCardData(
        language="en",
        library_name="transformers" if facts.merged else "peft",
        pipeline_tag="text-generation",
        base_model=facts.base_repository,
        tags=["debiasing", *(["dpo"] if "sigmoid" in _losses(facts) else []), "counterpoise"],
        license=known or ("other" if facts.licence else None),
        license_name=None if known or not facts.licence else facts.licence,
        model_name=f"{facts.base}, less stereotyped",
        eval_results=evaluations(facts.config, facts.results, own),
    )
    return str(data.to_yaml())
