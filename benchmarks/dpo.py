"""DPO training: this project against stock ``DPOTrainer`` on the same preferences, weights, batches and loss.

Both run in this process, in turns, on NF4 weights with the same LoRA shape, the same sigmoid loss and the same
pairs in the same batches in the same order; the stock trainer is given its best settings (no gradient
checkpointing, reference log-probs precomputed), and once its defaults for that (reference recomputed). Before
anything is timed, the loss of the first step is compared, and afterwards the two loss curves are shown side by side.

    python -m benchmarks.dpo --out docs/results/dpo.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from counterpoise.models.loading import LoadedModel, load_model, quiet_libraries

os.environ.setdefault("TQDM_DISABLE", "1")
quiet_libraries()

from datasets import Dataset, disable_progress_bars  # noqa: E402  # after the libraries are told to be quiet
from peft import LoraConfig  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402
from transformers import PrinterCallback, TrainerCallback  # noqa: E402
from trl import DPOConfig, DPOTrainer  # noqa: E402

from counterpoise.alignment.batches import (  # noqa: E402
    EncodedPair,
    TokenBatch,
    encode_preferences,
    pair_batches,
    schedule,
)
from counterpoise.alignment.config import AlignmentConfig  # noqa: E402
from counterpoise.alignment.lora import resolve_targets  # noqa: E402
from counterpoise.alignment.records import ReferenceLogProb  # noqa: E402
from counterpoise.alignment.scoring import decoder, reference_log_probs  # noqa: E402
from counterpoise.alignment.trainer import NeutralTrainer  # noqa: E402
from counterpoise.models.attention import use_short_attention  # noqa: E402
from counterpoise.pairs.parse import parse_pairs  # noqa: E402
from counterpoise.records import Pair, Preference  # noqa: E402
from counterpoise.sources.datasets import locate  # noqa: E402
from flows.commands._model import model_folder  # noqa: E402

BETA = 0.1
FIRST_LOSS_TOLERANCE = 0.02
"""The adapter starts as the identity, so the first loss is log 2 but for bf16 rounding between two passes."""


@dataclass
class Work:
    """One trainer's turn: what it was given and what it did."""

    seconds: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)


class Clock(TrainerCallback):  # type: ignore[misc]
    """Notes when each optimiser step ended and what its loss was."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.losses: list[float] = []

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.times.append(time.perf_counter())

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.times.append(time.perf_counter())

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **_: Any) -> None:
        if "loss" in logs:
            self.losses.append(logs["loss"])

    def work(self) -> Work:
        pairs = zip(self.times, self.times[1:], strict=False)
        return Work([after - before for before, after in pairs], self.losses)


class InOrder(DPOTrainer):  # type: ignore[misc]
    """The stock trainer; only the order of its data is fixed, so that both see the same batches."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return torch.utils.data.SequentialSampler(self.train_dataset)


def preferences(count: int) -> list[Preference]:
    file = locate("crows-pairs")
    return [as_preference(pair) for pair in parse_pairs(file.read_bytes(), file.name)[:count]]


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


