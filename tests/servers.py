"""Flows that run in the test's own process, against a server of the test's choice.

Prefect keeps one connection for events in each process and never asks whether the server is still the one that it
was made for: task runs of the next server would be told to the last one. So it is closed before and after.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.events.worker import EventsWorker
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.testing.utilities import prefect_test_harness


@contextmanager
def own_server() -> Iterator[None]:
    """A server with an empty database, for as long as this lasts."""
    _forget_the_last_server()
    with prefect_test_harness(server_startup_timeout=120):
        yield


@contextmanager
def talking_to(url: str) -> Iterator[None]:
    """Flows and clients of this process use the server at ``url``."""
    _forget_the_last_server()
    try:
        with temporary_settings({PREFECT_API_URL: url}):
            yield
    finally:
        _forget_the_last_server()


def _forget_the_last_server() -> None:
    EventsWorker.drain_all(timeout=30)
