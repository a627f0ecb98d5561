from __future__ import annotations

import httpx
import pytest
from prefect.exceptions import TerminationSignal

from counterpoise.errors import Stopped
from flows.termination import prefect_decides


@pytest.mark.parametrize("error", [Stopped("stopped on request"), httpx.ConnectError("the server restarts")])
def test_a_deployed_run_that_was_stopped_is_left_to_prefect(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "some-deployment")
    with pytest.raises(TerminationSignal), prefect_decides():
        raise error


def test_on_the_command_line_it_stays_what_it_is() -> None:
    with pytest.raises(Stopped), prefect_decides():
        raise Stopped("stopped on request")


def test_other_errors_pass_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "some-deployment")
    with pytest.raises(KeyError), prefect_decides():
        raise KeyError("a failure is a failure")
