"""The model card: what the model is, how it was made, what was measured, and what that does not show."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from counterpoise.errors import UsageError
from counterpoise.report.readme import readme_block

SPDX = {"apache-2.0": "apache-2.0", "mit": "mit", "cc by-sa 4.0": "cc-by-sa-4.0"}
"""Licence names, lower-cased, that the hub has an identifier for."""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card says.

    Attributes:
        base: source of the base model, as the configuration names it.
        base_repository: the hub repository it comes from, None where it is not known.
        base_file: the one file of that repository that it is, where it is a GGUF; else empty.
        licence: of the result, empty where it is not known.
        merged: whether the weights are whole, else they are an adapter.
        fold: the fold that was held out of this adapter's training.
        strength: the share of the trained adapter that is delivered.
        status: what its training came to.
        config: the whole configuration, as plain values.
        summary: the numbers of the run's report (:mod:`counterpoise.report.summary`).
        artifacts: (stage, key, sha256) of everything it rests on.
    """

    base: str
    base_repository: str | None
    base_file: str
    licence: str
    merged: bool
    fold: int
    strength: float
    status: str
    config: Mapping[str, Any]
    summary: Mapping[str, Any]
    artifacts: Sequence[tuple[str, str, str]]


def model_card(facts: CardFacts) -> str:
    """The card as Markdown with the hub's front matter; the same facts give the same bytes."""
    parts = [
        f"---\n{_front_matter(facts)}\n---",
        f"# {facts.base}, less stereotyped",
        _what(facts),
        "## Use\n\n" + _use(facts),
        "## What was measured\n\n" + _measured(facts),
        "## How it was made\n\n" + _made(facts),
        "## Limits\n\n" + _limits(facts),
        "## Licence and sources\n\n" + _licence(facts),
        "## Provenance\n\n" + _provenance(facts),
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(facts: CardFacts) -> str:
    from huggingface_hub import EvalResult, ModelCardData  # noqa: PLC0415 - half a second

    known = SPDX.get(facts.licence.lower())
    own = _own(facts)
    result = EvalResult(
        task_type="text-generation",
        dataset_type="crows_pairs",
        dataset_name=f"CrowS-Pairs, the {own['n']} pairs held out of this adapter's training",
        metric_type="crows_pairs",
        metric_name="pairs preferring the stereotype, % (neutral is 50)",
        metric_value=round(own["tuned"]["score"], 2),
    )
    data = ModelCardData(
        language="en",
        library_name="transformers" if facts.merged else "peft",
        pipeline_tag="text-generation",
        base_model=facts.base_repository,
        tags=["debiasing", "dpo", "counterpoise"],
        license=known or ("other" if facts.licence else None),
        license_name=None if known or not facts.licence else facts.licence,
        model_name=f"{facts.base}, less stereotyped",
        eval_results=[result],
    )
    return str(data.to_yaml())


def _own(facts: CardFacts) -> Mapping[str, Any]:
    """This adapter's change over the pairs that were held out of its training.

    Raises:
        UsageError: the report is of a version that did not write it.
    """
    row: Mapping[str, Any] = next(row for row in facts.summary["training"] if row["fold"] == facts.fold)
    if "held_out" not in row:
        raise UsageError(
            f"the run's report has no score of fold {facts.fold} alone: an older version made it",
            "run it again with the same settings, which makes the report anew, and publish that run",
        )
    found: Mapping[str, Any] = row["held_out"]
    return found


def _what(facts: CardFacts) -> str:
    form = "The whole model, the adapter merged into its weights" if facts.merged else "A LoRA adapter (PEFT)"
    return (
        f"{form}, trained with direct preference optimisation on {_pairs(facts)} and identity swaps of them to "
        "prefer stereotypes less. Its strength is the least that brings the validation score to neutral while the "
        "guards on perplexity, text and groups hold."
    )


def _pairs(facts: CardFacts) -> str:
    source = facts.config["pairs"]["source"]
    return "CrowS-Pairs" if source == "crows-pairs" else f"pairs in the form of CrowS-Pairs ({source})"


def _use(facts: CardFacts) -> str:
    where = repr(facts.base_repository or facts.base)
    where += f", gguf_file={facts.base_file!r}" if facts.base_file else ""
    if facts.merged:
        lines = ["model = AutoModelForCausalLM.from_pretrained(folder)"]
        imports = "from transformers import AutoModelForCausalLM, AutoTokenizer"
    else:
        imports = "from peft import PeftModel\nfrom transformers import AutoModelForCausalLM, AutoTokenizer"
        lines = [
            f"base = AutoModelForCausalLM.from_pretrained({where})",
            "model = PeftModel.from_pretrained(base, folder)",
        ]
    body = "\n".join([imports, "", *lines, "tokenizer = AutoTokenizer.from_pretrained(folder)"])
    return f"```python\n{body}\n```\n\n`folder` is this folder, or its name on the hub."


def _measured(facts: CardFacts) -> str:
    summary = facts.summary
    trainings = summary["training"]
    others = (
        f" Those scores are out of fold: each pair was scored by the one of {len(trainings)} adapters that had "
        f"not seen it. This is the adapter of fold {facts.fold}: {_alone(_own(facts))}."
        if len(trainings) > 1
        else f" Fold {facts.fold} was held out of this adapter's training."
    )
    unit = "summed" if summary["normalisation"] == "sum" else "mean per-token"
    return (
        f"Base and tuned went through the same weights at {summary['precision']}, the adapter off and on; "
        f"{unit} log-probability, prefix token: {summary['prefix']}.{others} Intervals are Wilson's, 95 %; p is "
        f"exact McNemar, adjusted by Holm over the categories.\n\n{readme_block([summary])}\n\n"
        + _worse(summary)
    )


def _alone(own: Mapping[str, Any]) -> str:
    low, high = own["tuned"]["interval"]
    return (
        f"over its own {own['n']} held-out pairs it went from {own['base']['score']:.1f} to "
        f"{own['tuned']['score']:.1f} % ({low:.1f} to {high:.1f})"
    )


def _worse(summary: Mapping[str, Any]) -> str:
    worse = summary["worse"]
    if not worse:
        return "Nothing that was measured moved the wrong way."
    return "What moved the wrong way, whatever its size: " + "; ".join(worse) + "."


def _made(facts: CardFacts) -> str:
    config = facts.config
    kept = facts.summary["filter"]
    text = json.dumps(config, indent=1, sort_keys=True, ensure_ascii=False)
    return (
        f"Counterpoise, profile `{facts.summary['profile']}`, seed {facts.summary['seed']}: "
        f"{kept['kept']:,} of {kept['candidates']:,} candidate preferences kept by the toxicity filter; trained on "
        f"{config['model']['precision']} weights; strength {facts.strength:g} ({facts.status.replace('_', ' ')})."
        f"\n\n<details><summary>The whole configuration</summary>\n\n```json\n{text}\n```\n\n</details>"
    )


def _limits(facts: CardFacts) -> str:
    precision = facts.summary["precision"]
    items = [
        "A score of 50 % on CrowS-Pairs is not the absence of bias, nor fairness in use. The benchmark is English, "
        "about US stereotypes, and part of its pairs are flawed (Blodgett et al. 2021, Névéol et al. 2022).",
        "It measures a preference between sentences. What the model writes, or decides, can still be biased.",
        f"The scores hold for {precision} weights and this prefix token; another precision moves them by points.",
        "No person has judged the texts. Toxicity comes from classifiers that react to identity terms.",
    ]
    if facts.merged:
        items.append(
            "The scores were measured with the adapter attached. Merging rounds differently, so a few pairs near "
            "a tie can fall on the other side."
        )
    return "\n".join(f"- {item}" for item in items)


def _licence(facts: CardFacts) -> str:
    licence = facts.licence or "not known here: see the base model"
    return (
        f"Weights: {licence}. Base model: {facts.base_repository or facts.base}. Trained on {_pairs(facts)}; "
        "CrowS-Pairs (Nangia et al. 2020) is CC BY-SA 4.0 and not part of this folder."
    )


def _provenance(facts: CardFacts) -> str:
    rows = [f"| {stage} | `{key}` | `{sha256}` |" for stage, key, sha256 in facts.artifacts]
    head = ["| artifact | key | sha256 of its content |", "|---|---|---|"]
    return "\n".join([*head, *rows])
