"""What training is held to: neutral sentences, and on request sentences about groups with their swaps."""

from __future__ import annotations

import json
from collections import Counter
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


def groups_of(domain: str) -> list[str]:
    return [f"{domain.partition('_')[0]} {name}" for name in "ab"]


def about_groups(store: Store, folder: Path, held: int, watched: int) -> list[NeutralText]:
    config = RunConfig(
        capability=CapabilityConfig(
            source="smoke-neutral",
            probe_texts=4,
            evaluation_texts=8,
            replay_texts=3,
            replay_groups=held,
            probe_groups=watched,
        ),
        benchmarks=BenchmarksConfig(groups=str(folder), group_sentences=20),
    )
    made = store.fetch(execute(neutral, config, store, {}).ref)
    rows = read_records(made / "neutral.parquet", NEUTRAL, NeutralText)
    assert [row.text_id for row in rows] == list(range(len(rows)))
    return [row for row in rows if row.part in ("replay", "group")]


def test_groups_are_replayed_with_their_swaps_and_apart_from_the_audit(tmp_path: Path) -> None:
    for domain in DOMAINS:
        people = {
            group: {
                f"person {n}": [f"She was singer number {n} of {domain} in group {group}."] for n in range(30)
            }
            for group in groups_of(domain)
        }
        (tmp_path / f"{domain}_wiki.json").write_text(json.dumps(people), encoding="utf-8")
    store = Store.open(str(tmp_path / "store"))
    plain, more, watched = (about_groups(store, tmp_path, *sizes) for sizes in ((0, 0), (5, 3), (0, 9)))
    assert len(plain) == 3 and more[:3] == watched[:3] == plain
    audited = {row.text for row in load_group_sentences(tmp_path, [20])[0]}
    held = [row.text for row in more[3:] if row.part == "replay"]
    assert len(held) == len(set(held)) == 60  # 3 domains × 2 groups × 5, each with its swap
    assert {text.replace("He was", "She was") for text in held[1::2]} == set(held[::2])
    seen = [(row.group, row.text) for row in more if row.part == "group"]
    assert Counter(group for group, _ in seen) == {
        group: 3 for domain in DOMAINS for group in groups_of(domain)
    }
    assert all(text.endswith(f"in group {group}.") for group, text in seen)
    texts = {text for _, text in seen}
    assert not audited & {*held, *texts} and not {*held} & texts
    assert len(watched) == 3 + 6 * 9 and all(row.part == "group" for row in watched[3:])
    # 30 sentences a group less the audit's 20: enough for half of 20 to watch, not of 21
    assert sum(row.part == "group" for row in about_groups(store, tmp_path, 0, 20)) == 6 * 10
    assert not any(row.part == "group" for row in about_groups(store, tmp_path, 0, 21))
