"""What would keep a run from finishing, looked for before its first stage: nothing is fetched, loaded or written.

The configuration's own rules are checked when it is made. Here it meets the machine: its files, its packages and the
place that the model is to go to. `plan`, `run` and a deployment's runs share it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from counterpoise.config import RunConfig
from counterpoise.counterfactual.engine import Engine
from counterpoise.errors import CounterpoiseError, UsageError
from counterpoise.evaluation.config import sources_of
from counterpoise.extras import require_extra
from counterpoise.flows.prefect_settings import is_writable
from counterpoise.flows.tracking import check_tracking
from counterpoise.neutral.select import parse_neutral, select_neutral
from counterpoise.pairs.parse import parse_pairs
from counterpoise.publishing.config import repository_of
from counterpoise.publishing.folder import check_target
from counterpoise.sources.cache import VARIABLE, default_cache
from counterpoise.sources.datasets import at_hand, own_or_known, source_hash
from counterpoise.tasks.base_model import TINY

SPECIAL = ("bos", "eos", "none")


def preflight(config: RunConfig) -> None:
    """Refuses a run that could not finish on this machine as it is.

    Raises:
        CounterpoiseError: what stands in its way; several things in one :class:`UsageError`.
    """
    found = list({str(error): error for error in _problems(config)}.values())
    if len(found) == 1:
        raise found[0]
    if found:
        said = "; ".join(f"({number}) {error}" for number, error in enumerate(found, start=1))
        raise UsageError(f"{len(found)} things would keep this run from finishing: {said}", "mend them first")


def _problems(config: RunConfig) -> Iterator[CounterpoiseError]:
    checks: list[Callable[[RunConfig], object]] = [
        _model,
        _pairs,
        _training_pairs,
        _neutral,
        _benchmarks,
        _engine,
        _cache,
        _target,
        check_tracking,
    ]
    for check in checks:
        try:
            check(config)
        except CounterpoiseError as error:
            yield error


def _model(config: RunConfig) -> None:
    """The model is where it is said to be, and has the token that goes before each sentence."""
    source, prefix = config.model.source, config.scoring.prefix
    if source == TINY:
        return
    if prefix in SPECIAL:
        own_or_known(source)
        return
    found = at_hand(source)
    known = _vocabulary(found) if found else None
    if known is not None and prefix not in known:
        raise UsageError(
            f"scoring.prefix = {prefix!r}: the tokenizer of {source} has no such token",
            f"use {', '.join(SPECIAL)}, or the literal text of one of its tokens",
        )


def _vocabulary(model: Path) -> set[str] | None:
    """The tokens of a model folder or a GGUF file; None where they cannot be read as they lie."""
    file = model / "tokenizer.json"
    try:
        if model.suffix == ".gguf":
            return _vocabulary_of_gguf(model)
        tokenizer = json.loads(file.read_text(encoding="utf-8"))
        return {*tokenizer["model"]["vocab"], *(token["content"] for token in tokenizer["added_tokens"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _vocabulary_of_gguf(file: Path) -> set[str] | None:
    from gguf import GGUFReader

    tokens = GGUFReader(file).get_field("tokenizer.ggml.tokens")
    return None if tokens is None else set(tokens.contents())


def _pairs(config: RunConfig) -> None:
    """The pairs are there, can be read, and are enough for the folds."""
    file = at_hand(config.pairs.source)
    if file is None:
        return
    count = len(parse_pairs(file.read_bytes(), file.name))
    if count < config.pairs.folds:
        raise UsageError(
            f"{file}: {count} pairs for {config.pairs.folds} folds", "use fewer folds or more pairs"
        )


def _training_pairs(config: RunConfig) -> None:
    """Pairs of another source are there, can be read, and are nothing that the run is judged on."""
    source = config.pairs.training_source
    if not source:
        return
    file = at_hand(source)
    judged = {"pairs.source": config.pairs.source} | {
        f"benchmarks.{name}": where for name, where in sources_of(config.benchmarks).items()
    }
    same = [name for name, where in judged.items() if source_hash(where) == source_hash(source)]
    if same:
        raise UsageError(
            f"pairs.training_source = {source!r} is {same[0]}: what is trained on judges nothing",
            "train on another source, or set a benchmark to '', which leaves it out",
        )
    if file is not None:
        from counterpoise.pairs.training import read_training

        read_training(file)


def _neutral(config: RunConfig) -> None:
    """The neutral text is there, can be read, and is enough."""
    sizes = config.capability
    file = at_hand(sizes.source)
    if file is not None:
        sentences = parse_neutral(file.read_bytes(), file.name)
        select_neutral(sentences, sizes.guard_texts, sizes.evaluation_texts, file.name, sizes.beginning_texts)


def _benchmarks(config: RunConfig) -> None:
    """Every benchmark's data is a source that is known, or there."""
    for source in (*sources_of(config.benchmarks).values(), config.benchmarks.revised_pairs):
        if source:
            own_or_known(source)


def _engine(config: RunConfig) -> None:
    """The lexicon has the axes, and the parser that is asked for is installed."""
    wanted = config.counterfactual
    Engine.from_config(wanted.model_copy(update={"syntax": "rules"}))
    if wanted.syntax == "spacy":
        require_extra("syntax", "counterfactual.syntax = 'spacy'", "spacy")
        own_or_known(wanted.spacy_model)


def _cache(config: RunConfig) -> None:
    """What is still to be fetched has a place to go to."""
    cache = default_cache()
    if is_writable(cache):
        return
    named = [config.model.source, config.pairs.source, config.pairs.training_source, config.capability.source]
    named += [*sources_of(config.benchmarks).values(), config.benchmarks.revised_pairs]
    wanted = [source for source in named if source not in ("", TINY) and _must_be_fetched(source)]
    if wanted:
        raise UsageError(
            f"{wanted[0]} is still to be fetched, and the cache {cache} cannot be written",
            f"set {VARIABLE} to a folder that can",
        )


def _must_be_fetched(source: str) -> bool:
    """Whether a source of the registry is not in the cache; of one that is wrong its own check speaks."""
    try:
        return "://" not in source and at_hand(source) is None
    except CounterpoiseError:
        return False


def _target(config: RunConfig) -> None:
    """The finished model can be made, and put where it is to go."""
    to = config.publish.to
    if to and config.publish.merged and "steering" in config.alignment.loss.types:
        raise UsageError(
            "publish.merged: a steering vector is a bias, and the model's layers may have none to merge it into",
            "publish the adapter",
        )
    if to and repository_of(to) is None:
        check_target(Path(to).expanduser())
