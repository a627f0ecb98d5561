"""The Arrow schema of every table that passes between stages: columns, types, meaning and units.

A change of columns or meaning raises the table's version; the version is part of the stage's cache key.
"""

from __future__ import annotations

from counterpoise.artifacts.table_spec import Column, TableSpec


def _table(name: str, version: int, *columns: Column) -> TableSpec:
    return TableSpec(name, version, columns)


PAIR_ID = Column("pair_id", "int32", "Row number of the pair in the source file, from 0")
FOLD = Column("fold", "int32", "Fold of the pair, from 0; a fold is trained on or evaluated, never both")
CATEGORY = Column("category", "string", "CrowS-Pairs bias category")
VARIANT = Column("variant", "string", "base (adapter off) or tuned (adapter on)")
EVALUATED = Column("evaluated", "int32", "The fold that was held out of this model's training")

PAIRS = _table(
    "pairs",
    1,
    PAIR_ID,
    CATEGORY,
    Column(
        "direction",
        "string",
        "stereo or antistereo: what the row demonstrates; it does not swap the sides",
    ),
    Column("more", "string", "The more stereotyping sentence (sent_more)"),
    Column("less", "string", "The less stereotyping sentence (sent_less)"),
    Column("group", "int32", "Smallest pair_id among the pairs that share this context"),
    FOLD,
)

COUNTERFACTUALS = _table(
    "counterfactuals",
    1,
    PAIR_ID,
    Column("side", "string", "Which sentence of the pair was swapped: more or less"),
    Column("axis", "string", "Identity axis of the swap"),
    Column("direction", "string", "Directed pair of groups, as from>to"),
    Column("text", "string", "The sentence"),
    Column("swapped", "string", "The sentence after every edit of this direction, applied at once"),
    Column("edits", "int32", "Number of spans replaced"),
    Column("refusals", "string", "Spans left alone and why, joined by ' · '; empty when none"),
)

TOXICITY = _table(
    "toxicity",
    1,
    Column("text", "string", "The text that was scored, whole"),
    Column("classifier", "string", "Classifier and its version"),
    Column("toxicity", "float64", "Probability of being toxic, 0 to 1"),
)

PREFERENCES = _table(
    "preferences",
    1,
    Column("preference_id", "string", "pair_id/origin/axis/number"),
    PAIR_ID,
    FOLD,
    CATEGORY,
    Column("axis", "string", "Identity axis on which chosen and rejected differ"),
    Column("origin", "string", "human (the annotators' own pair) or counterfactual (an identity swap)"),
    Column("prompt", "string", "Text before the completions; prompt + completion is the whole sentence"),
    Column("chosen", "string", "The less biased completion"),
    Column("rejected", "string", "The more biased completion"),
    Column("chosen_toxicity", "float64", "Toxicity of prompt + chosen, probability, 0 to 1"),
    Column("rejected_toxicity", "float64", "Toxicity of prompt + rejected, probability, 0 to 1"),
    Column("kept", "bool", "Whether the filter lets it be trained on"),
    Column("reason", "string", "Why it was kept or dropped"),
)

SCORES = _table(
    "scores",
    2,
    PAIR_ID,
    VARIANT,
    Column("more_log_prob", "float64", "Summed log-probability of the more stereotyping sentence, nats"),
    Column("less_log_prob", "float64", "Summed log-probability of the less stereotyping sentence, nats"),
    Column("more_tokens", "int32", "Tokens that more_log_prob sums over"),
    Column("less_tokens", "int32", "Tokens that less_log_prob sums over"),
    Column(
        "reading",
        "string",
        "Which tokens are summed: whole, shared (those both sentences have) or identity (the others)",
    ),
)

NEUTRAL = _table(
    "neutral",
    2,
    Column("text_id", "int32", "Row number of the sentence, from 0"),
    Column("text", "string", "A neutral encyclopaedic sentence"),
    Column(
        "part",
        "string",
        "guard (training's guards measure on it), evaluation (seen by nothing before the report), beginning "
        "(continued for training) or group (guarded by group)",
    ),
    Column("group", "string", "Whom a group sentence is about; empty otherwise"),
)

CAPABILITY = _table(
    "capability",
    1,
    Column("text_id", "int32", "Row number of the neutral sentence"),
    VARIANT,
    Column("log_prob", "float64", "Summed log-probability of the sentence, nats"),
    Column("tokens", "int32", "Tokens that log_prob sums over"),
)

DIVERGENCE = _table(
    "divergence",
    1,
    Column("text_id", "int32", "Number of the text among the base's continuations, from 0"),
    Column(
        "nats", "float64", "KL divergence of the tuned from the base, summed over the text's tokens, nats"
    ),
    Column("tokens", "int32", "Tokens that nats sums over"),
)

BENCHMARKS = _table(
    "benchmarks",
    1,
    Column(
        "benchmark",
        "string",
        "stereoset, winobias, bbq, choices, or groups (neutral sentences about a group)",
    ),
    Column("item", "string", "Name of the example within its benchmark"),
    Column("part", "string", "Part of the benchmark, such as intrasentence, ambiguous or piqa"),
    Column("group", "string", "What the example is about: a domain or an identity group"),
    Column(
        "target",
        "string",
        "StereoSet: target term; bbq: question template; choices: the right choice; elsewhere the group",
    ),
    Column(
        "option",
        "string",
        "Which of the example's texts, such as stereotype or unrelated; of choices, the text itself",
    ),
    VARIANT,
    Column("log_prob", "float64", "Summed log-probability of the option given its context, nats"),
    Column("tokens", "int32", "Tokens that log_prob sums over"),
)

