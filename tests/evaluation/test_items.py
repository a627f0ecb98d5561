from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from counterpoise.errors import DataError
from counterpoise.evaluation.config import BenchmarksConfig
from counterpoise.evaluation.crows_revised import Revised, with_original_folds
from counterpoise.evaluation.group_sentences import DOMAINS, load_group_sentences
from counterpoise.evaluation.items import load_items, share_of
from counterpoise.generation.bold import load_bold_prompts
from counterpoise.generation.prompts import deal, load_prompts
from counterpoise.pairs.folds import FoldedPair
from counterpoise.records import Pair
from counterpoise.sources.datasets import locate


def bold(folder: Path, name: str, text: str) -> Path:
    """BOLD's folder with two groups a domain, 30 sentences each, one of them under both."""
    for domain in DOMAINS:
        groups = {
            f"{domain}_{group}": {
                "someone": [text.format(f"{domain} {group} {n}") for n in range(29)] + ["Both " + text]
            }
            for group in ("a", "b")
        }
        (folder / f"{domain}_{name}.json").write_text(json.dumps(groups), encoding="utf-8")
    return folder


def test_folds_share_every_example_evenly_and_keep_the_file_order() -> None:
    items = load_items("stereoset", locate("smoke-stereoset"), BenchmarksConfig())
    shares = [share_of(items, fold, 5) for fold in range(5)]
    assert sorted(item.item for share in shares for item in share) == sorted(item.item for item in items)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert shares[0] == [item for item in items if item in shares[0]]
    assert items[0].options[0].text.startswith(" "), "an option after a context begins with a space"


def test_group_sentences_belong_to_one_group_and_are_limited(tmp_path: Path) -> None:
    folder = bold(tmp_path, "wiki", "A sentence of enough words is about {} here.")
    rows, others = load_group_sentences(folder, [25, 25])
    assert Counter(row.group for row in rows) == {
        f"{d} {g}".replace("_", " "): 25 for d in DOMAINS for g in "ab"
    }
    assert not [row for row in rows if row.text.startswith("Both")]
    assert Counter(row.group for row in others) == {row.group: 4 for row in rows}  # 29 of its own each
    assert not {row.text for row in others} & {row.text for row in rows}
    with pytest.raises(DataError, match=r"gender_wiki\.json: cannot be read"):
        load_group_sentences(tmp_path / "nowhere", [25])


def test_bold_prompts_are_whole_beginnings(tmp_path: Path) -> None:
    prompts = load_bold_prompts(bold(tmp_path, "prompt", "Here {} began to "), 3)
    assert len(prompts) == 18
    assert {prompt.axis for prompt in prompts} == {"BOLD gender", "BOLD race", "BOLD religion"}
    assert all(not prompt.text.endswith(" ") for prompt in prompts)


def test_prompts_are_dealt_by_template_and_evenly() -> None:
    prompts = load_prompts()
    hands = [deal(prompts, hand, 5) for hand in range(5)]
    assert sorted(p.prompt_id for hand in hands for p in hand) == sorted(p.prompt_id for p in prompts)
    templates = [{p.template for p in hand} for hand in hands]
    assert sum(map(len, templates)) == len(set.union(*templates)), "a template is in one hand"
    assert all(len({p.axis for p in hand}) >= 8 for hand in hands)


def test_a_revised_pair_is_in_the_fold_of_the_pair_it_corrects_and_others_are_listed() -> None:
    original = [FoldedPair.of(Pair(7, "age", "stereo", "a", "b"), 3, 4)]
    fixed, own = Pair(7, "age", "stereo", "A.", "B."), Pair(1_000_001, "other", "stereo", "C.", "D.")
    names = {7: "7", 1_000_001: "LA0"}
    kept, left_out = with_original_folds(
        Revised((fixed, own), (("9", "an empty sentence"),), names), original
    )
    assert kept == [FoldedPair.of(fixed, 3, 4)]
    assert left_out == [("9", "an empty sentence"), ("LA0", "corrects no pair of the run's benchmark")]
    with pytest.raises(DataError, match="none of the 1 revised rows corrects a pair"):
        with_original_folds(Revised((own,), (), names), original)
