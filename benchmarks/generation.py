"""Continuations: length-sorted batches on a KV cache, against ``generate`` one prompt at a time and by its defaults.

All three write the most probable token each time, from the same prompts through the same weights; in fp32 the
texts of the first prompts must be equal before anything is timed. The defaults' batches are padded as they come.

    python -m benchmarks.generation --out docs/results/generation.json
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks import generation_pair
from benchmarks.common import clock, in_turns, linear_parameters, machine, peak_flops, show, write
from counterpoise.flows.commands._model import model_folder
from counterpoise.generation.config import GenerationConfig
from counterpoise.generation.decode import generate, prompt_ids, stop_ids
from counterpoise.generation.prompts import Prompt, load_prompts
from counterpoise.models.loading import LoadedModel, load_model

SAMPLE = 6
Way = Callable[[LoadedModel, Sequence[Prompt]], list[str]]


@torch.inference_mode()
def library(loaded: LoadedModel, prompts: Sequence[Prompt], config: GenerationConfig, size: int) -> list[str]:
    """``model.generate`` on ``size`` prompts at a time, left-padded, in the order they come."""
    stop, pad = stop_ids(loaded.tokenizer, loaded.model)
    texts: list[str] = []
    for start in range(0, len(prompts), size):
        rows = [prompt_ids(loaded.tokenizer, prompt.text, config) for prompt in prompts[start : start + size]]
        width = max(map(len, rows))
        ids = torch.tensor([[pad] * (width - len(row)) + list(row) for row in rows])
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
        out = loaded.model.generate(
            input_ids=ids.to(loaded.device),
            attention_mask=mask.to(loaded.device),
            max_new_tokens=config.max_new_tokens,
            do_sample=False,
            repetition_penalty=1.0,
            eos_token_id=stop,
            pad_token_id=pad,
        )
        texts += loaded.tokenizer.batch_decode(out[:, width:], skip_special_tokens=True)
    return texts


def ours(loaded: LoadedModel, prompts: Sequence[Prompt], config: GenerationConfig) -> list[str]:
    return [row.text for row in generate(loaded, prompts, config, seed=0, variant="base")]


def ways(config: GenerationConfig) -> dict[str, Way]:
    return {
        "generate, one by one": lambda loaded, prompts: library(loaded, prompts, config, 1),
        f"generate, batches of {config.batch_size} as they come": lambda loaded, prompts: library(
            loaded, prompts, config, config.batch_size
        ),
        "counterpoise": lambda loaded, prompts: ours(loaded, prompts, config),
    }


def without_head_fix(way: Way) -> Way:
    """The library as a script would load it: our hook that hands the output head contiguous rows is off."""

    def run(loaded: LoadedModel, prompts: Sequence[Prompt]) -> list[str]:
        hooks = loaded.model.get_output_embeddings()._forward_pre_hooks
        kept = dict(hooks)
        hooks.clear()
        try:
            return way(loaded, prompts)
        finally:
            hooks.update(kept)

    return run


def measure(options: argparse.Namespace) -> dict[str, Any]:
    folder = model_folder(options.model, lambda done, total: None)
    config = GenerationConfig(samples=0, greedy=True, max_new_tokens=options.tokens, batch_size=options.batch)
    prompts = load_prompts("local")
    prompts = prompts[:: max(1, len(prompts) // options.prompts)][: options.prompts]
    peers = {
        name: way if name == "counterpoise" else without_head_fix(way) for name, way in ways(config).items()
    }
    exact = load_model(folder, "fp32", device=options.device)
    texts = {name: way(exact, prompts[:SAMPLE]) for name, way in peers.items()}
    if len({tuple(text.strip() for text in rows) for rows in texts.values()}) > 1:
        raise SystemExit(f"the texts differ in fp32, nothing is timed: {texts}")
    del exact
    loaded = load_model(folder, "bf16", device=options.device)
    for way in peers.values():
        way(loaded, prompts[:2])
    ids = [prompt_ids(loaded.tokenizer, prompt.text, config) for prompt in prompts]
    tokens = sum(map(len, ids)) + len(prompts) * (options.tokens - 1)
    where = machine("torch", "transformers", device=loaded.device, threads=torch.get_num_threads())
    runs = in_turns(
        {name: lambda way=way: way(loaded, prompts) for name, way in peers.items()},
        options.repeats,
        loaded.device,
    )
    return {
        "benchmark": "generation",
        "model": options.model,
        "precision": "bf16",
        "prompts": len(prompts),
        "new_tokens": options.tokens,
        "compared_in_fp32": SAMPLE,
        "flop": 2 * tokens * linear_parameters(loaded.model),
        "peak_flops": peak_flops(torch.bfloat16, loaded.device),
        "runs": runs,
        "pair": generation_pair.measure(
            folder, load_prompts("local")[: options.pair], config, options, SAMPLE
        ),
        "machine": where,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=24)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--pair", type=int, default=128, help="prompts that base and tuned both answer")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    result = measure(options)
    use = clock(result["machine"])
    slowest = result["runs"]["generate, one by one"][use]
    show(
        f"Generation, {result['prompts']} prompts, {result['new_tokens']} tokens",
        ("", "s", "CPU s", "ratio", "of the matmul peak", "peak MiB"),
        [
            (
                name,
                f"{run['wall']:.1f}",
                f"{run['cpu']:.1f}",
                f"{slowest / run[use]:.1f}×",
                f"{result['flop'] / run[use] / result['peak_flops'][use]:.0%}",
                f"{run['peak_mib']:,.0f}",
            )
            for name, run in result["runs"].items()
        ],
    )
    pair = result["pair"]
    slowest = pair["runs"][generation_pair.APART][use]
    show(
        f"Base and tuned, {pair['prompts']} prompts each, {pair['rows']} rows at a time",
        ("", "s", "CPU s", "ratio"),
        [
            (name, f"{run['wall']:.1f}", f"{run['cpu']:.1f}", f"{slowest / run[use]:.2f}×")
            for name, run in pair["runs"].items()
        ],
    )
    write(result, options.out)


if __name__ == "__main__":
    main()
