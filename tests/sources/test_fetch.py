from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from counterpoise.errors import SourceError, UnreachableError
from counterpoise.sources.cache import place_of
from counterpoise.sources.fetch import fetch
from tests.sources.conftest import CONTENT, Mirror, a_source, sha256

Serve = Callable[..., Mirror]


class Sleep:
    """Sleeps no time and remembers how long it should have."""

    def __init__(self) -> None:
        self.delays: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.delays.append(seconds)


@pytest.fixture
def sleep() -> Sleep:
    return Sleep()


def test_a_file_is_cached_under_its_hash(serve: Serve, cache: Path, sleep: Sleep) -> None:
    mirror = serve()
    path = fetch(a_source(mirror.url), cache, sleep=sleep)
    assert path == cache / sha256(CONTENT) / "sample.bin"
    assert path.read_bytes() == CONTENT
    assert fetch(a_source(mirror.url), cache, sleep=sleep) == path
    assert len(mirror.requests) == 1
    assert sleep.delays == []


def test_progress_ends_at_the_whole_file(serve: Serve, cache: Path) -> None:
    seen: list[tuple[int, int]] = []
    fetch(a_source(serve().url), cache, progress=lambda *p: seen.append(p))
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_passing_faults_are_retried_after_1_2_and_4_seconds(serve: Serve, cache: Path, sleep: Sleep) -> None:
    mirror = serve(faults=["500", "503", "429"])
    assert fetch(a_source(mirror.url), cache, sleep=sleep).read_bytes() == CONTENT
    assert sleep.delays == [1, 2, 4]


def test_after_four_attempts_it_gives_up(serve: Serve, cache: Path, sleep: Sleep) -> None:
    mirror = serve(faults=["500"] * 9)
    with pytest.raises(UnreachableError, match="HTTP 500"):
        fetch(a_source(mirror.url), cache, sleep=sleep)
    assert len(mirror.requests) == 4


def test_a_missing_file_is_not_asked_for_again(serve: Serve, cache: Path, sleep: Sleep) -> None:
    mirror = serve(faults=["404"])
    with pytest.raises(SourceError, match="HTTP 404") as caught:
        fetch(a_source(mirror.url), cache, sleep=sleep)
    assert not isinstance(caught.value, UnreachableError)
    assert len(mirror.requests) == 1
    assert sleep.delays == []


def test_one_mirror_that_may_recover_makes_a_later_try_worth_while(
    serve: Serve, cache: Path, sleep: Sleep
) -> None:
    missing, busy = serve(faults=["404"]), serve(faults=["503"] * 4)
    with pytest.raises(UnreachableError, match=r"HTTP 404.*HTTP 503"):
        fetch(a_source(missing.url, busy.url), cache, sleep=sleep)
    assert (len(missing.requests), len(busy.requests)) == (1, 4)


def test_the_next_mirror_is_tried_before_any_waiting(serve: Serve, cache: Path, sleep: Sleep) -> None:
    first, second = serve(faults=["500"]), serve()
    fetch(a_source(first.url, second.url), cache, sleep=sleep)
    assert (len(first.requests), len(second.requests), sleep.delays) == (1, 1, [])


def test_a_cut_download_resumes(serve: Serve, cache: Path, sleep: Sleep) -> None:
    mirror = serve(faults=["cut:4000"])
    assert fetch(a_source(mirror.url), cache, sleep=sleep).read_bytes() == CONTENT
    assert mirror.starts == ["", "bytes=4000-"]


def test_a_cut_download_is_resumed_by_another_process_too(serve: Serve, cache: Path, sleep: Sleep) -> None:
    mirror = serve(faults=["cut:4000", "500", "500", "500"])
    with pytest.raises(SourceError):
        fetch(a_source(mirror.url), cache, sleep=sleep)
    mirror.requests.clear()
    assert fetch(a_source(mirror.url), cache, sleep=sleep).read_bytes() == CONTENT
    assert mirror.starts == ["bytes=4000-"]


def test_without_ranges_it_starts_over(serve: Serve, cache: Path, sleep: Sleep) -> None:
    mirror = serve(faults=["cut:4000"], ranges=False)
    assert fetch(a_source(mirror.url), cache, sleep=sleep).read_bytes() == CONTENT
    assert mirror.starts == ["", "bytes=4000-"]


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_a_file_without_a_length(serve: Serve, cache: Path, sleep: Sleep, size: int | None) -> None:
    mirror = serve(faults=["unsized"])
    assert fetch(a_source(mirror.url, size=size), cache, sleep=sleep).read_bytes() == CONTENT


