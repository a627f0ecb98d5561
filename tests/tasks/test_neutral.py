"""What training is held to: neutral sentences, and on request sentences about groups with their swaps."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from counterpoise.artifacts.keys import explain
from counterpoise.artifacts.parquet import read_records
from counterpoise.artifacts.store import Store
from counterpoise.artifacts.tables import NEUTRAL
from counterpoise.config import RunConfig
from counterpoise.counterfactual.config import TrainingSwaps
from counterpoise.counterfactual.lexicon_file import builtin_texts
from counterpoise.engine.execute import execute
from counterpoise.evaluation.config import BenchmarksConfig
from counterpoise.evaluation.group_sentences import DOMAINS, load_group_sentences
from counterpoise.neutral.config import CapabilityConfig
from counterpoise.neutral.records import NeutralText
from counterpoise.tasks.neutral import neutral


def groups_of(domain: str) -> list[str]:
    return [f"{domain.partition('_')[0]} {name}" for name in "ab"]


def settings(folder: Path, held: int, watched: int, lexicon: Path | None = None) -> RunConfig:
    return RunConfig(
        capability=CapabilityConfig(
            source="smoke-neutral",
            guard_texts=4,
            evaluation_texts=8,
            beginning_texts=3,
            beginning_groups=held,
            guard_groups=watched,
        ),
        benchmarks=BenchmarksConfig(groups=str(folder), group_sentences=20),
        counterfactual=TrainingSwaps(lexicon=lexicon),
    )


def about_groups(store: Store, config: RunConfig) -> list[NeutralText]:
    made = store.fetch(execute(neutral, config, store, {}).ref)
    rows = read_records(made / "neutral.parquet", NEUTRAL, NeutralText)
    assert [row.text_id for row in rows] == list(range(len(rows)))
    return [row for row in rows if row.part in ("beginning", "group")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Thirty sentences about each of two groups a domain."""
    folder = tmp_path / "groups"
    folder.mkdir()
    for domain in DOMAINS:
        people = {
            group: {
                f"person {n}": [f"She was singer number {n} of {domain} in group {group}."] for n in range(30)
            }
            for group in groups_of(domain)
        }
        (folder / f"{domain}_wiki.json").write_text(json.dumps(people), encoding="utf-8")
    return folder


def test_groups_are_replayed_with_their_swaps_and_apart_from_the_audit(tmp_path: Path, folder: Path) -> None:
    store = Store.open(tmp_path / "store")
    plain, more, watched = (
        about_groups(store, settings(folder, *sizes)) for sizes in ((0, 0), (5, 3), (0, 9))
    )
    assert len(plain) == 3 and more[:3] == watched[:3] == plain
    audited = {row.text for row in load_group_sentences(folder, [20])[0]}
    held = [row.text for row in more[3:] if row.part == "beginning"]
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
    assert sum(row.part == "group" for row in about_groups(store, settings(folder, 0, 20))) == 6 * 10
    assert not any(row.part == "group" for row in about_groups(store, settings(folder, 0, 21)))


def test_an_edit_of_the_lexicon_is_a_new_key_and_gives_new_swaps(tmp_path: Path, folder: Path) -> None:
    store = Store.open(tmp_path / "store")
    own = tmp_path / "own.toml"
    config = settings(folder, 5, 0, own)

    def partner(male: str) -> set[str]:
        """The words that stand where "singer" stood in the swaps, with ``male`` as the lexicon's partner of it."""
        columns = 'slots = ["singular"]\ncolumns = ["female", "male"]'
        own.write_text(
            f'axis = "gender"\n[song]\n{columns}\nrows = [["singer", "{male}"]]\n', encoding="utf-8"
        )
        return {row.text.split()[2] for row in about_groups(store, config)[3:] if row.text.startswith("He")}

    assert partner("crooner") == {"crooner"}
    before = neutral.key_parts(config, None, {})
    assert partner("minstrel") == {"minstrel"}
    changed = explain(before, neutral.key_parts(config, None, {}))
    assert [(change.component, change.name) for change in changed] == [("resources", "lexicon")]


def test_an_edit_of_the_built_in_lexicon_matters_only_where_groups_are_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_groups, without = settings(folder, 5, 0), settings(folder, 0, 0)
    before = [neutral.key_parts(config, None, {}).key for config in (with_groups, without)]
    edited = {name: f"{text}\n# one more" for name, text in builtin_texts().items()}
    monkeypatch.setattr("counterpoise.counterfactual.fingerprint.builtin_texts", lambda: edited)
    after = [neutral.key_parts(config, None, {}).key for config in (with_groups, without)]
    assert [old == new for old, new in zip(before, after, strict=True)] == [False, True]
