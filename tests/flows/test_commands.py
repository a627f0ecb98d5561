"""Commands that read the store, called in this process: what they list, refuse and leave alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from counterpoise.artifacts.process import identity
from counterpoise.artifacts.store import Store
from counterpoise.errors import StoreError, UsageError
from counterpoise.flows import cli
from counterpoise.flows.commands import diff, plan, runs
from counterpoise.flows.configure import load_config
from tests.artifacts.making import Clock


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store", clock=Clock(1_700_000_000.0))


def put(store: Store, run: str, *settings: str, **more: Any) -> None:
    config = load_config("smoke", settings).model_dump(mode="json")
    common = {"profile": "smoke", "status": "completed", "config": config, "stages": [], "started": 0.0}
    store.write_run(run, {**common, **more})
    store._clock.forward(1.0)  # type: ignore[attr-defined]


def put_sweep(store: Store) -> None:
    ended = [{"status": "completed", "run": "20260101-000000-aaaaaaaa"}, {"status": "failed", "run": None}]
    config = {"seeds": [0, 1], "folds": []}
    put(store, "sweep", kind="sweep", status="incomplete", branches=ended, config=config)


def listed(store: Store, *options: str) -> str:
    done = CliRunner().invoke(runs.command, ["--store", store.url, *options], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_runs_are_told_apart_by_seed_folds_and_outcome(store: Store) -> None:
    gone = {**identity(), "started": "1"}
    put(store, "20260101-000000-aaaaaaaa", "seed=7", "pairs.evaluate=[0, 2]", headline="Nearer to neutral")
    put(store, "killed", status="running", process=gone)
    put_sweep(store)
    assert [line.split(maxsplit=4) for line in listed(store).splitlines()] == [
        ["run", "profile", "seeds", "folds", "outcome"],
        ["sweep", "smoke", "0,1", "all", "sweep incomplete: 1 of 2 branches"],
        ["killed", "smoke", "0", "0", "died"],
        ["20260101-000000-aaaaaaaa", "smoke", "7", "0,2", "Nearer to neutral"],
    ]
    rows = json.loads(listed(store, "--json"))
    assert [(row["kind"], row["status"]) for row in rows] == [
        ("sweep", "incomplete"),
        ("run", "died"),
        ("run", "completed"),
    ]
    assert (rows[2]["seeds"], rows[2]["folds"]) == ([7], [0, 2])


def test_the_listing_is_limited_and_its_lines_fit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(22):
        put(store, f"20260101-000000-{number:08}", headline="x" * 200)
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda self: True)
    lines = listed(store).splitlines()
    assert len(lines) == 1 + 20 + 1  # heading, runs, how many are left
    assert max(map(len, lines)) == 100
    assert lines[-1] == "2 older ones: --limit 22 lists all"
    assert len(listed(store, "--limit", "22").splitlines()) == 23
    assert len(json.loads(listed(store, "--json"))) == 22
    assert len(json.loads(listed(store, "--json", "--limit", "3"))) == 3


def test_diff_refuses_a_sweep(store: Store) -> None:
    put(store, "run")
    put_sweep(store)
    done = CliRunner().invoke(diff.command, ["run", "sweep", "--store", store.url])
    assert isinstance(done.exception, UsageError)
    assert "run sweep is a sweep" in str(done.exception)
    assert "name one of its branches: 20260101-000000-aaaaaaaa" in str(done.exception)


def test_a_plan_without_a_store_leaves_none_behind(tmp_path: Path) -> None:
    url = str(tmp_path / "stroe" / "inner")
    done = CliRunner().invoke(plan.command, ["--profile", "smoke", "--store", url, "--json"])
    assert done.exit_code == 0, done.exception
    stages = json.loads(done.stdout)["stages"]
    assert {stage["would"] for stage in stages} == {"run"}
    assert stages[0]["why"] == "first time"
    assert list(tmp_path.iterdir()) == []


def test_a_plan_refuses_a_folder_that_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    done = CliRunner().invoke(plan.command, ["--profile", "smoke", "--store", str(tmp_path)])
    assert isinstance(done.exception, StoreError)
    assert "holds other files" in str(done.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(("cause", "code"), [(KeyboardInterrupt(), 130), (ValueError("no"), 1)])
def test_ctrl_c_is_told_as_such_when_the_server_went_with_it(
    cause: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: object, **__: object) -> None:
        try:
            raise cause
        except BaseException:
            raise ConnectionError("refused")  # noqa: B904

    monkeypatch.setattr(cli.cli, "main", refused)
    with pytest.raises(SystemExit) as ended:
        cli.main(["run"])
    assert ended.value.code == code
    assert ("interrupted" in capsys.readouterr().err) is (code == 130)
