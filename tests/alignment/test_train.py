from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.gpu import SHAPES, make_model
from counterpoise.alignment import trainer as trainer_module
from counterpoise.alignment.config import AlignmentConfig, LoraSettings, LossSettings
from counterpoise.alignment.inputs import GuardTexts, TrainingInputs
from counterpoise.alignment.records import TrainingOutcome, TrainingStep
from counterpoise.alignment.train import train_adapter
from counterpoise.errors import CounterpoiseError, DataError, ModelError, TrainingStopped
from counterpoise.flows.configure import load_config
from counterpoise.likelihood.sentences import score_sentences
from counterpoise.models.loading import adapter_switched, load_model
from tests.alignment.material import CONFIG, PAIRS, SENTENCES, inputs

ROOT = Path(__file__).resolve().parents[2]


PLAIN = CONFIG.model_copy(
    update={
        "loss": LossSettings(
            types=("sigmoid",),
            category_weights="equal",
            hold_weight=0,
            consistency_weight=0,
            own_text_weight=0,
            append_eos=True,
        )
    }
)
"""DPO and nothing else."""


def train(
    folder: Path,
    where: Path,
    config: AlignmentConfig = CONFIG,
    *,
    given: TrainingInputs | None = None,
    **options: Any,
) -> TrainingOutcome:
    settings: dict[str, Any] = {
        "seed": 3, "out": where / "out", "checkpoints": where / "checkpoints", "device": "cpu",
    }  # fmt: skip
    return train_adapter(folder, given or inputs(), config, **settings | options)


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def finished(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainingOutcome]:
    where = tmp_path_factory.mktemp("finished")
    return where, train(tiny_folder, where)


def test_history_candidates_and_adapter(finished: tuple[Path, TrainingOutcome], tiny_folder: Path) -> None:
    where, outcome = finished
    # 16 pairs / 4 = 4 batches, × 3 epochs / 2 to a step = 6 steps; a given strength is looked at beside the base
    assert [row.step for row in outcome.history] == [1, 2, 3, 4, 5, 6]
    assert [row.epoch for row in outcome.history] == [0.5, 1, 1.5, 2, 2.5, 3]
    assert [found.strength for found in outcome.candidates] == [0.0, 1.0]
    assert outcome.history[0].reward_margin == 0
    assert outcome.history[-1].chosen_change != 0
    assert sorted(digests(where / "out")) == ["adapter_config.json", "adapter_model.safetensors"]
    assert load_model(tiny_folder, "nf4", device="cpu", adapter=where / "out").has_adapter


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    finished: tuple[Path, TrainingOutcome], tiny_folder: Path, tmp_path: Path
) -> None:
    where, outcome = finished
    assert train(tiny_folder, tmp_path / "again") == outcome
    assert digests(tmp_path / "again" / "out") == digests(where / "out")
    assert train(tiny_folder, tmp_path / "other", seed=4).history != outcome.history


def test_every_term_starts_at_nothing_and_takes_part(
    finished: tuple[Path, TrainingOutcome], tiny_folder: Path, tmp_path: Path
) -> None:
    _, whole = finished
    first, last = whole.history[0], whole.history[-1]
    assert (first.reward_margin, first.hold, first.chosen_change) == (0, 0, 0)
    assert first.own_text == pytest.approx(0, abs=1e-6)
    assert first.consistency > 0  # the base itself goes on differently after "women" and after "men"
    assert min(last.hold, last.own_text) > 0
    for term in ("hold_weight", "consistency_weight", "own_text_weight"):
        without = CONFIG.model_copy(update={"loss": CONFIG.loss.model_copy(update={term: 0.0})})
        assert train(tiny_folder, tmp_path / term, without).history[-1] != last


def test_categories_weigh_what_the_base_is_biased_in_them(tiny_folder: Path, tmp_path: Path) -> None:
    by_bias = CONFIG.model_copy(update={"loss": CONFIG.loss.model_copy(update={"category_weights": "bias"})})
    unbiased = [
        dataclasses.replace(pair, pair_id=100 + pair.pair_id, more=pair.less, less=pair.more)
        for pair in PAIRS
    ]
    # Of pairs and their mirror images exactly half are stereotypes: nothing weighs anything.
    balanced = inputs(calibration_pairs=[*PAIRS[:16], *unbiased])
    outcome = train(tiny_folder, tmp_path / "balanced", by_bias, given=balanced)
    assert {row.preference for row in outcome.history} == {0.0}
    tilted = train(tiny_folder, tmp_path / "tilted", by_bias)
    assert all(row.preference > 0 for row in tilted.history)


