"""Preferences → a LoRA adapter, trained in 4 bits, guarded and chosen on the validation fold."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from artifacts.store import Ref
from artifacts.tables import COUNTERFACTUALS, HISTORY, NEUTRAL, PAIRS, PREFERENCES, PROBES, STEERING
from counterpoise.neutral.records import NeutralText
from counterpoise.pairs.folds import PairRow, from_rows, split_of
from counterpoise.preferences.leakage import TrainingSets, training_sets
from counterpoise.records import CATEGORIES, Counterfactual, Pair, Preference
from engine.job import Job
from engine.models import ADAPTER_FOLDER, scoring_precision
from engine.stage import Stage


def compute(job: Job, model: Ref, pairs: Ref, counterfactuals: Ref, preferences: Ref, neutral: Ref) -> None:
    """Trains on every fold but the held-out and the validation one; resumes from its newest checkpoint."""
    from counterpoise.alignment.train import train_adapter

    sets = _sets(job, pairs, counterfactuals, preferences)
    texts = job.read(neutral, NEUTRAL, NeutralText)
    job.scratch.restore()
    outcome = train_adapter(
        job.folder(model),
        sets.train,
        sets.validation,
        [row.text for row in texts if row.part == "probe"],
        job.config.alignment,
        precision=job.config.model.precision,
        probe_precision=scoring_precision(job.config),
        level=_training_pairs(job, pairs),
        replay=[row.text for row in texts if row.part == "replay"],
        group_texts=[(row.group, row.text) for row in texts if row.part == "group"],
        prefix=job.config.scoring.prefix,
        normalisation=job.config.scoring.normalisation,
        seed=job.seed,
        out=job.out / ADAPTER_FOLDER,
        checkpoints=job.scratch.folder,
        progress=job.progress,
        should_stop=job.should_stop,
        on_checkpoint=lambda folder: _publish(job, folder),
    )
    job.write(HISTORY, outcome.history)
    job.write(PROBES, outcome.probes)
    job.write(STEERING, outcome.steering)
    ledger = {name: len(rows) for name, rows in asdict(sets).items()}
    chosen = {"selected_step": outcome.selected_step, "status": outcome.status, "reason": outcome.reason}
    text = json.dumps(chosen | {"ledger": ledger}, indent=1, sort_keys=True)
    (job.out / "selection.json").write_text(text, encoding="utf-8")


def _sets(job: Job, pairs: Ref, counterfactuals: Ref, preferences: Ref) -> TrainingSets:
    method = job.config.pairs.method
    category = CATEGORIES[job.held_out_fold] if method == "leave-one-category-out" else None
    return training_sets(
        from_rows(job.read(pairs, PAIRS, PairRow)),
        job.read(preferences, PREFERENCES, Preference),
        job.read(counterfactuals, COUNTERFACTUALS, Counterfactual),
        evaluated=job.held_out_fold,
        folds=job.config.pairs.folds,
        contexts_apart=method != "notebook",
        unseen_axes=frozenset() if category is None else frozenset({category}),
    )


def _training_pairs(job: Job, pairs: Ref) -> list[Pair]:
    """The pairs of the training folds: on them the base is scored, to know where it stands."""
    rows = from_rows(job.read(pairs, PAIRS, PairRow))
    folds = job.config.pairs.folds
    return [item.pair for item in rows if split_of(item.fold, job.held_out_fold, folds) == "train"]


def _publish(job: Job, checkpoint: Path) -> None:
    """Puts a checkpoint where another machine finds it, and forgets those that training has dropped."""
    job.scratch.save(checkpoint.name)
    job.scratch.prune()


adapter = Stage(
    name="adapter",
    version=1,
    compute=compute,
    settings=lambda config: {
        "alignment": config.alignment,
        "precision": config.model.precision,
        "probe_precision": scoring_precision(config),
        "prefix": config.scoring.prefix,
        "normalisation": config.scoring.normalisation,
        "folds": config.pairs.folds,
        "split": config.pairs.method,
    },
    tables=(HISTORY, PROBES, STEERING),
    libraries=("torch", "transformers", "peft", "trl", "bitsandbytes", "accelerate"),
    seeded=True,
    timeout_s=24 * 3600,
    tags=("gpu",),
)
