from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace

import pytest

from counterpoise.errors import SourceError, UnreachableError
from counterpoise.sources.datasets import locate, source_hash
from counterpoise.sources.fetch import fetch
from counterpoise.sources.hub import fetch_repository, repository_place, wanted
from tests.sources.conftest import CONTENT, QuietServer, a_source

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "config.json": b'{"model_type": "opt"}',
    "tokenizer.json": b"{}",
    "README.md": b"# card",
    "pytorch_model.bin": CONTENT,
    "training_args.bin": b"a pickle of somebody's settings",
    "flax_model.msgpack": b"flax",
    "onnx/model.onnx": b"onnx",
}


class _Hub(BaseHTTPRequestHandler):
    """The part of the hub's protocol that listing and downloading one commit takes."""

    protocol_version = "HTTP/1.1"
    files: dict[str, bytes]
    seen: list[tuple[str, str, str]]

    def _send(self, body: bytes, headers: dict[str, str], status: int = 200) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.seen.append((self.command, path, self.headers.get("Authorization", "")))
        if path.startswith(f"/api/models/owner/name/tree/{COMMIT}"):
            rows = [
                {"type": "file", "path": k, "size": len(v), "oid": _oid(v)} for k, v in self.files.items()
            ]
            self._send(json.dumps(rows).encode(), {"Content-Type": "application/json"})
        elif path == f"/api/models/owner/name/revision/{COMMIT}":
            siblings = [{"rfilename": name} for name in self.files]
            info = {"id": "owner/name", "sha": COMMIT, "siblings": siblings}
            self._send(json.dumps(info).encode(), {"Content-Type": "application/json"})
        elif (
            path.startswith(prefix := f"/owner/name/resolve/{COMMIT}/") and path[len(prefix) :] in self.files
        ):
            body = self.files[path[len(prefix) :]]
            self._send(body, {"ETag": f'"{_oid(body)}"', "X-Repo-Commit": COMMIT})
        else:
            self._send(b"{}", {"X-Error-Code": "RepoNotFound"}, 404)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def _oid(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the hub's client would have waited between its tries, seconds."""
    waited: list[float] = []
    monkeypatch.setattr("huggingface_hub.utils._http.time", SimpleNamespace(sleep=waited.append))
    return waited


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Hub]]:
    handler = type("Hub", (_Hub,), {"files": dict(FILES), "seen": []})
    server = QuietServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    yield handler
    server.shutdown()
    server.server_close()


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_repository_has_what_loading_needs_and_no_more(hub: type[_Hub], cache: Path) -> None:
    folder = fetch_repository("owner/name", COMMIT, cache)
    assert names(folder) == {"config.json", "tokenizer.json", "pytorch_model.bin"}
    assert (folder / "pytorch_model.bin").read_bytes() == CONTENT
    hub.seen.clear()
    assert fetch_repository("owner/name", COMMIT, cache) == folder
    assert hub.seen == []


def test_safetensors_are_preferred(hub: type[_Hub], cache: Path) -> None:
    hub.files["model.safetensors"] = b"safe"
    assert names(fetch_repository("owner/name", COMMIT, cache)) == {
        "config.json",
        "tokenizer.json",
        "model.safetensors",
    }


def test_without_weights(hub: type[_Hub], cache: Path) -> None:
    folder = fetch_repository("owner/name", COMMIT, cache, weights=False)
    assert names(folder) == {"config.json", "tokenizer.json"}
    assert folder != repository_place("owner/name", COMMIT, cache)


def test_progress_is_in_bytes(hub: type[_Hub], cache: Path) -> None:
    seen: list[tuple[int, int]] = []
    fetch_repository("owner/name", COMMIT, cache, progress=lambda *p: seen.append(p))
    size = sum(len(FILES[name]) for name in ("config.json", "tokenizer.json", "pytorch_model.bin"))
    assert seen[-1] == (size, size)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["config.json", "pytorch_model.bin.index.json", "pytorch_model-00001-of-00002.bin"], 3),
        (
            [
                "config.json",
                "pytorch_model.bin.index.json",
                "pytorch_model-00001-of-00002.bin",
                "a.safetensors",
            ],
            2,
        ),
        (["vocab.json", "merges.txt", "spiece.model", "tf_model.h5", "optimizer.bin"], 3),
    ],
)
def test_wanted_files(files: list[str], expected: int) -> None:
    assert wanted(files) == tuple(name for name in files if name in wanted(files))
    assert len(wanted(files)) == expected