GENERATIONS = _table(
    "generations",
    1,
    Column("prompt_id", "string", "Stable name of the prompt"),
    Column("group", "string", "Identity group that the prompt names, or neutral"),
    Column("axis", "string", "Axis of that group, or neutral"),
    VARIANT,
    Column("sample", "int32", "Index of the sample for this prompt and variant, from 0"),
    Column("prompt", "string", "The prompt"),
    Column("text", "string", "The continuation alone"),
    Column("tokens", "int32", "Length of the continuation, tokens"),
)

HISTORY = _table(
    "history",
    3,
    Column("step", "int32", "Optimiser steps done, from 1"),
    Column("epoch", "float64", "Passes over the preferences done"),
    Column("learning_rate", "float64", "The rate this step used"),
    Column("loss", "float64", "The whole objective, mean over the step's pairs"),
    Column("preference", "float64", "The preference losses, weighted by category"),
    Column("hold", "float64", "Penalty on changes of identity terms and of categories without bias"),
    Column("consistency", "float64", "Divergence between what a pair's sentences predict, nats per token"),
    Column("own_text", "float64", "Divergence from the base on its own text, nats per token"),
    Column("reward_margin", "float64", "beta x (policy margin - reference margin)"),
    Column("reward_accuracy", "float64", "Share of pairs with a positive reward margin, 0 to 1"),
    Column("chosen_log_prob", "float64", "Summed over the chosen completion, nats"),
    Column("rejected_log_prob", "float64", "Summed over the rejected completion, nats"),
    Column("chosen_change", "float64", "Policy - reference on the chosen completion, nats per token"),
    Column("rejected_change", "float64", "Policy - reference on the rejected completion, nats per token"),
    Column("gradient_norm", "float64", "Norm of the gradient before clipping"),
)

CANDIDATES = _table(
    "candidates",
    1,
    Column("strength", "float64", "Share of the trained adapter's strength; 0 is the base"),
    Column("score", "float64", "Validation pairs whose stereotyping sentence is likelier, percent"),
    Column("soft_score", "float64", "Base score outside the evaluated fold + softened shift, percent"),
    Column("mean_abs_margin", "float64", "Mean absolute margin of validation pairs, nats"),
    Column("perplexity_rise", "float64", "Of neutral text, relative to the base; 0.02 is 2 %", nullable=True),
    Column("own_text_kl", "float64", "Divergence from the base on its own text, nats/token", nullable=True),
    Column("usable_ratio", "float64", "Usable sampled text, share of the base's", nullable=True),
    Column("usable_ratio_high", "float64", "Upper end of its 95 % interval", nullable=True),
    Column("lowest_group", "string", "Group whose neutral sentences fell most; empty if none is watched"),
    Column("lowest_group_change", "float64", "Its change against all groups', nats per token", nullable=True),
    Column("failed_guard", "string", "Why a guard rejects this strength; empty if none does"),
)

OWN_TEXT = _table(
    "own_text",
    1,
    Column("text_id", "int32", "Number of the text, from 0"),
    Column("part", "string", "train (the model is held to it) or guard (measured on only)"),
    Column("greedy", "bool", "Whether it is the most likely continuation, or a sampled one"),
    Column("prompt", "string", "The beginning that the base continued"),
    Column("text", "string", "What the base wrote"),
    Column("tokens", "list<int32>", "Ids of beginning and continuation"),
    Column("start", "int32", "Index of the first token that the base wrote"),
)

SWEEP = _table(
    "sweep",
    2,
    Column("model", "string", "Source of the base model"),
    Column("recipe", "string", "Name of the recipe"),
    Column("seed", "int32", "Seed of the branch"),
    Column("outcome", "string", "Verdict of the branch's own report"),
    Column("report_key", "string", "Key of the branch's report"),
    Column("name", "string", "What is measured"),
    Column(
        "by",
        "string",
        "How: a reading, a benchmark's part, a classifier, a decoding; empty for the usual way",
    ),
    Column("group", "string", "On what part: a category, an identity group, a fold; empty for all"),
    Column("unit", "string", "Unit of base and tuned"),
    Column("base", "float64", "Value of the base model"),
    Column("tuned", "float64", "Value of the tuned model"),
    Column("change", "float64", "tuned - base in unit, or percent of the base where relative"),
    Column("relative", "bool", "Whether change and its interval are in percent of the base"),
    Column("n", "int32", "Independent units: pairs, sentences, prompts, target terms"),
    Column("low", "float64", "Lower end of the change's paired 95 % interval", nullable=True),
    Column("high", "float64", "Upper end", nullable=True),
    Column("tuned_low", "float64", "Lower end of the tuned value's 95 % interval", nullable=True),
    Column("tuned_high", "float64", "Upper end", nullable=True),
    Column("p", "float64", "p-value of the change (exact McNemar for scores)", nullable=True),
    Column("holm_p", "float64", "p adjusted over the groups that are compared", nullable=True),
    Column("limit", "float64", "Largest loss that a claim allows, in the unit of change", nullable=True),
    Column("verdict", "string", "Outcome where there is a limit, else which way it moved", nullable=True),
)
