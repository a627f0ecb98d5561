"""`counterpoise score`: any causal language model, base or tuned, on one benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click

from counterpoise.evaluation.names import Benchmark
from counterpoise.flows.commands._options import json_option, licence_option, print_json

BENCHMARKS = get_args(Benchmark)


@click.command()
@click.argument("model")
@click.option("--adapter", type=click.Path(path_type=Path), help="Score the model with this LoRA adapter on.")
@click.option("--compare", is_flag=True, help="With --adapter: test it against the base, on the same pairs.")
@click.option(
    "--benchmark",
    type=click.Choice(BENCHMARKS),
    default=BENCHMARKS[0],
    show_default=True,
    help="What to run.",
)
@click.option(
    "--prefix",
    show_default="bos; before a question what the tokenizer itself begins with",
    help="Token before each sentence: bos, eos, none, or the literal text of a token.",
)
@click.option(
    "--precision",
    type=click.Choice(["fp32", "bf16", "nf4"]),
    default="fp32",
    show_default=True,
    help="Weights while scoring.",
)
@click.option(
    "--normalisation",
    type=click.Choice(["sum", "mean"]),
    default="sum",
    show_default=True,
    help="Compare log-probabilities of whole sentences, or per token.",
)
@click.option(
    "--questions",
    type=click.IntRange(min=0),
    show_default="as many as a run asks",
    help="Of bbq, most questions a category; of a multiple-choice task, most questions. 0: all.",
)
@click.option("--data", help="Your own benchmark file or folder; default: the published one, pinned.")
@licence_option
@json_option
def command(as_json: bool, **options: Any) -> None:
    """Score MODEL on a benchmark of stereotypes or of questions, or on neutral text.

    MODEL is a folder with config.json and safetensors, a registry name (smollm2-135m), a GGUF file, or
    hf://owner/name@commit.
    """
    from counterpoise.flows.commands._progress import progress_bar
    from counterpoise.flows.commands._scoring import Request, print_result, score

    with progress_bar(hidden=as_json) as progress:
        result = score(Request(**options), progress)
    if as_json:
        print_json(result)
    else:
        print_result(result)
