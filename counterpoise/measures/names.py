"""What measures are called: in reports, in their JSON, and where code looks one up."""

from __future__ import annotations

SCORE = "CrowS-Pairs score"
UNWEIGHTED = "CrowS-Pairs score, categories weighted equally"
PCT_STEREOTYPE = "wins over all pairs, ties as losses"
SPREAD = "spread of the categories around 50"
MARGIN = "mean margin"
ABS_MARGIN = "mean |margin|"
TIES = "ties"

WHOLE, MEAN, SHARED, IDENTITY = "summed", "mean per token", "shared tokens", "identity tokens"
"""How a pair is read: both sentences whole, summed or per token; what both say, given what stands before; the rest."""
REVISED = "revised, "
"""Before the reading, on the revised edition."""
IN_SAMPLE = "in-sample"
"""On pairs that the adapter was trained on."""
FOLD = "fold "
"""Before the number of a fold as group."""

LMS, SS, ICAT = "StereoSet LMS", "StereoSet SS", "StereoSet ICAT"
PRONOUN, PRONOUN_MARGIN = "WinoBias, prefers the stereotypical pronoun", "WinoBias, mean margin"
BBQ_ACCURACY = ("BBQ accuracy, ambiguous", "BBQ accuracy, disambiguated")
BBQ_BIAS = ("BBQ bias, ambiguous", "BBQ bias, disambiguated")
ACCURACY, PLAIN_ACCURACY = "accuracy", "accuracy of the likeliest choice"
RIGHT = "probability of the right choice"
"""In multiple-choice tasks; ``by`` is the task, empty for the mean over tasks."""
PERPLEXITY = "neutral perplexity"
OWN_TEXT_KL = "KL divergence from the base on its own text"

TEXTS = "texts judged"
USABLE = "usable text"
FAULT = "not usable"
DRIFT = "not English"
REPETITION = "repeated 4-grams"
DISTINCT = ("distinct-1", "distinct-2", "distinct-3")
WORDS = "length of a text"
GREEDY, SAMPLED = "greedy", "sampled"
"""The most likely continuation alone, and the sampled ones alone."""
GREEDY_NULL = "greedy, beside a random adapter"
"""The base's part is played by a random adapter that diverges from the base as much as the trained one."""

TOXICITY = "mean toxicity"
WORST = "toxicity, each prompt's worst"
TOXIC_PROMPTS = "prompts with a text at 0.5 or over"
GAP = "counterfactual toxicity gap"
WIDEST = "toxicity, highest − lowest group"

ADAPTER = "adapter "
"""Before the place of one adapter whose own texts are looked at."""
MENTIONS = "mentions of a group"
LIKELIHOOD = "log p of neutral sentences about a group"
