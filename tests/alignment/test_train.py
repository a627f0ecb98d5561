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
from safetensors.torch import load_file

from benchmarks.gpu import SHAPES, make_model
from counterpoise.alignment import trainer as trainer_module
from counterpoise.alignment.config import AlignmentConfig, LoraSettings, LossSettings, case_study
from counterpoise.alignment.lora import WEIGHTS
from counterpoise.alignment.records import TrainingOutcome
from counterpoise.alignment.train import train_adapter
from counterpoise.errors import CounterpoiseError, DataError, ModelError, TrainingStopped
from counterpoise.models.loading import load_model
from tests.alignment.material import CONFIG, NEUTRAL, PAIRS, SENTENCES, TRAIN, VALIDATION

ROOT = Path(__file__).resolve().parents[2]


UNSTEERED = CONFIG.model_copy(update={"loss": LossSettings(types=("sigmoid",), steer=False)})
"""Nothing that is seen of this training has a part in it."""


def train(folder: Path, where: Path, config: AlignmentConfig = CONFIG, **options: Any) -> TrainingOutcome:
    settings = {"precision": "nf4", "seed": 3, "out": where / "out", "checkpoints": where / "checkpoints"}
    return train_adapter(folder, TRAIN, VALIDATION, NEUTRAL, config, **settings | options)


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def finished(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainingOutcome]:
    where = tmp_path_factory.mktemp("finished")
    return where, train(tiny_folder, where)


def test_history_probes_and_adapter(finished: tuple[Path, TrainingOutcome], tiny_folder: Path) -> None:
    where, outcome = finished
    # 16 pairs / 4 = 4 batches, × 3 epochs / 2 to a step = 6 steps; probes at 0, 2, 4, 6
    assert [row.step for row in outcome.history] == [1, 2, 3, 4, 5, 6]
    assert [row.epoch for row in outcome.history] == [0.5, 1, 1.5, 2, 2.5, 3]
    assert [row.step for row in outcome.probes] == [0, 2, 4, 6]
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


def test_the_reference_may_be_recomputed_in_every_step(
    finished: tuple[Path, TrainingOutcome], tiny_folder: Path, tmp_path: Path
) -> None:
    where, outcome = finished
    assert train(tiny_folder, tmp_path, CONFIG.model_copy(update={"reference": "recomputed"})) == outcome
    assert digests(tmp_path / "out") == digests(where / "out")


def test_the_identity_terms_may_weigh_less_and_probes_see_whole_sentences(
    finished: tuple[Path, TrainingOutcome], tiny_folder: Path, tmp_path: Path
) -> None:
    _, whole = finished
    loss = CONFIG.loss.model_copy(update={"identity_weight": 0.5})
    weighed = CONFIG.model_copy(update={"loss": loss})
    outcome = train(tiny_folder, tmp_path, weighed)
    assert outcome.probes[0] == whole.probes[0]
    assert outcome.history[0].reward_margin == 0
    assert outcome.history[-1].reward_margin != whole.history[-1].reward_margin
    again = train(tiny_folder, tmp_path / "again", weighed.model_copy(update={"reference": "recomputed"}))
    assert again == outcome


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


def test_a_guard_that_stopped_the_run_stops_the_resumed_run_too(tiny_folder: Path, tmp_path: Path) -> None:
    guards = CONFIG.guards.model_copy(update={"max_perplexity_rise": 0.0, "max_fall": 0.0, "patience": 1})
    config = CONFIG.model_copy(update={"guards": guards, "checkpoint_every": 1})
    first = train(tiny_folder, tmp_path / "first", config)
    assert first.status == "damaged"
    assert first.selected_step == 0
    assert "stopped early" in first.reason
    assert train(tiny_folder, tmp_path / "first", config, out=tmp_path / "second") == first
    assert digests(tmp_path / "first" / "out") == digests(tmp_path / "second")


