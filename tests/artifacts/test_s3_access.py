"""A bucket that cannot be used says why, and nothing secret gets into one that can."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import s3fs

from counterpoise.artifacts.store import Store
from counterpoise.errors import StoreError
from tests.artifacts.conftest import URL
from tests.artifacts.making import commit, parts
from tests.artifacts.s3_server import S3Server

pytestmark = pytest.mark.usefixtures("bucket")


def test_a_bucket_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="s3://nowhere/store: the bucket does not exist — create it"):
        Store.open("s3://nowhere/store", cache=tmp_path)


def test_a_missing_extra_says_how_to_install_it(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['s3fs'] = None\n"
        "from counterpoise.artifacts.store import Store\n"
        "try: Store.open('s3://bucket/x')\n"
        "except Exception as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'counterpoise[s3]'" in done.stdout


def test_no_secret_stands_in_the_store(s3: Store) -> None:
    ref = commit(s3)
    s3.write_run("run-1", {"stages": [ref.to_json()]})
    with s3.lease("scores", parts().key, 60, "me"):
        for folder in ("manifests", "objects", "runs", "leases"):
            for entry in s3.backend.entries(folder):
                data = s3.backend.read(entry.name)
                assert b"wJalrXUtnFEMI" not in data
                assert b"AKIDEXAMPLE" not in data


def test_a_server_that_is_not_there_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match="check that the store can be reached") as caught:
        Store.open(URL, cache=tmp_path)
    assert "\n" not in str(caught.value)


def test_missing_credentials_are_named_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: S3Server
) -> None:
    s3fs.S3FileSystem.clear_instance_cache()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("counterpoise.artifacts.remote.PAUSES_S", (60.0,))
    with pytest.raises(StoreError, match=r"(?i)credentials"):
        Store.open(URL, cache=tmp_path)
