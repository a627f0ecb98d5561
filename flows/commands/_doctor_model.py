"""What `counterpoise doctor MODEL` finds: the checks that a run makes before it trains, on any model."""

from __future__ import annotations

from pathlib import Path

from counterpoise.alignment.config import LoraSettings
from counterpoise.errors import CounterpoiseError
from counterpoise.flows.commands._doctor_findings import Check
from counterpoise.flows.commands._model import model_folder
from counterpoise.generation.config import GenerationConfig
from counterpoise.generation.prompts import load_prompts
from counterpoise.models.loading import LoadedModel, load_model
from counterpoise.preflight.checks import SAMPLE, Finding, Needs, examine
from counterpoise.records import Progress


def examine_model(model: str, adapter: Path | None, prefix: str, progress: Progress) -> list[Check]:
    """One check for each thing that a run or a score asks of ``model``; the first that fails to load ends them."""
    try:
        loaded = load_model(model_folder(model, progress), "fp32", adapter=adapter)
    except CounterpoiseError as error:
        return [Check("weights", "fail", error.message, error.remedy)]
    needs = Needs(
        prefix=prefix,
        scored=((SAMPLE, "a sentence"),),
        lora=LoraSettings(),
        prompts=[prompt.text for prompt in load_prompts()],
        generation=GenerationConfig(),
    )
    return [_weights(loaded, adapter), *map(_check, examine(loaded, needs))]


def _weights(loaded: LoadedModel, adapter: Path | None) -> Check:
    size = sum(value.numel() for value in loaded.model.parameters())
    applied = f", every weight of {adapter} applied" if adapter else ""
    return Check("weights", "ok", f"{size:,} parameters, all of them from its files{applied}")


def _check(finding: Finding) -> Check:
    return Check(finding.name, "ok" if finding.ok else "fail", finding.detail, finding.remedy)
