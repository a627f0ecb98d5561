"""The benchmarks' names in tables and reports."""

from __future__ import annotations

from typing import Literal

Benchmark = Literal[
    "crows-pairs",
    "crows-pairs-revised",
    "stereoset",
    "winobias",
    "perplexity",
    "bbq",
    "hellaswag",
    "piqa",
    "openbookqa",
    "boolq",
]
"""What one model can be scored on."""
STEREOSET, WINOBIAS, GROUPS, BBQ, CHOICES = "stereoset", "winobias", "groups", "bbq", "choices"
CHOICE_TASKS = ("hellaswag", "piqa", "openbookqa", "boolq")
"""Multiple-choice tasks: each has a source of its own, together they are one benchmark."""
ASKED = frozenset({BBQ, CHOICES})
"""Benchmarks that put a question as lm-eval puts it: after what the tokenizer itself begins a text with."""