def stock(
    folder: Path,
    order: Sequence[EncodedPair],
    config: AlignmentConfig,
    options: argparse.Namespace,
    *,
    precompute: bool,
) -> Work:
    """``DPOTrainer`` on the pairs in ``order``, ``batch_pairs`` at a time."""
    loaded = load_model(folder, options.precision, device=options.device)
    decode = loaded.tokenizer.decode
    rows = [
        {"prompt": decode(pair.prompt), "chosen": decode(pair.chosen), "rejected": decode(pair.rejected)}
        for pair in order
    ]
    with tempfile.TemporaryDirectory() as scratch:
        trainer = InOrder(
            model=loaded.model,
            args=DPOConfig(
                output_dir=scratch,
                per_device_train_batch_size=config.optimisation.batch_pairs,
                learning_rate=config.optimisation.learning_rate,
                lr_scheduler_type="constant_with_warmup",
                num_train_epochs=1,
                beta=BETA,
                precompute_ref_log_probs=precompute,
                gradient_checkpointing=False,
                bf16=options.precision != "fp32",
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
        return trained(trainer)


def ours(
    folder: Path,
    batches: Sequence[TokenBatch],
    order: Sequence[int],
    config: AlignmentConfig,
    options: argparse.Namespace,
) -> tuple[Work, float]:
    """Our trainer on the same batches, and the seconds its reference log-probs took beforehand."""
    loaded = load_model(folder, options.precision, device=options.device)
    use_short_attention(loaded.model)
    with tempfile.TemporaryDirectory() as scratch:
        trainer = NeutralTrainer(
            model=loaded.model,
            tokenizer=loaded.tokenizer,
            peft_config=lora(loaded, config),
            batches=batches,
            order=order,
            config=config,
            seed=0,
            workspace=Path(scratch),
            save=lambda: None,
        )
        start = time.perf_counter()
        reference: list[ReferenceLogProb] = reference_log_probs(
            trainer.model, decoder(trainer.model), batches
        )
        seconds = time.perf_counter() - start
        trainer.use_reference(reference)
        work = trained(trainer)
        work.losses = [row.loss for row in trainer.steps]
        return work, seconds


def trained(trainer: Any) -> Work:
    clock = Clock()
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(clock)
    trainer.train()
    return clock.work()


def settings(options: argparse.Namespace) -> AlignmentConfig:
    return AlignmentConfig.model_validate(
        {
            "lora": {"rank": options.rank, "alpha": 2 * options.rank},
            "loss": {
                "types": ["sigmoid"],
                "weights": [1.0],
                "beta": BETA,
                "anchor_weight": 0.0,
                "drift_weight": 0.0,
                "append_eos": True,
            },
            "optimisation": {
                "learning_rate": 3e-4,
                "schedule": "constant_with_warmup",
                "warmup": 0.0,
                "epochs": 1,
                "batch_pairs": options.batch,
            },
        }
    )


def measure(options: argparse.Namespace) -> dict[str, Any]:
    if options.threads:
        torch.set_num_threads(options.threads)
    folder, config = model_folder(options.model, lambda done, total: None), settings(options)
    tokenizer = load_model(folder, options.precision, device=options.device).tokenizer
    encoded = encode_preferences(preferences(options.pairs), tokenizer, append_eos=True, max_tokens=256)
    batches = [
        batch for batch in pair_batches(encoded, options.batch, 0) if len(batch.names) == options.batch
    ]
    order = schedule(len(batches), 1, 0)
    by_name = {pair.name: pair for pair in encoded}
    in_order = [by_name[name] for index in order for name in batches[index].names]

    turns: dict[str, Callable[[], Work]] = {
        "DPOTrainer, reference precomputed": lambda: stock(
            folder, in_order, config, options, precompute=True
        ),
        "DPOTrainer, reference recomputed": lambda: stock(
            folder, in_order, config, options, precompute=False
        ),
        "counterpoise": lambda: ours(folder, batches, order, config, options)[0],
    }
    done: dict[str, list[Work]] = {name: [] for name in turns}
    for _ in range(options.repeats):
        for name, turn in turns.items():
            done[name].append(turn())
    check_agreement(done)
    tokens = sum(len(pair.prompt) * 2 + len(pair.chosen) + len(pair.rejected) for pair in in_order)
    return {
        "benchmark": "dpo training",
        "model": options.model,
        "precision": options.precision,
        "lora_rank": options.rank,
        "batch_pairs": options.batch,
        "steps": len(order),
        "tokens": tokens,
        "runs": {name: summary(works, options.batch) for name, works in done.items()},
        "peak_resident_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
            "threads": torch.get_num_threads(),
            **{name: version(name) for name in ("torch", "transformers", "trl", "peft", "bitsandbytes")},
        },
    }


def check_agreement(done: dict[str, list[Work]]) -> None:
    """Both start from the same loss, or the comparison is void."""
    first = {name: works[0].losses[0] for name, works in done.items()}
    if max(first.values()) - min(first.values()) > FIRST_LOSS_TOLERANCE:
        raise SystemExit(f"the first losses differ: {first}")


def summary(works: Sequence[Work], batch: int) -> dict[str, Any]:
    """Pairs per second from each repeat's steps, the first left out: it allocates and packs."""
    rates = [batch * (len(work.seconds) - 1) / sum(work.seconds[1:]) for work in works]
    return {"pairs_per_second": rates, "median": statistics.median(rates), "losses": works[0].losses}


def show(result: dict[str, Any]) -> None:
    console = Console()
    table = Table(
        title=f"DPO, {result['precision']}, LoRA r {result['lora_rank']}, batch {result['batch_pairs']} pairs"
    )
    for column in ("", "pairs/s", "ratio", "mean loss, last third"):
        table.add_column(column, justify="right" if column else "left")
    base = next(iter(result["runs"].values()))["median"]
    for name, run in result["runs"].items():
        tail = run["losses"][-max(1, len(run["losses"]) // 3) :]
        table.add_row(
            name, f"{run['median']:.2f}", f"{run['median'] / base:.2f}×", f"{statistics.fmean(tail):.4f}"
        )
    console.print(table)
    for name, run in result["runs"].items():
        console.print(f"{name}: loss " + " ".join(f"{loss:.3f}" for loss in run["losses"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0] if __doc__ else None)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--precision", choices=["fp32", "bf16", "nf4"], default="nf4")
    parser.add_argument("--pairs", type=int, default=160)
    parser.add_argument("--batch", type=int, default=16, help="pairs in one step")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--device", default=None)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    disable_progress_bars()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = measure(options)
    show(result)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
