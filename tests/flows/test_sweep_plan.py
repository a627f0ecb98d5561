from __future__ import annotations

from pathlib import Path

import pytest

from counterpoise.errors import UsageError
from counterpoise.flows.sweep_plan import branches, load_plan

TEXT = """
profile = "smoke"
seeds = [0, 7]
[set]
generation.max_new_tokens = 2
[recipes.default]
[recipes.hot.alignment.optimisation]
learning_rate = 0.01
"""


def plan_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "dose.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_recipe_meets_every_seed_over_all_folds(tmp_path: Path) -> None:
    plan = load_plan(plan_file(tmp_path, TEXT), ["capability.guard_texts=4"])
    found = branches(plan)
    assert plan.name == "dose"
    assert [item.label for item in found] == [
        "default · seed 0", "default · seed 7", "hot · seed 0", "hot · seed 7",
    ]  # fmt: skip
    hot = found[-1].config
    assert (hot.seed, hot.alignment.optimisation.learning_rate, hot.pairs.evaluate) == (7, 0.01, (0, 1, 2))
    assert (hot.generation.max_new_tokens, hot.capability.guard_texts) == (2, 4)
    assert found[-1].facts.settings == ("alignment.optimisation.learning_rate=0.01",)
    assert found[0].command("s3://b/x") == (
        "counterpoise run --profile smoke --store s3://b/x --set generation.max_new_tokens=2 "
        "--set capability.guard_texts=4 --set seed=0 --set 'pairs.evaluate=[0, 1, 2]'"
    )


def test_the_ablation_names_recipes_that_exist(root: Path) -> None:
    found = {
        branch.facts.recipe: branch.config.alignment
        for branch in branches(load_plan(root / "docs/ablation.toml"))
    }
    assert found["NPO and KL"].loss.types == ("npo",)
    assert (found["task vector, negated"].strength, found["task vector, negated"].loss.direction) == (
        "search",
        -1,
    )
    assert found["steering vector"].lora.targets == ("down_proj",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed = [1]", "unknown key 'seed' (did you mean 'seeds'?)"),
        ('profile = "smoke"\n[recipes.a]\nalignment.bta = 1', "unknown key 'alignment.bta'"),
        ('profile = "smoke"\n[recipes.a]\nseed = 1', "sets seed, which it varies itself"),
        ('profile = "smoke"\n[set]\npublish.to = "x"', "sets publish.to"),
        ('profile = "smoke"\nseeds = [1, 1]', "a model or seed stands there twice"),
        ('profile = "smoke"\nfolds = [9]', "evaluate"),
        ('profile = "nope"', "no profile or .toml file 'nope'"),
        ("seeds = [", "readable UTF-8 TOML"),
    ],
)
def test_bad_files_are_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        branches(load_plan(plan_file(tmp_path, text)))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_recipe_that_trains_on_another_source_holds_out_the_one_fold_there_is(root: Path) -> None:
    """The sweep of docs/transfer.md: 4 folds, all pairs at once, 4 folds, 9 categories."""
    found = branches(load_plan(root / "docs" / "transfer.toml"))
    assert [item.config.pairs.evaluate for item in found] == [
        (0, 1, 2, 3),
        (0,),
        (0, 1, 2, 3),
        tuple(range(9)),
    ]
    assert [item.config.pairs.training_source for item in found] == ["", "stereoset", "", ""]
    assert found[2].config.preferences.origins == ("counterfactual",)
    assert all(item.facts.whole for item in found)


def test_a_plan_of_some_folds_says_that_it_is_not_whole(tmp_path: Path) -> None:
    found = branches(load_plan(plan_file(tmp_path, "folds = [0]\n" + TEXT)))
    assert not any(item.facts.whole for item in found)
