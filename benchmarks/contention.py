"""The waiting of OpenMP's threads: torch as it comes and as `counterpoise` sets it, quiet and beside busy threads.

The same work each time, in a process of its own: training steps and greedy decoding of a small Llama with random
weights. The four ways take turns. Busy threads are processes that only count, as many as there are cores.

    python -m benchmarks.contention --out docs/results/contention.json
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.common import machine, show, write
from counterpoise.threads import COUNT, WAITING, available_cores

STOCK, CALM = "torch as it comes", "counterpoise"
FIRST_IMPORT = {STOCK: "torch", CALM: "counterpoise"}
WORK = ("training", "decoding")
TARGETS = {"quiet": 1.03, "beside": 2.5}
"""At most: calm over stock on a quiet machine; calm beside busy threads over calm on a quiet machine."""
WIDTH, LAYERS, VOCABULARY = 576, 6, 8192
STEPS, BATCH, LENGTH, TOKENS = 3, 12, 48, 24


def work() -> dict[str, float]:
    """Seconds of each kind of work, after a warm-up. Runs in a child whose first import decides how threads wait."""
    import torch  # noqa: PLC0415
    from transformers import LlamaConfig, LlamaForCausalLM  # noqa: PLC0415

    torch.manual_seed(0)
    shape = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=1536, num_hidden_layers=LAYERS,
        num_attention_heads=9, num_key_value_heads=3,
    )  # fmt: skip
    model = LlamaForCausalLM(shape)
    batch = torch.randint(VOCABULARY, (BATCH, LENGTH))

    def training() -> None:
        for _ in range(STEPS):
            model(input_ids=batch, labels=batch).loss.backward()
            model.zero_grad()

    def decoding() -> None:
        with torch.inference_mode():
            model.generate(
                batch[:4], attention_mask=torch.ones_like(batch[:4]), do_sample=False,
                max_new_tokens=TOKENS, min_new_tokens=TOKENS, pad_token_id=0,
            )  # fmt: skip

    found = {}
    for name, act in zip(WORK, (training, decoding), strict=True):
        act()
        start = time.perf_counter()
        act()
        found[name] = time.perf_counter() - start
    return found


def child(way: str) -> dict[str, float]:
    environment = {name: value for name, value in os.environ.items() if name not in {*WAITING, COUNT}}
    code = f"import {FIRST_IMPORT[way]}, benchmarks.contention as c, json; print(json.dumps(c.work()))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Beside ``count`` processes of one busy thread each."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def measure(repeats: int) -> dict[str, Any]:
    """Every way once a round; medians, and of each way the ratio within its round."""
    cores = available_cores()
    where = machine("torch", threads=cores)
    rounds: list[dict[str, dict[str, dict[str, float]]]] = []
    for _ in range(repeats):
        found: dict[str, dict[str, dict[str, float]]] = {}
        for setting, others in (("quiet", 0), ("beside", cores)):
            with busy(others):
                found[setting] = {way: child(way) for way in (STOCK, CALM)}
        rounds.append(found)
    return {
        "benchmark": "waiting threads",
        "busy": cores,
        "seconds": {
            name: {
                setting: {
                    way: round(statistics.median(one[setting][way][name] for one in rounds), 3)
                    for way in (STOCK, CALM)
                }
                for setting in ("quiet", "beside")
            }
            for name in WORK
        },
        "ratios": {
            name: {
                "quiet": _median_ratio(
                    [(one["quiet"][CALM][name], one["quiet"][STOCK][name]) for one in rounds]
                ),
                "beside": _median_ratio(
                    [(one["beside"][CALM][name], one["quiet"][CALM][name]) for one in rounds]
                ),
                "beside, stock": _median_ratio(
                    [(one["beside"][STOCK][name], one["quiet"][STOCK][name]) for one in rounds]
                ),
            }
            for name in WORK
        },
        "targets": TARGETS,
        "machine": where,
    }


def _median_ratio(pairs: list[tuple[float, float]]) -> float:
    return round(statistics.median(upper / lower for upper, lower in pairs), 3)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    result = measure(options.repeats)
    show(
        f"Quiet, and beside {result['busy']} busy threads",
        ("", "quiet, stock s", "quiet, calm s", "beside, stock s", "beside, calm s", "calm/stock", "beside/quiet"),
        [
            (
                name,
                *(f"{found[setting][way]:.2f}" for setting in ("quiet", "beside") for way in (STOCK, CALM)),
                f"{result['ratios'][name]['quiet']:.2f}×",
                f"{result['ratios'][name]['beside']:.2f}×",
            )
            for name, found in result["seconds"].items()
        ],
    )  # fmt: skip
    write(result, options.out)


if __name__ == "__main__":
    main()
