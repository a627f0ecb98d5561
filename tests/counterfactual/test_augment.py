"""Files of any size: nothing lost, any way of working gives the same bytes, a killed run continues."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from counterpoise.counterfactual.augment import shards
from counterpoise.counterfactual.augment.job import Job
from counterpoise.counterfactual.augment.run import augment
from counterpoise.errors import DataError, UsageError

TEXTS = [
    "She left her keys.",
    "Nothing here.",
    None,
    "They gave her time.",
    "A <b>Muslim</b> man & his 'wife'.",
] * 7


def parquet(path: Path, texts: list[str | None] = TEXTS) -> Path:
    pq.write_table(pa.table({"id": list(range(len(texts))), "text": texts}), path, row_group_size=4)
    return path


def jsonl(path: Path, texts: list[str | None] = TEXTS) -> Path:
    path.write_text(
        "".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in enumerate(texts)), encoding="utf-8"
    )
    return path


def job(tmp_path: Path, kind: str = "jsonl", **options: Any) -> Job:
    source = (jsonl if kind == "jsonl" else parquet)(tmp_path / f"in.{kind}")
    return Job(source, tmp_path / f"out.{kind}", shard_rows=10, sample=20, **options)


def rows(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        found: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        return found
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_every_row_comes_out_in_order(tmp_path: Path, kind: str) -> None:
    outcome = augment(job(tmp_path, kind))
    out = rows(tmp_path / f"out.{kind}")
    assert [(row["id"], row["text"]) for row in out] == list(enumerate(TEXTS))
    assert out[0]["counterfactual"] == "He left his keys."
    assert [edit["rule"] for edit in out[0]["edits"]] == ["pronouns", "pronouns"]
    assert [row["changed"] for row in out[:5]] == [True, False, False, False, True]
    assert out[2]["refusals"][0]["reason"].startswith("empty")
    assert (outcome.statistics.rows, outcome.statistics.changed, outcome.shards) == (35, 14, 4)


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_workers_and_resuming_do_not_change_a_byte(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = job(tmp_path, kind)
    augment(one)
    two = replace(one, target=tmp_path / f"two.{kind}")
    augment(two, workers=2)
    three = replace(one, target=tmp_path / f"three.{kind}")
    kill_at(monkeypatch, shard=2)
    with pytest.raises(KeyboardInterrupt):
        augment(three)
    assert sorted(path.name for path in three.parts.glob("*.summary.json")) == [
        "000000.summary.json",
        "000001.summary.json",
    ]
    monkeypatch.undo()
    assert augment(three).resumed == 2
    for other in (two, three):
        assert other.target.read_bytes() == one.target.read_bytes()
        assert (
            other.target.with_suffix(".stats.json").read_bytes()
            == one.target.with_suffix(".stats.json").read_bytes()
        )
        assert (
            other.target.with_suffix(".review.html").read_bytes()
            == one.target.with_suffix(".review.html").read_bytes()
        )
        assert not other.parts.exists()


def kill_at(monkeypatch: pytest.MonkeyPatch, shard: int) -> None:
    """The process dies after the data of ``shard`` is written and before it is committed."""
    real = shards.replacing

    def dying(path: Path) -> AbstractContextManager[Path]:
        if path.name == f"{shard:06d}.summary.json":
            raise KeyboardInterrupt
        return real(path)

    monkeypatch.setattr(shards, "replacing", dying)


def test_an_unfinished_run_of_another_job_is_not_mixed_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = job(tmp_path)
    kill_at(monkeypatch, shard=1)
    with pytest.raises(KeyboardInterrupt):
        augment(first)
    monkeypatch.undo()
    other = replace(first, axes=("religion",))
    with pytest.raises(UsageError, match="unfinished run with other settings"):
        augment(other)
    assert augment(other, fresh=True).resumed == 0


def test_every_direction_and_only_changed(tmp_path: Path) -> None:
    wide = job(tmp_path, axes=("gender", "religion"), every=True, only_changed=True)
    augment(wide)
    out = rows(wide.target)
    assert {row["axis"] for row in out} == {"gender", "religion"}
    assert all(row["changed"] for row in out)
    muslim = [row for row in out if row["axis"] == "religion" and row["id"] == 4]
    assert len({row["counterfactual"] for row in muslim}) == len(muslim) == 4
    assert {row["direction"] for row in muslim} == {
        "muslim>christian",
        "muslim>jewish",
        "muslim>hindu",
        "muslim>atheist",
    }


def test_broken_utf8_keeps_its_row(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_bytes(b'{"text": "she \xff ran"}\n{"text": "she ran"}\n')
    augment(Job(source, tmp_path / "out.jsonl"))
    first, second = rows(tmp_path / "out.jsonl")
    assert (first["counterfactual"], first["refusals"][0]["reason"]) == (None, "encoding: not valid UTF-8")
    assert second["counterfactual"] == "he ran"


def test_broken_utf8_in_parquet_keeps_its_row(tmp_path: Path) -> None:
    column = pa.array([b"she \xff ran", b"she ran"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"text": column}), tmp_path / "in.parquet")
    augment(Job(tmp_path / "in.parquet", tmp_path / "out.parquet"))
    added = pq.read_table(tmp_path / "out.parquet", columns=["counterfactual", "changed"]).to_pylist()
    assert added == [
        {"counterfactual": None, "changed": False},
        {"counterfactual": "he ran", "changed": True},
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "x"', "line 2: not JSON"),
        ("[1]", "line 2: no member 'text'"),
        ('{"txt": "x"}', "line 2: no member 'text'"),
        ('{"text": 5}', "line 2: 'text' is int"),
        ('{"text": "x", "edits": 1}', "line 2: already has the member edits"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, line: str, message: str) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "she"}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=message):
        augment(Job(source, tmp_path / "out.jsonl"))


def test_bad_files_are_named(tmp_path: Path) -> None:
    source = parquet(tmp_path / "in.parquet")
    with pytest.raises(DataError, match="columns are id, text"):
        augment(Job(source, tmp_path / "out.parquet", column="sentence"))
    with pytest.raises(DataError, match="'id' is int64"):
        augment(Job(source, tmp_path / "out.parquet", column="id"))
    with pytest.raises(UsageError, match=r"\.parquet → \.parquet"):
        augment(Job(source, tmp_path / "out.jsonl"))
    with pytest.raises(DataError, match="no such file"):
        augment(Job(tmp_path / "none.jsonl", tmp_path / "out.jsonl"))
    (tmp_path / "bad.parquet").write_bytes(b"not parquet")
    with pytest.raises(DataError, match="not a readable Parquet"):
        augment(Job(tmp_path / "bad.parquet", tmp_path / "out.parquet"))


def test_the_review_page_shows_and_escapes(tmp_path: Path) -> None:
    review = augment(job(tmp_path)).review.read_text(encoding="utf-8")
    assert '<del title="gender · pronouns">She</del>' in review
    assert '<ins title="gender · pronouns">He</ins>' in review
    assert "A &lt;b&gt;Muslim&lt;/b&gt;" in review
    assert "http" not in review


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_implausible_swaps_are_flagged_or_dropped(tmp_path: Path, kind: str) -> None:
    """A scorer that gives −1 nat a word, and −5 where a man has a husband."""

    def score(texts: list[str]) -> list[tuple[float, int]]:
        return [
            (-5.0 * len(t.split()) if "husband" in t else -1.0 * len(t.split()), len(t.split()))
            for t in texts
        ]

    flagged = job(tmp_path, kind, fluency="toy", min_log_ratio=-2.0)
    augment(flagged, score=score)
    out = rows(flagged.target)
    assert [row["plausible"] for row in out[:5]] == [True, None, None, None, False]
    assert [row["log_ratio"] for row in out[:5]] == [0.0, None, None, None, -4.0]
    dropped = replace(flagged, drop_implausible=True, target=tmp_path / f"dropped.{kind}")
    augment(dropped, score=score)
    assert [row["id"] for row in rows(dropped.target)] == [
        row["id"] for row in out if row["plausible"] is not False
    ]


def test_a_text_without_a_score_is_neither_plausible_nor_implausible(tmp_path: Path) -> None:
    long = job(tmp_path, fluency="toy", min_log_ratio=0.0, drop_implausible=True)
    augment(long, score=lambda texts: [None for _ in texts])
    assert [row["plausible"] for row in rows(long.target)] == [None] * len(TEXTS)


KINDS = {
    "string_view": pa.string_view(),
    "large_string": pa.large_string(),
    "dictionary": pa.dictionary(pa.int32(), pa.string()),
    "dictionary of large_string": pa.dictionary(pa.int8(), pa.large_string()),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_way_that_arrow_stores_text_is_read(tmp_path: Path, kind: str) -> None:
    column = (
        pa.array(TEXTS, pa.string()).cast(KINDS[kind]) if "dict" in kind else pa.array(TEXTS, KINDS[kind])
    )
    pq.write_table(pa.table({"text": column}), tmp_path / "in.parquet")
    augment(Job(tmp_path / "in.parquet", tmp_path / "out.parquet", shard_rows=10, sample=20))
    out = rows(tmp_path / "out.parquet")
    assert [row["text"] for row in out] == TEXTS
    assert out[0]["counterfactual"] == "He left his keys."


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_null_stays_null(tmp_path: Path, kind: str) -> None:
    augment(job(tmp_path, kind))
    out = rows(tmp_path / f"out.{kind}")
    assert [row["counterfactual"] is None for row in out] == [text is None for text in TEXTS]


def test_a_column_of_nulls_alone(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": pa.nulls(3)}), tmp_path / "in.parquet")
    augment(Job(tmp_path / "in.parquet", tmp_path / "out.parquet", shard_rows=10, sample=20))
    assert [row["counterfactual"] for row in rows(tmp_path / "out.parquet")] == [None] * 3


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_bytes(b'\xef\xbb\xbf{"text": "He lost his keys."}\n{"text": "She paid."}\n')
    augment(Job(source, tmp_path / "out.jsonl", shard_rows=1, sample=20))
    out = rows(tmp_path / "out.jsonl")
    assert [row["counterfactual"] for row in out] == ["She lost her keys.", "He paid."]
