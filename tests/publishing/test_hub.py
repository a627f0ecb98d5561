"""Publishing to a hub, through the hub's own client, against a real HTTP server that speaks its protocol."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from counterpoise.errors import SourceError, UsageError
from counterpoise.publishing.deliver import deliver
from counterpoise.publishing.folder import files_of
from tests.sources.conftest import QuietServer

TOKEN = "hf_" + "x" * 34


class _Hub(BaseHTTPRequestHandler):
    """Repositories, LFS objects and commits, kept in memory; writing takes the token."""

    protocol_version = "HTTP/1.1"
    files: dict[str, bytes]
    objects: dict[str, bytes]
    made: list[dict[str, Any]]
    seen: list[tuple[str, str]]

    def _answer(self, value: Any, status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def do_POST(self) -> None:
        body, path = self._body(), self.path.partition("?")[0]
        self.seen.append(("POST", path))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._answer({"error": "Invalid user token."}, 401)
        elif path == "/api/repos/create":
            self.made.append(json.loads(body))
            self._answer({"url": f"http://{self.headers['Host']}/owner/name"})
        elif path == "/api/models/owner/name/preupload/main":
            rows = json.loads(body)["files"]
            modes = {
                row["path"]: "lfs" if row["path"].endswith(".safetensors") else "regular" for row in rows
            }
            self._answer(
                {"files": [{"path": k, "uploadMode": v, "shouldIgnore": False} for k, v in modes.items()]}
            )
        elif path == "/owner/name.git/info/lfs/objects/batch":
            rows = json.loads(body)["objects"]
            for row in rows:
                href = f"http://{self.headers['Host']}/lfs/{row['oid']}"
                row["actions"] = {"upload": {"href": href}}
            self._answer({"transfer": "basic", "objects": rows})
        elif path == "/api/models/owner/name/commit/main":
            self._commit([json.loads(line) for line in body.splitlines()])
        else:
            self._answer({})

    def _commit(self, lines: list[dict[str, Any]]) -> None:
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                self.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                self.files[value["path"]] = self.objects[value["oid"]]
        url = f"http://{self.headers['Host']}/owner/name/commit/{'0' * 40}"
        self._answer({"success": True, "commitOid": "0" * 40, "commitUrl": url})

    def do_PUT(self) -> None:
        body = self._body()
        self.seen.append(("PUT", self.path))
        oid = self.path.rpartition("/")[2]
        assert hashlib.sha256(body).hexdigest() == oid
        self.objects[oid] = body
        self._answer({})

    def do_GET(self) -> None:
        self.seen.append(("GET", self.path))
        self._answer({"error": "not found"}, 404)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Hub]]:
    handler = type("Hub", (_Hub,), {"files": {}, "objects": {}, "made": [], "seen": []})
    server = QuietServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(
        constants, "HF_HUB_DISABLE_XET", True
    )  # large files by LFS: Xet needs its own service
    yield handler
    server.shutdown()


@pytest.fixture
def made(tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# card\n", encoding="utf-8")
    (folder / "adapter_config.json").write_text("{}", encoding="utf-8")
    (folder / "adapter_model.safetensors").write_bytes(bytes(range(256)) * 8)
    (folder / ".eval_results").mkdir()
    (folder / ".eval_results" / "stereoset.yaml").write_text("[]", encoding="utf-8")
    return folder


def test_every_file_arrives_in_a_private_repository(hub: type[_Hub], made: Path) -> None:
    address = deliver(made, "hub:owner/name")
    assert address.endswith("/owner/name/commit/" + "0" * 40)
    assert hub.files == {name: (made / name).read_bytes() for name, _ in files_of(made)}
    assert ".eval_results/stereoset.yaml" in hub.files
    assert [(row["name"], row["visibility"]) for row in hub.made] == [("name", "private")]


def test_a_refused_token_is_one_line_that_does_not_hold_it(
    hub: type[_Hub], made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = "hf_" + "y" * 34
    monkeypatch.setenv("HF_TOKEN", wrong)
    with pytest.raises(SourceError, match="owner/name could not be published to http") as error:
        deliver(made, "hub:owner/name")
    assert wrong not in str(error.value)
    assert "\n" not in str(error.value)
    assert hub.files == {}


@pytest.mark.parametrize("to", ["hub:", "hub:name", "hub:a/b/c", "hub:../x"])
def test_a_wrong_repository_name_is_refused_before_anything_is_sent(
    hub: type[_Hub], made: Path, to: str
) -> None:
    with pytest.raises(UsageError, match="names no hub repository"):
        deliver(made, to)
    assert hub.seen == []


def test_a_folder_is_replaced_only_if_it_was_published_from_here(made: Path, tmp_path: Path) -> None:
    (made / "counterpoise.json").write_text("{}", encoding="utf-8")
    target = tmp_path / "out"
    deliver(made, str(target))
    (made / "new.json").write_text("{}", encoding="utf-8")
    deliver(made, str(target))
    assert {path.name for path in target.iterdir()} == {path.name for path in made.iterdir()}
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").write_text("years of work", encoding="utf-8")
    with pytest.raises(UsageError, match="is not empty and was not published from here"):
        deliver(made, str(other))
    assert (other / "thesis.tex").read_text(encoding="utf-8") == "years of work"
