"""Stores in temporary folders, each with its own cache."""

from __future__ import annotations

import os
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import s3fs

from counterpoise.artifacts.store import Store
from tests.artifacts.s3_server import S3Server, running

URL = "s3://bucket/team/store"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COUNTERPOISE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


@pytest.fixture
def memory_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one, for tests that make thousands of stores."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else tmp_path) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    s3fs.S3FileSystem.clear_instance_cache()
    with running() as server:
        yield server
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def bucket(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty bucket, quick retries and short timeouts."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": server.url,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("counterpoise.artifacts.remote.PAUSES_S", (0.01, 0.01, 0.01))
    monkeypatch.setattr("counterpoise.artifacts.bucket.READ_TIMEOUT_S", 0.5)
    monkeypatch.setattr("counterpoise.artifacts.bucket.CALL_LIMIT_S", 3.0)
    server.clear()
    urllib.request.urlopen(urllib.request.Request(f"{server.url}/moto-api/reset", method="POST")).close()
    urllib.request.urlopen(urllib.request.Request(f"{server.url}/bucket", method="PUT")).close()


@pytest.fixture
def s3(bucket: None, tmp_path: Path) -> Store:
    return Store.open(URL, cache=tmp_path / "here")


@pytest.fixture
def elsewhere(s3: Store, tmp_path: Path) -> Store:
    """The same store as another machine sees it."""
    return Store.open(URL, cache=tmp_path / "elsewhere", create=False)