def test_global_random_state_is_given_back(tiny_folder: Path, tmp_path: Path) -> None:
    before = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())
    train(tiny_folder, tmp_path)
    assert before == (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())


@pytest.mark.parametrize("stop_after", [1, 2, 5])
def test_asked_to_stop_it_completes_a_checkpoint_and_resumes_to_the_same_bytes(
    stop_after: int, finished: tuple[Path, TrainingOutcome], tiny_folder: Path, tmp_path: Path
) -> None:
    where, outcome = finished
    done: list[int] = []
    with pytest.raises(TrainingStopped, match=f"after step {stop_after} of 6"):
        train(
            tiny_folder,
            tmp_path,
            progress=lambda step, total: done.append(step),
            should_stop=lambda: done[-1] == stop_after,
        )
    assert not (tmp_path / "out").exists()
    steps: list[int] = []
    assert train(tiny_folder, tmp_path, progress=lambda step, total: steps.append(step)) == outcome
    assert steps == list(range(stop_after + 1, 7))
    assert digests(tmp_path / "out") == digests(where / "out")


def test_another_machine_with_the_model_elsewhere_goes_on(
    finished: tuple[Path, TrainingOutcome], tiny_folder: Path, tmp_path: Path
) -> None:
    where, outcome = finished
    with pytest.raises(TrainingStopped, match="after step 1 of 6"):
        train(tiny_folder, tmp_path / "here", should_stop=lambda: True)
    (tmp_path / "there").mkdir()
    shutil.move(tmp_path / "here" / "checkpoints", tmp_path / "there" / "checkpoints")
    model = shutil.copytree(tiny_folder, tmp_path / "there" / "model")
    steps: list[int] = []
    assert train(model, tmp_path / "there", progress=lambda step, total: steps.append(step)) == outcome
    assert steps == [2, 3, 4, 5, 6]
    assert digests(tmp_path / "there" / "out") == digests(where / "out")


def test_another_configuration_does_not_resume(tiny_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingStopped):
        train(tiny_folder, tmp_path, should_stop=lambda: True)
    steps: list[int] = []
    train(tiny_folder, tmp_path, seed=9, progress=lambda step, total: steps.append(step))
    assert steps == [1, 2, 3, 4, 5, 6]


