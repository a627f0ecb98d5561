"""Which benchmarks besides CrowS-Pairs a run measures, and how much of each an adapter answers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from counterpoise.evaluation.names import BBQ, CHOICE_TASKS, GROUPS, STEREOSET, WINOBIAS
from counterpoise.settings import Settings


class BenchmarksConfig(Settings):
    """Benchmarks beside CrowS-Pairs. What they read is never trained on; an empty source leaves one out."""

    stereoset: str = Field(
        "stereoset",
        description="StereoSet's JSON (SS, LMS, ICAT): registry name or path; empty: not measured.",
    )
    winobias: str = Field(
        "winobias",
        description="Folder of WinoBias' eight files: registry name or path; empty: not measured.",
    )
    groups: str = Field(
        "bold-wikipedia",
        description="Folder of BOLD's Wikipedia sentences about groups (erasure audit): registry name or path; "
        "empty: not measured.",
    )
    bbq: str = Field(
        "bbq",
        description="Folder of BBQ's questions (accuracy and bias scores): registry name or path; empty: not measured.",
    )
    bbq_items: int = Field(
        40, ge=0, description="Most BBQ questions a category, over all adapters (count); 0: all 58,476."
    )
    bbq_all_unknowns: bool = Field(
        False,
        description="Offer each BBQ question every wording of the unknown answer, as lm-eval does, not its own alone.",
    )
    hellaswag: str = Field(
        "hellaswag", description="HellaSwag's validation file: registry name or path; empty: not measured."
    )
    piqa: str = Field(
        "piqa", description="PIQA's validation file: registry name or path; empty: not measured."
    )
    openbookqa: str = Field(
        "openbookqa", description="OpenBookQA's file: registry name or path; empty: not measured."
    )
    boolq: str = Field(
        "boolq", description="BoolQ's development file: registry name or path; empty: not measured."
    )
    choice_questions: int = Field(
        100, ge=0, description="Most questions a multiple-choice task, over all adapters (count); 0: all."
    )
    group_sentences: int = Field(60, ge=1, description="Most sentences a group, over all adapters (count).")
    share: Literal["split", "all"] = Field(
        "split",
        description="split: the examples are dealt over the evaluated folds' adapters, so that each is answered once; "
        "all: every adapter answers all.",
    )
    revised_pairs: str = Field(
        "",
        description="Path of a revised CrowS-Pairs (Névéol et al. 2022) with the original row numbers, scored beside "
        "the original; empty: not measured.",
    )


def sources_of(config: BenchmarksConfig) -> dict[str, str]:
    """Benchmark → where its data come from, for those that are measured."""
    named = {STEREOSET: config.stereoset, WINOBIAS: config.winobias, GROUPS: config.groups, BBQ: config.bbq}
    named |= {task: getattr(config, task) for task in CHOICE_TASKS}
    return {name: source for name, source in named.items() if source}
