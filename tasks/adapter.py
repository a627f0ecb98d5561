"""Preferences → a LoRA adapter, trained in 4 bits, guarded and chosen on the validation fold."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from counterpoise.artifacts.store import Ref
from counterpoise.artifacts.tables import (
    CANDIDATES,
    COUNTERFACTUALS,
    HISTORY,
    NEUTRAL,
    OWN_TEXT,
    PAIRS,
    PREFERENCES,
)
from counterpoise.engine.job import Job
from counterpoise.engine.models import ADAPTER_FOLDER, scoring_precision
from counterpoise.engine.stage import Stage
from counterpoise.neutral.records import NeutralText, OwnText
from counterpoise.pairs.folds import FoldedPair, split_of
from counterpoise.preferences.leakage import TrainingSets, training_sets
from counterpoise.records import CATEGORIES, Counterfactual, Pair, Preference

if TYPE_CHECKING:
    from counterpoise.alignment.inputs import TrainingInputs
    from counterpoise.alignment.records import TrainingOutcome


def compute(
    job: Job,
    model: Ref,
    fit: Ref,
    pairs: Ref,
    counterfactuals: Ref,
    preferences: Ref,
    neutral: Ref,
    own_text: Ref,
) -> None:
    """Trains on every fold but the held-out and the validation one; resumes from its newest checkpoint."""
    from counterpoise.alignment.launch import Callbacks, train

    sets = _sets(job, pairs, counterfactuals, preferences)
    job.scratch.restore()
    outcome = train(
        job.folder(model),
        _inputs(job, sets, pairs, neutral, own_text),
        callbacks=Callbacks(job.tell, job.should_stop, lambda folder: _publish(job, folder)),
        config=job.config.alignment,
        seed=job.seed,
        out=job.out / ADAPTER_FOLDER,
        checkpoints=job.scratch.folder,
    )
    job.says = _what_came(outcome)
    job.write(HISTORY, outcome.history)
    job.write(CANDIDATES, outcome.candidates)
    ledger = {name: len(rows) for name, rows in asdict(sets).items()}
    chosen = {"strength": outcome.strength, "status": outcome.status, "reason": outcome.reason}
    text = json.dumps(chosen | {"ledger": ledger}, indent=1, sort_keys=True)
    (job.out / "selection.json").write_text(text, encoding="utf-8")


def _what_came(outcome: TrainingOutcome) -> str:
    """The strength that is delivered, and the score of unseen pairs as validation estimates it, percent."""
    by_strength = {candidate.strength: candidate.soft_score for candidate in outcome.candidates}
    base, kept = by_strength.get(0.0), by_strength.get(outcome.strength)
    moved = f", {base:.1f} -> {kept:.1f} %" if base is not None and kept is not None else ""
    return f"strength {outcome.strength:g}{moved}"


def _inputs(job: Job, sets: TrainingSets, pairs: Ref, neutral: Ref, own_text: Ref) -> TrainingInputs:
    from counterpoise.alignment.inputs import GuardTexts, TrainingInputs
    from counterpoise.neutral.beginnings import beginnings

    texts = job.read(neutral, NEUTRAL, NeutralText)
    own = job.read(own_text, OWN_TEXT, OwnText)
    scoring = job.config.scoring
    return TrainingInputs(
        train=sets.train,
        validation=sets.validation,
        calibration_pairs=_training_pairs(job, pairs),
        own_text=[row for row in own if row.part == "train"],
        guard_texts=GuardTexts(
            neutral=[row.text for row in texts if row.part == "guard"],
            groups=[(row.group, row.text) for row in texts if row.part == "group"],
            own=[row for row in own if row.part == "guard"],
            beginnings=beginnings(row.text for row in texts if row.part in ("guard", "group")),
        ),
        precision=job.config.model.precision,
        judged_precision=scoring_precision(job.config),
        prefix=scoring.prefix,
        normalisation=scoring.normalisation,
    )


def _sets(job: Job, pairs: Ref, counterfactuals: Ref, preferences: Ref) -> TrainingSets:
    method = job.config.pairs.method
    category = CATEGORIES[job.held_out_fold] if method == "leave-one-category-out" else None
    return training_sets(
        job.read(pairs, PAIRS, FoldedPair),
        job.read(preferences, PREFERENCES, Preference),
        job.read(counterfactuals, COUNTERFACTUALS, Counterfactual),
        evaluated=job.held_out_fold,
        folds=job.config.pairs.folds,
        contexts_apart=method != "notebook",
        unseen_axes=frozenset() if category is None else frozenset({category}),
    )


def _training_pairs(job: Job, pairs: Ref) -> list[Pair]:
    """The pairs of the training folds: on them the base is scored, to know where it stands."""
    rows = job.read(pairs, PAIRS, FoldedPair)
    folds = job.config.pairs.folds
    return [item for item in rows if split_of(item.fold, job.held_out_fold, folds) == "train"]


def _publish(job: Job, checkpoint: Path) -> None:
    """Puts a checkpoint where another machine finds it, and forgets those that training has dropped."""
    job.scratch.save(checkpoint.name)
    job.scratch.prune()


adapter = Stage(
    name="adapter",
    version=2,
    compute=compute,
    settings=lambda config: {
        "alignment": config.alignment,
        "precision": config.model.precision,
        "judged_precision": scoring_precision(config),
        "prefix": config.scoring.prefix,
        "normalisation": config.scoring.normalisation,
        "folds": config.pairs.folds,
        "split": config.pairs.method,
    },
    tables=(HISTORY, CANDIDATES),
    libraries=("torch", "transformers", "peft", "trl", "bitsandbytes", "accelerate"),
    seeded=True,
    timeout_s=24 * 3600,
    stops_in_s=60,
    tags=("gpu",),
)
