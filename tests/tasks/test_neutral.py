"""What training is held to: neutral sentences, and on request sentences about groups with their swaps."""

from __future__ import annotations

import json
from pathlib import Path

from artifacts.parquet import read_records
from artifacts.store import Store
from artifacts.tables import NEUTRAL
from counterpoise.config import CapabilityConfig, RunConfig
from counterpoise.evaluation.config import BenchmarksConfig
from counterpoise.evaluation.group_sentences import DOMAINS, load_group_sentences
from counterpoise.neutral.records import NeutralText
from tasks.execute import execute
from tasks.neutral import neutral


def replayed(store: Store, folder: Path, groups: int) -> list[NeutralText]:
    config = RunConfig(
        capability=CapabilityConfig(
            source="smoke-neutral", probe_texts=4, evaluation_texts=8, replay_texts=3, replay_groups=groups
        ),
        benchmarks=BenchmarksConfig(groups=str(folder), group_sentences=20),
    )
    made = store.fetch(execute(neutral, config, store, {}).ref)
    rows = read_records(made / "neutral.parquet", NEUTRAL, NeutralText)
    assert [row.text_id for row in rows] == list(range(len(rows)))
    return [row for row in rows if row.part == "replay"]


def test_groups_are_replayed_with_their_swaps_and_apart_from_the_audit(tmp_path: Path) -> None:
    for domain in DOMAINS:
        people = {
            group: {
                "someone": [f"She was singer number {n} of {domain} in group {group}." for n in range(30)]
            }
            for group in (f"{domain} a", f"{domain} b")
        }
        (tmp_path / f"{domain}_wiki.json").write_text(json.dumps(people), encoding="utf-8")
    store = Store.open(str(tmp_path / "store"))
    plain, more = (replayed(store, tmp_path, groups) for groups in (0, 5))
    assert len(plain) == 3 and more[:3] == plain
    audited = {row.text for row in load_group_sentences(tmp_path, 20)}
    texts = [row.text for row in more[3:]]
    assert len(texts) == len(set(texts)) == 60  # 3 domains × 2 groups × 5, each with its swap
    assert not set(texts) & audited
    assert {text.replace("He was", "She was") for text in texts[1::2]} == set(texts[::2])
