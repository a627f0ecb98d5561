"""DPO training: this project against stock ``DPOTrainer`` on the same preferences, weights, batches and loss.

Both run in this process, in turns, on NF4 weights with the same LoRA shape, the same sigmoid loss and the same
pairs in the same batches in the same order; the stock trainer is given its best settings (no gradient
checkpointing, reference log-probs precomputed), and once its defaults for that (reference recomputed). Speeds
count only if all begin with the same loss; the loss curves are kept side by side.

    python -m benchmarks.dpo --out docs/results/dpo.json
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from counterpoise.models.loading import LoadedModel, load_model, quiet_libraries

os.environ.setdefault("TQDM_DISABLE", "1")
quiet_libraries()

from datasets import Dataset, disable_progress_bars  # noqa: E402  # after the libraries are told to be quiet
from peft import LoraConfig  # noqa: E402
from transformers import PrinterCallback, TrainerCallback  # noqa: E402
from trl import DPOConfig, DPOTrainer  # noqa: E402

from benchmarks.common import (  # noqa: E402
    Sample,
    clock,
    crows_pairs,
    linear_parameters,
    machine,
    peak_flops,
    peak_memory,
    show,
    wait_for,
    write,
)
from counterpoise.alignment.batches import (  # noqa: E402
    EncodedPair,
    TokenBatch,
    encode_preferences,
    pair_batches,
    schedule,
)
from counterpoise.alignment.config import AlignmentConfig  # noqa: E402
from counterpoise.alignment.lora import resolve_targets  # noqa: E402
from counterpoise.alignment.scoring import reference_log_probs  # noqa: E402
from counterpoise.alignment.team import ALONE  # noqa: E402
from counterpoise.alignment.trainer import NeutralTrainer  # noqa: E402
from counterpoise.models.attention import use_short_attention  # noqa: E402
from counterpoise.records import Pair, Preference  # noqa: E402
from flows.commands._model import model_folder  # noqa: E402

BETA = 0.1
FIRST_LOSS_TOLERANCE = 0.02
"""The adapter starts as the identity, so the first loss is log 2 but for bf16 rounding between two passes."""
OURS, STOCK = "counterpoise", "DPOTrainer, reference precomputed"


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


class Ours(NeutralTrainer):
    """Our trainer with its reference pass as one call."""

    def precompute(self) -> None:
        """Look the base's log-probabilities up from now on; the pass over the batches happens here."""
        batches = [share.batch for share in self._batches]
        self.use_reference(reference_log_probs(self.model, self._parts, batches))


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


def batches_of(
    folder: Path, rows: Sequence[Preference], config: AlignmentConfig
) -> tuple[list[TokenBatch], list[int], list[EncodedPair]]:
    """Whole batches, the batch of each forward pass over all epochs, and the pairs in that order."""
    size = config.optimisation.batch_pairs
    tokenizer = load_model(folder, "bf16", device="cpu").tokenizer
    encoded = encode_preferences(rows, tokenizer, append_eos=config.loss.append_eos, max_tokens=256)
    batches = [batch for batch in pair_batches(encoded, size, 0) if len(batch.names) == size]
    order = schedule(len(batches), config.optimisation.epochs, 0)
    by_name = {pair.name: pair for pair in encoded}
    return batches, order, [by_name[name] for index in order for name in batches[index].names]


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
    batches: Sequence[TokenBatch],
    order: Sequence[int],
    config: AlignmentConfig,
    scratch: str,
) -> Ours:
    use_short_attention(loaded.model)
    return Ours(
        model=loaded.model,
        tokenizer=loaded.tokenizer,
        peft_config=lora(loaded, config),
        batches=ALONE.shares(batches),
        order=order,
        replay=(),
        config=config,
        seed=0,
        workspace=Path(scratch),
        save=lambda: None,
    )


def turn(
    load: Callable[[], LoadedModel], build: Callable[[LoadedModel, str], Any], pairs: int
) -> dict[str, Any]:
    """Load, build a trainer and train ``pairs`` pairs: rates with and without what precedes the steps."""
    loaded = load()
    cuda = loaded.device.type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    with tempfile.TemporaryDirectory() as scratch, peak_memory() as memory:
        start = {"wall": time.perf_counter(), "cpu": time.process_time()}
        trainer, watch = build(loaded, scratch), Clock(loaded.device)
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(watch)
        if isinstance(trainer, Ours):
            trainer.precompute()
        trainer.train()
    losses = [row.loss for row in trainer.steps] if isinstance(trainer, Ours) else watch.losses
    steps, seconds = len(losses), watch.after_the_first_step()
    return {
        "rate": {name: pairs * (steps - 1) / steps / value for name, value in seconds.items()},
        "whole_rate": {name: pairs / (watch.times[-1][name] - start[name]) for name in start},
        "seconds": {name: watch.times[-1][name] - start[name] for name in start},
        "losses": losses,
        "peak_mib": torch.cuda.max_memory_allocated() / 2**20 if cuda else memory["peak_mib"],
    }


