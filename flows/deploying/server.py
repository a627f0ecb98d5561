"""The configured Prefect server, or one line that says why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL

from counterpoise.errors import CounterpoiseError, UsageError


class ServerError(CounterpoiseError):
    """The Prefect server is not there, or refuses."""


@contextmanager
def configured_server() -> Iterator[SyncPrefectClient]:
    """A client of the server that PREFECT_API_URL or the Prefect profile names.

    Raises:
        UsageError: none is configured.
        ServerError: it does not answer, or refuses what was asked.
    """
    url = PREFECT_API_URL.value()
    if not url:
        raise UsageError(
            "no Prefect server is configured: PREFECT_API_URL is not set",
            "export PREFECT_API_URL=http://HOST:4200/api; `prefect server start` makes a local one",
        )
    try:
        with get_client(sync_client=True) as client:
            client.raise_for_api_version_mismatch()
            yield client
    except (httpx.HTTPStatusError, PrefectHTTPStatusError) as error:
        raise ServerError(f"Prefect server {url}: {_said(error.response)}", _remedy(error.response)) from None
    except (httpx.TransportError, RuntimeError) as error:
        raise ServerError(
            f"Prefect server {url} does not answer ({_reason(error)})",
            "is it running, and PREFECT_API_URL right, as http://HOST:4200/api?",
        ) from None


def check_server() -> None:
    """Asks the configured server, if one is, for its version: before a flow starts, that is one line.

    Raises:
        ServerError: it does not answer, or refuses.
    """
    if not PREFECT_API_URL.value():
        return
    try:
        with configured_server():
            pass
    except ServerError as error:
        raise ServerError(
            error.message, f"{error.remedy} Without that setting the command starts a server of its own"
        ) from None


def _reason(error: Exception) -> str:
    """What is behind Prefect's "Failed to reach API", which repeats the address and hides why."""
    return str(error.__cause__ or error) or type(error).__name__


def _said(response: httpx.Response) -> str:
    text = " ".join(response.text.split())
    return f"{response.status_code} for {response.request.method} {response.request.url.path}: {text[:300]}"


def _remedy(response: httpx.Response) -> str:
    if response.status_code in (401, 403):
        return "set PREFECT_API_KEY or PREFECT_API_AUTH_STRING"
    return "a server of Prefect 3.8 or later is expected"
