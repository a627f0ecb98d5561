"""The store in a bucket of a real S3 server: the same promises, also when the network misbehaves."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import s3fs

from artifacts.store import Miss, Ref, Store
from counterpoise.errors import StoreError
from tests.artifacts.making import FILES, Clock, commit, contents, parts, write
from tests.artifacts.s3_server import Fault, S3Server, running

URL = "s3://bucket/team/store"


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    s3fs.S3FileSystem.clear_instance_cache()
    with running() as server:
        yield server
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture(autouse=True)
def bucket(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty bucket, quick retries and short timeouts."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": server.url,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("artifacts.remote.PAUSES_S", (0.01, 0.01, 0.01))
    monkeypatch.setattr("artifacts.bucket.READ_TIMEOUT_S", 0.5)
    monkeypatch.setattr("artifacts.bucket.CALL_LIMIT_S", 3.0)
    server.clear()
    urllib.request.urlopen(urllib.request.Request(f"{server.url}/moto-api/reset", method="POST")).close()
    urllib.request.urlopen(urllib.request.Request(f"{server.url}/bucket", method="PUT")).close()


@pytest.fixture
def s3(tmp_path: Path) -> Store:
    return Store.open(URL, cache=tmp_path / "here")


@pytest.fixture
def elsewhere(s3: Store, tmp_path: Path) -> Store:
    """The same store as another machine sees it."""
    return Store.open(URL, cache=tmp_path / "elsewhere", create=False)


def tamper(s3: Store, name: str, data: bytes | None) -> None:
    """Changes a file in the bucket behind the store's back."""
    bucket = s3.backend._bucket  # type: ignore[attr-defined]
    bucket.delete(name) if data is None else bucket.put(name, data)


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


def test_a_large_file_goes_up_in_parts_and_comes_back_whole(s3: Store, elsewhere: Store) -> None:
    files = {"model.safetensors": random.Random(0).randbytes(40 << 20)}  # over two parts of 16 MiB
    ref = commit(s3, files=files)
    assert "-" in (s3.manifest("scores", ref.key).outputs[0].tag or ""), "the tag of an upload in parts"
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


