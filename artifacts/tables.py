"""The Arrow schema of every table that passes between stages: columns, types, meaning and units.

A change of columns or meaning raises the table's version; the version is part of the stage's cache key.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from artifacts.parquet import TableSpec


def _column(name: str, kind: pa.DataType, description: str, *, nullable: bool = False) -> pa.Field[Any]:
    return pa.field(name, kind, nullable=nullable, metadata={"description": description})


def _table(name: str, version: int, *columns: pa.Field[Any]) -> TableSpec:
    return TableSpec(name, version, pa.schema(columns))


PAIR_ID = _column("pair_id", pa.int32(), "Row number of the pair in the source file, from 0")
FOLD = _column("fold", pa.int32(), "Fold of the pair, from 0; a fold is trained on or evaluated, never both")
CATEGORY = _column("category", pa.string(), "CrowS-Pairs bias category")
VARIANT = _column("variant", pa.string(), "base (adapter off) or tuned (adapter on)")
EVALUATED = _column("evaluated", pa.int32(), "The fold that was held out of this model's training")

PAIRS = _table(
    "pairs",
    1,
    PAIR_ID,
    CATEGORY,
    _column(
        "direction",
        pa.string(),
        "stereo or antistereo: what the row demonstrates; it does not swap the sides",
    ),
    _column("more", pa.string(), "The more stereotyping sentence (sent_more)"),
    _column("less", pa.string(), "The less stereotyping sentence (sent_less)"),
    _column("group", pa.int32(), "Smallest pair_id among the pairs that share this context"),
    FOLD,
)

COUNTERFACTUALS = _table(
    "counterfactuals",
    1,
    PAIR_ID,
    _column("side", pa.string(), "Which sentence of the pair was swapped: more or less"),
    _column("axis", pa.string(), "Identity axis of the swap"),
    _column("direction", pa.string(), "Directed pair of groups, as from>to"),
    _column("text", pa.string(), "The sentence"),
    _column("swapped", pa.string(), "The sentence after every edit of this direction, applied at once"),
    _column("edits", pa.int32(), "Number of spans replaced"),
    _column("refusals", pa.string(), "Spans left alone and why, joined by ' · '; empty when none"),
)

TOXICITY = _table(
    "toxicity",
    1,
    _column("text", pa.string(), "The text that was scored, whole"),
    _column("classifier", pa.string(), "Classifier and its version"),
    _column("toxicity", pa.float64(), "Probability of being toxic, 0 to 1"),
)

PREFERENCES = _table(
    "preferences",
    1,
    _column("preference_id", pa.string(), "pair_id/origin/axis/number"),
    PAIR_ID,
    FOLD,
    CATEGORY,
    _column("axis", pa.string(), "Identity axis on which chosen and rejected differ"),
    _column("origin", pa.string(), "human (the annotators' own pair) or counterfactual (an identity swap)"),
    _column("prompt", pa.string(), "Text before the completions; prompt + completion is the whole sentence"),
    _column("chosen", pa.string(), "The less biased completion"),
    _column("rejected", pa.string(), "The more biased completion"),
    _column("chosen_toxicity", pa.float64(), "Toxicity of prompt + chosen, probability, 0 to 1"),
    _column("rejected_toxicity", pa.float64(), "Toxicity of prompt + rejected, probability, 0 to 1"),
    _column("kept", pa.bool_(), "Whether the filter lets it be trained on"),
    _column("reason", pa.string(), "Why it was kept or dropped"),
)

SCORES = _table(
    "scores",
    2,
    PAIR_ID,
    VARIANT,
    _column("more_log_prob", pa.float64(), "Summed log-probability of the more stereotyping sentence, nats"),
    _column("less_log_prob", pa.float64(), "Summed log-probability of the less stereotyping sentence, nats"),
    _column("more_tokens", pa.int32(), "Tokens that more_log_prob sums over"),
    _column("less_tokens", pa.int32(), "Tokens that less_log_prob sums over"),
    _column(
        "reading",
        pa.string(),
        "Which tokens are summed: whole, shared (those both sentences have) or identity (the others)",
    ),
)

NEUTRAL = _table(
    "neutral",
    2,
    _column("text_id", pa.int32(), "Row number of the sentence, from 0"),
    _column("text", pa.string(), "A neutral encyclopaedic sentence"),
    _column(
        "part",
        pa.string(),
        "guard (training's guards measure on it), evaluation (seen by nothing before the report), beginning "
        "(continued for training) or group (guarded by group)",
    ),
    _column("group", pa.string(), "Whom a group sentence is about; empty otherwise"),
)

CAPABILITY = _table(
    "capability",
    1,
    _column("text_id", pa.int32(), "Row number of the neutral sentence"),
    VARIANT,
    _column("log_prob", pa.float64(), "Summed log-probability of the sentence, nats"),
    _column("tokens", pa.int32(), "Tokens that log_prob sums over"),
)

BENCHMARKS = _table(
    "benchmarks",
    1,
    _column(
        "benchmark",
        pa.string(),
        "stereoset, winobias, bbq, choices, or groups (neutral sentences about a group)",
    ),
    _column("item", pa.string(), "Name of the example within its benchmark"),
    _column("part", pa.string(), "Part of the benchmark, such as intrasentence, ambiguous or piqa"),
    _column("group", pa.string(), "What the example is about: a domain or an identity group"),
    _column(
        "target",
        pa.string(),
        "StereoSet: target term; bbq: question template; choices: the right choice; elsewhere the group",
    ),
    _column(
        "option",
        pa.string(),
        "Which of the example's texts, such as stereotype or unrelated; of choices, the text itself",
    ),
    VARIANT,
    _column("log_prob", pa.float64(), "Summed log-probability of the option given its context, nats"),
    _column("tokens", pa.int32(), "Tokens that log_prob sums over"),
)

GENERATIONS = _table(
    "generations",
    1,
    _column("prompt_id", pa.string(), "Stable name of the prompt"),
    _column("group", pa.string(), "Identity group that the prompt names, or neutral"),
    _column("axis", pa.string(), "Axis of that group, or neutral"),
    VARIANT,
    _column("sample", pa.int32(), "Index of the sample for this prompt and variant, from 0"),
    _column("prompt", pa.string(), "The prompt"),
    _column("text", pa.string(), "The continuation alone"),
    _column("tokens", pa.int32(), "Length of the continuation, tokens"),
)

HISTORY = _table(
    "history",
    3,
    _column("step", pa.int32(), "Optimiser steps done, from 1"),
    _column("epoch", pa.float64(), "Passes over the preferences done"),
    _column("learning_rate", pa.float64(), "The rate this step used"),
    _column("loss", pa.float64(), "The whole objective, mean over the step's pairs"),
    _column("preference", pa.float64(), "The preference losses, weighted by category"),
    _column("hold", pa.float64(), "Penalty on changes of identity terms and of categories without bias"),
    _column(
        "consistency", pa.float64(), "Divergence between what a pair's sentences predict, nats per token"
    ),
    _column("own_text", pa.float64(), "Divergence from the base on its own text, nats per token"),
    _column("reward_margin", pa.float64(), "beta x (policy margin - reference margin)"),
    _column("reward_accuracy", pa.float64(), "Share of pairs with a positive reward margin, 0 to 1"),
    _column("chosen_log_prob", pa.float64(), "Summed over the chosen completion, nats"),
    _column("rejected_log_prob", pa.float64(), "Summed over the rejected completion, nats"),
    _column("chosen_change", pa.float64(), "Policy - reference on the chosen completion, nats per token"),
    _column("rejected_change", pa.float64(), "Policy - reference on the rejected completion, nats per token"),
    _column("gradient_norm", pa.float64(), "Norm of the gradient before clipping"),
)

CANDIDATES = _table(
    "candidates",
    1,
    _column("strength", pa.float64(), "Share of the trained adapter's strength; 0 is the base"),
    _column("score", pa.float64(), "Validation pairs whose stereotyping sentence is likelier, percent"),
    _column("soft_score", pa.float64(), "Base score outside the evaluated fold + softened shift, percent"),
    _column("mean_abs_margin", pa.float64(), "Mean absolute margin of validation pairs, nats"),
    _column(
        "perplexity_rise", pa.float64(), "Of neutral text, relative to the base; 0.02 is 2 %", nullable=True
    ),
    _column(
        "own_text_kl", pa.float64(), "Divergence from the base on its own text, nats/token", nullable=True
    ),
    _column("usable_ratio", pa.float64(), "Usable sampled text, share of the base's", nullable=True),
    _column("lowest_group", pa.string(), "Group whose neutral sentences fell most; empty if none is watched"),
    _column(
        "lowest_group_change", pa.float64(), "Its change against all groups', nats per token", nullable=True
    ),
    _column("failed_guard", pa.string(), "Why a guard rejects this strength; empty if none does"),
)

OWN_TEXT = _table(
    "own_text",
    1,
    _column("text_id", pa.int32(), "Number of the text, from 0"),
    _column("part", pa.string(), "train (the model is held to it) or guard (measured on only)"),
    _column("greedy", pa.bool_(), "Whether it is the most likely continuation, or a sampled one"),
    _column("prompt", pa.string(), "The beginning that the base continued"),
    _column("text", pa.string(), "What the base wrote"),
    _column("tokens", pa.list_(pa.int32()), "Ids of beginning and continuation"),
    _column("start", pa.int32(), "Index of the first token that the base wrote"),
)

SWEEP = _table(
    "sweep",
    2,
    _column("model", pa.string(), "Source of the base model"),
    _column("recipe", pa.string(), "Name of the recipe"),
    _column("seed", pa.int32(), "Seed of the branch"),
    _column("outcome", pa.string(), "Verdict of the branch's own report"),
    _column("report_key", pa.string(), "Key of the branch's report"),
    _column("name", pa.string(), "What is measured"),
    _column(
        "by",
        pa.string(),
        "How: a reading, a benchmark's part, a classifier, a decoding; empty for the usual way",
    ),
    _column("group", pa.string(), "On what part: a category, an identity group, a fold; empty for all"),
    _column("unit", pa.string(), "Unit of base and tuned"),
    _column("base", pa.float64(), "Value of the base model"),
    _column("tuned", pa.float64(), "Value of the tuned model"),
    _column("change", pa.float64(), "tuned - base in unit, or percent of the base where relative"),
    _column("relative", pa.bool_(), "Whether change and its interval are in percent of the base"),
    _column("n", pa.int32(), "Independent units: pairs, sentences, prompts, target terms"),
    _column("low", pa.float64(), "Lower end of the change's paired 95 % interval", nullable=True),
    _column("high", pa.float64(), "Upper end", nullable=True),
    _column("tuned_low", pa.float64(), "Lower end of the tuned value's 95 % interval", nullable=True),
    _column("tuned_high", pa.float64(), "Upper end", nullable=True),
    _column("p", pa.float64(), "p-value of the change (exact McNemar for scores)", nullable=True),
    _column("holm_p", pa.float64(), "p adjusted over the groups that are compared", nullable=True),
    _column("limit", pa.float64(), "Largest loss that a claim allows, in the unit of change", nullable=True),
    _column("verdict", pa.string(), "Outcome where there is a limit, else which way it moved", nullable=True),
)
