"""Which changes do and which don't change a stage's key, and what executing, re-executing and damaging it do."""

from __future__ import annotations

import multiprocessing
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from counterpoise.artifacts.keys import Change, code_hashes
from counterpoise.artifacts.store import Ref, Store
from counterpoise.config import RunConfig
from counterpoise.engine.execute import Outcome, execute, named
from counterpoise.engine.planning import PlanStep
from counterpoise.engine.stage import Stage
from counterpoise.engine.stopping import stop_on_sigterm
from counterpoise.engine.titles import title
from counterpoise.errors import CounterpoiseError, Stopped
from counterpoise.flows import pipeline
from counterpoise.tasks.pairs import pairs as pairs_stage
from counterpoise.tasks.toxicity import toxicity as toxicity_stage
from tests.engine.toy import DOUBLE, NUMBER, fill_memory, write_half

CONFIG = RunConfig()


def ref(sha256: str = "a" * 64, key: str = "b" * 64) -> Ref:
    return Ref("up", "up", key, sha256, 1, ("f.txt",))


def test_a_tasks_name_in_the_graph_has_no_sign_that_its_font_lacks() -> None:
    made = Outcome("scores · fold 0", "scores", 0, "cached", ref(), 1.0, says="nearer: 59.2 → 54.9 %")
    assert title(made) == "scores, fold 0: nearer: 59.2 -> 54.9 %, cached"
    counted = replace(made, label="generations-null", stage="generations-null", says="", state="computed")
    assert title(counted) == "generations-null: 1 texts"


def key(stage: Stage, config: RunConfig = CONFIG, fold: int | None = None, **inputs: Ref) -> str:
    return stage.key_parts(config, fold, inputs).key


def test_key_changes_with_what_decides_the_result() -> None:
    base = key(pairs_stage, dataset=ref())
    folds = CONFIG.model_copy(update={"pairs": CONFIG.pairs.model_copy(update={"folds": 5})})
    changed = [
        key(pairs_stage, folds, dataset=ref()),
        key(pairs_stage, CONFIG.model_copy(update={"seed": 1}), dataset=ref()),
        key(pairs_stage, dataset=ref(sha256="c" * 64)),
        key(pairs_stage, fold=1, dataset=ref()),
        key(replace(pairs_stage, version=2), dataset=ref()),
    ]
    assert base not in changed
    assert len(set(changed)) == len(changed)


def test_key_ignores_what_does_not() -> None:
    base = key(pairs_stage, dataset=ref())
    assert key(pairs_stage, dataset=ref(key="d" * 64)) == base, "same bytes, made another way"
    assert key(pairs_stage, CONFIG.model_copy(update={"profile": "x"}), dataset=ref()) == base
    evaluate = CONFIG.model_copy(update={"pairs": CONFIG.pairs.model_copy(update={"evaluate": (1,)})})
    assert key(pairs_stage, evaluate, dataset=ref()) == base, (
        "which fold is held out does not change the folds"
    )
    assert key(DOUBLE, CONFIG.model_copy(update={"seed": 1}), number=ref()) == key(DOUBLE, number=ref())


def test_a_report_that_quotes_keys_depends_on_them() -> None:
    quoting = replace(DOUBLE, shows_keys=True)
    assert key(quoting, number=ref()) != key(quoting, number=ref(key="d" * 64))


def test_key_holds_the_code_of_the_stage_and_of_its_rooms() -> None:
    code = pairs_stage.key_parts(CONFIG, None, {"dataset": ref()}).code
    assert {"counterpoise.tasks.pairs", "counterpoise.pairs.parse", "counterpoise.pairs.folds"} <= set(code)
    assert not {
        name
        for name in code
        if name.startswith(("counterpoise.artifacts", "counterpoise.alignment", "counterpoise.engine.job"))
    }


def test_key_holds_rooms_that_are_reached_through_a_shared_task_module() -> None:
    code = toxicity_stage.key_parts(CONFIG, None, {"pairs": ref(), "counterfactuals": ref()}).code
    assert {
        "counterpoise.engine.toxicity_scoring",
        "counterpoise.toxicity.scoring",
        "counterpoise.toxicity.linear",
    } <= set(code)


def test_a_stage_that_may_fetch_is_tagged_so_and_tries_again() -> None:
    stages = [value for value in vars(pipeline).values() if isinstance(value, Stage)]
    code = {stage: code_hashes((stage.compute.__module__,), ("counterpoise",)) for stage in stages}
    fetching = {stage.name for stage in stages if "counterpoise.sources.fetch" in code[stage]}
    assert {"dataset", "toxicity", "generations-base"} <= fetching
    assert {stage.name for stage in stages if "network" in stage.tags} == fetching
    assert {stage.name for stage in stages if stage.retries} == fetching


