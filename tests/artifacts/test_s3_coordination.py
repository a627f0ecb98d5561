"""Machines that share a bucket of a real S3 server: leases, checkpoints of unfinished work, garbage."""

from __future__ import annotations

import shutil

import pytest

from counterpoise.artifacts.store import Miss, Store
from counterpoise.errors import StoreError
from tests.artifacts.making import Clock, commit, contents, parts, tamper, write
from tests.artifacts.s3_server import Fault, S3Server

pytestmark = pytest.mark.usefixtures("bucket")


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
