"""How threads wait and how many there are, before torch is loaded, by every way in."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from counterpoise.threads import ARENAS, COUNT, WAITING, available_cores, cpu_limit, set_defaults

ENTRIES = (
    "counterpoise",
    "counterpoise.flows.cli",
    "counterpoise.flows.branch",
    "counterpoise.flows.debias",
    "counterpoise.flows.evaluate",
    "counterpoise.flows.readme",
    "tests.conftest",
    "benchmarks.common",
    "counterpoise.demo.app",
)


def group(root: Path, path: str, text: str) -> None:
    folder = root / path
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cpu.max").write_text(text + "\n")


def membership(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "cgroup"
    file.write_text("\n".join(lines) + "\n")
    return file


def test_a_containers_limit_is_cores(tmp_path: Path) -> None:
    group(tmp_path, ".", "150000 100000")
    assert cpu_limit(membership(tmp_path, "0::/"), tmp_path) == 1.5


def test_the_least_limit_of_the_groups_above_holds(tmp_path: Path) -> None:
    group(tmp_path, "a", "100000 100000")
    group(tmp_path, "a/b", "400000 100000")
    group(tmp_path, "a/b/c", "max 100000")
    assert cpu_limit(membership(tmp_path, "0::/a/b/c"), tmp_path) == 1.0
    assert cpu_limit(membership(tmp_path, "0::/elsewhere"), tmp_path) is None


def test_version_1_keeps_the_limit_in_two_files(tmp_path: Path) -> None:
    folder = tmp_path / "cpu" / "job"
    folder.mkdir(parents=True)
    (folder / "cpu.cfs_quota_us").write_text("300000\n")
    (folder / "cpu.cfs_period_us").write_text("100000\n")
    lines = ("4:memory:/other", "3:cpu,cpuacct:/job", "0::/")
    assert cpu_limit(membership(tmp_path, *lines), tmp_path) == 3.0
    (folder / "cpu.cfs_quota_us").write_text("-1\n")
    assert cpu_limit(membership(tmp_path, *lines), tmp_path) is None


def test_without_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert cpu_limit(tmp_path / "none", tmp_path) is None
    assert 1 <= available_cores() <= (os.cpu_count() or 1)


@pytest.mark.parametrize("name", WAITING)
def test_what_the_user_set_stays(name: str) -> None:
    mine = {name: "mine", COUNT: "7", ARENAS: "8"}
    set_defaults(mine)
    assert mine == {name: "mine", COUNT: "7", ARENAS: "8"}


def test_a_limit_below_the_cores_sets_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("counterpoise.threads._affinity", lambda: 8)
    monkeypatch.setattr("counterpoise.threads.cpu_limit", lambda: 2.5)
    environment: dict[str, str] = {}
    set_defaults(environment)
    assert environment == {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000", COUNT: "3", ARENAS: "1"}
    monkeypatch.setattr("counterpoise.threads.cpu_limit", lambda: 7.5)
    environment = {}
    set_defaults(environment)
    assert COUNT not in environment  # torch knows better than we: one thread a physical core


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_way_in_sets_it_before_torch_is_loaded(entry: str, root: Path) -> None:
    if entry == "counterpoise.demo.app":
        pytest.importorskip("gradio")
    code = f"""
import os, sys
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print("torch after", os.environ.get("GOMP_SPINCOUNT"), flush=True)
            os._exit(0)
sys.meta_path.insert(0, Watch())
import {entry}
import torch
"""
    environment = {name: value for name, value in os.environ.items() if name not in {*WAITING, COUNT}}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root, env=environment
    )
    assert done.stdout.splitlines()[0] == "torch after 1000"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="arenas are glibc's")
def test_threads_share_one_arena(tmp_path: Path, root: Path) -> None:
    """Eight threads that allocate at once, each of which glibc would else give an arena of its own."""
    code = f"""
import ctypes, threading
IMPORT
libc, met = ctypes.CDLL(None), threading.Barrier(8)
def allocate():
    met.wait()
    [bytearray(100_000) for _ in range(50)]
    met.wait()
threads = [threading.Thread(target=allocate) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(b"{tmp_path / "arenas"}", b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
"""
    environment = {name: value for name, value in os.environ.items() if name != ARENAS}
    arenas = []
    for line in ("", "from counterpoise.threads import share_one_arena; share_one_arena()"):
        command = [sys.executable, "-c", code.replace("IMPORT", line)]
        subprocess.run(command, check=True, cwd=root, env=environment)
        arenas.append((tmp_path / "arenas").read_text(encoding="ascii").count("<heap nr="))
    assert arenas[0] > arenas[1] == 1
