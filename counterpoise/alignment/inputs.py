"""What one training is given: everything that shapes the adapter but the settings and the seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from counterpoise.neutral.records import OwnText
from counterpoise.records import Normalisation, Pair, Preference

if TYPE_CHECKING:
    from counterpoise.models.config import Precision


@dataclass(frozen=True, slots=True)
class GuardTexts:
    """What the guards look at; training sees none of it.

    Attributes:
        neutral: sentences for perplexity.
        groups: a group and a neutral sentence about it, each.
        own: text that the base wrote, for the divergence from it.
        beginnings: what is continued, for usable text.
    """

    neutral: Sequence[str]
    groups: Sequence[tuple[str, str]] = ()
    own: Sequence[OwnText] = ()
    beginnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class TrainingInputs:
    """The data of one training, and how its model is judged.

    Attributes:
        train: kept preferences of the training folds.
        validation: pairs that no preference descends from; how far an adapter moved is measured on them alone.
        calibration_pairs: further pairs outside the evaluated fold, which tell where the *base* stands.
        own_text: text that the base wrote and training holds the model to.
        guard_texts: what the guards look at.
        precision: of the frozen weights that the adapter is trained on.
        judged_precision: of the weights that guards and choice look at; None: the same.
        prefix: the token before each sentence, as in :func:`counterpoise.likelihood.sentences.score_sentences`.
        normalisation: whether sentences are compared by sums or per token.
    """

    train: Sequence[Preference]
    validation: Sequence[Pair]
    guard_texts: GuardTexts
    precision: Precision
    judged_precision: Precision | None = None
    calibration_pairs: Sequence[Pair] = field(default=())
    own_text: Sequence[OwnText] = field(default=())
    prefix: str = "bos"
    normalisation: Normalisation = "sum"
