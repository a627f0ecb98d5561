"""`counterpoise compare`: finished runs, as one comparison with paired tests; nothing is computed again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from counterpoise.flows.commands._options import json_option, print_json, store_option

if TYPE_CHECKING:
    from counterpoise.artifacts.store import Store
    from counterpoise.engine.execute import Outcome
    from counterpoise.tasks.comparison import Finished


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="[RECIPE=]RUN...")
@click.option("--name", default="comparison", show_default=True, help="What the comparison is called.")
@store_option
@json_option
def command(runs: tuple[str, ...], name: str, store_url: str, as_json: bool) -> None:
    """Compare finished runs: RUN is an id or its unique beginning, RECIPE what its settings are called.

    Runs of one recipe and model with different seeds are summarised together. A recipe without a name is called after
    its profile. The result is that of `counterpoise sweep`: a table, a report and a trade-off chart.
    """
    from counterpoise.artifacts.store import Store
    from counterpoise.flows.commands.sweep import print_sweep

    made = compared(Store.open(store_url, create=False), name, runs)
    if as_json:
        print_json({"comparison": {"key": made.ref.key, "sha256": made.ref.sha256}})
        return
    print_sweep(store_url, {"stages": [made.to_json()], "branches": []})


def compared(store: Store, name: str, runs: Sequence[str]) -> Outcome:
    """The comparison of finished runs, from the store when it is there.

    Raises:
        UsageError: as :func:`finished_runs`.
    """
    from counterpoise.config import RunConfig
    from counterpoise.engine.execute import execute
    from counterpoise.tasks.comparison import comparison, inputs_of

    finished = finished_runs(store, runs)
    return execute(comparison(name, finished, []), RunConfig(), store, inputs_of(finished))


def finished_runs(store: Store, names: Sequence[str]) -> list[Finished]:
    """The runs as branches, in the order given.

    Raises:
        UsageError: a run has not finished, or a recipe has one seed twice.
    """
    from counterpoise.engine.run_record import RunRecord
    from counterpoise.errors import UsageError
    from counterpoise.tasks.comparison import Finished

    found = []
    for name in names:
        recipe, separator, run = name.rpartition("=")
        record = store.run(run if separator else name)
        RunRecord(record).require_finished()
        facts = _facts(record["config"], recipe or record["profile"])
        found.append(Finished.of_run(facts, RunRecord(record)))
    (most, times), *_ = Counter(branch.facts.label for branch in found).most_common(1)
    if times > 1:
        raise UsageError(f"{most} stands there {times} times", "name recipes apart: RECIPE=RUN")
    return found


def _facts(config: dict[str, Any], recipe: str) -> Any:
    """What the comparison says of a run; read leniently, since an older version may have written it."""
    from counterpoise.report.sweep.inputs import BranchFacts

    model, seed = config["model"]["source"], config["seed"]
    return BranchFacts(
        label=f"{model} · {recipe} · seed {seed}",
        model=model,
        recipe=recipe,
        seed=seed,
        settings=_settings(config),
        folds=tuple(config["pairs"]["evaluate"]),
        normalisation=config["scoring"]["normalisation"],
        whole=len(config["pairs"]["evaluate"])
        == (1 if config["pairs"].get("training_source") else config["pairs"]["folds"]),
    )


def _settings(config: dict[str, Any]) -> tuple[str, ...]:
    """What the run's configuration sets otherwise than its profile does now; none where the profile is not known."""
    from counterpoise.errors import UsageError
    from counterpoise.flows.configure import load_config
    from counterpoise.flows.sweep_plan import GRID, settings

    try:
        profile = set(settings(load_config(config["profile"]).model_dump(mode="json")))
    except UsageError:
        return ()
    varied = (*GRID, "profile")
    return tuple(
        item for item in settings(config) if item not in profile and item.partition("=")[0] not in varied
    )
