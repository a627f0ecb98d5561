"""The base model against everything that the run will ask of it, before anything is trained."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterpoise.artifacts.store import Ref
from counterpoise.artifacts.tables import COUNTERFACTUALS, NEUTRAL, PAIRS
from counterpoise.engine.job import Job
from counterpoise.engine.models import scoring_precision
from counterpoise.engine.stage import Stage, package_data
from counterpoise.evaluation.config import sources_of
from counterpoise.neutral.records import NeutralText
from counterpoise.pairs.folds import FoldedPair
from counterpoise.records import Counterfactual
from counterpoise.settings import deciding
from counterpoise.sources.datasets import locate, source_hash

if TYPE_CHECKING:
    from counterpoise.config import RunConfig
    from counterpoise.preflight.checks import Needs

BOLD = "bold"
_LOG = logging.getLogger(__name__)


def compute(job: Job, model: Ref, pairs: Ref, counterfactuals: Ref, neutral: Ref) -> None:
    """Loads the model as it will be trained, and looks whether it can do what the run asks."""
    from counterpoise.models.loading import load_model
    from counterpoise.preflight.checks import CUT, NO_PAIR_CUT, cut_pairs, examine, require

    needs = _needs(job, pairs, counterfactuals, neutral)
    loaded = load_model(job.folder(model), job.config.model.precision)
    findings = examine(loaded, needs)
    require(findings, f"{job.config.model.source} cannot do what this run asks")
    for finding in findings:
        if finding.name == CUT and finding.detail != NO_PAIR_CUT:
            _LOG.warning(finding.detail)
    # Names alone: what is trained afterwards has this file in its key, and must not run again for a word.
    text = json.dumps({"passed": [finding.name for finding in findings]})
    (job.out / "preflight.json").write_text(text + "\n", encoding="utf-8")
    cut_pairs(loaded, needs).write(job.out)


def _needs(job: Job, pairs: Ref, counterfactuals: Ref, neutral: Ref) -> Needs:
    from counterpoise.evaluation.crows_revised import parse_revised
    from counterpoise.evaluation.items import load_items
    from counterpoise.generation.bold import load_bold_prompts
    from counterpoise.generation.prompts import load_prompts
    from counterpoise.preflight.checks import Needs

    config = job.config
    rows = job.read(pairs, PAIRS, FoldedPair)
    sentences = [(text, "the pairs") for row in rows for text in (row.more, row.less)]
    if config.benchmarks.revised_pairs:
        file: Path = locate(config.benchmarks.revised_pairs, progress=job.progress)
        revised = parse_revised(file.read_bytes(), str(file)).pairs
        sentences += [(text, "the revised pairs") for row in revised for text in (row.more, row.less)]
    swaps = [row.swapped for row in job.read(counterfactuals, COUNTERFACTUALS, Counterfactual)]
    texts = job.read(neutral, NEUTRAL, NeutralText)
    prompts = load_prompts(config.generation.prompt_set)
    if config.generation.bold_prompts:
        prompts += load_bold_prompts(locate(BOLD, progress=job.progress), config.generation.bold_prompts)
    return Needs(
        prefix=config.scoring.prefix,
        scored=sentences + [(row.text, "neutral text") for row in texts if row.part == "evaluation"],
        continued=[
            ((option.context, option.text), name)
            for name, source in sources_of(config.benchmarks).items()
            for item in load_items(name, locate(source, progress=job.progress), config.benchmarks)
            for option in item.options
        ],
        trained=swaps + [row.text for row in texts if row.part != "evaluation"],
        pairs=[(row.pair_id, row.more, row.less) for row in rows],
        max_tokens=config.alignment.optimisation.max_tokens,
        append_eos=config.alignment.loss.append_eos,
        lora=config.alignment.lora,
        prompts=[prompt.text for prompt in prompts],
        generation=config.generation,
    )


def _settings(config: RunConfig) -> dict[str, Any]:
    return {
        "prefix": config.scoring.prefix,
        "precision": [config.model.precision, scoring_precision(config)],
        "max_tokens": config.alignment.optimisation.max_tokens,
        "append_eos": config.alignment.loss.append_eos,
        "lora": deciding(config.alignment.lora),
        "generation": deciding(config.generation),
        "group_sentences": config.benchmarks.group_sentences,
    }


def _resources(config: RunConfig) -> dict[str, str]:
    bold = {"bold": source_hash(BOLD)} if config.generation.bold_prompts else {}
    file = config.benchmarks.revised_pairs
    revised = {"revised_pairs": source_hash(file)} if file else {}
    measured = {name: source_hash(source) for name, source in sources_of(config.benchmarks).items()}
    return package_data("generation/prompts.toml") | bold | revised | measured


preflight = Stage(
    name="preflight",
    version=1,
    compute=compute,
    settings=_settings,
    resources=_resources,
    libraries=("torch", "transformers", "peft", "bitsandbytes"),
    retries=2,
    timeout_s=1800,
    tags=("network",),
)