def test_a_server_that_says_nothing_is_left(serve: Serve, cache: Path, sleep: Sleep) -> None:
    slow, good = serve(faults=["stall"]), serve()
    fetch(a_source(slow.url, good.url), cache, sleep=sleep, timeout_s=0.2)
    assert len(good.requests) == 1


def test_a_wrong_hash_is_refused_and_the_next_mirror_tried(serve: Serve, cache: Path, sleep: Sleep) -> None:
    liar, honest = serve(faults=["lie"]), serve()
    assert fetch(a_source(liar.url, honest.url), cache, sleep=sleep).read_bytes() == CONTENT
    assert not list((cache / "partial").iterdir())


def test_a_mirror_that_lies_is_believed_nothing(serve: Serve, cache: Path, sleep: Sleep) -> None:
    mirror = serve(faults=["lie"] * 9)
    with pytest.raises(SourceError, match=f"where {sha256(CONTENT)[:12]}… is pinned; refused"):
        fetch(a_source(mirror.url), cache, sleep=sleep)
    assert len(mirror.requests) == 1
    assert not place_of(a_source(), cache).exists()
    assert not list((cache / "partial").iterdir())


def test_half_a_lie_is_downloaded_again_from_the_start(serve: Serve, cache: Path, sleep: Sleep) -> None:
    """An earlier attempt left bytes that were wrong: the honest rest doesn't make them right."""
    mirror = serve(faults=["cut:4000", "500", "500", "500"])
    with pytest.raises(SourceError):
        fetch(a_source(mirror.url), cache, sleep=sleep)
    (part,) = (cache / "partial").iterdir()
    part.write_bytes(b"x" * 4000)
    mirror.requests.clear()
    assert fetch(a_source(mirror.url), cache, sleep=sleep).read_bytes() == CONTENT
    assert mirror.starts == ["bytes=4000-", ""]


@pytest.mark.parametrize("left", [len(CONTENT) - 1, len(CONTENT), len(CONTENT) + 1])
def test_whatever_an_earlier_attempt_left(serve: Serve, cache: Path, sleep: Sleep, left: int) -> None:
    mirror = serve(faults=["cut:1", "500", "500", "500"])
    with pytest.raises(SourceError):
        fetch(a_source(mirror.url, size=None), cache, sleep=sleep)
    (part,) = (cache / "partial").iterdir()
    part.write_bytes((CONTENT + b"x")[:left])
    assert fetch(a_source(mirror.url, size=None), cache, sleep=sleep).read_bytes() == CONTENT


@pytest.mark.parametrize("fault", ["long", "long unsized"])
def test_more_bytes_than_pinned_are_not_written(serve: Serve, cache: Path, sleep: Sleep, fault: str) -> None:
    mirror = serve(content=CONTENT * 100, faults=["unsized"] if "unsized" in fault else [])
    with pytest.raises(
        SourceError, match=r"announces 1,024,000 bytes, expected 10,240|sends more than 10,240"
    ):
        fetch(a_source(mirror.url), cache, sleep=sleep)
    assert not list((cache / "partial").iterdir())


def test_the_error_lists_every_attempt_and_where_to_put_the_file(
    serve: Serve, cache: Path, sleep: Sleep
) -> None:
    missing, liar = serve(faults=["404"]), serve(faults=["lie"])
    source = a_source(missing.url, liar.url, "file:/nowhere/sample.bin")
    with pytest.raises(SourceError) as caught:
        fetch(source, cache, sleep=sleep)
    text = str(caught.value)
    assert f"[1] {missing.url}: HTTP 404" in text
    assert f"[2] {liar.url}: sha256" in text
    assert "[3] file:/nowhere/sample.bin: no such file" in text
    assert str(place_of(source, cache)) in text
    assert "\n" not in text


