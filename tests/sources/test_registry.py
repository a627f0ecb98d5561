from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from counterpoise.errors import DataError, SourceError, UsageError
from counterpoise.files import listing_sha256, sha256_file
from counterpoise.records import CATEGORIES
from counterpoise.sources.cache import default_cache
from counterpoise.sources.datasets import is_path, locate, source_hash
from counterpoise.sources.fetch import fetch
from counterpoise.sources.registry import VARIABLE, get_source, registry
from counterpoise.sources.source import Hub, Url, Wheel, is_safe_filename, parse_uri, safe_member
from tests.sources.conftest import CONTENT, sha256

FILES = [source for source in registry().values() if source.kind in ("file", "folder")]


@pytest.mark.parametrize("source", registry().values(), ids=lambda source: source.name)
def test_every_source_is_pinned_licensed_and_cited(source: object) -> None:
    source = get_source(source.name)  # type: ignore[attr-defined]
    assert source.licence
    assert source.citation
    for uri in source.uris:
        place = parse_uri(uri)
        if isinstance(place, Url):
            assert place.url.startswith("https://")
            assert re.search(r"/[0-9a-f]{40}/|/releases/download/", place.url), "a branch is not a pin"
        if isinstance(place, Hub):
            assert re.fullmatch("[0-9a-f]{40}", place.revision)


@pytest.mark.parametrize("source", FILES, ids=lambda source: source.name)
def test_only_detoxify_has_less_than_a_whole_hash(source: object) -> None:
    source = get_source(source.name)  # type: ignore[attr-defined]
    assert len(source.sha256) == 64 or source.name.startswith("detoxify-")
    if len(source.sha256) < 64:
        assert source.sha256 in source.filename


def test_what_the_pipeline_needs_comes_from_a_package_index_too() -> None:
    for name in ("crows-pairs", "smollm2-135m", "stereoset", "bold-gender", "bold-wikipedia-profession"):
        assert any(isinstance(parse_uri(uri), Wheel) for uri in get_source(name).uris), name


def test_a_set_is_pinned_by_its_members() -> None:
    bold = get_source("bold")
    members = [get_source(name) for name in bold.members]
    assert len(members) == 5
    assert bold.sha256 == listing_sha256((member.filename, member.sha256) for member in members)
    assert bold.size == sum(member.size or 0 for member in members)
    assert len({member.filename for member in members}) == 5


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(SourceError, match="no source is named 'crowspairs' — did you mean 'crows-pairs'"):
        get_source("crowspairs")


def test_the_packaged_sources_need_no_network(cache: Path) -> None:
    for name in ("smoke-pairs", "smoke-neutral"):
        assert sha256_file(fetch(get_source(name), cache)) == get_source(name).sha256


def test_the_smoke_pairs_cover_every_category_in_both_directions(cache: Path) -> None:
    with locate("smoke-pairs", cache).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 48
    assert {row["bias_type"] for row in rows} == set(CATEGORIES)
    counts = Counter((row["bias_type"], row["stereo_antistereo"]) for row in rows)
    assert len(counts) == 2 * len(CATEGORIES)
    assert min(counts.values()) >= 2
    assert all(row["sent_more"] != row["sent_less"] for row in rows)


def test_the_neutral_sentences_are_distinct_and_name_nobody(cache: Path) -> None:
    sentences = locate("smoke-neutral", cache).read_text(encoding="utf-8").splitlines()
    assert len(sentences) == len(set(sentences)) >= 200
    people = r"\b(he|she|him|his|hers?|(wo)?m[ae]n|boys?|girls?|people|gay|muslims?|christians?|jew\w*)\b"
    assert [sentence for sentence in sentences if re.search(people, sentence.lower())] == []
    assert all(sentence.endswith(".") and 5 <= len(sentence.split()) <= 30 for sentence in sentences)


def extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    path = tmp_path / "sources.toml"
    path.write_text(text, encoding="utf-8")
    monkeypatch.setenv(VARIABLE, str(path))


