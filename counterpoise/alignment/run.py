"""One training run: the trainer, what has been seen so far, and the search for the strength to deliver."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peft import LoraConfig
from torch import Tensor

from counterpoise.alignment.averaging import WeightAverage
from counterpoise.alignment.batches import (
    TokenBatch,
    own_text_batches,
    pair_batch,
    schedule,
    training_groups,
)
from counterpoise.alignment.checkpoints import newest_checkpoint, write_checkpoint
from counterpoise.alignment.evaluator import Evaluator
from counterpoise.alignment.inputs import TrainingInputs
from counterpoise.alignment.lora import adapted_blocks, resolve_targets, save_adapter
from counterpoise.alignment.records import Candidate, Status, TrainingOutcome, TrainingStep
from counterpoise.alignment.strength import choose
from counterpoise.alignment.team import ALONE, Team
from counterpoise.alignment.trainer import DebiasTrainer, Watcher
from counterpoise.alignment.tree_batches import packed_batch
from counterpoise.alignment.weights import category_weights, preference_weights
from counterpoise.errors import CounterpoiseError, TrainingStopped
from counterpoise.likelihood.sentences import shares_prefixes
from counterpoise.memory import is_out_of_memory
from counterpoise.models.attention import use_short_attention
from counterpoise.models.loading import LoadedModel
from counterpoise.records import Progress
from counterpoise.settings import deciding

if TYPE_CHECKING:
    from counterpoise.alignment.config import AlignmentConfig

PROGRESS = "progress.json"


@dataclass(frozen=True, slots=True)
class Hooks:
    """How a run talks to whoever started it."""

    progress: Progress
    should_stop: Callable[[], bool]
    on_checkpoint: Callable[[Path], None]


class Run:
    """Build it, :meth:`go`, then :meth:`finish`."""

    def __init__(  # the inputs of a run, each its own thing
        self,
        loaded: LoadedModel,
        inputs: TrainingInputs,
        config: AlignmentConfig,
        *,
        seed: int,
        checkpoints: Path,
        hooks: Hooks,
        judged: LoadedModel | None = None,
        team: Team = ALONE,
    ) -> None:
        self.team, self.config, self.hooks, self.checkpoints = team, config, hooks, checkpoints
        use_short_attention(loaded.model)
        groups = training_groups(inputs, loaded.tokenizer, config, seed)
        build = packed_batch if shares_prefixes(loaded.model, config.optimisation.max_tokens) else pair_batch
        self.shares = team.shares(groups, build)
        own = [share.batch for share in self.shares]
        batches = own if team.size == 1 else list(map(build, groups))
        own_text = own_text_batches(inputs.own_text, seed) if config.loss.own_text_weight else []
        lora = _lora_config(loaded.model, config)
        self.trainer = self._trainer(loaded, lora, own_text, seed)
        self.model = self.trainer.model
        judge = judged or replace(loaded, model=self.model)
        self.evaluator = Evaluator(judge, lora, inputs, seed, self._stop_if_asked) if team.leads else None
        weights = self._category_weights()
        self.trainer.use_weights(preference_weights(inputs.train, weights))
        self.average = WeightAverage(self.model, config.optimisation.average)
        self.steps = math.ceil(len(self.trainer.train_dataset) / config.optimisation.gradient_accumulation)
        precisions = [loaded.precision, (judged or loaded).precision]
        self.fingerprint = _fingerprint(
            config, loaded, [*precisions, seed, sorted(weights.items())], batches, own_text
        )
        self.interrupted = False

    def _trainer(
        self, loaded: LoadedModel, lora: LoraConfig, own_text: Sequence[TokenBatch], seed: int
    ) -> DebiasTrainer:
        trainer = DebiasTrainer(
            model=loaded.model,
            tokenizer=loaded.tokenizer,
            peft_config=lora,
            batches=self.shares,
            order=schedule(len(self.shares), self.config.optimisation.epochs, seed),
            own_text=own_text,
            config=self.config,
            seed=seed,
            workspace=self.checkpoints,
            save=self._checkpoint,
            team=self.team,
        )
        trainer.add_callback(Watcher(self._after_step))
        return trainer

    def _category_weights(self) -> dict[str, float]:
        """By the base's bias as the leader measured it; none where every preference weighs 1."""
        if self.config.loss.category_weights == "equal":
            return {}
        return self.team.on_rank0(lambda: category_weights(self._measured.base))

    @property
    def _measured(self) -> Evaluator:
        if self.evaluator is None:
            raise ValueError("only the leading process measures")
        return self.evaluator

    def go(self) -> None:
        """Train from the newest checkpoint, or from the start, until done or interrupted."""
        resumed = self.team.broadcast(newest_checkpoint(self.checkpoints, self.fingerprint))
        if resumed is not None:
            self._restore(resumed)
        done = self.trainer.steps[-1].step if self.trainer.steps else 0
        if done < self.steps:
            with _memory_errors(self.checkpoints, self.fingerprint, self.config):
                self.trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
        if self.interrupted:
            raise TrainingStopped(
                f"training stopped after step {self.trainer.steps[-1].step} of {self.steps}, at a checkpoint",
                "run the same command again to go on",
            )

    def finish(self, out: Path) -> TrainingOutcome:
        """Choose the strength, write the adapter and say what it is."""
        adapter = self.average.state()
        strength, status, reason, looked = self.team.on_rank0(lambda: self._chosen(adapter))
        if self.team.leads:
            # An adapter that changes nothing is written as one: whoever loads it gets the base.
            save_adapter(self.model, adapter, out, strength)
        return TrainingOutcome(tuple(self.trainer.steps), tuple(looked), strength, status, reason)

    def _chosen(self, adapter: Mapping[str, Tensor]) -> tuple[float, Status, str, list[Candidate]]:
        self._measured.use(adapter)
        return choose(self._measured, self.config.strength, self.config.loss.direction)

    def _stop_if_asked(self) -> None:
        """Ends the search for a strength where the process was asked to stop; the last step's checkpoint is whole."""
        if self.trainer.steps and self.hooks.should_stop():
            raise TrainingStopped(
                f"stopped after all {self.steps} steps, at a checkpoint, before a strength was chosen",
                "run the same command again to go on",
            )

    def _after_step(self, step: int, last: bool) -> tuple[bool, bool]:
        """Whether to save and whether to stop after this optimiser step."""
        self.average.update(step)
        self.hooks.progress(step, self.steps)
        self.interrupted = self.team.broadcast(not last and self.hooks.should_stop())
        # The last step is saved too: choosing the strength takes a while, and may be killed.
        due = step % self.config.checkpoint_every == 0 or last
        return due or self.interrupted, self.interrupted

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
        steps = [asdict(row) for row in self.trainer.steps]
        (folder / PROGRESS).write_text(json.dumps({"steps": steps}), encoding="utf-8")

    def _restore(self, folder: Path) -> None:
        state = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
        self.trainer.steps[:] = [TrainingStep(**row) for row in state["steps"]]
        self.average.load(folder)
        self.trainer.restore_adapter(folder)


def _lora_config(model: Any, config: AlignmentConfig) -> LoraConfig:
    lora = config.lora
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=0.0,
        target_modules=resolve_targets(model, lora),
        layers_to_transform=adapted_blocks(model, lora),
        task_type="CAUSAL_LM",
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
            "free memory and run again, or lower alignment.optimisation.batch_pairs and raise "
            "alignment.optimisation.gradient_accumulation",
        ) from error
