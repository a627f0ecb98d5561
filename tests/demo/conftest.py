"""One finished run, one session over it and one page, for all tests of the demo."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

from counterpoise.artifacts.store import Store
from counterpoise.artifacts.votes import VoteBox
from counterpoise.demo.session import Session
from tests.demo.finished import finished_run


@dataclass
class Served:
    """A page that is up."""

    url: str
    session: Session
    box: VoteBox


@pytest.fixture(scope="session")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = tmp_path_factory.mktemp("demo") / "store"
    record = finished_run(folder)
    return Session.of_run(Store.open(folder, create=False), record)


@pytest.fixture(scope="session")
def served(session: Session) -> Iterator[Served]:
    from counterpoise.demo.app import build_app, launch  # noqa: PLC0415 (gradio reads its environment when imported)

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = build_app(session)
    launch(app, port, block=False)
    yield Served(
        f"http://127.0.0.1:{port}/", session, VoteBox(session.data.store, session.data.adapter.sha256)
    )
    app.close()
