"""How a deployment's run ends that was asked to stop, or whose server went away."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from prefect.client.schemas.objects import State
from prefect.exceptions import Abort, TerminationSignal
from prefect.states import Cancelling, Running

from counterpoise.errors import Stopped
from counterpoise.flows.deploying.automations import PAUSE_S
from counterpoise.flows.termination import prefect_decides


class Server:
    """What a run's process asks of the server, with the run in ``state``."""

    def __init__(self, state: State[Any], away: bool = False) -> None:
        self.state, self.away = state, away
        self.set: list[State[Any]] = []

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def read_flow_run(self, run: UUID) -> SimpleNamespace:
        if self.away:
            raise httpx.ConnectError("the server restarts")
        return SimpleNamespace(state=self.state)

    def set_flow_run_state(self, run: UUID, state: State[Any]) -> None:
        self.set.append(state)


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Inside a deployment's run; SIGTERM's handling is put back afterwards."""
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "some-deployment")
    monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__ID", str(uuid4()))
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def stop(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("counterpoise.flows.deploying.handing_on.get_client", lambda **_: server)
    with prefect_decides():
        raise Stopped("stopped on request")


@pytest.mark.usefixtures("deployed")
def test_a_run_that_was_stopped_schedules_itself_again(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(Running())
    asked = datetime.now(UTC)
    with pytest.raises(Abort):
        stop(server, monkeypatch)
    (state,) = server.set
    assert (state.name, state.message) == ("AwaitingRetry", "asked to stop; goes on from the store")
    due = state.state_details.scheduled_time
    assert due is not None and due - asked >= timedelta(seconds=PAUSE_S)
    assert (
        signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    )  # a second one must not end it before it has ended


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize(
    "server", [Server(Cancelling()), Server(Running(), away=True)], ids=["cancel", "away"]
)
def test_a_run_that_is_cancelled_or_cannot_say_so_is_left_to_prefect(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TerminationSignal):
        stop(server, monkeypatch)
    assert server.set == []


@pytest.mark.usefixtures("deployed")
def test_a_server_that_was_away_ends_the_attempt_as_crashed() -> None:
    with pytest.raises(TerminationSignal), prefect_decides():
        raise httpx.ConnectError("the server restarts")


def test_on_the_command_line_it_stays_what_it_is() -> None:
    with pytest.raises(Stopped), prefect_decides():
        raise Stopped("stopped on request")


@pytest.mark.usefixtures("deployed")
def test_other_errors_pass_through() -> None:
    with pytest.raises(KeyError), prefect_decides():
        raise KeyError("a failure is a failure")
