"""DPO training: this project against stock ``DPOTrainer`` on the same preferences, weights, batches and loss.

Both run in this process, in turns, on NF4 weights with the same LoRA shape, the same sigmoid loss and the same
pairs in the same batches in the same order; the stock trainer is given its best settings (no gradient
checkpointing, reference log-probs precomputed), and once its defaults for that (reference recomputed). Speeds
count only if all begin with the same loss; the loss curves are kept side by side.

    python -m benchmarks.dpo --out docs/results/dpo.json
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.dpo_trainers import (  # isort: skip  # first: it quiets the libraries
    Clock,
    Ours,
    as_preference,
    groups_of,
    our_trainer,
    stock_trainer,
)
from datasets import disable_progress_bars
from transformers import PrinterCallback

from benchmarks.common import (
    clock,
    crows_pairs,
    linear_parameters,
    machine,
    peak_flops,
    peak_memory,
    show,
    write,
)
from counterpoise.alignment.config import AlignmentConfig
from counterpoise.flows.commands._model import model_folder
from counterpoise.models.loading import LoadedModel, load_model
from counterpoise.records import Preference

BETA = 0.1
FIRST_LOSS_TOLERANCE = 0.02
"""The adapter starts as the identity, so the first loss is log 2 but for bf16 rounding between two passes."""
OURS, STOCK = "counterpoise", "DPOTrainer, reference precomputed"


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
    groups, order, pairs = groups_of(folder, rows, config)
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
            load, lambda loaded, scratch: our_trainer(loaded, groups, order, config, scratch), len(pairs)
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
    """Plain DPO on every layer: what stock does not have (category weights, hold, consistency, own text) is off."""
    return AlignmentConfig.model_validate(
        {
            "lora": {"rank": rank, "alpha": 2 * rank, "skip_layers": 0.0},
            "loss": {
                "types": ["sigmoid"],
                "weights": [1.0],
                "beta": BETA,
                "identity_weight": 1.0,
                "category_weights": "equal",
                "hold_weight": 0.0,
                "consistency_weight": 0.0,
                "own_text_weight": 0.0,
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
