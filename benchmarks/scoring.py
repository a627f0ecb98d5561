"""CrowS-Pairs scoring: this project against lm-eval on the same pairs, weights, precision and prefix token.

Both are run in this process, in turns. Before anything is timed, their log-likelihoods are compared in fp32
on a sample. The floor is the time that the matrix products of a plain pass over every token alone would take,
each shape at the speed measured here; sharing common beginnings means fewer products, so going below
it is possible.

    python -m benchmarks.scoring --out docs/results/scoring.json
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

from benchmarks.common import (
    Sample,
    Work,
    clock,
    crows_pairs,
    in_turns,
    linear_parameters,
    linear_shapes,
    machine,
    matmul_seconds,
    peak_flops,
    show,
    write,
)
from counterpoise.flows.commands._model import model_folder
from counterpoise.likelihood.encoding import encode
from counterpoise.likelihood.forward import causal_of
from counterpoise.likelihood.sentences import score_sentences
from counterpoise.models.loading import LoadedModel, load_model
from counterpoise.records import Pair

ROWS = 1024
SAMPLE = 64
TOLERANCE = 1e-3
LM_EVAL_BATCHES = {"cpu": (16, 32), "cuda": (64, 256)}
"""The best one counts."""


def peer(loaded: LoadedModel, token: int, batch: int) -> HFLM:
    logging.getLogger("lm_eval").setLevel(logging.ERROR)  # it warns that the model was loaded already
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


def floor_seconds(loaded: LoadedModel, tokens: int, dtype: torch.dtype) -> Sample:
    """Time of the matrix products alone for ``tokens`` tokens, by both clocks."""
    causal = causal_of(loaded.model)
    total = {"wall": 0.0, "cpu": 0.0}
    for shape, count in linear_shapes(causal).items():
        rows = 256 if shape[1] == causal.config.vocab_size else ROWS
        once = matmul_seconds(rows, shape, dtype, loaded.device)
        for name in total:
            total[name] += count * tokens / rows * once[name]
    return total


def measure(folder: Path, pairs: Sequence[Pair], options: argparse.Namespace) -> dict[str, Any]:
    texts = [text for pair in pairs for text in (pair.more, pair.less)]
    worst = check_agreement(folder, texts, options.prefix, options.device)
    loaded = load_model(folder, options.precision, device=options.device)
    dtype = torch.float32 if options.precision == "fp32" else torch.bfloat16
    token = getattr(loaded.tokenizer, f"{options.prefix}_token_id")
    tokens = sum(len(row.targets) for row in encode(loaded.tokenizer, texts, options.prefix))
    ways: dict[str, Work] = {
        "counterpoise": lambda: our_scores(loaded, texts, options.prefix, options.budget)
    }
    for batch in LM_EVAL_BATCHES[loaded.device.type]:
        model = peer(loaded, token, batch)
        peer_scores(model, texts[:64])
        ways[f"lm-eval, batch {batch}"] = lambda model=model: peer_scores(model, texts)
    our_scores(loaded, texts[:64], options.prefix, options.budget)
    where = machine("torch", "transformers", "lm_eval", device=loaded.device, threads=torch.get_num_threads())
    runs = in_turns(ways, options.repeats, loaded.device)
    return {
        "benchmark": "crows-pairs scoring",
        "model": options.model,
        "pairs": len(pairs),
        "tokens": tokens,
        "precision": options.precision,
        "prefix": options.prefix,
        "largest_difference_fp32_nats": worst,
        "flop": 2 * tokens * linear_parameters(causal_of(loaded.model)),
        "floor": floor_seconds(loaded, tokens, dtype),
        "peak_flops": peak_flops(dtype, loaded.device),
        "runs": runs,
        "machine": where,
    }


def report(result: dict[str, Any]) -> None:
    use = clock(result["machine"])
    best = min(run[use] for name, run in result["runs"].items() if name.startswith("lm-eval"))
    rows = [
        (
            name,
            f"{run['wall']:.2f}",
            f"{run['cpu']:.2f}",
            f"{best / run[use]:.2f}×",
            f"{result['floor'][use] / run[use]:.0%}",
            f"{result['flop'] / run[use] / result['peak_flops'][use]:.0%}",
        )
        for name, run in result["runs"].items()
    ]
    show(
        f"CrowS-Pairs scoring, {result['pairs']} pairs, {result['precision']}; ratios of {use} time",
        ("", "s", "CPU s", "vs best lm-eval", "of the floor", "of the matmul peak"),
        rows,
    )


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
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    result = measure(
        model_folder(options.model, lambda done, total: None), crows_pairs(options.pairs), options
    )
    report(result)
    write(result, options.out)


if __name__ == "__main__":
    main()
