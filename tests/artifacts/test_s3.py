"""The store in a bucket of a real S3 server: the same promises, also when the network misbehaves."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from counterpoise.artifacts.store import Miss, Ref, Store
from counterpoise.errors import StoreError
from tests.artifacts.conftest import URL
from tests.artifacts.making import FILES, commit, contents, parts, tamper
from tests.artifacts.s3_server import Fault, S3Server

pytestmark = pytest.mark.usefixtures("bucket")


def content(ref: Ref) -> str:
    return f"objects/{ref.sha256[:2]}/{ref.sha256}"


def test_what_one_machine_commits_another_finds_verifies_and_fetches(s3: Store, elsewhere: Store) -> None:
    assert elsewhere.lookup("scores", parts().key) == Miss("never computed with this key")
    ref = commit(s3)
    assert elsewhere.lookup("scores", ref.key) == ref
    assert contents(elsewhere.fetch(ref)) == FILES
    assert elsewhere.manifest("scores", ref.key).parts == parts()
    assert elsewhere.nearest(parts(beta=1)) is not None
    s3.write_run("run-1", {"stages": [ref.to_json()]})
    assert elsewhere.run("run")["run"] == "run-1"
    assert elsewhere.verify(full=True) == []


def test_the_manifest_is_uploaded_last(s3: Store, server: S3Server) -> None:
    server.clear()
    ref = commit(s3)
    puts = [line for line in server.requests if line.startswith("PUT")]
    assert len(puts) == 3, "two files and the manifest"
    assert puts[-1].endswith(f"manifests/scores/{ref.key}.json")


def test_what_was_uploaded_or_fetched_is_not_downloaded_again(
    s3: Store, elsewhere: Store, server: S3Server
) -> None:
    ref = commit(s3)
    server.clear()
    s3.fetch(ref)
    assert server.requests == [], "the draft became the local copy"
    elsewhere.fetch(ref)
    server.clear()
    elsewhere.fetch(ref)
    assert server.requests == []


def test_a_hit_downloads_nothing_but_the_manifest(s3: Store, elsewhere: Store, server: S3Server) -> None:
    ref = commit(s3)
    server.clear()
    assert elsewhere.lookup("scores", ref.key) == ref
    assert not [line for line in server.requests if f"{ref.sha256}/" in line]


def test_a_large_file_goes_up_in_parts_and_comes_back_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("counterpoise.artifacts.bucket.READ_TIMEOUT_S", 30.0)  # 16 MiB take their time
    monkeypatch.setattr("counterpoise.artifacts.bucket.CALL_LIMIT_S", 60.0)
    here, elsewhere = (Store.open(URL, cache=tmp_path / name) for name in ("here", "elsewhere"))
    files = {"model.safetensors": random.Random(0).randbytes(40 << 20)}  # over two parts of 16 MiB
    ref = commit(here, files=files)
    assert "-" in (here.manifest("scores", ref.key).outputs[0].tag or ""), "the tag of an upload in parts"
    assert elsewhere.lookup("scores", ref.key) == ref
    assert contents(elsewhere.fetch(ref)) == files


def test_equal_content_is_uploaded_once(s3: Store, server: S3Server) -> None:
    commit(s3, parts(a=1))
    server.clear()
    commit(s3, parts(a=2))
    assert [line.rpartition("/")[0] for line in server.requests if line.startswith("PUT")] == [
        "PUT /bucket/team/store/manifests/scores"
    ]


@pytest.mark.parametrize("kind", ["500", "503", "reset", "hang"])
def test_transient_failures_are_tried_again(s3: Store, elsewhere: Store, server: S3Server, kind: str) -> None:
    for number, (method, part) in enumerate((("PUT", ""), ("GET", ""), ("GET", "list-type"), ("HEAD", ""))):
        server.faults.append(Fault(kind, method, part, times=2))
        before = server.injected
        ref = commit(s3, parts(number=number), {"a": b"%d" % number})
        found = elsewhere.lookup("scores", ref.key)
        assert found == ref
        assert contents(elsewhere.fetch(ref)) == {"a": b"%d" % number}
        assert server.injected - before == 2


@pytest.mark.timeout(60)
def test_a_server_that_falls_silent_is_given_up_and_asked_again(s3: Store, server: S3Server) -> None:
    """The request was taken, the connection stays open, no answer ever comes."""
    server.faults.append(Fault("silent", "PUT", "weights.bin"))
    ref = commit(s3)
    assert s3.lookup("scores", ref.key) == ref


@pytest.mark.parametrize("kind", ["500", "reset", "403"])
def test_a_store_that_stays_out_of_reach_is_an_error_and_never_a_miss(
    s3: Store, elsewhere: Store, server: S3Server, kind: str
) -> None:
    ref = commit(s3)
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        server.faults.append(Fault(kind, method, times=10_000))
    for attempt in (
        lambda: elsewhere.lookup("scores", ref.key),
        lambda: elsewhere.fetch(ref),
        lambda: commit(elsewhere, parts(new=1)),
        elsewhere.runs,
        lambda: elsewhere.write_run("r", {}),
    ):
        with pytest.raises(StoreError) as caught:
            attempt()
        assert "\n" not in str(caught.value)
        assert URL in str(caught.value)
        assert "wJalrXUtnFEMI" not in str(caught.value)
    server.clear()
    assert elsewhere.lookup("scores", ref.key) == ref
    assert isinstance(elsewhere.lookup("scores", parts(new=1).key), Miss)


@pytest.mark.parametrize("kind", ["cut", "lie", "slow"])
def test_a_bad_download_is_tried_again_and_never_kept(
    s3: Store, elsewhere: Store, server: S3Server, kind: str, tmp_path: Path
) -> None:
    ref = commit(s3)
    server.faults.append(Fault(kind, "GET", "weights.bin"))
    assert contents(elsewhere.fetch(ref)) == FILES
    assert list((tmp_path / "elsewhere" / "store" / "tmp").iterdir()) == []


def test_a_network_that_keeps_lying_is_not_believed(s3: Store, elsewhere: Store, server: S3Server) -> None:
    ref = commit(s3)
    server.faults.append(Fault("lie", "GET", "weights.bin", times=99))
    with pytest.raises(StoreError, match="is damaged: does not have the content hash"):
        elsewhere.fetch(ref)
    server.clear()
    assert contents(elsewhere.fetch(commit(elsewhere))) == FILES


def test_an_upload_whose_answer_is_lost_is_repeated_safely(
    s3: Store, elsewhere: Store, server: S3Server
) -> None:
    for part in ("weights.bin", "table.parquet", "manifests"):
        server.faults.append(Fault("lost", "PUT", part, times=2))
    ref = commit(s3)
    assert elsewhere.lookup("scores", ref.key) == ref
    assert elsewhere.verify(full=True) == []


def test_a_cut_off_machine_leaves_no_artifact_and_another_finishes(
    s3: Store, elsewhere: Store, server: S3Server
) -> None:
    """The network goes away after each number of uploads in turn."""
    for done in range(3):
        server.clear()
        server.faults.append(Fault("500", "PUT", "manifests", times=99))
        if done < 2:
            name = ("weights.bin", "table.parquet")[done]
            server.faults.append(Fault("500", "PUT", name, times=99))
        with pytest.raises(StoreError):
            commit(s3, parts(done=done))
        assert isinstance(elsewhere.lookup("scores", parts(done=done).key), Miss)
    server.clear()
    for done in range(3):
        assert contents(elsewhere.fetch(commit(elsewhere, parts(done=done)))) == FILES
    assert elsewhere.verify(full=True) == []


@pytest.mark.parametrize("data", [b"", b"PAR1 not really PAR2", b"short", None])
def test_a_changed_object_is_a_miss_and_heals(s3: Store, elsewhere: Store, data: bytes | None) -> None:
    ref = commit(s3)
    tamper(s3, f"{content(ref)}/table.parquet", data)
    assert len(elsewhere.verify()) == 1
    found = elsewhere.lookup("scores", ref.key)
    assert isinstance(found, Miss)
    assert "table.parquet" in found.reason
    assert contents(elsewhere.fetch(commit(elsewhere))) == FILES
    assert s3.lookup("scores", ref.key) == ref
    assert s3.verify(full=True) == []


@pytest.mark.parametrize("data", [b"", b"{}", b"{\xff", b"[1]"])
def test_a_changed_manifest_is_a_miss_and_heals(s3: Store, elsewhere: Store, data: bytes) -> None:
    ref = commit(s3)
    tamper(s3, f"manifests/scores/{ref.key}.json", data)
    found = elsewhere.lookup("scores", ref.key)
    assert isinstance(found, Miss)
    assert found.damaged
    assert [e.name.count("reason") for e in s3.backend.entries("quarantine")] == [0, 1]
    assert commit(elsewhere) == ref


def test_a_bucket_copied_elsewhere_is_verified_by_its_bytes(s3: Store, tmp_path: Path) -> None:
    """Another place gives other version tags: the bytes decide."""
    ref = commit(s3)
    fs = s3.backend._bucket._fs  # type: ignore[attr-defined]
    manifest = json.loads(s3.backend.read(f"manifests/scores/{ref.key}.json"))
    for path in fs.find("bucket/team/store"):
        fs.copy(path, path.replace("team/store", "copy"))
    assert manifest["outputs"][0]["tag"]
    copy = Store.open("s3://bucket/copy", cache=tmp_path / "copy")
    fs.pipe_file(f"bucket/copy/{content(ref)}/stray", b"harmless here")
    assert copy.lookup("scores", ref.key) == ref
    assert contents(copy.fetch(ref)) == FILES


def test_damage_in_the_local_copy_is_downloaded_again(s3: Store) -> None:
    ref = commit(s3)
    (s3.fetch(ref) / "table.parquet").write_bytes(b"x" * 20)
    assert contents(s3.fetch(ref)) == FILES
    (s3.fetch(ref) / "stray").write_bytes(b"x")
    assert contents(s3.fetch(ref)) == FILES
