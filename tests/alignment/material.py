"""Sentences, pairs and preferences that the alignment tests share; small enough to train on in seconds."""

from __future__ import annotations

from counterpoise.alignment.config import AlignmentConfig
from counterpoise.alignment.records import Probe
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
        "lora": {"rank": 4, "alpha": 8, "dropout": 0.1},
        "loss": {"balance": []},
        "optimisation": {"learning_rate": 1e-2, "batch_pairs": 4, "epochs": 3, "gradient_accumulation": 2},
        "guards": {
            "probe_every": 2,
            "max_perplexity_rise": 9.0,
            "max_fall": 9.0,
            "max_usable_drop": 1.0,
            "stop_past_neutral": 50.0,
        },
        "checkpoint_every": 2,
    }
)
"""16 pairs in batches of 4, 3 epochs, 2 batches to a step: 6 steps, checkpoints at 2 and 4."""


def make_probe(step: int, soft: float, *, margin: float = 5.0, complaint: str = "") -> Probe:
    """A probe of which only what selection looks at is set."""
    return Probe(step, soft, 0, soft, 0.0, margin, 0.0, 0.0, 100.0, 0.0, 1.0, complaint=complaint)
