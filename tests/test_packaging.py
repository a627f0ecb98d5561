"""What is installed: one name of ours, whole; what the README and the guides have people type works with it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import yaml

from counterpoise.artifacts.store import Store
from counterpoise.counterfactual import AXES
from counterpoise.flows.cli import COMMANDS
from tests.typed_commands import pages, typed

FOREIGN = ("tasks", "flows", "artifacts", "engine", "demo")
ELSEWHERE = {
    "counterpoise run --set model.source": "tests/flows/test_smoke.py",
    "counterpoise publish --to hub:": "tests/publishing/test_hub.py",
    "counterpoise sweep": "tests/flows/test_sweep.py",
    "counterpoise compare": "tests/flows/test_sweep.py",
    "counterpoise demo": "tests/demo/test_session.py",
    "counterpoise deploy": "tests/flows/test_deploy.py",
    "counterpoise worker": "tests/flows/test_worker.py",
    "counterpoise reap": "tests/flows/test_deploy.py",
    "import counterpoise\n": "tests/evaluation/test_api.py",
}
"""What takes hours, a server, a browser or an account, and the tests that see to it."""
MENTIONED = {"counterpoise score", "counterpoise score --compare"}
"""Named without the argument that they need."""


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


def test_metadata_workflow_and_makefile_name_the_same_pythons(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    named = [name.rpartition(" ")[2] for name in project["classifiers"] if "Python :: 3." in name]
    low, high = (
        tuple(map(int, bound.strip("<>=").split("."))) for bound in project["requires-python"].split(",")
    )
    assert named == [f"3.{minor}" for minor in range(low[1], high[1])]
    workflow = yaml.safe_load((root / ".github/workflows/ci.yml").read_text())
    (job,) = workflow["jobs"].values()
    assert job["strategy"]["matrix"]["python"] == named
    assert f"foreach version,{' '.join(named)}," in (root / "Makefile").read_text()
    assert [step["run"] for step in job["steps"] if step.get("name") == "Tests"] == [".ci/run"]
    cited = yaml.safe_load((root / "CITATION.cff").read_text())
    assert (cited["version"], cited["license"]) == (project["version"], project["license"])


def test_actions_are_pinned_and_the_templates_ask_for_commands_that_there_are(root: Path) -> None:
    files = [path for path in (root / ".github").rglob("*.yml") if yaml.safe_load(path.read_text())]
    text = "".join(path.read_text() for path in files)
    used = re.findall(r"uses: (\S+)", text)
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action)] == []
    assert set(re.findall(r"`counterpoise ([a-z]+)", text)) <= set(COMMANDS)
    (axes,) = re.findall(
        r"      options:\n((?:        - .*\n)+)", (root / ".github/ISSUE_TEMPLATE/wrong-swap.yml").read_text()
    )
    assert set(re.findall(r"- (\S+)", axes)) == set(AXES)


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
        "SECURITY.md",
    } <= names
    assert {"deployments/prefect.yaml", "flows/debias.py", "benchmarks/__main__.py", "LICENSE"} <= names


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pip put the wheel: beside modules that have our folders' names, each of which would end the command."""
    site, (wheel,) = tmp_path_factory.mktemp("site"), built.glob("*.whl")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(site),
    ]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    for name in FOREIGN:
        (site / f"{name}.py").write_text("raise RuntimeError('a foreign module')")
    return site


def test_what_is_not_typed_here_is_tested_elsewhere(root: Path) -> None:
    for command, test in ELSEWHERE.items():
        assert command.split()[-1] in (root / test).read_text(), command


@pytest.mark.slow
@pytest.mark.network
def test_each_light_command_does_what_it_says(
    installed: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COUNTERPOISE_STORE")
    monkeypatch.setenv("PYTHONPATH", str(installed))
    monkeypatch.setenv("PATH", f"{installed / 'bin'}:{os.environ['PATH']}")
    done: dict[str, str] = {}
    failed: list[str] = []
    for line in (line for page in pages(root) for line in typed(page)):
        if line in MENTIONED or line.startswith(tuple(ELSEWHERE)):
            continue
        command = filled(tmp_path, line)
        if command not in done:
            done[command] = typed_in(tmp_path, command, failed)
    assert failed == []
    where = filled(tmp_path, "import counterpoise; print(counterpoise.__file__)")
    assert str(installed) in typed_in(tmp_path, where, failed)
    assert done['counterpoise swap "He left."'] == "She left.\n"
    assert "on 15 held-out pairs" in done["counterpoise run --profile smoke"].lower()
    assert len(done) > 20


def typed_in(folder: Path, command: str, failed: list[str]) -> str:
    """What ``command`` printed in ``folder``, typed with the lines at hand on its standard input."""
    ended = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        input='{"text": "He left."}\n',
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if ended.returncode != 0 or "Traceback" in ended.stderr:
        failed.append(f"{command}: {ended.returncode}: {ended.stderr[-500:]}")
    return ended.stdout


def filled(folder: Path, line: str) -> str:
    """``line`` with what stands for the reader's own names replaced by names of files that there are."""
    if not line.startswith("counterpoise "):
        return shlex.join([sys.executable, "-c", code(folder, line)])
    (folder / "lines.jsonl").write_text(json.dumps({"text": "He left."}) + "\n")
    (folder / "own.toml").write_text(
        'axis = "gender"\n[x]\nslots = ["singular"]\ncolumns = ["female", "male"]\nrows = [["alewife", "alemaster"]]\n'
    )
    pd.DataFrame({"text": ["He left.", "It rains."]}).to_parquet(folder / "IN.parquet")
    names = {
        "RUN": "latest",
        "A": "latest",
        "B": "latest",
        "2026": "latest",
        "DIR": "out",
        "[own.toml]": "own.toml",
    }
    line = re.sub(r"^counterpoise run\b", "counterpoise run --profile smoke", line)  # the real one takes long
    line = re.sub(r"\b(MODEL|FOLDER)\b", lambda _: model(folder), line)
    words = [names.get(word, word) for word in line.split(" ")]
    usage = next((n for n, word in enumerate(words) if word.startswith("[")), len(words))
    return " ".join(words[:usage])


def code(folder: Path, text: str) -> str:
    return re.sub(r"\bBASE\b", lambda _: repr(model(folder)), text)


def model(folder: Path) -> str:
    """The base model of the newest run."""
    store = Store.open(folder / "store", create=False)
    (ref,) = (stage for stage in store.run("latest")["stages"] if stage["stage"] == "base-model")
    return str(store.fetch(store.manifest("base-model", ref["key"]).ref))
