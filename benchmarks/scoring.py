"""CrowS-Pairs scoring: this project against lm-eval on the same pairs, weights, precision and prefix token.

Both are run in this process, in turns. Before anything is timed, their log-likelihoods are compared in fp32
on a sample. The floor is the time that the matrix products of a plain pass over every token alone would take,
each shape at the speed measured here; sharing common beginnings means fewer products, so going below
it is possible.

    python -m benchmarks.scoring --out docs/results/scoring.json
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from rich.console import Console
from rich.table import Table

from counterpoise.likelihood.encoding import encode
from counterpoise.likelihood.sentences import causal_model, score_sentences
from counterpoise.models.loading import LoadedModel, load_model
from counterpoise.pairs.parse import parse_pairs
from counterpoise.sources.datasets import locate
from flows.commands._model import model_folder

ROWS = 1024
SAMPLE = 64
TOLERANCE = 1e-3
LM_EVAL_BATCHES = (16, 32)


def silent(done: int, total: int) -> None:
    return None


def timed(work: Callable[[], Any], device: torch.device) -> float:
    """Seconds of one call, the device's queue emptied."""
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def peer(loaded: LoadedModel, token: int, batch: int) -> HFLM:
    return HFLM(
        pretrained=loaded.model,
        tokenizer=loaded.tokenizer,
        batch_size=batch,
        prefix_token_id=token,
        device=str(loaded.device),
    )


def peer_scores(model: HFLM, texts: Sequence[str]) -> list[float]:
    requests = [Instance("loglikelihood", {}, ("", text), 0) for text in texts]
    return [float(value) for value, _ in model.loglikelihood(requests, disable_tqdm=True)]


def our_scores(loaded: LoadedModel, texts: Sequence[str], prefix: str, budget: int) -> list[float]:
    return [s.sum_log_prob for s in score_sentences(loaded, texts, prefix=prefix, token_budget=budget)]