class TestLeases:
    def test_taken_renewed_and_given_back(self, s3: Store, elsewhere: Store) -> None:
        clock = Clock(4e9)
        with s3.lease("scores", parts().key, 60, "me", clock) as lease:
            assert lease.held
            assert lease.renew()
        assert not lease.held
        with elsewhere.lease("scores", parts().key, 60, "you", clock) as lease:
            assert lease.held
        assert clock.slept == []

    def test_a_holder_elsewhere_is_waited_for_then_robbed_and_notices(
        self, s3: Store, elsewhere: Store
    ) -> None:
        manager = s3.lease("scores", parts().key, 60, "me", Clock(4e9))
        first = manager.__enter__()
        name = f"leases/scores/{parts().key}.json"
        text = s3.backend.read(name).decode().replace('"host": "', '"host": "far-')
        s3.backend.write(name, text.encode())
        clock = Clock(4e9 + 30)
        with elsewhere.lease("scores", parts().key, 60, "you", clock) as lease:
            assert lease.held
            assert 30 < sum(clock.slept) <= 31
            assert not first.renew()
            assert lease.renew()

    def test_only_one_of_two_gets_it(self, s3: Store, elsewhere: Store) -> None:
        name = "leases/scores/x.json"
        assert [store.backend.swap(name, None, b"%d" % n) for n, store in enumerate((s3, elsewhere))] == [
            True,
            False,
        ]
        assert [store.backend.swap(name, b"0", b"9%d" % n) for n, store in enumerate((elsewhere, s3))] == [
            True,
            False,
        ]
        assert s3.backend.read(name) == b"90"

    def test_a_change_between_reading_and_writing_loses(
        self, s3: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The condition is the server's, not only our own reading."""
        name = "leases/scores/x.json"
        for expected in (None, b"old"):
            real = type(s3.backend)._tagged

            def late(self, name, real=real):  # type: ignore[no-untyped-def]
                seen = real(self, name)
                monkeypatch.undo()
                tamper(s3, name, b"rival")
                return seen

            monkeypatch.setattr(type(s3.backend), "_tagged", late)
            assert not s3.backend.swap(name, expected, b"mine")
            assert s3.backend.read(name) == b"rival"
            tamper(s3, name, b"old")

    def test_a_lost_answer_is_still_our_lease(self, s3: Store, server: S3Server) -> None:
        server.faults.append(Fault("lost", "PUT", "leases"))
        with s3.lease("scores", parts().key, 60, "me") as lease:
            assert lease.held


class TestScratch:
    def save(self, store: Store, step: int) -> None:
        scratch = store.scratch("adapter", parts().key)
        write(
            scratch.folder, {f"checkpoint-{step}/state": b"%d" % step * 99, f"checkpoint-{step}/rng/0": b"r"}
        )
        scratch.save(f"checkpoint-{step}")
        scratch.close()

    def test_another_machine_resumes(self, s3: Store, elsewhere: Store) -> None:
        self.save(s3, 1)
        self.save(s3, 2)
        scratch = elsewhere.scratch("adapter", parts().key)
        assert scratch.restore() == ("checkpoint-1", "checkpoint-2")
        assert contents(scratch.folder / "checkpoint-2") == {"state": b"2" * 99, "rng/0": b"r"}
        scratch.clear()
        assert s3.backend.entries("scratch") == []
        assert not scratch.folder.exists()

    def test_the_marker_is_uploaded_last(self, s3: Store, server: S3Server) -> None:
        server.clear()
        self.save(s3, 1)
        puts = [line.rpartition(parts().key)[2] for line in server.requests if line.startswith("PUT")]
        assert puts == ["/checkpoint-1/rng/0", "/checkpoint-1/state", "/checkpoint-1.COMPLETE"]

    def test_an_upload_cut_short_leaves_the_one_before(
        self, s3: Store, elsewhere: Store, server: S3Server
    ) -> None:
        self.save(s3, 1)
        server.faults.append(Fault("500", "PUT", "checkpoint-2/state", times=99))
        with pytest.raises(StoreError):
            self.save(s3, 2)
        server.clear()
        assert elsewhere.scratch("adapter", parts().key).restore() == ("checkpoint-1",)

    @pytest.mark.parametrize("name", ["checkpoint-2/state", "checkpoint-2.COMPLETE", "checkpoint-2/rng/0"])
    def test_a_torn_one_is_ignored(self, s3: Store, elsewhere: Store, name: str) -> None:
        self.save(s3, 1)
        for data in (b"", b"torn", None):
            self.save(s3, 2)
            tamper(s3, f"scratch/adapter/{parts().key}/{name}", data)
            scratch = elsewhere.scratch("adapter", parts().key)
            assert scratch.restore() == ("checkpoint-1",)
            assert {path.name for path in scratch.folder.iterdir()} == {
                "checkpoint-1",
                "checkpoint-1.COMPLETE",
            }
            scratch.close()

    def test_removed_ones_are_gone_everywhere(self, s3: Store, elsewhere: Store) -> None:
        self.save(s3, 1)
        self.save(s3, 2)
        scratch = s3.scratch("adapter", parts().key)
        scratch.remove("checkpoint-1")
        assert elsewhere.scratch("adapter", parts().key).restore() == ("checkpoint-2",)

    def test_pruned_ones_are_gone_everywhere(self, s3: Store, elsewhere: Store) -> None:
        self.save(s3, 1)
        self.save(s3, 2)
        scratch = s3.scratch("adapter", parts().key)
        shutil.rmtree(scratch.folder / "checkpoint-1")
        scratch.prune()
        names = [entry.name.rpartition(parts().key)[2] for entry in s3.backend.entries("scratch")]
        assert names == ["/checkpoint-2.COMPLETE", "/checkpoint-2/rng/0", "/checkpoint-2/state"]
        assert elsewhere.scratch("adapter", parts().key).restore() == ("checkpoint-2",)

    def test_what_this_machine_has_is_not_downloaded(self, s3: Store, server: S3Server) -> None:
        self.save(s3, 1)
        server.clear()
        assert s3.scratch("adapter", parts().key).restore() == ("checkpoint-1",)
        assert not [line for line in server.requests if "checkpoint-1/" in line]


def test_garbage_is_collected(s3: Store, elsewhere: Store) -> None:
    kept, gone = commit(s3, parts(a=1), {"a": b"1"}), commit(s3, parts(a=2), {"a": b"2"})
    s3.write_run("kept", {"stages": [kept.to_json()]})
    dry = elsewhere.gc(1, min_age_s=-1, dry_run=True)
    assert [item.kind for item in dry.removed] == ["manifest", "object"]
    assert elsewhere.gc(1, min_age_s=-1).removed == dry.removed
    assert elsewhere.lookup("scores", kept.key) == kept
    assert isinstance(elsewhere.lookup("scores", gone.key), Miss)
    assert elsewhere.verify(full=True) == []


def test_a_bucket_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="s3://nowhere/store: the bucket does not exist — create it"):
        Store.open("s3://nowhere/store", cache=tmp_path)


def test_a_missing_extra_says_how_to_install_it(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['s3fs'] = None\n"
        "from artifacts.store import Store\n"
        "try: Store.open('s3://bucket/x')\n"
        "except Exception as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'counterpoise[s3]'" in done.stdout


def test_no_secret_stands_in_the_store(s3: Store) -> None:
    ref = commit(s3)
    s3.write_run("run-1", {"stages": [ref.to_json()]})
    with s3.lease("scores", parts().key, 60, "me"):
        for folder in ("manifests", "objects", "runs", "leases"):
            for entry in s3.backend.entries(folder):
                data = s3.backend.read(entry.name)
                assert b"wJalrXUtnFEMI" not in data
                assert b"AKIDEXAMPLE" not in data


def test_a_server_that_is_not_there_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match="check that the store can be reached") as caught:
        Store.open(URL, cache=tmp_path)
    assert "\n" not in str(caught.value)


def test_missing_credentials_are_named_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: S3Server
) -> None:
    s3fs.S3FileSystem.clear_instance_cache()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("artifacts.remote.PAUSES_S", (60.0,))
    with pytest.raises(StoreError, match=r"(?i)credentials"):
        Store.open(URL, cache=tmp_path)
