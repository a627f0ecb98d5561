"""One branch of a sweep in a process of its own: ``python -m counterpoise.flows.branch`` with ``{config,
store}`` on stdin.

A crash, an out-of-memory kill or a leak then ends one branch and not the sweep. The run's record is the last line of
stdout; stages are told of on stderr, as by `counterpoise run`.
"""

from __future__ import annotations

import json
import sys

import click

from counterpoise.errors import CounterpoiseError, Stopped
from counterpoise.flows.interrupts import ASKS, Interrupts

STOPPED = tuple(128 + number for number in ASKS)
"""Exit codes of a branch that was asked to stop."""


def main() -> int:
    """Runs the flow; 0, or 1 with one line on stderr."""
    from counterpoise.flows.prefect_settings import quiet_defaults

    quiet_defaults()
    given = json.loads(sys.stdin.read())
    from counterpoise.config import RunConfig
    from counterpoise.flows.embedded_server import prefect_server

    try:
        with Interrupts(silent=True), prefect_server():
            from counterpoise.flows.debias import debias

            record = debias(RunConfig.model_validate(given["config"]), given["store"])
    except Exception as error:
        known = isinstance(error, CounterpoiseError)
        text = " ".join(str(error).split()) or type(error).__name__
        click.echo(text if known else f"{type(error).__name__}: {text}", err=True)
        return STOPPED[-1] if isinstance(error, Stopped) else 1
    click.echo(json.dumps({"run": record["run"]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
