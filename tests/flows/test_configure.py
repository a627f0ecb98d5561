from __future__ import annotations

from pathlib import Path

import pytest

from counterpoise.config import RunConfig
from counterpoise.errors import UsageError
from counterpoise.flows.configure import load_config, profile_names


def test_every_profile_is_valid_and_says_its_name() -> None:
    assert profile_names() == [
        "gemma-2-2b",
        "gemma3-270m",
        "gpt2-medium",
        "local",
        "notebook",
        "opt-1.3b",
        "qwen2.5-1.5b",
        "smoke",
    ]
    for name in profile_names():
        assert load_config(name).profile == name


def test_local_is_the_default_and_says_where_it_departs_from_the_rooms_defaults() -> None:
    assert load_config() == load_config("local")
    local, rooms = load_config("local"), RunConfig()
    assert local.model_copy(update={"scoring": rooms.scoring, "generation": rooms.generation}) == rooms
    assert (local.model.precision, local.scoring.precision) == ("nf4", "bf16")
    assert local.generation.model_copy(update={"prompt_set": "local"}) == rooms.generation


def test_overrides_reach_any_depth_and_type() -> None:
    config = load_config(
        "local",
        [
            "seed=7",
            "pairs.evaluate=[1, 2]",
            "alignment.lora.rank=4",
            "pairs.source=smoke-pairs",
            "generation.greedy=false",
        ],
    )
    assert (config.seed, config.pairs.evaluate, config.alignment.lora.rank) == (7, (1, 2), 4)
    assert (config.pairs.source, config.generation.greedy) == ("smoke-pairs", False)


def test_a_file_is_a_profile(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("seed = 3\n[pairs]\nfolds = 5\n")
    config = load_config(str(path))
    assert (config.profile, config.seed, config.pairs.folds) == ("mine", 3, 5)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("sed=1", "did you mean 'seed'"),
        ("alignment.lora.rnk=4", "did you mean 'alignment.lora.rank'"),
        ("alignment.epochs=2", "did you mean 'alignment.optimisation.epochs'"),
        ("temperature=1", "did you mean 'generation.temperature'"),
        ("pairs.max_new_token=9", "did you mean 'generation.max_new_tokens'"),
        ("frobnicate=1", "known: alignment, benchmarks, capability"),
        ("seed=soon", "seed = 'soon'"),
        ("seed", "expected key.path=value"),
        ("seed.deep=1", "unknown key|is a value|seed"),
        ("pairs.evaluate=[9]", "expected distinct folds from 0 to 3"),
        ("pairs.evaluate=9", r"pairs.evaluate = 9: a list was expected, e.g. \[9\]"),
    ],
)
def test_wrong_override_is_one_line_that_helps(override: str, expected: str) -> None:
    with pytest.raises(UsageError, match=expected) as caught:
        load_config("local", [override])
    assert "\n" not in str(caught.value)


def test_unknown_profile_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'local'"):
        load_config("locl")


def test_profile_that_is_not_toml(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("seed = = 3")
    with pytest.raises(UsageError, match=r"bad\.toml"):
        load_config(str(path))


def test_notebook_profile_trains_as_the_case_study_did() -> None:
    found = load_config("notebook").alignment
    lora, loss, steps = found.lora, found.loss, found.optimisation
    assert (lora.rank, lora.alpha, lora.skip_layers, found.strength) == (64, 128, 0.0, 1.0)
    assert lora.targets == ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")
    assert (loss.types, loss.weights, loss.beta, loss.identity_weight) == (("sigmoid",), (1.0,), 0.05, 1.0)
    assert loss.category_weights == "equal"
    assert not loss.hold_weight + loss.consistency_weight + loss.own_text_weight
    assert (steps.learning_rate, steps.schedule, steps.warmup, steps.epochs) == (5e-5, "cosine", 0.0, 4)
    assert (steps.batch_pairs, steps.gradient_accumulation, steps.average) == (16, 2, 0.0)