def test_out_of_memory_is_one_line_and_what_was_saved_resumes(
    finished: tuple[Path, TrainingOutcome], tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, outcome = finished
    objective, calls = trainer_module.objective, []

    def hungry(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 8:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")
        return objective(*arguments)

    monkeypatch.setattr(trainer_module, "objective", hungry)
    with pytest.raises(CounterpoiseError, match="batch of 4 pairs; checkpoint-00000002 is complete"):
        train(tiny_folder, tmp_path)
    monkeypatch.undo()
    assert train(tiny_folder, tmp_path) == outcome
    assert digests(tmp_path / "out") == digests(where / "out")


def test_nothing_to_train_on_and_layers_that_do_not_exist_are_errors(
    tiny_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="no preferences"):
        train_adapter(
            tiny_folder, [], VALIDATION, NEUTRAL, CONFIG,
            precision="nf4", seed=0, out=tmp_path, checkpoints=tmp_path,
        )  # fmt: skip
    wrong = CONFIG.model_copy(update={"lora": LoraSettings(targets=("out_proj",))})
    with pytest.raises(ModelError, match="out_proj: no such layer"):
        train(tiny_folder, tmp_path, wrong)


@pytest.mark.parametrize(
    ("types", "extra"),
    [
        (("sigmoid",), {}),
        (("sigmoid", "sft"), {"weights": (1.0, 1.0)}),
        (("ipo",), {}),
        (("robust",), {"label_smoothing": 0.1}),
    ],
)
def test_stock_losses_train(
    types: tuple[str, ...], extra: dict[str, Any], tiny_folder: Path, tmp_path: Path
) -> None:
    loss = CONFIG.loss.model_validate({"types": types, "identity_weight": 1.0, "append_eos": True, **extra})
    outcome = train(tiny_folder, tmp_path, CONFIG.model_copy(update={"loss": loss}))
    # Plain preference losses widen the margin in favour of the chosen side.
    assert outcome.history[-1].reward_margin > outcome.history[0].reward_margin


def test_the_case_study_trains_on_opts_layer_names_only(tiny_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="out_proj, fc1, fc2: no such layer"):
        train(tiny_folder, tmp_path, case_study())


def test_a_base_that_drops_out_by_function_call_starts_at_its_reference(tmp_path: Path) -> None:
    folder = tmp_path / "opt"
    make_model(folder, SHAPES["tiny"], SENTENCES)
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(settings | {"dropout": 0.1, "attention_dropout": 0.1}))
    plain = case_study().model_copy(update={"lora": LoraSettings(targets=("q_proj", "fc1"))})
    first = train(folder, tmp_path, plain, precision="fp32").history[0]
    assert (first.reward_margin, first.chosen_change) == (0, 0)
    assert first.loss == pytest.approx(math.log(2), abs=1e-6)


def test_a_weaker_adapter_is_the_same_weights_at_a_smaller_scale(
    finished: tuple[Path, TrainingOutcome], tiny_folder: Path, tmp_path: Path
) -> None:
    where, outcome = finished
    assert train(tiny_folder, tmp_path, CONFIG.model_copy(update={"strength": 0.75})) == outcome
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
    options: dict[str, Any] = {"probe_precision": "fp32", "level": PAIRS[:16]}
    plain = train(tiny_folder, tmp_path / "plain", UNSTEERED)
    judged = train(tiny_folder, tmp_path / "whole", UNSTEERED, **options)
    # What is trained is the same; what is seen of it is not.
    assert judged.history == plain.history
    assert judged.probes != plain.probes
    with pytest.raises(TrainingStopped):
        train(tiny_folder, tmp_path / "cut", UNSTEERED, should_stop=lambda: True, **options)
    assert train(tiny_folder, tmp_path / "cut", UNSTEERED, **options) == judged
    assert digests(tmp_path / "cut" / "out") == digests(tmp_path / "whole" / "out")


def test_the_bases_level_moves_every_probe_by_the_same_points(tiny_folder: Path, tmp_path: Path) -> None:
    plain = train(tiny_folder, tmp_path / "plain", UNSTEERED)
    judged = train(tiny_folder, tmp_path / "level", UNSTEERED, level=PAIRS[:7])
    offsets = [
        ours.soft_score - own.soft_score for ours, own in zip(judged.probes, plain.probes, strict=True)
    ]
    assert offsets == pytest.approx([offsets[0]] * len(offsets))
    assert offsets[0] != 0


def test_what_is_kept_is_an_average_that_training_does_not_feel(tiny_folder: Path, tmp_path: Path) -> None:
    watching = UNSTEERED.model_copy(update={"guards": UNSTEERED.guards.model_copy(update={"enforce": False})})
    last = watching.model_copy(
        update={"optimisation": watching.optimisation.model_copy(update={"average": 0.0})}
    )
    averaged = train(tiny_folder, tmp_path / "averaged", watching)
    plain = train(tiny_folder, tmp_path / "plain", last)
    assert averaged.history == plain.history
    assert (averaged.selected_step, plain.selected_step) == (6, 6)
    kept, final = (load_file(tmp_path / name / "out" / WEIGHTS) for name in ("averaged", "plain"))
    # the second matrices start from zero: the mean over the way there is the shorter one
    lengths = [
        sum(float(value.square().sum()) for name, value in state.items() if "lora_B" in name)
        for state in (kept, final)
    ]
    assert 0 < lengths[0] < lengths[1]


def test_a_group_that_falls_behind_is_seen_and_may_stop_training(tiny_folder: Path, tmp_path: Path) -> None:
    groups = [("millers", NEUTRAL[0]), ("others", NEUTRAL[1]), ("millers", NEUTRAL[2])]
    seen = train(tiny_folder, tmp_path / "seen", UNSTEERED, group_texts=groups)
    assert (seen.probes[0].lowest_group, seen.probes[0].lowest_group_change) == ("millers", 0)
    # against the mean of two groups, one of them is behind
    assert all(row.lowest_group in {"millers", "others"} for row in seen.probes)
    assert all(row.lowest_group_change < 0 for row in seen.probes[1:])
    guards = UNSTEERED.guards.model_copy(update={"max_group_fall": 0.0, "patience": 1})
    strict = UNSTEERED.model_copy(update={"guards": guards})
    stopped = train(tiny_folder, tmp_path / "strict", strict, group_texts=groups)
    assert (stopped.selected_step, stopped.status) == (0, "damaged")
    assert "against all groups" in stopped.reason


def test_replayed_text_changes_training_and_a_stopped_run_replays_the_same(
    finished: tuple[Path, TrainingOutcome], tiny_folder: Path, tmp_path: Path
) -> None:
    _, plain = finished
    options: dict[str, Any] = {
        "replay": [f"The mill stands by river number {number}." for number in range(20)]
    }
    whole = train(tiny_folder, tmp_path / "whole", **options)
    assert whole.history != plain.history
    assert whole.history[0].replay == 0  # nothing has changed yet, so nothing is penalised
    assert whole.history[-1].replay > 0
    assert {row.replay for row in plain.history} == {0}
    with pytest.raises(TrainingStopped):
        train(tiny_folder, tmp_path / "cut", should_stop=lambda: True, **options)
    assert train(tiny_folder, tmp_path / "cut", **options) == whole
    assert digests(tmp_path / "cut" / "out") == digests(tmp_path / "whole" / "out")


def test_steering_is_kept_and_its_pushes_are_those_that_training_used(
    finished: tuple[Path, TrainingOutcome],
) -> None:
    _, outcome = finished
    assert [row.step for row in outcome.steering] == [probe.step for probe in outcome.probes]
    # one category: every pair of a step weighs what the last probe before it said
    said = {row.step: abs(row.push) for row in outcome.steering}
    used = [said[2 * ((row.step - 1) // 2)] for row in outcome.history]
    assert [row.push for row in outcome.history] == pytest.approx(used, rel=1e-6)


def test_pairs_that_turn_from_women_to_men_weigh_what_turns_back(tiny_folder: Path, tmp_path: Path) -> None:
    settings = LossSettings(types=("sigmoid",), steer=False)
    assert settings.balance == ("women", "men")
    outcome = train(tiny_folder, tmp_path, CONFIG.model_copy(update={"loss": settings}))
    # nothing turns back: the four pairs "women …" → "men …" keep a tenth, the other twelve their whole weight, and
    # an epoch of two steps sees them all: (12 + 4 × 0.1) / 16
    pushes = [row.push for row in outcome.history]
    assert [sum(pushes[at : at + 2]) / 2 for at in (0, 2, 4)] == pytest.approx([0.775] * 3)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_other_precisions(precision: str, tiny_folder: Path, tmp_path: Path) -> None:
    assert len(train(tiny_folder, tmp_path, precision=precision).history) == 6


KILLS = ["step:1", "inside:1", "checkpoint:1", "step:3", "inside:1", "step:4", "checkpoint:1", "step:6"]
"""Each run resumes where the one before was complete: from 0, 0, 0, 2, 2, 2, 2 and 4."""


@pytest.mark.slow
def test_killed_again_and_again_it_ends_with_the_same_bytes(tiny_folder: Path, tmp_path: Path) -> None:
    def run(where: str, when: str) -> int:
        command = [sys.executable, "-m", "tests.alignment.kill_me", str(tiny_folder)]
        paths = [str(tmp_path / where / "out"), str(tmp_path / where / "checkpoints"), when]
        return subprocess.run(command + paths, cwd=ROOT, capture_output=True, check=False).returncode

    assert run("whole", "never") == 0
    assert [run("killed", when) for when in KILLS] == [-9] * len(KILLS)
    assert run("killed", "never") == 0
    assert digests(tmp_path / "killed" / "out") == digests(tmp_path / "whole" / "out")
    assert "outcome.txt" in digests(tmp_path / "whole" / "out")


def test_preferences_longer_than_the_limit_are_cut_not_lost(tiny_folder: Path, tmp_path: Path) -> None:
    optimisation = CONFIG.optimisation.model_copy(update={"max_tokens": 12})
    outcome = train(tiny_folder, tmp_path, CONFIG.model_copy(update={"optimisation": optimisation}))
    assert len(outcome.history) == 6
    assert dataclasses.asdict(outcome)["status"]
