from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest

from counterpoise.errors import SourceError
from counterpoise.files import listing_sha256
from counterpoise.sources import archives, wheels
from counterpoise.sources.fetch import fetch
from counterpoise.sources.hashing import tree_sha256
from tests.sources.conftest import CONTENT, a_source, make_wheel, sha256

URI = "wheel:sample-data==1.0!sample/data.bin"


def no_sleep(seconds: float) -> None:
    pass


def test_one_member_of_a_wheel(index: Path, cache: Path) -> None:
    make_wheel(index, "sample_data", {"sample/data.bin": CONTENT, "sample/__init__.py": b"raise SystemExit"})
    assert fetch(a_source(URI), cache).read_bytes() == CONTENT


def test_a_wheel_is_downloaded_once_for_all_its_members(index: Path, cache: Path) -> None:
    wheel = make_wheel(index, "sample_data", {"sample/data.bin": CONTENT, "sample/other.bin": b"other"})
    fetch(a_source(URI), cache)
    wheel.unlink()
    other = a_source("wheel:sample-data==1.0!sample/other.bin", content=b"other")
    assert fetch(other, cache).read_bytes() == b"other"


def test_a_folder_of_a_wheel(index: Path, cache: Path) -> None:
    files = {"config.cfg": b"one", "vocab/strings.json": b"two"}
    make_wheel(
        index, "sample_data", {f"sample/model/{name}": data for name, data in files.items()} | {"x": b"y"}
    )
    pinned = listing_sha256((name, sha256(data)) for name, data in files.items())
    source = a_source("wheel:sample-data==1.0!sample/model", kind="folder", sha=pinned, size=6)
    folder = fetch(source, cache)
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == set(files)
    assert tree_sha256(folder) == pinned


def test_a_damaged_folder_heals(index: Path, cache: Path) -> None:
    make_wheel(index, "sample_data", {"sample/model/a": b"one", "sample/model/b": b"two"})
    pinned = listing_sha256([("a", sha256(b"one")), ("b", sha256(b"two"))])
    source = a_source("wheel:sample-data==1.0!sample/model", kind="folder", sha=pinned, size=6)
    folder = fetch(source, cache)
    (folder / "a").unlink()
    assert tree_sha256(fetch(source, cache)) == pinned
    (folder / "extra").write_bytes(b"new")
    assert tree_sha256(fetch(source, cache)) == pinned


def test_a_kept_wheel_that_rotted_is_downloaded_again(index: Path, cache: Path) -> None:
    make_wheel(index, "sample_data", {"sample/data.bin": CONTENT, "sample/other.bin": b"other"})
    fetch(a_source(URI), cache)
    (kept,) = (cache / "wheels").rglob("*.whl")
    kept.write_bytes(b"not a zip file any more")
    other = a_source("wheel:sample-data==1.0!sample/other.bin", content=b"other")
    assert fetch(other, cache, sleep=no_sleep).read_bytes() == b"other"


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("wheel:sample-data==1.0!sample/none.bin", "has no members named 'sample/none.bin'"),
        ("wheel:sample-data==2.0!sample/data.bin", "No matching distribution found for sample-data==2.0"),
        ("wheel:no-such-package==1.0!a", "No matching distribution found for no-such-package==1.0"),
    ],
)
def test_what_the_index_does_not_have(index: Path, cache: Path, uri: str, reason: str) -> None:
    make_wheel(index, "sample_data", {"sample/data.bin": CONTENT})
    with pytest.raises(SourceError, match=reason):
        fetch(a_source(uri), cache, sleep=no_sleep)


def test_a_wheel_with_other_bytes_is_refused_and_forgotten(index: Path, cache: Path) -> None:
    make_wheel(index, "sample_data", {"sample/data.bin": CONTENT[::-1]})
    with pytest.raises(SourceError, match="is pinned; refused"):
        fetch(a_source(URI), cache, sleep=no_sleep)
    assert not list((cache / "wheels").rglob("*.whl"))


