"""One training run: the trainer, what has been seen so far, and the adapter that is best so far."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from peft import LoraConfig
from safetensors.torch import load_file, save_file
from torch import Tensor

from counterpoise.alignment.averaging import WeightAverage
from counterpoise.alignment.balance import balanced, turns
from counterpoise.alignment.batches import (
    EncodedPair,
    TokenBatch,
    encode_preferences,
    pair_batch,
    pair_groups,
    schedule,
    text_batches,
    told_apart,
)
from counterpoise.alignment.checkpoints import newest_checkpoint, write_checkpoint
from counterpoise.alignment.config import AlignmentConfig
from counterpoise.alignment.judge import Judge
from counterpoise.alignment.lora import adapted_blocks, resolve_targets, save_adapter
from counterpoise.alignment.probes import probe_set
from counterpoise.alignment.records import Probe, ReferenceLogProb, TrainingOutcome, TrainingStep
from counterpoise.alignment.scoring import decoder, reference_log_probs
from counterpoise.alignment.selection import best, stop_reason, verdict
from counterpoise.alignment.steering import CategoryBias, pushes
from counterpoise.alignment.targets import target_margins
from counterpoise.alignment.team import ALONE, Team
from counterpoise.alignment.trainer import NeutralTrainer, Watcher
from counterpoise.alignment.tree_batches import packed_batch
from counterpoise.errors import CounterpoiseError, TrainingStopped
from counterpoise.generation.prompts import group_terms
from counterpoise.likelihood.sentences import shares_prefixes
from counterpoise.memory import is_out_of_memory
from counterpoise.models.attention import use_short_attention
from counterpoise.models.loading import LoadedModel
from counterpoise.records import Normalisation, Pair, Preference, Progress
from counterpoise.settings import deciding

BEST, PROGRESS = "best.safetensors", "progress.json"


@dataclass(frozen=True, slots=True)
class Data:
    """What a run trains and probes on; ``reference`` may hold the base's log-probabilities already.

    ``level`` are further pairs outside the evaluated fold, on which the base alone is scored
    (:func:`counterpoise.alignment.probes.probe`); ``replay`` is neutral text on which the model is held to its base;
    ``group_texts`` are watched group by group.
    """

    train: Sequence[Preference]
    validation: Sequence[Pair]
    probe_texts: Sequence[str]
    reference: Sequence[ReferenceLogProb] | None
    level: Sequence[Pair] = ()
    replay: Sequence[str] = ()
    group_texts: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Hooks:
    """How a run talks to whoever started it."""

    progress: Progress
    should_stop: Callable[[], bool]
    on_checkpoint: Callable[[Path], None]


class Run:
    """Build it, :meth:`go`, then :meth:`finish`."""

    def __init__(  # noqa: PLR0913  # the inputs of a run, each its own thing
        self,
        loaded: LoadedModel,
        data: Data,
        config: AlignmentConfig,
        *,
        seed: int,
        checkpoints: Path,
        hooks: Hooks,
        judge: LoadedModel | None = None,
        team: Team = ALONE,
        prefix: str = "bos",
        normalisation: Normalisation = "sum",
    ) -> None:
        self.team = team
        use_short_attention(loaded.model)
        limit = config.optimisation.max_tokens
        how: Any = {"max_tokens": limit, "prefix": prefix}
        encoded = encode_preferences(data.train, loaded.tokenizer, append_eos=config.loss.append_eos, **how)
        data = _told_apart(data, encoded, loaded.tokenizer, how)
        self.config, self.hooks, self.checkpoints = config, hooks, checkpoints
        self.tokenizer, self.data, self.prefix = loaded.tokenizer, data, prefix
        share = shares_prefixes(loaded.model, limit)
        probes_on = probe_set(
            data.validation,
            data.probe_texts,
            loaded.tokenizer,
            share=share,
            group_texts=data.group_texts,
            normalisation=normalisation,
            **how,
        )
        groups = pair_groups(encoded, config.optimisation.batch_pairs, seed)
        build = packed_batch if share else pair_batch
        self.shares = team.shares(groups, build)
        own = [share.batch for share in self.shares]
        self.batches = own if team.size == 1 else list(map(build, groups))
        terms = group_terms()
        named = [terms[group] for group in config.loss.balance]
        self.turned = turns(data.train, *named) if named else {}
        self.replay = self._replay_batches()
        self.trainer = self._trainer(loaded, seed)
        self.model = self.trainer.model
        self.parts = decoder(self.model, limit)
        self.average = WeightAverage(self.model, config.optimisation.average)
        self.judge = (
            Judge(self.model, judge, self.tokenizer, probes_on, data.validation, data.level, config, prefix)
            if team.leads
            else None
        )
        self.steps = math.ceil(len(self.trainer.train_dataset) / config.optimisation.gradient_accumulation)
        precisions = [loaded.precision, (judge or loaded).precision]
        self.fingerprint = _fingerprint(
            config,
            loaded,
            [*precisions, seed, normalisation, *data.level],
            self.batches,
            probes_on.pairs,
            probes_on.texts,
            probes_on.groups,
            self.replay,
        )
        self.probes: list[Probe] = []
        self.steering: list[CategoryBias] = []
        self.best_state: dict[str, Tensor] = {}
        self.stopped = ""
        self.interrupted = False

    def _replay_batches(self) -> list[TokenBatch]:
        loss, limit = self.config.loss, self.config.optimisation.max_tokens
        if not loss.replay_weight:
            return []
        rows = loss.replay_rows
        return text_batches(self.data.replay, self.tokenizer, max_tokens=limit, rows=rows, prefix=self.prefix)

    def _trainer(self, loaded: LoadedModel, seed: int) -> NeutralTrainer:
        trainer = NeutralTrainer(
            model=loaded.model,
            tokenizer=loaded.tokenizer,
            peft_config=self._lora(loaded.model),
            batches=self.shares,
            order=schedule(len(self.batches), self.config.optimisation.epochs, seed),
            replay=[self.replay[turn] for turn in schedule(len(self.replay), 1, seed)],
            config=self.config,
            seed=seed,
            workspace=self.checkpoints,
            save=self._checkpoint,
            team=self.team,
        )
        trainer.add_callback(Watcher(self._after_step))
        return trainer

    def _lora(self, model: Any) -> LoraConfig:
        lora = self.config.lora
        return LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            lora_dropout=lora.dropout,
            target_modules=resolve_targets(model, lora),
            layers_to_transform=adapted_blocks(model, lora),
            task_type="CAUSAL_LM",
        )

    def go(self) -> None:
        """Train from the newest checkpoint, or from the start, until done, stopped or interrupted."""
        resumed = self.team.agreed(newest_checkpoint(self.checkpoints, self.fingerprint))
        if resumed is None:
            self._probe(0)
        else:
            self._restore(resumed)
        done = self.trainer.steps[-1].step if self.trainer.steps else 0
        self.stopped = self._reason_to_stop()
        if self.stopped or done >= self.steps:
            return
        self._steer()
        with _memory_errors(self.checkpoints, self.fingerprint, self.config):
            self._prepare_reference()
            self.trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
        if self.interrupted:
            raise TrainingStopped(
                f"training stopped after step {self.trainer.steps[-1].step} of {self.steps}, at a checkpoint",
                "run the same command again to go on",
            )

    def finish(self, out: Path) -> TrainingOutcome:
        """Write the chosen adapter and say what it is."""
        kept, status, reason = verdict(self.probes, self.config.guards, self.stopped)
        if self.team.leads:
            save_adapter(self.model, self.best_state, out, self.config.strength)
        return TrainingOutcome(
            tuple(self.trainer.steps), tuple(self.probes), tuple(self.steering), kept.step, status, reason
        )

    def _prepare_reference(self) -> None:
        """Look log-probabilities of the base up from now on, and derive targets from them if they are needed."""
        needs_targets = "neutral" in self.config.loss.types
        if self.config.reference == "recomputed" and not needs_targets:
            return
        rows = list(self.data.reference or ())
        if not {row.preference_id for row in rows}.issuperset(row.preference_id for row in self.data.train):
            own = [share.batch for share in self.shares]
            rows = self.team.gathered(reference_log_probs(self.model, self.parts, own))
        if self.config.reference == "precomputed":
            self.trainer.use_reference(rows)
        if needs_targets:
            judged = self.team.agreed(self.judge.reference(self.batches) if self.judge else None) or rows
            loss = self.config.loss
            self.trainer.use_targets(
                target_margins(self.data.train, rows, judged, loss.shrink, loss.identity_weight)
            )

    def _after_step(self, step: int, last: bool) -> tuple[bool, bool]:
        """Whether to save and whether to stop after this optimiser step."""
        guards = self.config.guards
        self.average.update(step)
        if step % guards.probe_every == 0 or last:
            self._probe(step)
            self.stopped = self._reason_to_stop()
        self.hooks.progress(step, self.steps)
        finished = last or bool(self.stopped)
        self.interrupted = self.team.agreed(not finished and self.hooks.should_stop())
        due = step % self.config.checkpoint_every == 0 and not finished
        return due or self.interrupted, bool(self.stopped) or self.interrupted

    def _probe(self, step: int) -> None:
        adapter = self.average.state()
        found, left = self.team.led(lambda: self.judge.probe(step, adapter) if self.judge else None)
        self.probes.append(found)
        self.steering += left
        self._steer()
        if best(self.probes, self.config.guards).step == step:
            self.best_state = adapter

    def _steer(self) -> None:
        """Push each category as the last probe says, if training is steered, and balance the groups."""
        loss = self.config.loss
        by_category = pushes(self.steering) if loss.steer else {}
        weights = {row.preference_id: by_category.get(row.category, 1.0) for row in self.data.train}
        self.trainer.use_pushes(balanced(weights, self.turned))

    def _reason_to_stop(self) -> str:
        return stop_reason(self.probes, self.config.guards)

    def _checkpoint(self) -> None:
        if not self.team.leads:
            return
        # The step's history entry is made by the loop before it saves, so the checkpoint includes it.
        folder = write_checkpoint(
            self.checkpoints, self.trainer.state.global_step, self.fingerprint, self._write
        )
        self.hooks.on_checkpoint(folder)

    def _write(self, folder: Path) -> None:
        self.trainer.write_state(folder)
        self.average.save(folder)
        save_file(self.best_state, str(folder / BEST))
        state = {
            "steps": [asdict(row) for row in self.trainer.steps],
            "probes": [asdict(row) for row in self.probes],
            "steering": [asdict(row) for row in self.steering],
        }
        (folder / PROGRESS).write_text(json.dumps(state), encoding="utf-8")

    def _restore(self, folder: Path) -> None:
        state = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
        self.trainer.steps[:] = [TrainingStep(**row) for row in state["steps"]]
        self.probes[:] = [Probe(**row) for row in state["probes"]]
        self.steering[:] = [CategoryBias(**row) for row in state["steering"]]
        self.best_state = load_file(folder / BEST)
        self.average.load(folder)


def _told_apart(data: Data, encoded: Sequence[EncodedPair], tokenizer: Any, how: dict[str, Any]) -> Data:
    """``data`` without preferences that were left out of ``encoded``, and without pairs that are equal once cut."""
    kept = {pair.name for pair in encoded}
    return replace(
        data,
        train=[row for row in data.train if row.preference_id in kept],
        validation=told_apart(data.validation, tokenizer, **how),
        level=told_apart(data.level, tokenizer, **how),
    )


def _fingerprint(
    config: AlignmentConfig,
    loaded: LoadedModel,
    others: Sequence[object],
    *batches: Sequence[TokenBatch],
) -> str:
    """sha256 of what shapes the training; a checkpoint of another run is never resumed from."""
    digest = hashlib.sha256()
    digest.update(json.dumps(deciding(config), sort_keys=True).encode())
    digest.update(repr(list(others)).encode())
    # Without the folder that the model was loaded from: another machine has it elsewhere.
    shape = {name: value for name, value in loaded.model.config.to_dict().items() if name != "_name_or_path"}
    digest.update(json.dumps(shape, sort_keys=True, default=str).encode())
    for batch in (batch for group in batches for batch in group):
        digest.update(repr(batch.names).encode())
        digest.update(batch.input_ids.numpy().tobytes())
        digest.update(batch.positions.numpy().tobytes())
    return digest.hexdigest()


@contextmanager
def _memory_errors(checkpoints: Path, run: str, config: AlignmentConfig) -> Iterator[None]:
    """Out of memory, on whichever device, as one line that names the batch and what can be resumed."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        newest = newest_checkpoint(checkpoints, run)
        state = f"{newest.name} is complete and will be resumed" if newest else "there is no checkpoint yet"
        raise CounterpoiseError(
            f"out of memory in a batch of {config.optimisation.batch_pairs} pairs; {state}",
            "free memory and run again, or lower optimisation.batch_pairs and raise gradient_accumulation",
        ) from error