def test_a_site_can_put_its_own_mirror_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built_in = get_source("crows-pairs")
    extra(tmp_path, monkeypatch, '[crows-pairs]\nuris = ["https://mirror.example/crows.csv"]\n')
    ours = get_source("crows-pairs")
    assert ours.uris == ("https://mirror.example/crows.csv", *built_in.uris)
    assert ours.sha256 == built_in.sha256


def test_a_site_can_add_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    mine = tmp_path / "mine.bin"
    mine.write_bytes(CONTENT)
    extra(tmp_path, monkeypatch, f'[mine]\nuris = ["{mine.as_uri()}"]\nsha256 = "{sha256(CONTENT)}"\n')
    assert locate("mine", cache).read_bytes() == CONTENT
    assert source_hash("mine") == sha256(CONTENT)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[mine]\nurls = []\n", "unknown key 'urls' .did you mean 'uris'"),
        ('[mine]\nuris = ["https://x/y"]\n', "has no sha256"),
        ('[mine]\nuris = ["ftp://x/y"]\nsha256 = "00000000"\n', "unknown scheme 'ftp'"),
        ('[mine]\nuris = ["http://x/y"]\nsha256 = "00000000"\n', "is not encrypted"),
        ('[mine]\nfilename = "../x"\nsha256 = "00000000"\n', "not one path component"),
        ('[mine]\nkind = "set"\nmembers = ["none"]\n', "has no source"),
        ("not toml", "must be readable UTF-8 TOML"),
        ("mine = 3\n", "unknown key 'mine'"),
    ],
)
def test_a_faulty_file_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, reason: str
) -> None:
    extra(tmp_path, monkeypatch, text)
    with pytest.raises((UsageError, SourceError), match=reason) as caught:
        registry()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "uri",
    [
        "hf://owner/name@main",
        "hf://owner/name",
        "wheel:name!member",
        "wheel:name==1.0",
        "wheel:a==1!../b",
        "x:y",
        "",
    ],
)
def test_an_address_that_pins_nothing_is_refused(uri: str) -> None:
    with pytest.raises(SourceError):
        parse_uri(uri)


@pytest.mark.parametrize("name", ["", "/a", "../a", "a/../b", "a\\b", "C:a", "a\x00b", "a\nb"])
def test_unsafe_members(name: str) -> None:
    with pytest.raises(SourceError, match="would leave the folder"):
        safe_member(name)


@pytest.mark.parametrize("name", ["a", "a/b.c", "a-1.0/b", "..a", "a..b"])
def test_safe_members(name: str) -> None:
    assert safe_member(name) == name


def test_safe_filenames() -> None:
    assert is_safe_filename("a.csv")
    assert not any(is_safe_filename(name) for name in ("", ".", "..", "a/b", "a\\b", "a\n"))


def test_a_path_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_bytes(CONTENT)
    assert locate(str(mine)) == mine
    assert source_hash(str(mine)) == sha256(CONTENT)
    monkeypatch.chdir(tmp_path)
    assert locate("mine.csv") == Path("mine.csv")
    Path("crows-pairs").write_text("a file that happens to have a source's name")
    assert not is_path("crows-pairs")
    with pytest.raises(DataError, match=r"no file 'none\.csv'"):
        locate("none.csv")


def test_an_address_without_a_hash_is_refused() -> None:
    with pytest.raises(SourceError, match="has no pinned hash"):
        locate("https://example.org/file.csv")


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COUNTERPOISE_CACHE", str(tmp_path / "mine"))
    assert default_cache() == tmp_path / "mine"
    monkeypatch.delenv("COUNTERPOISE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_cache() == tmp_path / "xdg" / "counterpoise"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache() == tmp_path / ".cache" / "counterpoise"


def test_a_user_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COUNTERPOISE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", staticmethod(homeless))
    with pytest.raises(SourceError, match="set COUNTERPOISE_CACHE to a folder"):
        default_cache()
