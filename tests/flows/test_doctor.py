from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from safetensors.torch import load_file, save_file

from counterpoise.flows.cli import main
from counterpoise.flows.commands import _doctor_machine as machine
from counterpoise.flows.commands import _doctor_services as services
from counterpoise.flows.commands import _doctor_surroundings as surroundings
from counterpoise.flows.commands._doctor import fitting_profile
from counterpoise.flows.commands._doctor_findings import GIB, Machine
from counterpoise.models.tiny import make_tiny_model
from counterpoise.sources import reach


@pytest.mark.parametrize(
    ("memory_gib", "gpu_gib", "profile"),
    [
        (24, 0, "local"),
        (6, 0, "local"),
        (5.9, 0, "smoke"),
        (64, 8, "opt-1.3b"),
        (64, 7.9, "local"),
        (4, 80, "opt-1.3b"),
    ],
)
def test_the_profile_that_fits(memory_gib: float, gpu_gib: float, profile: str) -> None:
    sizes = Machine(2, int(memory_gib * GIB), int(gpu_gib * GIB), "a GPU")
    assert fitting_profile(sizes)[0] == profile


def test_it_is_measured_not_assumed() -> None:
    measured = machine.measure()
    assert 1 <= measured.cores <= (os.cpu_count() or 1)
    assert measured.memory_bytes > GIB / 4


def test_offline_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        main(["doctor", "--offline", "--json", "--store", str(tmp_path / "new")])
    result = json.loads(capsys.readouterr().out)
    assert exit.value.code == 0
    assert result["ok"] is True
    assert {check["name"] for check in result["checks"]} == {
        *("python", "packages", "processor", "gpu", "store", "disk", "data", "prefect"),
        *("folders", "proxy", "output"),
    }
    assert not (tmp_path / "new").exists()


def test_a_store_that_cannot_be_used_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other.txt").write_text("not a store")
    with pytest.raises(SystemExit) as exit:
        main(["doctor", "--offline", "--store", str(tmp_path)])
    assert exit.value.code == 1
    assert "fail  store" in capsys.readouterr().out


def test_an_unreachable_server_fails() -> None:
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        assert services.prefect_api(offline=False).state == "fail"
        assert services.prefect_api(offline=True).state == "ok"


@pytest.mark.parametrize(
    ("failures", "cached", "states"),
    [
        (["", "no route"], False, ["ok", "warn"]),
        (["no route", "no route"], False, ["fail", "fail"]),
        (["no route", "no route"], True, ["warn", "warn"]),
    ],
)
def test_one_mirror_or_the_cache_is_enough(
    monkeypatch: pytest.MonkeyPatch, failures: list[str], cached: bool, states: list[str]
) -> None:
    monkeypatch.setattr(services, "reach_mirrors", lambda: [reach.Reach("place", text) for text in failures])
    assert [check.state for check in services.mirrors(data_cached=cached)] == states


def test_other_versions_than_the_tested_ones_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("# tested\nclick==0.1  # old\nPyArrow==26.0.1\n")
    monkeypatch.setattr(machine, "CONSTRAINTS", constraints)
    check = machine.packages()
    assert check.state == "warn"
    assert "(tested: 0.1)" in check.detail
    assert "pyarrow" not in check.detail.lower()
    constraints.unlink()
    assert machine.packages().state == "ok"


def test_a_home_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert surroundings.folders().state == "ok"
    monkeypatch.setenv("COUNTERPOISE_CACHE", str(tmp_path))
    monkeypatch.delenv("PREFECT_HOME")
    monkeypatch.setenv("HOME", "/dev/null")
    check = surroundings.folders()  # a temporary folder takes its place
    assert (check.state, check.remedy) == ("warn", "set PREFECT_HOME to folders that can")
    monkeypatch.delenv("COUNTERPOISE_CACHE")
    assert surroundings.folders().state == "fail"
    assert services.data().state == "warn"  # nothing is there, and that is no error


@pytest.mark.parametrize(
    ("settings", "state"),
    [
        ({}, "ok"),
        ({"HTTP_PROXY": "http://proxy:3128"}, "warn"),
        ({"https_proxy": "http://proxy:3128", "no_proxy": ".intern"}, "warn"),
        ({"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "localhost,127.0.0.1"}, "ok"),
        ({"HTTP_PROXY": "http://proxy:3128", "no_proxy": "*"}, "ok"),
    ],
)
def test_a_proxy_that_would_be_asked_for_this_machine(
    settings: dict[str, str], state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert surroundings.proxy().state == state
    assert all(
        value not in surroundings.proxy().detail for value in settings.values()
    )  # it may hold a password


def test_doctor_of_a_model_says_how_it_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_tiny_model(tmp_path / "model", ["Women are late.", "Men are late for work."], seed=0)
    with pytest.raises(SystemExit) as ended:
        main(["doctor", str(tmp_path / "model"), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (ended.value.code, found["ok"]) == (0, True)
    states = {check["name"]: check["detail"] for check in found["checks"]}
    assert states["weights"] == "74,048 parameters, all of them from its files"
    assert states["reading"] == "read by prefix trees, output head alone"
    weights = load_file(tmp_path / "model" / "model.safetensors")
    del weights["model.norm.weight"]
    save_file(weights, tmp_path / "model" / "model.safetensors", {"format": "pt"})
    with pytest.raises(SystemExit) as ended:
        main(["doctor", str(tmp_path / "model")])
    assert ended.value.code == 1
    assert "fail  weights" in capsys.readouterr().out
