"""What is installed: one name of ours, whole, beside a project that has the same folders."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

FOREIGN = ("tasks", "flows", "artifacts", "engine", "demo")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """A folder with the wheel and the sdist of what git has."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True).stdout
    subprocess.run(
        ["tar", "--create", "--null", "--files-from=-", "--file", str(source / "tree.tar")],
        input=listed, cwd=root, check=True,
    )  # fmt: skip
    subprocess.run(["tar", "--extract", "--file", "tree.tar"], cwd=source, check=True)
    code = "import setuptools.build_meta as b, sys; out = sys.argv[1]; b.build_sdist(out); b.build_wheel(out)"
    subprocess.run([sys.executable, "-c", code, str(out)], cwd=source, check=True, capture_output=True)
    return out


@pytest.mark.slow
def test_the_wheel_has_one_name_and_everything_a_run_reads(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.split("/")[0].split("-")[0] for name in names} == {"counterpoise"}
    for needed in (
        *("flows/profiles/local.toml", "counterfactual/english.toml", "sources/registry.toml", "py.typed"),
        *("demo/static/demo.js", "deployments/prefect.yaml", "constraints.txt", "report/report.css"),
    ):
        assert any(
            name.startswith("counterpoise/") and name.endswith(needed.split("/")[-1]) for name in names
        ), needed


@pytest.mark.slow
def test_the_sdist_is_whole(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "constraints.txt",
        "Makefile",
        "docs/design.md",
        "tests/conftest.py",
        "tests/test_packaging.py",
    } <= names
    assert {"deployments/prefect.yaml", "flows/debias.py", "benchmarks/__main__.py", "LICENSE"} <= names


@pytest.mark.slow
def test_it_runs_beside_a_project_with_the_same_folders(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    for name in FOREIGN:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('a foreign module')")
        (site / f"{name}.py").write_text("raise RuntimeError('a foreign module')")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{site}"}
    done = subprocess.run(
        [sys.executable, "-m", "counterpoise.flows.cli", "run", "--profile", "smoke", "--json"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert '"status": "completed"' in done.stdout
