"""Sentences, pairs and preferences that the alignment tests share; small enough to train on in seconds."""

from __future__ import annotations

from typing import Any

from counterpoise.alignment.config import AlignmentConfig
from counterpoise.alignment.inputs import GuardTexts, TrainingInputs
from counterpoise.neutral.records import OwnText
from counterpoise.records import Pair, Preference

GROUPS = [
    ("women", "men"),
    ("Black people", "white people"),
    ("the poor", "the rich"),
    ("Muslims", "Christians"),
]
TAILS = [
    "are often late for work.",
    "cannot drive a car in the snow.",
    "know nothing, and they say so!",
    "like the sea most of all.",
    "never pay back what they owe to a friend.",
    "were seen near the river.",
]
PAIRS = [
    Pair(number, "gender", "stereo", f"{more} {tail}", f"{less} {tail}")
    for number, (tail, (more, less)) in enumerate((tail, group) for tail in TAILS for group in GROUPS)
]
SENTENCES = [text for pair in PAIRS for text in (pair.more, pair.less)]
NEUTRAL = [
    "The river runs past the old mill.",
    "A friend came by car.",
    "They work near the sea.",
    "Snow fell.",
]


def preference(pair: Pair, prompt: str = "") -> Preference:
    return Preference(
        preference_id=f"{pair.pair_id}/human/{pair.category}/0",
        pair_id=pair.pair_id,
        fold=0,
        category=pair.category,
        axis=pair.category,
        origin="human",
        prompt=prompt,
        chosen=pair.less.removeprefix(prompt),
        rejected=pair.more.removeprefix(prompt),
        chosen_toxicity=0.0,
        rejected_toxicity=0.0,
        kept=True,
        reason="",
    )


TRAIN = [preference(pair) for pair in PAIRS[:16]]
VALIDATION = PAIRS[16:]

CONFIG = AlignmentConfig.model_validate(
    {
        "lora": {"rank": 4, "alpha": 8},
        "loss": {
            "types": ["sigmoid"],
            "weights": [8.0],
            "identity_weight": 0.25,
            "category_weights": "equal",
            "hold_weight": 0.2,
            "consistency_weight": 3.0,
        },
        "optimisation": {"learning_rate": 1e-2, "batch_pairs": 4, "epochs": 3, "gradient_accumulation": 2},
        "strength": 1.0,
        "checkpoint_every": 2,
    }
)
"""16 pairs in batches of 4, 3 epochs, 2 batches to a step: 6 steps, checkpoints at 2 and 4, and the last."""

OWN_TEXT = [
    OwnText(number, "train", True, "The", " river", (1, 5 + number, 6, 7, 8 + number), 2)
    for number in range(5)
]
"""Five texts of five tokens, of which the base wrote the last three."""


def inputs(**changes: Any) -> TrainingInputs:
    """What the tests train on, judged as it is trained."""
    given: dict[str, Any] = {
        "train": TRAIN,
        "validation": VALIDATION,
        "guard_texts": GuardTexts(NEUTRAL, own=OWN_TEXT[:2]),
        "own_text": OWN_TEXT,
        "precision": "nf4",
    }
    return TrainingInputs(**given | changes)
