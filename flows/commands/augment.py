"""`counterpoise augment`: swaps over a whole file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from counterpoise.errors import DataError, UsageError
from counterpoise.flows.commands._options import (
    engine_options,
    json_option,
    print_json,
    require_folder,
)
from counterpoise.threads import available_cores


@click.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@engine_options
@click.option("--from", "group", metavar="GROUP", help="Group to swap, on axes with more than two.")
@click.option("--to", "partner", metavar="GROUP", help="Group it changes places with.")
@click.option("--every", is_flag=True, help="One row for each directed swap, instead of one row a text.")
@click.option("--only-changed", is_flag=True, help="Leave out rows in which nothing changed.")
@click.option("--column", default="text", show_default=True, help="Column or member with the text.")
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Refuse edits less sure than this.",
)
@click.option("--workers", type=click.IntRange(1), help="Processes.  [default: the number of CPUs]")
@click.option(
    "--shard-rows",
    type=click.IntRange(1),
    default=20_000,
    show_default=True,
    help="Rows a shard: what a killed run repeats at most.",
)
@click.option(
    "--sample", type=click.IntRange(0), default=300, show_default=True, help="Rows on the review page."
)
@click.option(
    "--fluency", metavar="MODEL", help="Score every changed row with this causal model (folder or hub name)."
)
@click.option(
    "--prefix",
    default="bos",
    show_default=True,
    help="With --fluency: token before each sentence: bos, eos, none, or the literal text of a token.",
)
@click.option(
    "--min-log-ratio", type=float, help="With --fluency: swaps below this are implausible, nats per token."
)
@click.option("--drop-implausible", is_flag=True, help="With --min-log-ratio: leave implausible rows out.")
@click.option(
    "--dask",
    metavar="N|ADDRESS",
    help="Work on a Dask cluster: N local workers, or a scheduler's address; files on storage all of them mount.",
)
@click.option("--fresh", is_flag=True, help="Throw the shards of an unfinished run away.")
@json_option
def command(source: Path, target: Path, as_json: bool, **options: Any) -> None:
    """Swap identity terms in a Parquet or JSONL file of any size, in constant memory.

    OUT has every row of IN with the counterfactual, its edits and refusals beside it. Run the same command again
    to continue a run that was killed. Beside OUT come .stats.json and .review.html.
    """
    from counterpoise.counterfactual.augment.run import augment
    from counterpoise.counterfactual.augment.statistics import table

    require_folder(target)
    job = _job(source, target, options)
    workers = options["workers"] or available_cores()
    with _Bar() as bar:
        score = _scorer(options["fluency"], options["prefix"]) if options["fluency"] else None
        if options["dask"]:
            outcome = _on_dask(job, options, bar.update, score)
        else:
            outcome = augment(job, workers=workers, fresh=options["fresh"], progress=bar.update, score=score)
    if as_json:
        print_json(
            {
                "output": str(target),
                "review": str(outcome.review),
                "shards": outcome.shards,
                "resumed": outcome.resumed,
                **outcome.statistics.as_json(),
            }
        )
        return
    click.echo(table(outcome.statistics))
    click.echo(f"\n{target} · review page {outcome.review}")


def _on_dask(job: Any, options: dict[str, Any], progress: Any, score: Any) -> Any:
    from counterpoise.flows.prefect_settings import quiet_defaults

    quiet_defaults()
    from counterpoise.flows.augment_runner import augment_on, dask_runner
    from counterpoise.flows.interrupts import Interrupts

    with Interrupts():
        runner, workers = dask_runner(options["dask"])
        return augment_on(job, runner, workers, fresh=options["fresh"], progress=progress, score=score)


def _job(source: Path, target: Path, options: dict[str, Any]) -> Any:
    from counterpoise.counterfactual.augment.job import Job
    from counterpoise.counterfactual.config import CounterfactualConfig

    if (options["group"] is None) != (options["partner"] is None):
        raise UsageError("--from and --to belong together", "give both groups, or neither")
    if options["min_log_ratio"] is not None and not options["fluency"]:
        raise UsageError("--min-log-ratio needs a model", "name it with --fluency MODEL")
    if options["drop_implausible"] and options["min_log_ratio"] is None:
        raise UsageError("--drop-implausible needs a threshold", "add --min-log-ratio, for example -1.5")
    axes = tuple(dict.fromkeys(options["axes"]))
    names = ("lexicon", "min_confidence", "names", "real_people", "syntax")
    return Job(
        source=source,
        target=target,
        column=options["column"],
        axes=axes,
        direction=(options["group"], options["partner"]) if options["group"] else None,
        every=options["every"],
        only_changed=options["only_changed"],
        config=CounterfactualConfig(axes=axes, **{name: options[name] for name in names}),
        shard_rows=options["shard_rows"],
        sample=options["sample"],
        fluency=_named(options["fluency"], options["prefix"]),
        min_log_ratio=float("-inf") if options["min_log_ratio"] is None else options["min_log_ratio"],
        drop_implausible=options["drop_implausible"],
    )


class _Bar:
    """A progress bar on a terminal's stderr, nothing elsewhere."""

    def __enter__(self) -> _Bar:
        self._bar: Any = None
        return self

    def update(self, done: int, total: int) -> None:
        if self._bar is None and sys.stderr.isatty():
            self._bar = click.progressbar(length=max(total, 1), file=sys.stderr, label="augment").__enter__()
        if self._bar is not None:
            self._bar.update(done - self._bar.pos)

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)


def _named(model: str | None, prefix: str) -> str:
    """How sentences are scored, as the job's identity has it."""
    return f"{model}, prefix {prefix}" if model and prefix != "bos" else model or ""


def _scorer(model: str, prefix: str) -> Any:
    """The model's sentence log-probabilities, as the engine's fluency check wants them."""
    from counterpoise.flows.commands._model import model_folder
    from counterpoise.likelihood.encoding import prefix_ids
    from counterpoise.likelihood.fast_path import fast_path
    from counterpoise.likelihood.sentences import score_sentences
    from counterpoise.models.loading import load_model
    from counterpoise.records import silent

    loaded = load_model(model_folder(model, silent), "fp32")
    prefix_ids(loaded.tokenizer, prefix)  # what cannot be scored is said before everything is swapped
    fast_path(loaded.model)

    def score(texts: list[str]) -> list[tuple[float, int] | None]:
        try:
            return [
                (item.sum_log_prob, item.tokens) for item in score_sentences(loaded, texts, prefix=prefix)
            ]
        except DataError:
            # A text longer than the model's context stays unscored, and the others keep their scores.
            return [found for text in texts for found in score([text])] if len(texts) > 1 else [None]

    return score
