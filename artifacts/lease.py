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
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from artifacts.backend import Backend
from artifacts.clock import Clock
from artifacts.layout import lease_name
from artifacts.process import identity, is_dead
from counterpoise.errors import StoreError

_LOG = logging.getLogger(__name__)
_POLL_S = 1.0
MAX_WAIT_S = 6 * 3600.0
"""After this long behind a live holder, compute without a lease rather than wait for ever."""


class Lease:
    """One held lease. ``held`` is false once another took it over, or when waiting was given up."""

    def __init__(self, backend: Backend, name: str, body: Mapping[str, Any], clock: Clock) -> None:
        self._backend, self._name, self._clock = backend, name, clock
        self._body = dict(body)
        self._last = b""
        self._beats = 0
        self._mutex = threading.Lock()
        self.held = False

    def take(self, expected: bytes | None) -> bool:
        """Takes the lease when it still is ``expected`` (None: free)."""
        with self._mutex:
            data = self._encoded()
            self.held = self._backend.swap(self._name, expected, data)
            self._last = data
            return self.held

    def renew(self) -> bool:
        """Tells others that the holder lives; false when the lease is another's by now."""
        with self._mutex:
            if self.held:
                data = self._encoded()
                self.held = self._backend.swap(self._name, self._last, data)
                self._last = data
            return self.held

    def release(self) -> None:
        """Gives the lease back."""
        with self._mutex:
            if self.held:
                self._backend.swap(self._name, self._last, None)
                self.held = False

    def _encoded(self) -> bytes:
        self._beats += 1
        expires = self._clock.time() + self._body["ttl_s"]
        return json.dumps({**self._body, "beat": self._beats, "expires_at": expires}).encode()


@contextlib.contextmanager
def hold_lease(
    backend: Backend,
    stage: str,
    key: str,
    ttl_s: float,
    owner: str,
    clock: Clock,
    needs: Sequence[str] | None = None,
    max_wait_s: float = MAX_WAIT_S,
) -> Iterator[Lease]:
    """See :meth:`artifacts.store.Store.lease`.

    Args:
        needs: keys of the artifacts that the computation reads, so that ``gc`` keeps them; None keeps all.
        max_wait_s: how long to wait behind a live holder before going on without a lease, seconds.
    """
    body = {"owner": owner, "token": uuid.uuid4().hex, "ttl_s": ttl_s, "process": identity()}
    lease = Lease(
        backend, lease_name(stage, key), {**body, "needs": None if needs is None else [*needs]}, clock
    )
    _acquire(backend, lease, lease_name(stage, key), ttl_s, clock, max_wait_s)
    stop = threading.Event()
    beat = threading.Thread(
        target=_heartbeat, args=(lease, stop, ttl_s / 3), daemon=True, name=f"lease-{stage}"
    )
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


def _acquire(
    backend: Backend, lease: Lease, name: str, ttl_s: float, clock: Clock, max_wait_s: float
) -> None:
    """Returns with the lease held, or without it after ``max_wait_s``."""
    start = changed_at = clock.monotonic()
    seen: bytes | None = None
    while clock.monotonic() - start <= max_wait_s:
        try:
            current: bytes | None = backend.read(name)
        except FileNotFoundError:
            current = None
        if current != seen:
            seen, changed_at = current, clock.monotonic()
        is_free = current is None or is_over(current, clock.time())
        # Seen silent for a whole term by our own monotonic clock: dead, whatever the wall clocks say.
        if (is_free or clock.monotonic() - changed_at > ttl_s) and lease.take(current):
            return
        clock.sleep(min(_POLL_S, ttl_s / 4))
    _LOG.warning("%s: waited %.0f s for another run; going on without the lease", name, max_wait_s)


def is_over(data: bytes, now: float) -> bool:
    """Whether a lease's holder has certainly ended, or has let it expire by the wall clock."""
    try:
        body = json.loads(data)
        return bool(is_dead(body["process"]) or now > float(body["expires_at"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return True  # torn or altered: nobody can be holding it


def _heartbeat(lease: Lease, stop: threading.Event, period_s: float) -> None:
    while not stop.wait(period_s):
        try:
            if not lease.renew():
                return
        except StoreError:
            continue  # the next beat may get through; else the lease expires, which is safe
