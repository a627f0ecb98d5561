"""Base and tuned on the same prompts: one after the other, in one batch, and with the base's texts already made.

PEFT's mixed batches switch the adapter row by row, so that the weights pass through the cores once a token for both.
Each way decodes as many rows at a time as the other. The adapter has random weights of the recipe's shape.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from counterpoise.models.loading import quiet_libraries

quiet_libraries()

from peft import LoraConfig, get_peft_model  # noqa: E402  # after the libraries are told to be quiet

from benchmarks.common import in_turns  # noqa: E402
from counterpoise.alignment.config import AlignmentConfig  # noqa: E402
from counterpoise.alignment.lora import resolve_targets  # noqa: E402
from counterpoise.demo.rows import switch_by_row  # noqa: E402
from counterpoise.demo.streaming import ADAPTERS  # noqa: E402
from counterpoise.engine.models import VARIANTS  # noqa: E402
from counterpoise.generation.config import GenerationConfig  # noqa: E402
from counterpoise.generation.decode import generate, generate_batch, plan_batches  # noqa: E402
from counterpoise.generation.prompts import Prompt  # noqa: E402
from counterpoise.models.loading import LoadedModel, adapter_switched, load_model  # noqa: E402
from counterpoise.records import Variant  # noqa: E402

APART, TOGETHER, CACHED = "base, then tuned", "both in one batch", "tuned alone, the base's texts cached"
_SCALE = 0.02
"""Standard deviation of the random adapter: it changes texts and leaves them texts."""


class _ByRow:
    """A PEFT model whose ``generate`` has the adapter on for some rows."""

    def __init__(self, model: Any, names: Sequence[str]) -> None:
        self._model, self._names = model, list(names)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def generate(self, **options: Any) -> Any:
        return self._model.generate(**options, adapter_names=self._names)


def with_random_adapter(folder: Path, precision: Any, device: str | None) -> LoadedModel:
    """The model with an adapter of the recipe's shape."""
    lora = AlignmentConfig().lora
    with tempfile.TemporaryDirectory() as adapter, torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = load_model(folder, "fp32", device="cpu").model
        wrapped = get_peft_model(
            model, LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules=resolve_targets(model, lora))
        )
        for name, parameter in wrapped.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=_SCALE)
        wrapped.save_pretrained(adapter)
        loaded = load_model(folder, precision, adapter=Path(adapter), device=device)
    switch_by_row(loaded.model)
    return loaded


def apart(loaded: LoadedModel, prompts: Sequence[Prompt], config: GenerationConfig) -> list[str]:
    """The pipeline's decoding, the adapter off and then on."""
    return [text for variant in VARIANTS for text in alone(loaded, prompts, config, variant)]


def alone(
    loaded: LoadedModel, prompts: Sequence[Prompt], config: GenerationConfig, variant: Variant = "tuned"
) -> list[str]:
    with adapter_switched(loaded, variant == "tuned"):
        return [row.text for row in generate(loaded, prompts, config, seed=0, variant=variant)]


def together(loaded: LoadedModel, prompts: Sequence[Prompt], config: GenerationConfig) -> list[str]:
    """Half of each batch is the base's, the other half the same prompts with the adapter on."""
    half = config.model_copy(update={"batch_size": config.batch_size // 2})
    texts: dict[tuple[Variant, int], str] = {}
    for batch in plan_batches(loaded, prompts, half):
        names = [ADAPTERS[variant] for variant in VARIANTS for _ in batch]
        mixed = replace(loaded, model=_ByRow(loaded.model, names))
        rows = iter(generate_batch(mixed, (*batch, *batch), config, seed=0, variant="base"))
        texts |= {(variant, request.index): next(rows).text for variant in VARIANTS for request in batch}
    return [texts[variant, index] for variant in VARIANTS for index in range(len(prompts))]


def measure(
    folder: Path, prompts: Sequence[Prompt], config: GenerationConfig, options: Any, sample: int
) -> dict[str, Any]:
    """Medians of the three ways, after the first two wrote the same texts in fp32."""
    exact = with_random_adapter(folder, "fp32", options.device)
    if apart(exact, prompts[:sample], config) != together(exact, prompts[:sample], config):
        raise SystemExit("base and tuned in one batch write other texts in fp32, nothing is timed")
    del exact
    loaded = with_random_adapter(folder, "bf16", options.device)
    ways = {APART: apart, TOGETHER: together, CACHED: alone}
    for way in ways.values():
        way(loaded, prompts[:2], config)
    runs = {name: lambda way=way: way(loaded, prompts, config) for name, way in ways.items()}
    return {
        "prompts": len(prompts),
        "rows": config.batch_size,
        "runs": in_turns(runs, options.repeats, loaded.device),
    }
