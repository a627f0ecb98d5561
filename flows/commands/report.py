"""`counterpoise report`: a finished run's report made anew from its artifacts, or checked against them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from counterpoise.flows.commands._options import require_folder, store_option


@click.command()
@click.argument("run", default="latest")
@click.option(
    "--check", is_flag=True, help="Write nothing; fail unless it is the stored report, byte for byte."
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write it to; must not exist.")
@store_option
def command(run: str, check: bool, out: Path | None, store_url: str) -> None:
    """Make RUN's report anew from its artifacts alone (an id, its unique beginning, or `latest`)."""
    from counterpoise.artifacts.store import Store
    from counterpoise.errors import UsageError
    from counterpoise.flows.commands.show import report_folder
    from counterpoise.flows.votes import report_with_votes
    from counterpoise.tasks.report import files_of, write_files

    if check == (out is not None):
        raise UsageError("give either --check or --out FOLDER", "e.g. counterpoise report latest --check")
    if out is not None and out.exists():
        raise UsageError(f"{out} exists", "name a folder that does not")
    if out is not None:
        require_folder(out)
    store = Store.open(store_url, create=False)
    record = store.run(run)
    files = files_of(report_with_votes(store, record, []))
    if out is None:
        _check(record, files, report_folder(store, record))
        return
    out.mkdir()
    write_files(files, out)
    click.echo(f"report of run {record['run']} made from its artifacts: {out}/report.html")


def _check(record: dict[str, Any], files: Mapping[str, bytes], stored: Path | None) -> None:
    from counterpoise.errors import DataError

    assert stored is not None, "a run without a report is refused before"
    there = {
        path.relative_to(stored).as_posix(): path.read_bytes() for path in stored.rglob("*") if path.is_file()
    }
    different = sorted(name for name in {*files, *there} if files.get(name) != there.get(name))
    if different:
        raise DataError(
            f"run {record['run']}: {len(different)} files of its report are not what its artifacts give now: "
            f"{', '.join(different[:5])}",
            f"the report's code may have changed since commit {str(record.get('commit'))[:12]}: `counterpoise plan` "
            "says so, and `counterpoise run` makes the report anew",
        )
    click.echo(f"run {record['run']}: {len(files)} files, byte for byte what its artifacts give")