def symlink(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def test_a_link_is_refused(index: Path, cache: Path) -> None:
    make_wheel(index, "sample_data", {"sample/data.bin": symlink("sample/data.bin")})
    with pytest.raises(SourceError, match="is a link or device, not a file"):
        fetch(a_source(URI), cache, sleep=no_sleep)


@pytest.mark.parametrize("evil", ["../../evil", "/etc/evil", "a\\..\\evil", "C:evil"])
def test_a_folder_with_a_member_that_leaves_it_is_refused(tmp_path: Path, evil: str) -> None:
    archive = tmp_path / "evil.whl"
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("model/good", b"1")
        zipped.writestr(f"model/{evil}", b"2")
    with pytest.raises(archives.MirrorFailed, match="would leave the folder it is unpacked into"):
        archives.extract_folder(archive, "model", tmp_path / "out", size=None, progress=lambda *_: None)
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("size", [10, None])
def test_a_bomb_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int | None
) -> None:
    monkeypatch.setattr(archives, "LARGEST_FOLDER", 1000)
    archive = tmp_path / "bomb.whl"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("model/zeros", bytes(1_000_000))
    assert archive.stat().st_size < 5000
    for extract, member in ((archives.extract_file, "model/zeros"), (archives.extract_folder, "model")):
        with pytest.raises(archives.MirrorFailed, match="1,000,000 bytes"):
            extract(archive, member, tmp_path / "out", size=size, progress=lambda *_: None)
    assert not (tmp_path / "out").exists()


def test_a_bomb_that_lies_about_its_size(tmp_path: Path) -> None:
    archive = tmp_path / "bomb.whl"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("zeros", bytes(1_000_000))
    data = archive.read_bytes()
    claimed = data.replace((1_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert claimed != data
    archive.write_bytes(claimed)
    with pytest.raises(archives.MirrorFailed):
        archives.extract_file(archive, "zeros", tmp_path / "out", size=10, progress=lambda *_: None)
    assert not (tmp_path / "out").exists() or (tmp_path / "out").stat().st_size <= 10


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_ENTRIES", 3)
    archive = tmp_path / "many.whl"
    with zipfile.ZipFile(archive, "w") as zipped:
        for number in range(4):
            zipped.writestr(f"model/{number}", b"1")
    with pytest.raises(archives.MirrorFailed, match="unpacks to 4 files"):
        archives.extract_folder(archive, "model", tmp_path / "out", size=None, progress=lambda *_: None)


def test_an_ambiguous_member_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "twice.whl"
    with zipfile.ZipFile(archive, "w") as zipped, pytest.warns(UserWarning, match="Duplicate name"):
        zipped.writestr("data", b"1")
        zipped.writestr("data", b"2")
    with pytest.raises(archives.MirrorFailed, match="has 2 members named 'data'"):
        archives.extract_file(archive, "data", tmp_path / "out", size=1, progress=lambda *_: None)


def test_pip_never_installs_or_builds() -> None:
    command = wheels.pip_command("download", "x==1")
    assert {"--no-deps", "--only-binary=:all:", "--no-input"} <= set(command)
    assert "install" not in command


@pytest.mark.parametrize(
    ("stderr", "passes"),
    [
        ("WARNING: Retrying (Retry(total=4)) after connection broken\nERROR: No matching distribution", True),
        ("ERROR: No matching distribution found for x==1", False),
    ],
)
def test_an_unreachable_index_is_a_passing_fault(
    monkeypatch: pytest.MonkeyPatch, cache: Path, stderr: str, passes: bool
) -> None:
    script = f"import sys; sys.stderr.write({stderr!r}); sys.exit(1)"
    monkeypatch.setattr(wheels, "pip_command", lambda *_: [wheels.sys.executable, "-c", script])
    delays: list[float] = []
    with pytest.raises(SourceError, match="No matching distribution"):
        fetch(a_source(URI), cache, sleep=delays.append)
    assert bool(delays) is passes
