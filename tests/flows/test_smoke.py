"""The whole pipeline, as a person runs it: the command line in a process of its own, on the tiny model."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import ModelCard
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from counterpoise.artifacts.store import Ref, Store
from counterpoise.likelihood.pairs import score_pairs
from counterpoise.measures.names import SCORE
from counterpoise.measures.results import results_from
from counterpoise.models.loading import load_model
from counterpoise.pairs.parse import parse_pairs

STAGES = [
    "base-model",
    "neutral",
    "dataset",
    "pairs",
    "counterfactuals",
    "preflight",
    "own-text",
    "toxicity",
    "preferences",
    "generations-base",
    "adapter · fold 0",
    "scores · fold 0",
    "capability · fold 0",
    "benchmarks · fold 0",
    "benchmarks-base · fold 0",
    "generations",
    "generations-null · fold 0",
    "generation-toxicity",
    "report",
]
pytestmark = pytest.mark.slow


class Shell:
    """Runs `counterpoise` in a checkout of its own, so that a test may edit the code."""

    def __init__(self, root: Path, home: Path) -> None:
        self.checkout = home / "checkout"
        for folder in ("counterpoise", "artifacts", "engine", "tasks", "flows"):
            shutil.copytree(
                root / folder, self.checkout / folder, ignore=shutil.ignore_patterns("__pycache__")
            )
        self.store = home / "store"
        self.environment = {
            **os.environ,
            "HOME": str(home),
            "PREFECT_HOME": str(home / "prefect"),
            "COUNTERPOISE_STORE": str(self.store),
            "PYTHONPATH": str(self.checkout),
        }

    def __call__(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "counterpoise.flows.cli", *arguments],
            capture_output=True,
            text=True,
            cwd=self.checkout,
            env=self.environment,
            check=False,
        )
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def run(self, *arguments: str) -> dict[str, Any]:
        record: dict[str, Any] = json.loads(self("run", "--profile", "smoke", "--json", *arguments).stdout)
        return record

    def states(self, *arguments: str) -> dict[str, str]:
        return {stage["stage"]: stage["state"] for stage in self.run(*arguments)["stages"]}

    def computed(self, *arguments: str) -> list[str]:
        return [stage for stage, state in self.states(*arguments).items() if state == "computed"]

    def shown(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads(self("show", "--json").stdout)
        return record

    def edit(self, file: str, before: str, after: str) -> None:
        path = self.checkout / file
        text = path.read_text(encoding="utf-8")
        assert before in text
        path.write_text(text.replace(before, after, 1), encoding="utf-8")


@pytest.fixture(scope="module")
def shell(root: Path, tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Shell:
    """A checkout with one finished run, made with the embedded server; later runs use a running one."""
    shell = Shell(root, tmp_path_factory.mktemp("smoke"))
    record = shell.run()
    shell.environment["PREFECT_API_URL"] = prefect_server
    assert record["status"] == "completed"
    assert [(stage["stage"], stage["state"]) for stage in record["stages"]] == [
        (s, "computed") for s in STAGES
    ]
    assert all(re.fullmatch(r"[0-9a-f]{64}", stage["key"]) for stage in record["stages"])
    return shell


def test_second_run_is_all_cached_and_prints_little(shell: Shell) -> None:
    done = shell("run", "--profile", "smoke")
    _, *lines = done.stderr.splitlines()
    assert [re.sub(r"^= (.*?) +cached .*", r"\1", line) for line in lines] == STAGES
    assert len(done.stdout.splitlines()) < 30


def test_plan_agrees_with_run(shell: Shell) -> None:
    planned = json.loads(shell("plan", "--profile", "smoke", "--json").stdout)["stages"]
    assert [(stage["stage"], stage["would"]) for stage in planned] == [(name, "hit") for name in STAGES]


def test_edited_words_re_run_nothing(shell: Shell) -> None:
    shell.edit("counterpoise/preferences/build.py", "from __future__", "# a remark\nfrom __future__")
    shell.edit("counterpoise/pairs/parse.py", "no rows after the header", "nothing after the header")
    shell.edit("counterpoise/preferences/config.py", 'description="', 'description="In other words: ')
    shell.edit("counterpoise/generation/decode.py", '"""', '"""In other words: ')
    assert shell.computed() == []


def test_edited_helper_re_runs_its_stage_and_stops_where_the_bytes_are_the_same(shell: Shell) -> None:
    shell.edit(
        "counterpoise/preferences/build.py",
        "seen: set[tuple[str, str]] = set()",
        "seen = set[tuple[str, str]]()",
    )
    plan = json.loads(shell("plan", "--profile", "smoke", "--json").stdout)["stages"]
    why = {stage["stage"]: stage["why"] for stage in plan if stage["would"] == "run"}
    assert why["preferences"] == "changed: code counterpoise.preferences.build"
    computed = shell.computed()
    assert "preferences" in computed
    assert not {"base-model", "pairs", "counterfactuals", "scores · fold 0", "generations"} & set(computed)


def test_damaged_artifact_heals_with_its_own_bytes(shell: Shell) -> None:
    (pairs,) = [stage["sha256"] for stage in shell.shown()["stages"] if stage["stage"] == "pairs"]
    victim = shell.store / "objects" / pairs[:2] / pairs / "pairs.parquet"
    victim.chmod(0o644)
    data = bytearray(victim.read_bytes())
    data[100] ^= 1
    victim.write_bytes(bytes(data))
    assert "damaged" in shell("verify", code=1).stderr
    record = shell.run()
    assert [s["stage"] for s in record["stages"] if s["state"] == "computed"] == ["pairs"]
    (healed,) = [stage["sha256"] for stage in shell.shown()["stages"] if stage["stage"] == "pairs"]
    assert healed == pairs
    shell("verify", "--full")


def test_show_runs_and_diff_speak_of_the_runs(shell: Shell) -> None:
    shown = shell("show").stdout
    assert "CrowS-Pairs, held out" in shown
    assert re.search(r"toxicity .* from pairs, counterfactuals\n", shown)
    (toxicity,) = [stage for stage in shell.shown()["stages"] if stage["stage"] == "toxicity"]
    assert [parent["stage"] for parent in toxicity["made_from"]] == ["pairs", "counterfactuals"]
    runs = json.loads(shell("runs", "--json").stdout)
    assert {run["status"] for run in runs} == {"completed"}
    oldest, newest = runs[-1]["run"], runs[0]["run"]
    found = json.loads(shell("diff", oldest, newest, "--json").stdout)
    assert [row["stage"] for row in found["stages"]] == STAGES
    (score,) = [row for row in found["comparison"]["measures"] if row["name"] == SCORE and "group" not in row]
    assert score["n"] > 0


def test_a_report_is_what_its_artifacts_give(shell: Shell, tmp_path: Path) -> None:
    assert "byte for byte" in shell("report", "latest", "--check").stdout
    shell("report", "--out", str(tmp_path / "again"))
    assert (tmp_path / "again" / "report.html").is_file()
    shell.edit("counterpoise/report/page.j2", "It is in English", "CrowS-Pairs is in English")
    assert "report.html" in shell("report", "--check", code=1).stderr
    assert "no run" in shell("show", "nonsense", code=1).stderr


def test_report_is_one_self_contained_file(shell: Shell) -> None:
    (html,) = list(shell.store.glob("objects/*/*/report.html"))[:1]
    text = html.read_text(encoding="utf-8")
    assert "50 %" in text
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", text)
    assert html.with_name("report.md").stat().st_size < 500_000


@pytest.mark.parametrize("form", ["adapter", "merged"])
def test_published_folder_loads_without_us_and_reproduces_the_scores(
    shell: Shell, tmp_path: Path, form: str
) -> None:
    extra = ["--merged"] if form == "merged" else []
    listed = json.loads(shell("publish", "--to", str(tmp_path / "out"), "--dry-run", "--json", *extra).stdout)
    assert not (tmp_path / "out").exists()
    shell("publish", "--to", str(tmp_path / "out"), *extra)
    out = tmp_path / "out"
    assert {row["file"]: row["bytes"] for row in listed["files"]} == {
        path.name: path.stat().st_size for path in out.iterdir()
    }
    store = Store.open(shell.store)
    refs = {stage["stage"]: Ref.from_json(stage["ref"]) for stage in store.run(listed["run"])["stages"]}
    base, adapter = store.fetch(refs["base-model"]), store.fetch(refs["adapter · fold 0"]) / "adapter"
    (file,) = store.fetch(refs["dataset"]).glob("*.csv")
    pairs = parse_pairs(file.read_bytes(), file.name)[:12]
    ours = score_pairs(load_model(base, "fp32", adapter=adapter), pairs, "tuned")
    theirs = plain_log_probs(out, base, [text for pair in pairs for text in (pair.more, pair.less)])
    expected = [value for row in ours for value in (row.more_log_prob, row.less_log_prob)]
    assert theirs == pytest.approx(expected, abs=2e-3)
    card = ModelCard.load(out / "README.md")
    results = results_from(shell.shown()["results"])
    assert card.data.eval_results[0].metric_value == round(results.measures.one(SCORE).tuned, 2)
    assert results.verdict.sentence in card.text
    assert refs["adapter · fold 0"].sha256 in card.text


def test_bad_input_is_one_line_and_leaves_the_store_sound(shell: Shell, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text(",sent_more,sent_less,stereo_antistereo,bias_type\n0,A b.,A c.,stereo,shoe-size\n")
    done = shell("run", "--profile", "smoke", "--set", f"pairs.source={bad}", code=1)
    last = done.stderr.strip().splitlines()[-1]
    assert "bad.csv, line 2: unknown bias_type 'shoe-size'" in last
    not_a_model = tmp_path / "folder"
    not_a_model.mkdir()
    done = shell("run", "--profile", "smoke", "--set", f"model.source={not_a_model}", code=1)
    assert "not a model" in done.stderr.strip().splitlines()[-1]
    shell("verify", "--full")
    assert {"failed"} <= {run["status"] for run in json.loads(shell("runs", "--json").stdout)}


def test_unmatched_lora_target_names_those_that_exist(shell: Shell) -> None:
    done = shell("run", "--profile", "smoke", "--set", 'alignment.lora.targets=["out_proj"]', code=1)
    last = done.stderr.strip().splitlines()[-1]
    assert "out_proj" in last
    assert "o_proj" in last


def test_changed_setting_re_runs_what_it_decides(shell: Shell) -> None:
    computed = shell.computed("--set", "generation.max_new_tokens=4")
    assert computed == [
        "preflight",
        "generations-base",
        "capability · fold 0",  # its divergence from the base is read on what the base wrote
        "generations",
        "generations-null · fold 0",
        "generation-toxicity",
        "report",
    ]


def test_changed_upstream_byte_re_runs_what_follows(shell: Shell, tmp_path: Path) -> None:
    smoke = shell.checkout / "counterpoise/sources/data/smoke_pairs.csv"
    mine = tmp_path / "mine.csv"
    mine.write_text(smoke.read_text(encoding="utf-8").replace("the", "a", 1), encoding="utf-8")
    computed = shell.computed("--set", f"pairs.source={mine}")
    assert {"dataset", "pairs", "counterfactuals", "preferences"} <= set(computed)
    assert not {"base-model", "neutral"} & set(computed)


def plain_log_probs(folder: Path, base: Path, texts: list[str]) -> list[float]:
    """Summed log-probabilities after the BOS token, with transformers and peft alone, nats."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    adapted = (folder / "adapter_config.json").exists()
    model = AutoModelForCausalLM.from_pretrained(base if adapted else folder, dtype=torch.float32)
    model = PeftModel.from_pretrained(model, folder) if adapted else model
    found = []
    for text in texts:
        ids = torch.tensor([tokenizer.bos_token_id, *tokenizer(text, add_special_tokens=False)["input_ids"]])
        with torch.no_grad():
            log_probs = model(ids[None]).logits[0, :-1].log_softmax(-1)
        found.append(float(log_probs.gather(1, ids[1:, None]).sum()))
    return found