def test_a_failed_guard_lowers_the_strength_and_the_search_survives_a_kill(
    finished: tuple[Path, TrainingOutcome], tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, whole = finished
    searched = CONFIG.model_copy(update={"strength": "search"})
    monkeypatch.setattr("counterpoise.alignment.evaluator.MAX_PERPLEXITY_RISE", 0.015)  # it rises by 1.9 %
    outcome = train(tiny_folder, tmp_path / "one", searched)
    assert outcome.history == whole.history
    assert "neutral perplexity rose by" in outcome.candidates[2].failed_guard
    assert not outcome.candidates[-1].failed_guard
    assert 0 < outcome.strength == outcome.candidates[-1].strength < 1

    def killed(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as while_searching, pytest.raises(KeyboardInterrupt):
        while_searching.setattr("counterpoise.alignment.strength.search", killed)
        train(tiny_folder, tmp_path / "two", searched)
    steps: list[int] = []
    again = train(tiny_folder, tmp_path / "two", searched, progress=lambda step, total: steps.append(step))
    assert (again, steps) == (outcome, [])  # the last step's checkpoint is whole: nothing is trained again
    assert digests(tmp_path / "two" / "out") == digests(tmp_path / "one" / "out")


def test_asked_to_stop_while_a_strength_is_searched_it_stops_there_and_trains_nothing_again(
    finished: tuple[Path, TrainingOutcome], tiny_folder: Path, tmp_path: Path
) -> None:
    _, whole = finished
    done: list[int] = []
    with pytest.raises(TrainingStopped, match="stopped after all 6 steps, at a checkpoint"):
        train(
            tiny_folder,
            tmp_path,
            progress=lambda step, total: done.append(step),
            should_stop=lambda: len(done) == 6,
        )
    steps: list[int] = []
    assert train(tiny_folder, tmp_path, progress=lambda step, total: steps.append(step)) == whole
    assert steps == []


def test_out_of_memory_is_one_line_and_what_was_saved_resumes(
    finished: tuple[Path, TrainingOutcome], tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, outcome = finished
    loss, calls = trainer_module.preference_loss, []

    def hungry(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 8:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")
        return loss(*arguments)

    monkeypatch.setattr(trainer_module, "preference_loss", hungry)
    with pytest.raises(CounterpoiseError, match="batch of 4 pairs; checkpoint-00000002 is complete"):
        train(tiny_folder, tmp_path)
    monkeypatch.undo()
    assert train(tiny_folder, tmp_path) == outcome
    assert digests(tmp_path / "out") == digests(where / "out")


def test_nothing_to_train_on_and_layers_that_do_not_exist_are_errors(
    tiny_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="no preferences"):
        train(tiny_folder, tmp_path, given=inputs(train=[]))
    with pytest.raises(DataError, match=r"validation pairs and neutral texts; got 8 and 1"):
        train(tiny_folder, tmp_path, given=inputs(guard_texts=GuardTexts(["  "])))
    wrong = CONFIG.model_copy(update={"lora": LoraSettings(targets=("out_proj",))})
    with pytest.raises(ModelError, match="out_proj: no such layer"):
        train(tiny_folder, tmp_path, wrong)


@pytest.mark.parametrize(
    ("types", "extra"),
    [
        (("sigmoid",), {}),
        (("sigmoid", "sft"), {"weights": (1.0, 1.0)}),
        (("ipo",), {}),
    ],
)
def test_stock_losses_train(
    types: tuple[str, ...], extra: dict[str, Any], tiny_folder: Path, tmp_path: Path
) -> None:
    alone = PLAIN.loss.model_dump(exclude={"types", "weights"}) | {"identity_weight": 1.0}
    loss = LossSettings.model_validate({"types": types, **alone, **extra})
    outcome = train(tiny_folder, tmp_path, CONFIG.model_copy(update={"loss": loss}))
    # Plain preference losses widen the margin in favour of the chosen side.
    assert outcome.history[-1].reward_margin > outcome.history[0].reward_margin


def test_npo_makes_the_rejected_sentence_less_likely_and_own_text_holds_it_back(
    tiny_folder: Path, tmp_path: Path
) -> None:
    def last(own_text_weight: float) -> TrainingStep:
        changes = {"types": ("npo",), "weights": (1.0,), "beta": 0.1, "own_text_weight": own_text_weight}
        config = CONFIG.model_copy(update={"loss": PLAIN.loss.model_copy(update=changes)})
        return train(tiny_folder, tmp_path / str(own_text_weight), config).history[-1]

    free, held = last(1e-6), last(50.0)
    assert free.rejected_change < held.rejected_change < 0
    assert free.own_text > held.own_text


def test_a_task_vector_of_the_stereotypes_is_negated(tiny_folder: Path, tmp_path: Path) -> None:
    loss = PLAIN.loss.model_copy(update={"types": ("sft_rejected",), "weights": (1.0,)})
    negated = CONFIG.model_copy(update={"loss": loss, "strength": -1.0})
    outcome = train(tiny_folder, tmp_path, negated)
    assert outcome.history[-1].rejected_change > 0  # the stereotypes are fitted
    assert (outcome.strength, outcome.candidates[-1].strength) == (-1.0, -1.0)
    loaded = load_model(tiny_folder, "fp32", device="cpu", adapter=tmp_path / "out")
    known = [pair.more for pair in PAIRS[:16]]
    tuned = sum(row.sum_log_prob for row in score_sentences(loaded, known))
    with adapter_switched(loaded, False):
        base = sum(row.sum_log_prob for row in score_sentences(loaded, known))
    assert tuned < base  # what is delivered finds them less likely


def test_the_case_study_trains_on_opts_layer_names_only(tiny_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="out_proj, fc1, fc2: no such layer"):
        train(tiny_folder, tmp_path, load_config("notebook").alignment)


def test_a_base_that_drops_out_by_function_call_starts_at_its_reference(tmp_path: Path) -> None:
    folder = tmp_path / "opt"
    make_model(folder, SHAPES["tiny"], SENTENCES)
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(settings | {"dropout": 0.1, "attention_dropout": 0.1}))
    plain = load_config("notebook").alignment.model_copy(
        update={"lora": LoraSettings(targets=("q_proj", "fc1"))}
    )
    first = train(folder, tmp_path, plain, given=inputs(precision="fp32")).history[0]
    assert (first.reward_margin, first.chosen_change) == (0, 0)
    assert first.loss == pytest.approx(math.log(2), abs=1e-6)


def test_a_weaker_adapter_is_the_same_weights_at_a_smaller_scale(
    finished: tuple[Path, TrainingOutcome], tiny_folder: Path, tmp_path: Path
) -> None:
    where, outcome = finished
    weaker = train(tiny_folder, tmp_path, CONFIG.model_copy(update={"strength": 0.75}))
    assert (weaker.history, weaker.strength) == (outcome.history, 0.75)
    weights = "adapter_model.safetensors"
    assert digests(tmp_path / "out")[weights] == digests(where / "out")[weights]
    scales = []
    for folder in (where / "out", tmp_path / "out"):
        model = load_model(tiny_folder, "fp32", device="cpu", adapter=folder).model
        scales += [{layer.scaling["default"] for layer in model.modules() if hasattr(layer, "scaling")
                    and isinstance(layer.scaling, dict)}]  # fmt: skip
    assert scales == [{8 / 4}, {8 / 4 * 0.75}]  # alpha / rank


def test_the_guards_may_look_at_another_precision_and_at_more_of_the_base(
    tiny_folder: Path, tmp_path: Path
) -> None:
    plain = train(tiny_folder, tmp_path / "plain")
    more = inputs(judged_precision="fp32", calibration_pairs=PAIRS[:15])
    judged = train(tiny_folder, tmp_path / "judged", given=more)
    assert judged.history == plain.history  # what is looked at has no part in the training
    assert judged.candidates[0].mean_abs_margin != plain.candidates[0].mean_abs_margin
    assert (
        judged.candidates[0].soft_score != judged.candidates[0].score
    )  # of 23 pairs, and of the 8 of validation
    assert digests(tmp_path / "judged" / "out") == digests(tmp_path / "plain" / "out")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_other_precisions(precision: str, tiny_folder: Path, tmp_path: Path) -> None:
    assert len(train(tiny_folder, tmp_path, given=inputs(precision=precision)).history) == 6


KILLS = ["step:1", "inside:1", "checkpoint:1", "step:3", "inside:1", "step:4", "checkpoint:1", "step:6"]
"""Each run resumes where the one before was complete: from 0, 0, 0, 2, 2, 2, 2 and 4, then from the last step's."""


@pytest.mark.slow
def test_killed_again_and_again_it_ends_with_the_same_bytes(tiny_folder: Path, tmp_path: Path) -> None:
    def endings(where: str, *when: str) -> list[int]:
        command = [sys.executable, "-m", "tests.alignment.kill_me", str(tiny_folder)]
        paths = [str(tmp_path / where / "out"), str(tmp_path / where / "checkpoints")]
        done = subprocess.run([*command, *paths, *when], cwd=ROOT, capture_output=True, text=True, check=True)
        codes: list[int] = json.loads(done.stdout)
        return codes

    assert endings("whole", "never") == [0]
    assert endings("killed", *KILLS, "never") == [-9] * len(KILLS) + [0]
    assert digests(tmp_path / "killed" / "out") == digests(tmp_path / "whole" / "out")
    assert "outcome.txt" in digests(tmp_path / "whole" / "out")


def test_preferences_longer_than_the_limit_are_cut_not_lost(tiny_folder: Path, tmp_path: Path) -> None:
    optimisation = CONFIG.optimisation.model_copy(update={"max_tokens": 12})
    outcome = train(tiny_folder, tmp_path, CONFIG.model_copy(update={"optimisation": optimisation}))
    assert len(outcome.history) == 6
    assert dataclasses.asdict(outcome)["status"]
