"""TRL's ``DPOTrainer`` with its data, loss and checkpoints replaced at the seams; the loop stays its own.

What differs from the stock step: batches have one composition for good (chosen and rejected together, equal
lengths side by side); log-probabilities come from :mod:`counterpoise.likelihood.token_log_probs`, without the
entropy, accuracy and mean-logit metrics that stock computes on the whole vocabulary; reference log-probs are
looked up; the objective may be one that TRL does not have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import PrinterCallback, TrainerCallback
from trl import DPOConfig, DPOTrainer

from counterpoise.alignment.batches import TokenBatch
from counterpoise.alignment.config import AlignmentConfig, LossSettings
from counterpoise.alignment.lora import restore_trainable, trainable_state
from counterpoise.alignment.losses import PairLogProbs, objective, replay_penalty
from counterpoise.alignment.records import ReferenceLogProb, TrainingStep, weighed_margin
from counterpoise.alignment.scoring import (
    decoder,
    pair_log_probs,
    reference_log_probs,
    scored_log_probs,
)
from counterpoise.alignment.team import ALONE, Share, Team
from counterpoise.models.fused import fuse_lora

ADAPTER = "adapter.safetensors"
Metrics = dict[str, float]


class NeutralTrainer(DPOTrainer):  # type: ignore[misc]  # trl ships no types
    """A ``DPOTrainer`` over fixed :class:`TokenBatch` es; see the module's first lines.

    Args:
        batches: this process's share of each batch; ``order``: the batch of each forward pass, all epochs in a row.
        replay: batches of neutral text, one beside each forward pass in turn; may be empty.
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
        replay: Sequence[TokenBatch],
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
        self._reference: dict[str, ReferenceLogProb] = {}
        self._targets: Mapping[str, float] = {}
        self._pushes: Mapping[str, float] = {}
        self._replay, self._replay_reference = replay, dict[int, Tensor]()
        self.steps: list[TrainingStep] = []
        super().__init__(
            model=model,
            args=_arguments(config, seed, workspace, model.device),
            data_collator=self._collate,
            train_dataset=Dataset.from_dict({"batch": list(order), "place": list(range(len(order)))}),
            processing_class=tokenizer,
            peft_config=peft_config,
        )
        self.remove_callback(PrinterCallback)
        _restore_adapter_settings(self.model, config.lora.dropout)
        _silence_base(self.model)
        if team.size > 1:
            restore_trainable(self.model, team.agreed(trainable_state(self.model)))
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

    def use_reference(self, rows: Sequence[ReferenceLogProb]) -> None:
        """Look reference log-probabilities up in ``rows`` instead of computing them in every step."""
        self._reference = {row.preference_id: row for row in rows}

    def use_targets(self, targets: Mapping[str, float]) -> None:
        """Margins for the ``neutral`` loss, nats, by preference; 0 for any that is not named."""
        self._targets = targets

    def use_pushes(self, pushes: Mapping[str, float]) -> None:
        """Weights of preferences, below 0 turned round, by preference, from the next batch on; 1 for any not named."""
        self._pushes = pushes

    def compute_loss(
        self,
        model: Any,
        inputs: Mapping[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Tensor:
        """The objective on one batch, mean over its pairs, and on the neutral text beside it."""
        share = self._batches[inputs["batch"]]
        batch = share.batch.to(self._parts.device)
        pairs = self._pair_log_probs(batch)
        loss, anchor = objective(pairs, self._loss)
        replay = self._replayed(inputs["place"], loss)
        for name, value in _metrics(pairs, anchor, replay, self._loss.beta).items():
            self._metrics["train"][name].append(share.weight * value)
        total: Tensor = share.weight * loss + self._loss.replay_weight * replay
        return total

    def _replayed(self, place: int, loss: Tensor) -> Tensor:
        """The replay penalty of the neutral text whose turn it is."""
        if not self._replay:
            return torch.zeros_like(loss)
        turn = place % len(self._replay)
        batch = self._replay[turn].to(self._parts.device)
        if turn not in self._replay_reference:
            with torch.no_grad(), self.model.disable_adapter():
                self._replay_reference[turn] = scored_log_probs(self._parts, batch)
        now, before = scored_log_probs(self._parts, batch), self._replay_reference[turn]
        return replay_penalty(now, before, batch.counts, self._loss.replay_sentences)

    def _pair_log_probs(self, batch: TokenBatch) -> PairLogProbs:
        rows = [self._reference[name] for name in batch.names] if self._reference else None
        if rows is None:
            rows = reference_log_probs(self.model, self._parts, [batch])
        sums, shared = pair_log_probs(self._parts, batch)
        chosen, rejected = sums.chunk(2)
        chosen_tokens, rejected_tokens = batch.counts.chunk(2)
        weight = self._loss.identity_weight
        before = chosen.new_tensor([row.margin(weight) for row in rows])
        return PairLogProbs(
            chosen=chosen,
            rejected=rejected,
            reference_chosen=chosen.new_tensor([row.chosen for row in rows]),
            reference_rejected=chosen.new_tensor([row.rejected for row in rows]),
            chosen_tokens=chosen_tokens,
            rejected_tokens=rejected_tokens,
            target=chosen.new_tensor([self._targets.get(name, 0.0) for name in batch.names]),
            push=chosen.new_tensor([self._pushes.get(name, 1.0) for name in batch.names]),
            weighed=(weighed_margin(chosen - rejected, shared, weight), before) if weight < 1 else None,
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
        restore_trainable(self.model, load_file(Path(resume_from_checkpoint) / ADAPTER))


def _restore_adapter_settings(model: Any, dropout: float) -> None:
    """Undo what TRL does to the adapter: bf16 for 4-bit models, and no dropout anywhere.

    A bf16 adapter would not survive a checkpoint unchanged; and of all dropout only the base's must be off.
    """
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    for name, module in model.named_modules():
        if ".lora_dropout." in name and isinstance(module, torch.nn.Dropout):
            module.p = dropout


def _silence_base(model: Any) -> None:
    """Switch off the dropout that a base applies by function call, as OPT does: TRL's switch is for modules.

    With it the policy differs from its own reference before the first step, and DPO's first loss is not log 2.
    """
    for module in model.modules():
        for name in ("dropout", "attention_dropout", "activation_dropout", "layerdrop"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)


def _metrics(pairs: PairLogProbs, anchor: Tensor, replay: Tensor, beta: float) -> dict[str, Tensor]:
    """Means over the pairs, left on the device: reading them would make the step wait."""
    reward = (beta * pairs.delta).detach()
    return {
        "anchor": anchor.detach(),
        "reward_margin": reward.mean(),
        "reward_accuracy": (reward > 0).float().mean(),
        "chosen_log_prob": pairs.chosen.detach().mean(),
        "rejected_log_prob": pairs.rejected.detach().mean(),
        "chosen_change": (pairs.chosen_change / pairs.chosen_tokens).detach().mean(),
        "rejected_change": (pairs.rejected_change / pairs.rejected_tokens).detach().mean(),
        "push": pairs.push.abs().mean(),
        "replay": replay.detach(),
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
        weight_decay=optimisation.weight_decay,
        max_grad_norm=optimisation.max_gradient_norm,
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
