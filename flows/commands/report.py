"""`counterpoise report`: a finished run's report made anew from its artifacts, or checked against them."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import click

from flows.commands._options import store_option


@click.command()
@click.argument("run", default="latest")
@click.option(
    "--check", is_flag=True, help="Write nothing; fail unless it is the stored report, byte for byte."
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write it to; must not exist.")
@store_option
def command(run: str, check: bool, out: Path | None, store_url: str) -> None:
    """Make RUN's report anew from its artifacts alone (an id, its unique beginning, or `latest`)."""
    from artifacts.store import Store
    from counterpoise.errors import UsageError
    from flows.regenerate import regenerate

    if check == (out is not None):
        raise UsageError("give either --check or --out FOLDER", "e.g. counterpoise report latest --check")
    if out is not None and out.exists():
        raise UsageError(f"{out} exists", "name a folder that does not")
    store = Store.open(store_url, create=False)
    record = store.run(run)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder)
        stored = store.fetch(regenerate(store, record, made))
        if out is None:
            _check(record, made, stored)
        else:
            shutil.copytree(made, out)
            click.echo(f"report of run {record['run']} made from its artifacts: {out}/report.html")


def _check(record: dict[str, Any], made: Path, stored: Path) -> None:
    from counterpoise.errors import DataError
    from flows.regenerate import differing_files

    different = differing_files(made, stored)
    if different:
        raise DataError(
            f"run {record['run']}: {len(different)} files of its report are not what its artifacts give now: "
            f"{', '.join(different[:5])}",
            f"the report's code may have changed since commit {str(record.get('commit'))[:12]}: `counterpoise plan` "
            "says so, and `counterpoise run` makes the report anew",
        )
    files = sum(path.is_file() for path in made.rglob("*"))
    click.echo(f"run {record['run']}: {files} files, byte for byte what its artifacts give")
