"""`counterpoise publish`: a finished run's model, as others load it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.flows.commands._options import json_option, print_json, store_option

if TYPE_CHECKING:
    from counterpoise.artifacts.store import Ref, Store


@click.command()
@click.option(
    "--run", "run_id", default=None, help="A run's id; by default the newest finished one, a smoke run last."
)
@click.option("--to", required=True, metavar="DIR|hub:OWNER/NAME", help="A folder, or a hub repository.")
@click.option("--merged", is_flag=True, help="The whole model, with the adapter merged into its weights.")
@click.option("--public", is_flag=True, help="A hub repository that is made for it is public.")
@click.option("--licence", default="", help="Licence of the result; by default the base model's.")
@click.option("--dry-run", is_flag=True, help="Only list the files.")
@store_option
@json_option
def command(store_url: str, as_json: bool, dry_run: bool, **options: Any) -> None:
    """Publish a run's adapter (or the merged model) with tokenizer and model card.

    The folder loads with transformers and peft alone. The hub is written with HF_TOKEN; HF_ENDPOINT names another.
    """
    from counterpoise.artifacts.store import Store
    from counterpoise.engine.run_record import newest_finished
    from counterpoise.flows.prefect_settings import quiet_libraries
    from counterpoise.publishing.config import repository_of
    from counterpoise.publishing.deliver import deliver
    from counterpoise.publishing.folder import check_target, files_of

    quiet_libraries()
    if repository_of(options["to"]) is None:
        check_target(Path(options["to"]).expanduser())
    store = Store.open(store_url, create=False)
    record = store.run(options["run_id"]) if options["run_id"] else newest_finished(store)
    chosen = chosen_run(store, record)
    if not as_json:
        click.echo(f"run {chosen['run']} · profile {chosen['profile']} · {chosen['headline']}")
    made = store.fetch(made_of(store, record, options))
    files = files_of(made)
    private = not options["public"]
    address = None if dry_run else deliver(made, options["to"], private=private)
    if as_json:
        rows = [{"file": name, "bytes": size} for name, size in files]
        print_json({**chosen, "to": options["to"], "address": address, "files": rows})
        return
    for name, size in files:
        click.echo(f"{size:>14,} B  {name}")
    click.echo(f"{'would go to' if dry_run else 'published:'} {address or options['to']}")


def chosen_run(store: Store, record: dict[str, Any]) -> dict[str, str]:
    """Which run is published: its id, profile and headline.

    Raises:
        UsageError: it has no report.
    """
    from counterpoise.engine.report_files import RESULTS
    from counterpoise.engine.run_record import RunRecord
    from counterpoise.measures.results import read_results

    report = store.fetch(RunRecord(record).first("report"))
    headline = read_results(report / RESULTS).verdict.headline
    return {"run": record["run"], "profile": record["profile"], "headline": headline}


def made_of(store: Store, record: dict[str, Any], options: dict[str, Any]) -> Ref:
    """The run's publication, made now or found in the store.

    Raises:
        UsageError: the run has not finished, or its configuration is an older version's.
    """
    from counterpoise.config import RunConfig
    from counterpoise.engine.execute import execute
    from counterpoise.engine.run_record import RunRecord
    from counterpoise.tasks.publication import publication
    from counterpoise.validation import validated

    run = RunRecord(record)
    roles = {"model": "base-model", "adapter": "adapter", "report": "report"}
    inputs = {role: run.first(stage) for role, stage in roles.items()}
    publish = {"to": options["to"], "merged": options["merged"], "licence": options["licence"]}
    values = record["config"] | {"publish": publish}
    config = validated(RunConfig, values, f"the configuration of run {record['run']}")
    return execute(publication, config, store, inputs).ref