def test_a_branch_is_refused(cache: Path) -> None:
    for call in (
        lambda: fetch_repository("owner/name", "main", cache),
        lambda: locate("hf://owner/name@main", cache),
    ):
        with pytest.raises(SourceError, match="40-digit commit"):
            call()


def test_no_such_repository_is_one_line(hub: type[_Hub], cache: Path) -> None:
    with pytest.raises(SourceError, match=r"owner/other@01234567 could not be had") as caught:
        fetch_repository("owner/other", COMMIT, cache)
    assert "\n" not in str(caught.value)
    assert str(repository_place("owner/other", COMMIT, cache)) in str(caught.value)
    assert not isinstance(caught.value, UnreachableError)  # asking again would not make it


def test_a_hub_that_does_not_answer_may_later(
    cache: Path, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: refused
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(UnreachableError, match=r"owner/name@01234567 could not be had"):
            fetch_repository("owner/name", COMMIT, cache)
    assert sum(waits) > 1


@pytest.mark.parametrize(("status", "kind"), [(503, UnreachableError), (403, SourceError)])
def test_whether_the_hub_may_have_it_later_is_told(
    hub: type[_Hub], cache: Path, status: int, kind: type[SourceError], waits: list[float]
) -> None:
    def failing(self: _Hub) -> None:
        self._send(b"{}", {}, status)

    hub.do_GET = hub.do_HEAD = failing  # type: ignore[method-assign]
    with pytest.raises(SourceError, match=str(status)) as caught:
        fetch_repository("owner/name", COMMIT, cache)
    assert type(caught.value) is kind
    assert bool(waits) == (kind is UnreachableError)


def test_a_broken_download_leaves_nothing_under_the_final_name(hub: type[_Hub], cache: Path) -> None:
    listed = hub.files.pop("pytorch_model.bin")
    hub.files["pytorch_model.bin"] = listed
    kept = _Hub.do_GET

    def failing(self: _Hub) -> None:
        if self.path.endswith("pytorch_model.bin"):
            self._send(b"", {}, 403)
        else:
            kept(self)

    hub.do_GET = hub.do_HEAD = failing  # type: ignore[method-assign]
    with pytest.raises(SourceError, match="could not be had"):
        fetch_repository("owner/name", COMMIT, cache)
    assert not repository_place("owner/name", COMMIT, cache).exists()
    hub.do_GET = hub.do_HEAD = kept  # type: ignore[method-assign]
    assert "pytorch_model.bin" in names(fetch_repository("owner/name", COMMIT, cache))


def test_a_full_disk_is_not_the_hubs_fault(
    hub: type[_Hub], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("huggingface_hub.snapshot_download", full)
    with pytest.raises(SourceError, match=r"cache .*: No space left on device — free some space"):
        fetch_repository("owner/name", COMMIT, cache)


def test_one_file_of_a_repository_with_the_users_token(
    hub: type[_Hub], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    path = fetch(a_source(f"hf://owner/name@{COMMIT}/pytorch_model.bin"), cache)
    assert path.read_bytes() == CONTENT
    assert hub.seen[-1][2] == "Bearer secret"


def test_the_token_is_never_shown(hub: type[_Hub], cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    source = a_source(f"hf://owner/name@{COMMIT}/none.bin")
    for call in (lambda: fetch(source, cache), lambda: fetch_repository("owner/other", COMMIT, cache)):
        with pytest.raises(SourceError) as caught:
            call()
        assert "secret" not in str(caught.value)


def test_a_repository_by_its_address(hub: type[_Hub], cache: Path) -> None:
    address = f"hf://owner/name@{COMMIT}"
    assert (locate(address, cache) / "config.json").is_file()
    assert source_hash(address) == address
