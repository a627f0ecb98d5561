"""Leases: one computes, others wait no longer than they must, and nobody waits for ever."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from counterpoise.artifacts.lease import Lease, Terms, Waiting, is_over, needed_keys
from counterpoise.artifacts.process import identity, is_dead
from counterpoise.artifacts.store import Store
from counterpoise.errors import Stopped
from tests.artifacts.making import Clock, commit, parts

KEY = parts().key
ELSEWHERE = {"host": "another-machine", "boot": "x", "namespace": "y", "pid": 1, "started": "1"}


def path(store: Store) -> Path:
    return Path(store.url) / "leases" / "scores" / f"{KEY}.json"


def held_elsewhere(store: Store, expires_at: float) -> None:
    """A lease whose holder this machine knows nothing about."""
    path(store).parent.mkdir(parents=True, exist_ok=True)
    path(store).write_text(json.dumps({"owner": "other", "process": ELSEWHERE, "expires_at": expires_at}))


def test_a_free_lease_is_had_at_once_and_given_back(store: Store) -> None:
    clock = Clock()
    with store.lease("scores", KEY, 60, "me", clock) as lease:
        assert lease.held
        assert json.loads(path(store).read_text())["owner"] == "me"
    assert not lease.held
    assert not path(store).exists()
    assert clock.slept == []


def test_it_is_given_back_when_the_block_fails(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.lease("scores", KEY, 60, "me"):
        raise ZeroDivisionError
    assert not path(store).exists()


def test_leases_on_different_keys_do_not_meet(store: Store) -> None:
    with store.lease("scores", KEY, 60, "a") as one, store.lease("scores", parts(b=1).key, 60, "b") as two:
        assert one.held
        assert two.held


def test_a_live_holder_is_waited_for_until_its_lease_expires(store: Store) -> None:
    clock = Clock()
    held_elsewhere(store, clock.now + 20)
    start = clock.now
    with store.lease("scores", KEY, 60, "me", clock) as lease:
        assert lease.held
    assert 20 < clock.now - start <= 21, "polled each second"


def test_an_expired_lease_is_taken_over_at_once(store: Store) -> None:
    clock = Clock()
    held_elsewhere(store, clock.now - 1)
    with store.lease("scores", KEY, 60, "me", clock) as lease:
        assert lease.held
    assert clock.slept == []


@pytest.mark.parametrize("skew", [86_400.0, 1e12])
def test_a_clock_that_was_moved_back_does_not_make_anyone_wait_longer_than_a_term(
    store: Store, skew: float
) -> None:
    """The holder's expiry lies far in our future, but it is silent: one term by our own watch is enough."""
    clock = Clock()
    held_elsewhere(store, clock.now + skew)
    with store.lease("scores", KEY, 60, "me", clock) as lease:
        assert lease.held
    assert 60 < sum(clock.slept) <= 61


def test_a_holder_that_renews_is_not_robbed_and_waiting_for_it_ends(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    beats = 0
    told: list[str] = []

    class Renewing(Clock):
        def sleep(self, seconds: float) -> None:
            nonlocal beats
            super().sleep(seconds)
            beats += 1
            held_elsewhere(store, self.now + 60 + beats * 1e-3)

    clock = Renewing()
    held_elsewhere(store, clock.now + 60)
    with (
        caplog.at_level(logging.WARNING),
        store.lease("scores", KEY, 60, "me", clock, waiting=Waiting(600, told.append)) as lease,
    ):
        assert not lease.held
        assert json.loads(path(store).read_text())["owner"] == "other"
    assert 600 < sum(clock.slept) <= 601
    assert told == ["other"], "once, however often it renews"
    assert "going on without the lease" in caplog.text
    assert path(store).exists(), "another's lease is not given back by us"


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b"{}", b'{"expires_at": "soon", "process": {}}', b"\xff"]
)
def test_a_torn_lease_is_free(store: Store, data: bytes) -> None:
    path(store).parent.mkdir(parents=True)
    path(store).write_bytes(data)
    clock = Clock()
    with store.lease("scores", KEY, 60, "me", clock) as lease:
        assert lease.held
    assert clock.slept == []


