"""A finished run's adapter → the folder that is published: weights, tokenizer, model card, provenance."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from counterpoise.artifacts.store import Ref
from counterpoise.engine.job import Job
from counterpoise.engine.models import ADAPTER_FOLDER
from counterpoise.engine.report_files import RESULTS
from counterpoise.engine.stage import Stage, package_data

if TYPE_CHECKING:
    from counterpoise.publishing.card import CardFacts


def compute(job: Job, model: Ref, adapter: Ref, report: Ref) -> None:
    """Writes the folder."""
    from counterpoise.publishing.card import evaluation_files, model_card
    from counterpoise.publishing.folder import write_texts
    from counterpoise.publishing.weights import write_adapter, write_merged

    base, tuned = job.folder(model), job.folder(adapter) / ADAPTER_FOLDER
    facts = _facts(job, model, adapter, report)
    if job.config.publish.merged:
        write_merged(base, tuned, job.out)
    else:
        write_adapter(base, tuned, job.out, facts.base_repository or facts.base)
    provenance = {
        "base": facts.base,
        "fold": facts.fold,
        "strength": facts.strength,
        "artifacts": [list(row) for row in facts.artifacts],
        "config": facts.config,
        "results": facts.results.to_json(),
    }
    write_texts(job.out, model_card(facts), provenance, evaluation_files(facts))


def _facts(job: Job, model: Ref, adapter: Ref, report: Ref) -> CardFacts:
    from counterpoise.measures.results import read_results
    from counterpoise.publishing.card import CardFacts
    from counterpoise.publishing.origin import base_licence, base_place

    config = job.config
    place = base_place(config.model.source)
    chosen = json.loads((job.folder(adapter) / "selection.json").read_text(encoding="utf-8"))
    return CardFacts(
        base=config.model.source,
        base_repository=place.repository if place else None,
        base_file=place.file if place else "",
        licence=config.publish.licence or base_licence(config.model.source),
        merged=config.publish.merged,
        fold=config.pairs.evaluate[0],
        strength=chosen["strength"],
        status=chosen["status"],
        config=config.model_dump(mode="json", exclude={"publish", "tracking"}),
        results=read_results(job.folder(report) / RESULTS),
        artifacts=[(ref.label, ref.key, ref.sha256) for ref in (model, adapter, report)],
    )


def _settings(config: Any) -> dict[str, Any]:
    return {
        "merged": config.publish.merged,
        "licence": config.publish.licence,
        "config": config.model_dump(mode="json", exclude={"publish", "tracking"}),
    }


publication = Stage(
    name="publication",
    version=1,
    compute=compute,
    settings=_settings,
    resources=lambda config: package_data("report/card.md.j2", "report/results.md.j2"),
    libraries=("torch", "transformers", "peft", "safetensors", "huggingface_hub"),
    shows_keys=True,
)
