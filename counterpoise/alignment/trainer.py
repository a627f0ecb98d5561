"""TRL's ``DPOTrainer`` with its data, loss and checkpoints replaced at the seams; the loop stays its own.

What differs from the stock step: batches have one composition for good (chosen and rejected together, equal
lengths side by side); log-probabilities come from :mod:`counterpoise.likelihood.token_log_probs`, without the
entropy, accuracy and mean-logit metrics that stock computes on the whole vocabulary; what the base makes of a batch is
computed once; beside the preference loss there are terms that TRL does not have:

* consistency: at every token that both sentences of a pair have after their first difference, the divergence of each
  one's next-token distribution from the mean of what the base gives in the two contexts;
* own text: the divergence from the base on text that the base wrote itself;
* hold: :func:`counterpoise.alignment.losses.hold_loss`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch
from datasets import Dataset
from datasets.table import InMemoryTable
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import PrinterCallback, TrainerCallback
from trl import DPOConfig, DPOTrainer

from counterpoise.alignment.batches import TokenBatch
from counterpoise.alignment.config import AlignmentConfig, LossSettings
from counterpoise.alignment.lora import restore_trainable, trainable_state
from counterpoise.alignment.losses import PairLogProbs, hold_loss, preference_loss
from counterpoise.alignment.records import TrainingStep
from counterpoise.alignment.scoring import PairPass, decoder, pair_pass, scored_states
from counterpoise.alignment.team import ALONE, Share, Team
from counterpoise.likelihood.divergence import divergence
from counterpoise.models.fused import fuse_lora

ADAPTER = "adapter.safetensors"
MAX_GRADIENT_NORM = 1.0
TEMPERATURE = 2.0
"""Of both divergences: at 1 they hardly see unlikely tokens, and meaningless continuations gain on meaningful ones."""
Metrics = dict[str, float]


class DebiasTrainer(DPOTrainer):  # type: ignore[misc]  # trl ships no types
    """A ``DPOTrainer`` over fixed :class:`TokenBatch` es; see the module's first lines.

    Args:
        batches: this process's share of each batch; ``order``: the batch of each forward pass, all epochs in a row.
        own_text: batches of the base's own text, one beside each forward pass in turn; may be empty.
        save: called instead of TRL's own checkpoint writer.
        team: the processes that train together.
    """

    def __init__(  # noqa: PLR0913  # DPOTrainer's own arguments and the seams
        self,
        *,
        model: Any,
        tokenizer: Any,
        peft_config: Any,
        batches: Sequence[Share],
        order: Sequence[int],
        own_text: Sequence[TokenBatch],
        config: AlignmentConfig,
        seed: int,
        workspace: Path,
        save: Callable[[], None],
        team: Team = ALONE,
    ) -> None:
        self._loss: LossSettings = config.loss
        self._batches = batches
        self._epoch_batches = len(batches)
        self._save_hook = save
        self._team = team
        self._weights: Mapping[str, float] = {}
        self._own_text = own_text
        self._base_pairs: dict[int, PairPass] = {}
        self._base_own_text: dict[int, Tensor] = {}
        self.steps: list[TrainingStep] = []
        super().__init__(
            model=model,
            args=_arguments(config, seed, workspace, model.device),
            data_collator=self._collate,
            train_dataset=_rows(order),
            processing_class=tokenizer,
            peft_config=peft_config,
        )
        self.remove_callback(PrinterCallback)
        _restore_adapter_precision(self.model)
        _silence_base(self.model)
        if team.size > 1:
            restore_trainable(self.model, team.broadcast(trainable_state(self.model)))
        fuse_lora(self.model, hold_weights=config.optimisation.hold_weights)
        self._parts = decoder(self.model, config.optimisation.max_tokens)

    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return torch.utils.data.SequentialSampler(
            train_dataset if train_dataset is not None else self.train_dataset
        )

    def get_train_dataloader(self) -> Any:
        """Every process sees every batch, for its own share of it; accelerate would deal whole batches out."""
        if self._team.size == 1:
            return super().get_train_dataloader()
        rows: Any = self.train_dataset
        return torch.utils.data.DataLoader(rows, sampler=self._get_train_sampler(), collate_fn=self._collate)

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Tensor:
        """One forward and backward pass; before an optimiser step the processes average their gradients."""
        loss: Tensor = super().training_step(model, inputs, num_items_in_batch)
        if self.accelerator.sync_gradients:
            self._team.average_gradients(self.model.parameters())
        return loss

    def _collate(self, rows: Sequence[Mapping[str, int]]) -> dict[str, Any]:
        batch = self._batches[rows[0]["batch"]].batch
        return {"input_ids": batch.input_ids, **rows[0]}

    def use_weights(self, weights: Mapping[str, float]) -> None:
        """Weights of preferences, by their id, from now on; 1 for any that is not named."""
        self._weights = weights

    def restore_adapter(self, folder: Path) -> None:
        """Put a checkpoint's adapter back, as resuming does; a training that is complete has only this to restore."""
        restore_trainable(self.model, load_file(folder / ADAPTER))

    def compute_loss(
        self,
        model: Any,
        inputs: Mapping[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Tensor:
        """The objective on one batch, mean over its pairs, and on the base's own text beside it."""
        share, loss = self._batches[inputs["batch"]], self._loss
        batch = share.batch.to(self._parts.device)
        base = self._base_of(inputs["batch"], batch)
        now = pair_pass(self._parts, batch)
        pairs = self._pair_log_probs(batch, now, base)
        parts = {
            "preference": preference_loss(pairs, loss),
            "hold": hold_loss(pairs) if loss.hold_weight else now.sums.new_zeros(()),
            "consistency": self._consistency(now, base)
            if loss.consistency_weight
            else now.sums.new_zeros(()),
        }
        own = self._own_text_divergence(inputs["place"], now.sums)
        weights = {"consistency": share.token_weight, "own_text": 1.0}
        for name, value in {**parts, "own_text": own, **_metrics(pairs, loss)}.items():
            self._metrics["train"][name].append(weights.get(name, share.weight) * value.detach())
        of_pairs: Tensor = parts["preference"] + loss.hold_weight * parts["hold"]
        of_tokens = loss.consistency_weight * parts["consistency"]
        result: Tensor = share.weight * of_pairs + share.token_weight * of_tokens + loss.own_text_weight * own
        return result

    def _base_of(self, number: int, batch: TokenBatch) -> PairPass:
        """What the base makes of a batch, computed when it is first seen."""
        if number not in self._base_pairs:
            with torch.no_grad(), self.model.disable_adapter():
                self._base_pairs[number] = pair_pass(self._parts, batch)
        return self._base_pairs[number]

    def _consistency(self, now: PairPass, base: PairPass) -> Tensor:
        """Mean over the aligned tokens of both sentences, nats."""
        (chosen, rejected), targets = now.aligned, base.aligned
        if not len(chosen):
            return now.sums.new_zeros(())
        head = self._parts.head
        apart = [divergence(side, head, targets, TEMPERATURE) for side in (chosen, rejected)]
        return (apart[0] + apart[1]).mean() / 2

    def _own_text_divergence(self, place: int, like: Tensor) -> Tensor:
        """Mean over the tokens of the own text whose turn it is, nats."""
        if not self._own_text:
            return like.new_zeros(())
        turn = place % len(self._own_text)
        batch = self._own_text[turn].to(self._parts.device)
        if turn not in self._base_own_text:
            with torch.no_grad(), self.model.disable_adapter():
                self._base_own_text[turn] = scored_states(self._parts, batch)
        states = scored_states(self._parts, batch)
        return divergence(states, self._parts.head, [self._base_own_text[turn]], TEMPERATURE).mean()

    def _pair_log_probs(self, batch: TokenBatch, now: PairPass, base: PairPass) -> PairLogProbs:
        chosen, rejected = now.sums.chunk(2)
        reference_chosen, reference_rejected = base.sums.chunk(2)
        chosen_tokens, rejected_tokens = batch.counts.chunk(2)
        return PairLogProbs(
            chosen=chosen,
            rejected=rejected,
            reference_chosen=reference_chosen,
            reference_rejected=reference_rejected,
            shared=now.shared,
            reference_shared=base.shared,
            chosen_tokens=chosen_tokens,
            rejected_tokens=rejected_tokens,
            weight=chosen.new_tensor([self._weights.get(name, 1.0) for name in batch.names]),
        )

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Keep one :class:`TrainingStep` per optimiser step; nothing is printed or reported elsewhere."""
        if "loss" not in logs:
            return
        collected = self._metrics["train"]
        own = torch.stack([torch.stack(values).mean() for values in collected.values()])
        means = dict(zip(collected, self._team.mean(own).tolist(), strict=True))
        collected.clear()
        self.steps.append(
            TrainingStep(
                step=self.state.global_step,
                epoch=self.state.global_step * self.args.gradient_accumulation_steps / self._epoch_batches,
                learning_rate=logs["learning_rate"],
                loss=logs["loss"],
                gradient_norm=logs["grad_norm"],
                **means,
            )
        )

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        self._save_hook()

    def write_state(self, folder: Path) -> None:
        """Everything the loop needs to go on: adapter, optimiser, scheduler, random generators, counters."""
        save_file(trainable_state(self.model), str(folder / ADAPTER))
        self._save_optimizer_and_scheduler(str(folder))
        self._save_rng_state(str(folder))
        self.state.save_to_json(str(folder / "trainer_state.json"))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        self.restore_adapter(Path(resume_from_checkpoint))


def _restore_adapter_precision(model: Any) -> None:
    """Undo TRL's bf16 for the adapter of a 4-bit model: it would not survive a checkpoint unchanged."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def _silence_base(model: Any) -> None:
    """Switch off the dropout that a base applies by function call, as OPT does: TRL's switch is for modules.

    With it the policy differs from its own reference before the first step, and DPO's first loss is not log 2.
    """
    for module in model.modules():
        for name in ("dropout", "attention_dropout", "activation_dropout", "layerdrop"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)


def _rows(order: Sequence[int]) -> Dataset:
    """One row a forward pass. The fingerprint is given: datasets would pickle the table to find one."""
    table = pa.table({"batch": list(order), "place": list(range(len(order)))})
    return Dataset(InMemoryTable(table), fingerprint="rows")


def _metrics(pairs: PairLogProbs, loss: LossSettings) -> dict[str, Tensor]:
    """Means over the pairs, left on the device: reading them would make the step wait."""
    reward = loss.beta * pairs.delta(loss.identity_weight)
    return {
        "reward_margin": reward.mean(),
        "reward_accuracy": (reward > 0).float().mean(),
        "chosen_log_prob": pairs.chosen.mean(),
        "rejected_log_prob": pairs.rejected.mean(),
        "chosen_change": (pairs.chosen_change / pairs.chosen_tokens).mean(),
        "rejected_change": (pairs.rejected_change / pairs.rejected_tokens).mean(),
    }


def _arguments(config: AlignmentConfig, seed: int, workspace: Path, device: torch.device) -> Any:
    """TRL's arguments. One dataset row is a whole batch and one epoch is all epochs in a row."""
    optimisation = config.optimisation
    arguments = DPOConfig(
        output_dir=str(workspace),
        per_device_train_batch_size=1,
        num_train_epochs=1,
        gradient_accumulation_steps=optimisation.gradient_accumulation,
        learning_rate=optimisation.learning_rate,
        lr_scheduler_type=optimisation.schedule,
        warmup_steps=optimisation.warmup,
        weight_decay=0.0,
        max_grad_norm=MAX_GRADIENT_NORM,
        gradient_checkpointing=optimisation.gradient_checkpointing,
        optim="adamw_torch",
        beta=config.loss.beta,
        bf16=False,
        fp16=False,
        seed=seed,
        use_cpu=device.type == "cpu",
        logging_steps=1,
        logging_nan_inf_filter=False,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )
    # With several visible devices one process would take that many rows at once, for torch's DataParallel.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


class Watcher(TrainerCallback):  # type: ignore[misc]  # transformers ships no types for it here
    """Calls ``after_step`` once per optimiser step; it answers whether to save and whether to stop."""

    def __init__(self, after_step: Callable[[int, bool], tuple[bool, bool]]) -> None:
        self._after_step = after_step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """Ask what to do after this optimiser step."""
        save, stop = self._after_step(state.global_step, state.global_step >= state.max_steps)
        control.should_save = save
        control.should_training_stop = control.should_training_stop or stop
        return control