def test_only_one_of_two_thieves_gets_it(store: Store) -> None:
    clock = Clock()
    held_elsewhere(store, clock.now - 1)
    seen = path(store).read_bytes()
    terms = Terms(f"leases/scores/{KEY}.json", 60, "x")
    thieves = [Lease(store.backend, terms, clock) for _ in range(2)]
    assert [thief.take(seen) for thief in thieves] == [True, False]
    assert [thief.held for thief in thieves] == [True, False]
    assert thieves[0].renew()


def test_a_lease_that_was_taken_over_is_known_at_the_next_beat_and_left_alone(store: Store) -> None:
    terms = Terms(f"leases/scores/{KEY}.json", 60, "x")
    first, second = (Lease(store.backend, terms, Clock()) for _ in range(2))
    assert first.take(None)
    assert second.take(path(store).read_bytes())
    assert not first.renew()
    assert not first.held
    first.release()
    assert second.renew(), "the first did not delete the second's lease"


def test_the_heartbeat_keeps_a_short_lease_alive(store: Store) -> None:
    with store.lease("scores", KEY, 0.3, "me") as lease:
        time.sleep(1.0)
        assert lease.held
        body = json.loads(path(store).read_text())
        assert body["beat"] >= 3, "ten beats are due in 1 s; a slow machine may be late"
        assert body["expires_at"] > time.time() - 0.3


def test_two_threads_take_turns(store: Store) -> None:
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        with store.lease("scores", KEY, 0.2, "thread"):
            inside += 1
            most = max(most, inside)
            time.sleep(0.05)
            inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert (inside, most) == (0, 1)


def _hold_for_ever(url: str, ready: str) -> None:
    with Store.open(url).lease("scores", KEY, 3600, "victim"):
        Path(ready).touch()
        time.sleep(600)


def test_who_waits_says_for_whom_and_stops_when_asked(store: Store) -> None:
    told: list[str] = []
    asked = threading.Event()
    ended: list[str] = []

    def wait() -> None:
        with pytest.raises(Stopped) as caught, store.lease("scores", KEY, 60, "me", waiting=waiting):
            raise AssertionError("nobody gave the lease up")
        ended.append(str(caught.value))

    waiting = Waiting(on_wait=told.append, should_stop=asked.is_set)
    with store.lease("scores", KEY, 60, "gpu-1:42") as lease:
        thread = threading.Thread(target=wait)
        thread.start()
        while not told:
            time.sleep(0.01)
        asked.set()
        thread.join(timeout=30)  # it asks each second
        assert ended == ["stopped on request while waiting for gpu-1:42 — run the same command again"]
        assert lease.held
    assert told == ["gpu-1:42"]


def test_a_killed_holder_on_this_machine_is_noticed_at_once(store: Store, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    victim = multiprocessing.get_context("spawn").Process(target=_hold_for_ever, args=(store.url, str(ready)))
    victim.start()
    while not ready.exists():
        time.sleep(0.01)
    assert not is_over(path(store).read_bytes(), time.time())
    assert victim.pid is not None
    os.kill(victim.pid, signal.SIGKILL)
    while not is_dead(json.loads(path(store).read_text())["process"]):
        time.sleep(0.01)  # until the kernel has ended it; it need not be reaped
    clock = Clock(time.time())
    with store.lease("scores", KEY, 3600, "heir", clock) as lease:
        assert lease.held
    assert clock.slept == [], "no waiting for an hour-long lease of a dead process"
    victim.join()


def test_a_process_is_known_by_its_start_too(store: Store) -> None:
    me = identity()
    assert not is_dead(me)
    assert is_dead({**me, "started": "1"}), "a new process with the same number"
    assert is_dead({**me, "pid": 2**22 + 1})
    for unknown in ({**me, "host": "other"}, {**me, "boot": "other"}, {**me, "namespace": "other"}, {}):
        assert not is_dead(unknown), "another machine's processes cannot be judged"


def test_a_lease_says_what_it_needs(store: Store) -> None:
    needed = commit(store, parts("pairs"))
    with store.lease("scores", KEY, 60, "me", needs=[needed]):
        assert needed_keys(path(store).read_bytes()) == (needed.key,)
    with store.lease("scores", KEY, 60, "me"):
        assert needed_keys(path(store).read_bytes()) is None
