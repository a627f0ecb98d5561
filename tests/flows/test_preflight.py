"""What cannot run is refused by `plan` and `run` alike, before the first stage, in one line."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from gguf import GGUFWriter

from counterpoise.errors import CounterpoiseError, UsageError
from counterpoise.flows.cli import main
from counterpoise.flows.configure import load_config
from counterpoise.flows.preflight import preflight
from counterpoise.sources.datasets import locate

SMOKE = ("--profile", "smoke")


def refusal(overrides: Sequence[str], profile: str = "smoke") -> str:
    with pytest.raises(CounterpoiseError) as raised:
        preflight(load_config(profile, overrides))
    return str(raised.value)


def test_a_steering_vector_is_not_merged(tmp_path: Path) -> None:
    loss = "{types=['steering'], category_weights='equal', hold_weight=0, consistency_weight=0, own_text_weight=0}"
    given = [
        f"alignment.loss={loss}",
        "alignment.lora.targets=['down_proj']",
        f"publish.to={tmp_path / 'out'}",
    ]
    preflight(load_config("smoke", given))
    assert "publish.merged: a steering vector is a bias" in refusal([*given, "publish.merged=true"])


def test_the_profiles_that_come_with_the_package_pass() -> None:
    preflight(load_config("smoke"))
    preflight(load_config("local"))


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("publish.to=hub:bad", "write hub:owner/name"),
        ("publish.to=s3://bucket/folder", "write a folder, or hub:owner/name"),
        ("alignment.lora.rank=100000", "alignment.lora.rank = 100000"),
        ("alignment.optimisation.learning_rate=inf", "learning_rate = inf: Input should be a finite"),
        ("seed=true", "seed = True: a number was expected, not true or false"),
        ("profile=local", "a profile's name is its file's"),
        ("counterfactual.axes=[]", "expected at least one axis"),
    ],
)  # fmt: skip
def test_what_the_configuration_knows_by_itself(override: str, expected: str) -> None:
    with pytest.raises(UsageError) as raised:
        load_config("smoke", [override])
    assert expected in str(raised.value)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ('counterfactual.axes=["bogus"]', "bogus"),
        ("pairs.source=no/such.csv", "no file 'no/such.csv'"),
        ("pairs.source=crows-pair", "crows-pairs"),
        ("capability.source=no/such.txt", "no file 'no/such.txt'"),
        ("capability.evaluation_texts=100000", "too few for evaluation"),
        ("model.source=no/such/model", "no file 'no/such/model'"),
        ("benchmarks.revised_pairs=no/such.csv", "no file 'no/such.csv'"),
        ("counterfactual.lexicon=no/such.toml", "no/such.toml"),
        ("publish.to=/dev/null/folder", "cannot be written"),
    ],
)
def test_what_this_machine_lacks(override: str, expected: str) -> None:
    assert expected in refusal([override])


def test_a_folder_with_other_files_is_no_target(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine")
    assert "was not published from here" in refusal([f"publish.to={tmp_path}"])
    preflight(load_config("smoke", [f"publish.to={tmp_path / 'new'}"]))


def test_a_prefix_that_the_models_tokenizer_lacks(tmp_path: Path) -> None:
    tokenizer = {"model": {"vocab": {"a": 0}}, "added_tokens": [{"content": "<|x|>"}]}
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    model = f"model.source={tmp_path}"
    assert "has no such token" in refusal([model, "scoring.prefix=bogus"])
    for known in ("bos", "none", "a", "<|x|>"):
        preflight(load_config("smoke", [model, f"scoring.prefix={known}"]))


def test_a_prefix_that_a_gguf_file_lacks(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    writer = GGUFWriter(file, "llama")
    writer.add_token_list(["a", "<|x|>"])
    for write in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.close):
        write()
    model = f"model.source={file}"
    assert "has no such token" in refusal([model, "scoring.prefix=bogus"])
    for known in ("bos", "a", "<|x|>"):
        preflight(load_config("smoke", [model, f"scoring.prefix={known}"]))
    file.write_bytes(b"no GGUF")
    preflight(load_config("smoke", [model, "scoring.prefix=bogus"]))  # what it is, converting it says


def test_too_few_pairs_for_the_folds(tmp_path: Path) -> None:
    file = tmp_path / "two.csv"
    rows = ["sent_more,sent_less,stereo_antistereo,bias_type", "A b,A c,stereo,age", "D e,D f,stereo,age"]
    file.write_text("\n".join(rows))
    assert "2 pairs for 3 folds" in refusal([f"pairs.source={file}"])


def test_a_parser_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("counterpoise.extras.find_spec", lambda name: None)
    said = refusal(["counterfactual.syntax=spacy"])
    assert f"{sys.executable} -m pip install 'counterpoise[syntax]'" in said


def test_a_cache_that_cannot_be_written_matters_where_something_is_to_be_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("COUNTERPOISE_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/dev/null")
    said = refusal([], "local")
    assert "is still to be fetched, and the cache /dev/null/.cache/counterpoise cannot be written" in said
    assert "set COUNTERPOISE_CACHE to a folder that can" in said


def test_everything_is_told_at_once() -> None:
    said = refusal(["pairs.source=no/such.csv", "model.source=no/such/model"])
    assert said.startswith("2 things would keep this run from finishing: (1) no file 'no/such/model'")
    assert "(2) no file 'no/such.csv'" in said


@pytest.mark.parametrize("command", ["plan", "run"])
def test_plan_and_run_refuse_alike(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = tmp_path / "store"
    with pytest.raises(SystemExit) as ended:
        main([command, *SMOKE, "--set", 'counterfactual.axes=["bogus"]', "--store", str(store)])
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not store.exists()


def test_a_file_that_calls_itself_otherwise(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('profile = "local"\n')
    with pytest.raises(UsageError, match="remove that line"):
        load_config(str(file))


def test_what_is_trained_on_judges_nothing(tmp_path: Path) -> None:
    source = "pairs.training_source=smoke-stereoset"
    assert "is benchmarks.stereoset: what is trained on judges nothing" in refusal([source])
    preflight(load_config("smoke", [source, "benchmarks.stereoset="]))
    copied = tmp_path / "mine.json"
    copied.write_bytes(locate("smoke-stereoset").read_bytes())  # the bytes count, not the name
    assert "judges nothing" in refusal([f"pairs.training_source={copied}"])
    assert "is pairs.source" in refusal(["pairs.training_source=smoke-pairs"])


def test_training_pairs_that_cannot_be_read(tmp_path: Path) -> None:
    assert "no file 'no/such.json'" in refusal(["pairs.training_source=no/such.json"])
    (tmp_path / "mine.json").write_text("{}")
    assert "not StereoSet's JSON" in refusal([f"pairs.training_source={tmp_path / 'mine.json'}"])
