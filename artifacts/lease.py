"""The right to compute one key: renewed while its holder lives, taken over when it does not.

A lease only saves work. Two holders at once (clocks that disagree, a network cut) compute the same
bytes and commit the same content; nothing is damaged.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from counterpoise.artifacts.backend import Backend
from counterpoise.artifacts.clock import Clock
from counterpoise.artifacts.process import identity, is_dead
from counterpoise.errors import Stopped, StoreError

_LOG = logging.getLogger(__name__)
_POLL_S = 1.0
MAX_WAIT_S = 6 * 3600.0
"""After this long behind a live holder, compute without a lease rather than wait for ever."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a lease says.

    Attributes:
        name: its address in the store.
        ttl_s: how long its holder may be silent before it counts as dead, seconds.
        owner: who holds it, for people.
        needs: keys of the artifacts that the computation reads, which ``gc`` keeps; None keeps all.
    """

    name: str
    ttl_s: float
    owner: str
    needs: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """How to wait behind a live holder.

    Attributes:
        max_s: after this long, go on without a lease, seconds.
        on_wait: told who holds the lease, once for each holder that is waited for.
        should_stop: asked at least once a second; true ends the wait.
    """

    max_s: float = MAX_WAIT_S
    on_wait: Callable[[str], None] = lambda owner: None
    should_stop: Callable[[], bool] = lambda: False


PATIENT = Waiting()
"""Waits as long as anybody may, tells nobody, and is not asked to stop."""


class Lease:
    """One lease. ``held`` is false once another took it over, or when waiting was given up."""

    def __init__(self, backend: Backend, terms: Terms, clock: Clock) -> None:
        self._backend, self._terms, self._clock = backend, terms, clock
        self._token = uuid.uuid4().hex
        self._last = b""
        self._beats = 0
        self._mutex = threading.Lock()
        self.held = False

    def take(self, expected: bytes | None) -> bool:
        """Takes the lease when it still is ``expected`` (None: absent)."""
        with self._mutex:
            return self._put(expected)

    def renew(self) -> bool:
        """Tells others that the holder lives; false when the lease is another's by now."""
        with self._mutex:
            return self.held and self._put(self._last)

    def release(self) -> None:
        """Gives the lease back."""
        with self._mutex:
            if self.held:
                self.held = False
                self._backend.swap(self._terms.name, self._last, None)

    def _put(self, expected: bytes | None) -> bool:
        self._beats += 1
        body = {
            "owner": self._terms.owner,
            "token": self._token,
            "process": identity(),
            "needs": self._terms.needs,
            "beat": self._beats,
            "expires_at": self._clock.time() + self._terms.ttl_s,
        }
        data = json.dumps(body).encode()
        self.held = self._backend.swap(self._terms.name, expected, data)
        self._last = data
        return self.held


@contextlib.contextmanager
def hold_lease(backend: Backend, terms: Terms, waiting: Waiting, clock: Clock) -> Iterator[Lease]:
    """See :meth:`counterpoise.artifacts.store.Store.lease`."""
    lease = Lease(backend, terms, clock)
    _acquire(backend, lease, terms, waiting, clock)
    stop = threading.Event()
    beat = threading.Thread(target=_heartbeat, args=(lease, stop, terms.ttl_s / 3), daemon=True)
    if lease.held:
        beat.start()
    try:
        yield lease
    finally:
        stop.set()
        if beat.is_alive():
            beat.join()
        with contextlib.suppress(StoreError):  # it expires by itself
            lease.release()


def _acquire(backend: Backend, lease: Lease, terms: Terms, waiting: Waiting, clock: Clock) -> None:
    """Returns with the lease held, or without it after the longest wait.

    Raises:
        Stopped: asked to stop while waiting.
    """
    start = changed_at = clock.monotonic()
    seen: bytes | None = None
    told = ""
    while True:
        current = _read(backend, terms.name)
        if current != seen:
            seen, changed_at = current, clock.monotonic()
        # Silent for a whole term by our own monotonic clock: dead, whatever the wall clocks say.
        is_silent = clock.monotonic() - changed_at > terms.ttl_s
        if (current is None or is_silent or is_over(current, clock.time())) and lease.take(current):
            return
        owner = _owner(current)
        if waiting.should_stop():
            raise Stopped(f"stopped on request while waiting for {owner}", "run the same command again")
        if clock.monotonic() - start > waiting.max_s:
            _LOG.warning("%s: waited %.0f s; going on without the lease", terms.name, waiting.max_s)
            return
        if owner != told:
            waiting.on_wait(owner)
            told = owner
        clock.sleep(min(_POLL_S, terms.ttl_s / 4))


def _read(backend: Backend, name: str) -> bytes | None:
    try:
        return backend.read(name)
    except FileNotFoundError:
        return None


def _owner(data: bytes | None) -> str:
    """Who holds a lease, for people."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return str(json.loads(data or b"")["owner"])
    return "another process"  # it was given up, or taken, as we looked


def is_over(data: bytes, now: float) -> bool:
    """Whether a lease's holder gave it back, certainly has ended, or let it expire by the wall clock."""
    try:
        body = json.loads(data)
        return bool(is_dead(body["process"]) or now > float(body["expires_at"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return True  # given back, torn or altered: nobody can be holding it


def needed_keys(data: bytes) -> tuple[str, ...] | None:
    """The keys that a live lease's computation reads; None when it did not say."""
    body: Any = json.loads(data)
    needs = body.get("needs")
    return None if needs is None else tuple(needs)


def _heartbeat(lease: Lease, stop: threading.Event, period_s: float) -> None:
    while not stop.wait(period_s):
        try:
            if not lease.renew():
                return
        except StoreError:
            continue  # the next beat may get through; else the lease expires, which is safe
