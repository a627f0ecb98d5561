"""`counterpoise doctor`: what this machine or a model can do, and which profile fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from counterpoise.flows.commands._options import json_option, print_json, store_option

if TYPE_CHECKING:
    from counterpoise.flows.commands._doctor_findings import Check


@click.command()
@click.argument("model", required=False)
@click.option("--adapter", type=click.Path(path_type=Path), help="With MODEL: a LoRA adapter to load on it.")
@click.option("--prefix", default="bos", show_default=True, help="With MODEL: token before each sentence.")
@click.option("--offline", is_flag=True, help="Leave out the checks that use the network.")
@store_option
@json_option
def command(
    model: str | None, adapter: Path | None, prefix: str, offline: bool, store_url: str, as_json: bool
) -> int:
    """Say what this machine can do and which profile fits; exit 1 if something keeps runs from working.

    With MODEL (a folder, registry name or GGUF file) say instead whether that model is loaded whole, how it is
    read, and whether a run could train it.
    """
    if model:
        return _model(model, adapter, prefix, as_json)
    from counterpoise.flows.commands._doctor import examine

    diagnosis = examine(store_url, offline=offline)
    if as_json:
        print_json(asdict(diagnosis) | {"ok": diagnosis.ok})
    else:
        _show(diagnosis.checks)
        click.echo(f"\nprofile that fits: {diagnosis.profile} ({diagnosis.why})")
    return 0 if diagnosis.ok else 1


def _model(model: str, adapter: Path | None, prefix: str, as_json: bool) -> int:
    from counterpoise.flows.commands._doctor_model import examine_model
    from counterpoise.flows.commands._progress import progress_bar

    with progress_bar(hidden=as_json) as progress:
        checks = examine_model(model, adapter, prefix, progress)
    ok = all(check.state != "fail" for check in checks)
    if as_json:
        print_json({"model": model, "checks": [asdict(check) for check in checks], "ok": ok})
    else:
        _show(checks)
    return 0 if ok else 1


def _show(checks: Sequence[Check]) -> None:
    width = max(len(check.name) for check in checks)
    for check in checks:
        click.echo(f"{check.state:>4}  {check.name:<{width}}  {check.detail}")
        if check.remedy:
            click.echo(f"      {'':<{width}}  → {check.remedy}")
