"""Which benchmarks besides CrowS-Pairs a run measures, and how much of each an adapter answers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from counterpoise.evaluation.names import GROUPS, STEREOSET, WINOBIAS
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
    group_sentences: int = Field(60, ge=1, description="Most sentences a group, over all folds (count).")
    share: Literal["fold", "all"] = Field(
        "fold",
        description="fold: the examples are dealt over the folds and each fold's adapter answers its own, so that "
        "all folds together answer every example once; all: every adapter answers all.",
    )
    revised_pairs: str = Field(
        "",
        description="Path of a revised CrowS-Pairs (Névéol et al. 2022) with the original row numbers, scored beside "
        "the original; empty: not measured.",
    )


def sources_of(config: BenchmarksConfig) -> dict[str, str]:
    """Benchmark → where its data come from, for those that are measured."""
    named = {STEREOSET: config.stereoset, WINOBIAS: config.winobias, GROUPS: config.groups}
    return {name: source for name, source in named.items() if source}