def test_a_file_put_there_by_hand_is_verified_and_used(cache: Path, sleep: Sleep) -> None:
    source = a_source("file:/nowhere/sample.bin")
    place_of(source, cache).parent.mkdir(parents=True)
    place_of(source, cache).write_bytes(CONTENT)
    assert fetch(source, cache, sleep=sleep).read_bytes() == CONTENT
    place_of(source, cache).write_bytes(CONTENT[:-1] + b"?")
    with pytest.raises(SourceError, match="no such file"):
        fetch(source, cache, sleep=sleep)


def test_a_damaged_cache_heals(serve: Serve, cache: Path, sleep: Sleep) -> None:
    mirror = serve()
    path = fetch(a_source(mirror.url), cache, sleep=sleep)
    for damage in (CONTENT[:-1], b"", CONTENT[:100] + b"!" + CONTENT[101:]):
        path.write_bytes(damage)
        os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
        assert fetch(a_source(mirror.url), cache, sleep=sleep).read_bytes() == CONTENT
    assert len(mirror.requests) == 4


def test_an_unchanged_file_is_not_read_again(
    serve: Serve, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = a_source(serve().url)
    fetch(source, cache)
    fetch(source, cache)
    monkeypatch.setattr(
        "counterpoise.sources.hashing.path_sha256", lambda path: pytest.fail("was read again")
    )
    fetch(source, cache)


def test_concurrent_fetches_download_once(serve: Serve, cache: Path) -> None:
    mirror = serve(content=CONTENT * 200)
    source = a_source(mirror.url, content=CONTENT * 200)
    results: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: results.append(fetch(source, cache).read_bytes())) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert results == [CONTENT * 200] * 8
    assert len(mirror.requests) == 1


def test_a_holder_that_is_killed_leaves_no_lock(serve: Serve, cache: Path) -> None:
    mirror = serve(faults=["cut:4000"])
    pid = os.fork()
    if pid == 0:
        fetch(a_source(mirror.url), cache, sleep=lambda seconds: os._exit(9))
    os.waitpid(pid, 0)
    start = time.monotonic()
    assert fetch(a_source(mirror.url), cache).read_bytes() == CONTENT
    assert time.monotonic() - start < 30
    assert mirror.starts == ["", "bytes=4000-"]


def test_only_the_first_digits_of_a_hash_may_be_known(serve: Serve, cache: Path, sleep: Sleep) -> None:
    short = sha256(CONTENT)[:8]
    good = fetch(a_source(serve().url, sha=short, size=None), cache, sleep=sleep)
    assert good == cache / short / "sample.bin"
    with pytest.raises(SourceError, match="refused"):
        fetch(a_source(serve().url, sha="00000000", size=None), cache, sleep=sleep)


def test_a_full_disk_is_one_line_and_no_mirrors_fault(
    serve: Serve, cache: Path, sleep: Sleep, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    first, second = serve(), serve()
    monkeypatch.setattr("counterpoise.files.os.fsync", full)
    with pytest.raises(SourceError, match=r"cache .*: No space left on device — free some space") as caught:
        fetch(a_source(first.url, second.url), cache, sleep=sleep)
    assert "\n" not in str(caught.value)
    assert len(second.requests) == 0
    assert not place_of(a_source(), cache).exists()


def test_a_cache_that_cannot_be_made(tmp_path: Path, serve: Serve) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(SourceError, match="COUNTERPOISE_CACHE"):
        fetch(a_source(serve().url), tmp_path / "file" / "cache")


def test_credentials_in_an_address_are_not_shown(cache: Path, sleep: Sleep) -> None:
    source = a_source("https://user:hunter2@127.0.0.1:9/file?token=hunter3")
    with pytest.raises(SourceError) as caught:
        fetch(source, cache, sleep=sleep)
    assert "hunter" not in str(caught.value)


def test_a_local_file_is_a_mirror_and_is_left_alone(tmp_path: Path, cache: Path) -> None:
    mine = tmp_path / "with space.bin"
    mine.write_bytes(CONTENT)
    assert fetch(a_source(mine.as_uri()), cache).read_bytes() == CONTENT
    assert mine.read_bytes() == CONTENT


def test_a_local_file_with_other_bytes_is_refused(tmp_path: Path, cache: Path, sleep: Sleep) -> None:
    mine = tmp_path / "mine.bin"
    mine.write_bytes(b"other")
    with pytest.raises(SourceError, match="refused"):
        fetch(a_source(f"file:{mine}"), cache, sleep=sleep)
    assert mine.read_bytes() == b"other"