def check_agreement(folder: Path, texts: Sequence[str], prefix: str, device: str | None) -> float:
    """Largest difference in fp32 over a sample, nats; raises if it exceeds the tolerance."""
    loaded = load_model(folder, "fp32", device=device)
    sample = list(texts[:: max(1, len(texts) // SAMPLE)])
    token = getattr(loaded.tokenizer, f"{prefix}_token_id")
    pairs = zip(
        our_scores(loaded, sample, prefix, ROWS), peer_scores(peer(loaded, token, 16), sample), strict=True
    )
    worst = max(abs(a - b) for a, b in pairs)
    if worst > TOLERANCE:
        raise SystemExit(f"scores differ by {worst:.2g} nats in fp32: nothing to time")
    return worst


def linear_shapes(causal: Any) -> Counter[tuple[int, int]]:
    """(inputs, outputs) of every linear layer, the head included, and how many have that shape."""
    return Counter(
        (module.in_features, module.out_features)
        for module in causal.modules()
        if isinstance(module, torch.nn.Linear)
    )


def matmul_seconds(rows: int, shape: tuple[int, int], dtype: torch.dtype, device: torch.device) -> float:
    """Seconds of one ``[rows, inputs] × [inputs, outputs]``: the median of seven after a warm-up."""
    left = torch.randn(rows, shape[0], dtype=dtype, device=device)
    right = torch.randn(shape[1], shape[0], dtype=dtype, device=device)
    work = lambda: left @ right.T  # noqa: E731
    work()
    return statistics.median(timed(work, device) for _ in range(7))


def floor_seconds(loaded: LoadedModel, tokens: int, dtype: torch.dtype) -> tuple[float, float]:
    """Time of the matrix products alone for ``tokens`` tokens, and their work in FLOP."""
    causal = causal_model(loaded)
    seconds = flop = 0.0
    for shape, count in linear_shapes(causal).items():
        rows = 256 if shape[1] == causal.config.vocab_size else ROWS
        seconds += count * tokens / rows * matmul_seconds(rows, shape, dtype, loaded.device)
        flop += 2 * count * tokens * shape[0] * shape[1]
    return seconds, flop


def peak_flops(dtype: torch.dtype, device: torch.device) -> float:
    """FLOP/s of a square product of 2048 (8192 on a GPU)."""
    side = 8192 if device.type == "cuda" else 2048
    return 2 * side**3 / matmul_seconds(side, (side, side), dtype, device)


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    folder = model_folder(arguments.model, silent)
    file = locate("crows-pairs")
    pairs = parse_pairs(file.read_bytes(), file.name)[: arguments.pairs]
    texts = [text for pair in pairs for text in (pair.more, pair.less)]
    worst = check_agreement(folder, texts, arguments.prefix, arguments.device)
    loaded = load_model(folder, arguments.precision, device=arguments.device)
    dtype = torch.float32 if arguments.precision == "fp32" else torch.bfloat16
    token = getattr(loaded.tokenizer, f"{arguments.prefix}_token_id")
    tokens = sum(len(row.targets) for row in encode(loaded.tokenizer, texts, arguments.prefix))
    peers = {batch: peer(loaded, token, batch) for batch in LM_EVAL_BATCHES}

    runs: dict[str, Callable[[], Any]] = {
        "counterpoise": lambda: our_scores(loaded, texts, arguments.prefix, arguments.budget)
    }
    for batch, model in peers.items():
        runs[f"lm-eval, batch {batch}"] = lambda model=model: peer_scores(model, texts)
    peer_scores(peers[16], texts[:64])
    our_scores(loaded, texts[:64], arguments.prefix, arguments.budget)
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(arguments.repeats):
        for name, work in runs.items():
            seconds[name].append(timed(work, loaded.device))
    floor, flop = floor_seconds(loaded, tokens, dtype)
    return {
        "benchmark": "crows-pairs scoring",
        "model": arguments.model,
        "pairs": len(pairs),
        "tokens": tokens,
        "precision": arguments.precision,
        "prefix": arguments.prefix,
        "largest_difference_fp32_nats": worst,
        "floor_seconds": floor,
        "peak_tflops": peak_flops(dtype, loaded.device) / 1e12,
        "runs": {name: summary(values, tokens, floor, flop) for name, values in seconds.items()},
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "device": str(loaded.device),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "transformers": version("transformers"),
            "lm_eval": version("lm_eval"),
        },
    }


def summary(values: list[float], tokens: int, floor: float, flop: float) -> dict[str, Any]:
    median = statistics.median(values)
    return {
        "seconds": values,
        "median_seconds": median,
        "tokens_per_second": tokens / median,
        "share_of_floor": floor / median,
        "plain_pass_tflops": flop / median / 1e12,
    }


def show(result: dict[str, Any]) -> None:
    table = Table(title=f"CrowS-Pairs scoring, {result['pairs']} pairs, {result['precision']}")
    for column in ("", "median s", "tokens/s", "of the floor", "vs best lm-eval"):
        table.add_column(column, justify="right" if column else "left")
    best = min(run["median_seconds"] for name, run in result["runs"].items() if name.startswith("lm-eval"))
    for name, run in result["runs"].items():
        table.add_row(
            name,
            f"{run['median_seconds']:.2f}",
            f"{run['tokens_per_second']:,.0f}",
            f"{run['share_of_floor']:.0%}",
            f"{best / run['median_seconds']:.2f}×",
        )
    table.add_row("matrix products alone", f"{result['floor_seconds']:.2f}", "", "100%", "")
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0] if __doc__ else None)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="bf16")
    parser.add_argument("--prefix", choices=["bos", "eos"], default="eos")
    parser.add_argument("--pairs", type=int, default=None, help="only the first so many pairs")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--budget", type=int, default=ROWS, help="our tokens per forward pass")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--device", default=None)
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()
    result = measure(arguments)
    show(result)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