def measure(
    folder: Path, rows: Sequence[Preference], config: AlignmentConfig, options: argparse.Namespace
) -> dict[str, Any]:
    batches, order, pairs = batches_of(folder, rows, config)
    per_step = config.optimisation.batch_pairs * config.optimisation.gradient_accumulation
    few = pairs[: options.peer_steps * per_step] if options.peer_steps else pairs
    device = torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))

    def load() -> LoadedModel:
        return load_model(folder, options.precision, device=device)

    def stock(*, precompute: bool) -> dict[str, Any]:
        return turn(
            load,
            lambda loaded, scratch: stock_trainer(loaded, few, config, scratch, precompute=precompute),
            len(few),
        )

    ways: dict[str, Callable[[], dict[str, Any]]] = {
        STOCK: lambda: stock(precompute=True),
        "DPOTrainer, reference recomputed": lambda: stock(precompute=False),
        OURS: lambda: turn(
            load, lambda loaded, scratch: our_trainer(loaded, batches, order, config, scratch), len(pairs)
        ),
    }
    where = machine(
        "torch", "transformers", "trl", "peft", "bitsandbytes", device=device, threads=torch.get_num_threads()
    )
    done: dict[str, list[dict[str, Any]]] = {name: [] for name in ways}
    for _ in range(options.repeats):
        for name, way in ways.items():
            done[name].append(way())
    check_agreement(done)
    model, tokens = (
        load(),
        sum(len(pair.prompt) * 2 + len(pair.chosen) + len(pair.rejected) for pair in pairs),
    )
    return {
        "benchmark": "dpo training",
        "model": options.model,
        "precision": options.precision,
        "lora_rank": config.lora.rank,
        "batch_pairs": config.optimisation.batch_pairs,
        "gradient_accumulation": config.optimisation.gradient_accumulation,
        "epochs": config.optimisation.epochs,
        "pairs": len(pairs),
        "tokens": tokens,
        # Forward, and backward to the activations only: the weights are frozen. The adapter is not counted.
        "flop_per_pair": 4 * tokens / len(pairs) * linear_parameters(model.model),
        "peak_flops": peak_flops(torch.float32 if options.precision == "fp32" else torch.bfloat16, device),
        "runs": {name: medians(works) for name, works in done.items()},
        "machine": where,
    }


def check_agreement(done: dict[str, list[dict[str, Any]]]) -> None:
    """All start from the same loss, or the comparison is void."""
    first = {name: works[0]["losses"][0] for name, works in done.items()}
    if max(first.values()) - min(first.values()) > FIRST_LOSS_TOLERANCE:
        raise SystemExit(f"the first losses differ: {first}")


def medians(works: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Medians over the repeats; the first repeat's losses (the others' are the same)."""
    rates = {
        which: {name: statistics.median(work[which][name] for work in works) for name in ("wall", "cpu")}
        for which in ("rate", "whole_rate", "seconds")
    }
    return {
        **rates,
        "peak_mib": max(work["peak_mib"] for work in works),
        "losses": [round(loss, 4) for loss in works[0]["losses"]],
    }


def settings(rank: int, batch: int) -> AlignmentConfig:
    """Plain DPO on every layer: what stock does not have (anchor, drift, steering, replay) is off."""
    return AlignmentConfig.model_validate(
        {
            "lora": {"rank": rank, "alpha": 2 * rank, "skip_layers": 0.0},
            "loss": {
                "types": ["sigmoid"],
                "weights": [1.0],
                "beta": BETA,
                "anchor_weight": 0.0,
                "drift_weight": 0.0,
                "steer": False,
                "replay_weight": 0.0,
                "append_eos": True,
            },
            "optimisation": {
                "learning_rate": 3e-4,
                "schedule": "constant_with_warmup",
                "warmup": 0.0,
                "epochs": 1,
                "batch_pairs": batch,
            },
        }
    )


def report(result: dict[str, Any]) -> None:
    use = clock(result["machine"])
    base = result["runs"][STOCK]["rate"][use]
    show(
        f"DPO, {result['precision']}, LoRA r {result['lora_rank']}, batch {result['batch_pairs']}; {use} time",
        (
            "",
            "pairs/s",
            "ratio",
            "of the matmul peak",
            "with reference pass",
            "peak MiB",
            "mean loss, last third",
        ),
        [
            (
                name,
                f"{run['rate'][use]:.2f}",
                f"{run['rate'][use] / base:.2f}×",
                f"{run['rate'][use] * result['flop_per_pair'] / result['peak_flops'][use]:.0%}",
                f"{run['whole_rate'][use]:.2f}",
                f"{run['peak_mib']:,.0f}",
                f"{statistics.fmean(run['losses'][-max(1, len(run['losses']) // 3) :]):.4f}",
            )
            for name, run in result["runs"].items()
        ],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0] if __doc__ else None)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--precision", choices=["fp32", "bf16", "nf4"], default="nf4")
    parser.add_argument("--pairs", type=int, default=160)
    parser.add_argument("--batch", type=int, default=16, help="pairs in one step")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--peer-steps", type=int, default=None, help="steps of the stock trainer (all)")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--device", default=None)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    disable_progress_bars()
    rows = [as_preference(pair) for pair in crows_pairs(options.pairs)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = measure(
            model_folder(options.model, lambda done, total: None),
            rows,
            settings(options.rank, options.batch),
            options,
        )
    report(result)
    write(result, options.out)


if __name__ == "__main__":
    main()
