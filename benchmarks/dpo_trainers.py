"""Both sides of the DPO benchmark: the stock trainer and ours, on the same pairs in the same batches and order."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from counterpoise.models.loading import LoadedModel, load_model, quiet_libraries

os.environ.setdefault("TQDM_DISABLE", "1")
quiet_libraries()

from datasets import Dataset  # noqa: E402  # after the libraries are told to be quiet
from peft import LoraConfig  # noqa: E402
from transformers import TrainerCallback  # noqa: E402
from trl import DPOConfig, DPOTrainer  # noqa: E402

from benchmarks.common import Sample, wait_for  # noqa: E402
from counterpoise.alignment.batches import (  # noqa: E402
    EncodedPair,
    encode_preferences,
    pair_groups,
    schedule,
)
from counterpoise.alignment.config import AlignmentConfig  # noqa: E402
from counterpoise.alignment.lora import resolve_targets  # noqa: E402
from counterpoise.alignment.team import ALONE  # noqa: E402
from counterpoise.alignment.trainer import DebiasTrainer  # noqa: E402
from counterpoise.alignment.tree_batches import packed_batch  # noqa: E402
from counterpoise.models.attention import use_short_attention  # noqa: E402
from counterpoise.records import Pair, Preference  # noqa: E402


class Clock(TrainerCallback):  # type: ignore[misc]
    """Notes by both clocks when each optimiser step ended, and what its loss was."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.times: list[Sample] = []
        self.losses: list[float] = []

    def _note(self) -> None:
        wait_for(self._device)
        self.times.append({"wall": time.perf_counter(), "cpu": time.process_time()})

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._note()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._note()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **_: Any) -> None:
        if "loss" in logs:
            self.losses.append(logs["loss"])

    def after_the_first_step(self) -> Sample:
        """Seconds of all steps but the first, which allocates and packs."""
        return {name: self.times[-1][name] - self.times[1][name] for name in ("wall", "cpu")}


class InOrder(DPOTrainer):  # type: ignore[misc]
    """The stock trainer; only the order of its data is fixed, so that both see the same batches."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return torch.utils.data.SequentialSampler(self.train_dataset)


class Ours(DebiasTrainer):
    """Our trainer with its reference pass as one call."""

    def precompute(self) -> None:
        """What the base makes of every batch, before any step instead of beside the first one that needs it."""
        for number, share in enumerate(self._batches):
            self._base_of(number, share.batch.to(self._parts.device))


def as_preference(pair: Pair) -> Preference:
    return Preference(
        preference_id=f"{pair.pair_id}/human/{pair.category}/0",
        pair_id=pair.pair_id,
        fold=0,
        category=pair.category,
        axis=pair.category,
        origin="human",
        prompt="",
        chosen=pair.less,
        rejected=pair.more,
        chosen_toxicity=0.0,
        rejected_toxicity=0.0,
        kept=True,
        reason="",
    )


def lora(loaded: LoadedModel, config: AlignmentConfig) -> LoraConfig:
    return LoraConfig(
        r=config.lora.rank,
        lora_alpha=config.lora.alpha,
        target_modules=resolve_targets(loaded.model, config.lora),
        task_type="CAUSAL_LM",
    )


def groups_of(
    folder: Path, rows: Sequence[Preference], config: AlignmentConfig
) -> tuple[list[list[EncodedPair]], list[int], list[EncodedPair]]:
    """Whole groups, the group of each forward pass over all epochs, and the pairs in that order."""
    size = config.optimisation.batch_pairs
    tokenizer = load_model(folder, "bf16", device="cpu").tokenizer
    encoded = encode_preferences(rows, tokenizer, append_eos=config.loss.append_eos, max_tokens=256)
    groups = [group for group in pair_groups(encoded, size, 0) if len(group) == size]
    order = schedule(len(groups), config.optimisation.epochs, 0)
    return groups, order, [pair for index in order for pair in groups[index]]


def stock_trainer(
    loaded: LoadedModel,
    pairs: Sequence[EncodedPair],
    config: AlignmentConfig,
    scratch: str,
    *,
    precompute: bool,
) -> Any:
    """``DPOTrainer`` on the pairs as they come, ``batch_pairs`` at a time."""
    decode, optimisation = loaded.tokenizer.decode, config.optimisation
    rows = [
        {"prompt": decode(pair.prompt), "chosen": decode(pair.chosen), "rejected": decode(pair.rejected)}
        for pair in pairs
    ]
    return InOrder(
        model=loaded.model,
        args=DPOConfig(
            output_dir=scratch,
            per_device_train_batch_size=optimisation.batch_pairs,
            gradient_accumulation_steps=optimisation.gradient_accumulation,
            learning_rate=optimisation.learning_rate,
            lr_scheduler_type=optimisation.schedule,
            warmup_steps=optimisation.warmup,
            num_train_epochs=1,
            beta=config.loss.beta,
            precompute_ref_log_probs=precompute,
            gradient_checkpointing=False,
            bf16=loaded.precision != "fp32",
            use_cpu=loaded.device.type == "cpu",
            seed=0,
            logging_steps=1,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
            dataloader_pin_memory=False,
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=loaded.tokenizer,
        peft_config=lora(loaded, config),
    )


def our_trainer(
    loaded: LoadedModel,
    groups: Sequence[Sequence[EncodedPair]],
    order: Sequence[int],
    config: AlignmentConfig,
    scratch: str,
) -> Ours:
    use_short_attention(loaded.model)
    return Ours(
        model=loaded.model,
        tokenizer=loaded.tokenizer,
        peft_config=lora(loaded, config),
        batches=ALONE.shares(groups, packed_batch),
        order=order,
        own_text=(),
        config=config,
        seed=0,
        workspace=Path(scratch),
        save=lambda: None,
    )
