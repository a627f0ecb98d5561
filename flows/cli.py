"""The `counterpoise` command. Commands are imported only when they run, so that ``--help`` is instant."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import sys
import traceback
from itertools import pairwise
from typing import NoReturn

import click

from counterpoise.errors import CounterpoiseError, UsageError
from counterpoise.flows.terminal import give_up_output, prepare_streams, unwritable

COMMANDS = {
    "run": "Run the pipeline: data, counterfactuals, 4-bit DPO, scores, report.",
    "sweep": "Run models × recipes × seeds × folds and compare them.",
    "compare": "Compare finished runs with paired tests.",
    "plan": "Say which stages would run or are cached, and why.",
    "runs": "List the runs in the store.",
    "show": "Print one run: its scores, stages and report.",
    "diff": "Explain how two runs differ, and test one's tuned model against the other's.",
    "report": "Make a run's report anew from its artifacts, or check it.",
    "verify": "Check every artifact in the store against its hash.",
    "gc": "Delete artifacts that no kept run needs.",
    "score": "Score any causal model on a benchmark.",
    "publish": "Write a finished model to a folder or the hub, with its model card.",
    "swap": "Swap identity terms in a sentence or a stream.",
    "augment": "Swap identity terms in a whole Parquet or JSONL file.",
    "lexicon": "Check a counterfactual lexicon.",
    "demo": "Compare base and tuned in a browser.",
    "deploy": "Set up a Prefect server: pool, limits, recovery, deployments.",
    "worker": "Run a pool's scheduled runs on this machine.",
    "reap": "Free runs that a vanished worker left running.",
    "doctor": "Say what this machine can do and which profile fits.",
}


PASSWORD = re.compile(r"(://[^/\s:@]*):[^/\s]+@")
"""In the address of a server, proxy or bucket."""
ADVISED = re.compile(
    r"`(counterpoise (?:demo|gc|plan|publish|report|run|runs|show|sweep|verify)\b(?![^`]*--(?:store|help))[^`]*)`"
)
"""A command in a message that reads or writes a store, and does not name it."""
OURS = "COUNTERPOISE_"
SETTINGS = (
    "STORE",
    "CACHE",
    "SOURCES",
    "ACCEPT_LICENCES",
    "BROWSER_TIMEOUT_MS",
    "REQUIRE_BROWSER",
    "COMPLETE",
)


class LazyGroup(click.Group):
    """A group whose commands live one a module in ``counterpoise.flows.commands``, each as ``command``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands, in the order of the story."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command's own module, imported now."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"counterpoise.flows.commands.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Names and one line each, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="counterpoise")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Make a causal language model less stereotyped, measurably and without breaking it."""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs the command line; exits 0 (ok), 1 (failed) or 2 (wrong usage), errors on one line."""
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    prepare_streams()
    _name_unknown_settings()
    try:
        code = cli.main(
            [a for a in arguments if a != "--debug"], prog_name="counterpoise", standalone_mode=False
        )
        _check_output()
    except click.ClickException as error:
        error.show()
        sys.exit(UsageError.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _interrupted()
    except SystemExit:
        sys.exit(0)  # no command calls it: click and rich do, where nobody reads the output any more
    except Exception as error:
        _check_output(error)
        if _came_of_interrupt(error):
            _interrupted()
        _tell(error, debug, arguments)
        sys.exit(error.exit_code if isinstance(error, CounterpoiseError) else 1)
    sys.exit(code if isinstance(code, int) else 0)


def _check_output(error: Exception | None = None) -> None:
    """Ends the command where its output does not arrive: silently for ``| head``, else with the reason.

    Args:
        error: what the command ended with: writing may have been it.
    """
    failed = unwritable(error)
    if failed is None:
        return
    give_up_output()
    if isinstance(failed, BrokenPipeError):
        sys.exit(0)
    click.echo(f"counterpoise: standard output: {failed.strerror}", err=True)
    sys.exit(1)


def _interrupted() -> NoReturn:
    click.echo("counterpoise: interrupted; the same command goes on from here", err=True)
    sys.exit(130)


def _came_of_interrupt(error: BaseException | None) -> bool:
    """Whether Ctrl-C lies behind an error: it ends Prefect's embedded server too, whom the run then cannot tell."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _tell(error: Exception, debug: bool, arguments: list[str]) -> None:
    if debug:
        traceback.print_exc()
    known = isinstance(error, CounterpoiseError)
    text = with_store(" ".join(str(error).split()), arguments) or type(error).__name__
    kind = "" if known else f"{type(error).__name__}: "
    hint = "" if known or debug else " (--debug shows where)"
    click.echo(f"counterpoise: {kind}{without_password(text)}{hint}", err=True)


def with_store(text: str, arguments: list[str]) -> str:
    """The text with the store that was given repeated in each command that it advises, so that they run as they stand.

    >>> with_store("no run — `counterpoise runs` lists them", ["show", "nope", "--store", "my store"])
    "no run — `counterpoise runs --store 'my store'` lists them"
    >>> with_store("see `counterpoise lexicon lint --help`", ["show", "--store", "s"])
    'see `counterpoise lexicon lint --help`'
    """
    given = [b for a, b in pairwise(arguments) if a == "--store"]
    given += [word.partition("=")[2] for word in arguments if word.startswith("--store=")]
    if not given:
        return text
    store = shlex.quote(given[-1])
    return ADVISED.sub(lambda found: f"`{found[1]} --store {store}`", text)


def without_password(text: str) -> str:
    """The text with every address's password left out.

    >>> without_password("Proxy http://ann:secret@proxy:3128 refused")
    'Proxy http://ann:***@proxy:3128 refused'
    """
    return PASSWORD.sub(r"\1:***@", text)


def _name_unknown_settings() -> None:
    """Says which of our environment variables nothing reads: a slip of the pen would otherwise just have no effect."""
    for name in sorted(os.environ):
        if name.startswith(OURS) and name.removeprefix(OURS) not in SETTINGS:
            known = ", ".join(f"{OURS}{setting}" for setting in SETTINGS[:4])
            click.echo(f"counterpoise: {name} is no setting, and ignored; known: {known}", err=True)


if __name__ == "__main__":
    main()