def test_second_execution_is_cached_and_damage_heals(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    first = execute(NUMBER, CONFIG, store, {})
    assert (first.state, first.reason, first.ref.rows) == ("computed", "first time", 1)
    assert execute(NUMBER, CONFIG, store, {}).state == "cached"

    (file,) = store.fetch(first.ref).glob("number.txt")
    file.chmod(0o644)
    file.write_text("7")
    healed = execute(NUMBER, CONFIG, store, {})
    assert healed.state == "computed"
    assert "damaged" in healed.reason
    assert healed.ref.sha256 == first.ref.sha256


def test_changed_setting_names_what_changed(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    execute(NUMBER, CONFIG, store, {})
    again = execute(NUMBER, CONFIG.model_copy(update={"seed": 5}), store, {})
    assert (again.state, again.reason) == ("computed", "changed: seed")


def test_of_many_changes_eight_are_named_and_settings_come_before_code() -> None:
    changes = [Change("code", f"counterpoise.m{n}", "a", "b") for n in range(40)]
    told = named([*changes, Change("config", "alignment.loss.beta", 0.1, 0.2)])
    assert told.startswith("changed: config alignment.loss.beta, code counterpoise.m0, ")
    assert told.endswith("code counterpoise.m6, and 33 more"), "41 changes − 8"


def test_unchanged_bytes_upstream_stop_the_recomputation(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    number = execute(NUMBER, CONFIG, store, {})
    assert execute(DOUBLE, CONFIG, store, {"number": number.ref}).state == "computed"
    remade = execute(replace(NUMBER, version=2), CONFIG, store, {})
    assert remade.state == "computed"
    assert execute(DOUBLE, CONFIG, store, {"number": remade.ref}).state == "cached"


def test_failing_stage_leaves_nothing(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    with pytest.raises(ValueError, match="no"):
        execute(replace(NUMBER, compute=write_half), CONFIG, store, {})
    assert not list((tmp_path / "store").rglob("half.txt"))
    assert execute(NUMBER, CONFIG, store, {}).state == "computed"


def test_plan_says_what_a_run_would_do(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")

    def walk(config: RunConfig) -> list[tuple[str, str, str]]:
        step = PlanStep(config, store)
        step(DOUBLE, number=step(NUMBER))
        return [(p.label, p.would, p.why) for p in step.planned]

    assert walk(CONFIG) == [("number", "run", "first time"), ("double", "run", "after number")]
    execute(DOUBLE, CONFIG, store, {"number": execute(NUMBER, CONFIG, store, {}).ref})
    assert walk(CONFIG) == [("number", "hit", ""), ("double", "hit", "")]
    assert walk(CONFIG.model_copy(update={"seed": 3}))[0] == ("number", "run", "changed: seed")


def test_plan_names_what_changed_also_where_the_input_is_still_to_be_made(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    execute(DOUBLE, CONFIG, store, {"number": execute(NUMBER, CONFIG, store, {}).ref})
    step = PlanStep(CONFIG.model_copy(update={"seed": 3}), store)
    step(replace(DOUBLE, version=2), number=step(NUMBER))
    assert step.planned[1].why == "after number; changed: version"


def test_plan_changes_nothing_in_the_store(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    ref = execute(NUMBER, CONFIG, store, {}).ref
    (store.fetch(ref) / "number.txt").write_text("7")
    before = sorted(path for path in (tmp_path / "store").rglob("*") if path.is_file())
    step = PlanStep(CONFIG, store)
    step(NUMBER)
    assert (step.planned[0].would, "damaged" in step.planned[0].why) == ("run", True)
    assert sorted(path for path in (tmp_path / "store").rglob("*") if path.is_file()) == before


def _wait_and_stop(url: str, told: str) -> None:
    with stop_on_sigterm() as stop:
        try:
            execute(NUMBER, CONFIG, Store.open(url), {}, should_stop=stop, on_wait=Path(told).write_text)
        except Stopped:
            sys.exit(7)


def test_sigterm_ends_the_wait_for_another_process(tmp_path: Path) -> None:
    store, told = Store.open(tmp_path / "store"), tmp_path / "told"
    with store.lease("number", NUMBER.key_parts(CONFIG, None, {}).key, 3600, "gpu-1:42"):
        waiter = multiprocessing.get_context("spawn").Process(
            target=_wait_and_stop, args=(store.url, str(told))
        )
        waiter.start()
        while not (told.exists() and told.read_text()):
            assert waiter.is_alive()
            time.sleep(0.01)
        waiter.terminate()
        waiter.join(timeout=60)
    assert (waiter.exitcode, told.read_text()) == (7, "gpu-1:42")
    assert execute(NUMBER, CONFIG, store, {}).state == "computed"


def test_out_of_memory_is_one_line_and_what_was_saved_stays(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    with pytest.raises(CounterpoiseError, match=r"number: out of memory; .*are kept — free memory"):
        execute(replace(NUMBER, compute=fill_memory), CONFIG, store, {})
    (saved,) = (tmp_path / "store").rglob("shard-0.txt")
    assert saved.read_text() == "kept"
