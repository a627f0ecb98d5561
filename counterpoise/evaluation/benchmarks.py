"""Every benchmark as one function: a loaded model and a data file in, a plain JSON-ready result out.

All results share ``benchmark, n, overall, interval, by_category, prefix, precision``; percentages are 0 to
100, margins nats.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from counterpoise.errors import DataError
from counterpoise.evaluation.asked import ask_bbq, ask_choices
from counterpoise.evaluation.config import BenchmarksConfig
from counterpoise.evaluation.crows_revised import parse_revised
from counterpoise.evaluation.names import BBQ, CHOICE_TASKS
from counterpoise.evaluation.stereoset import continuations, load_stereoset, stereoset_score
from counterpoise.evaluation.task import Result, Task, labelled
from counterpoise.evaluation.winobias import load_winobias
from counterpoise.likelihood.config import ScoringConfig
from counterpoise.likelihood.pairs import (
    PairDetail,
    identity_scores,
    score_pair_details,
    shared_scores,
    whole_scores,
)
from counterpoise.likelihood.sentences import score_continuations, score_sentences
from counterpoise.measures.crows import Scored, comparison, readings
from counterpoise.measures.names import MEAN, WHOLE
from counterpoise.measures.results import measure_json
from counterpoise.metrics.crows import BiasScore, bias_score
from counterpoise.metrics.perplexity import perplexity
from counterpoise.models.loading import adapter_switched
from counterpoise.neutral.select import (
    EVALUATION_TEXTS,
    GUARD_TEXTS,
    Sentence,
    parse_neutral,
    select_neutral,
)
from counterpoise.neutral.select import (
    SOURCE as NEUTRAL_TEXT,
)
from counterpoise.pairs.parse import parse_pairs
from counterpoise.records import Pair, PairScore, Reading, Variant

VARIANTS: tuple[Variant, ...] = ("base", "tuned")


def crows_pairs(task: Task, data: Path) -> Result:
    """CrowS-Pairs over all pairs of a CSV file: the whole score, and its shared- and identity-token parts."""
    return labelled("crows-pairs", task, _crows_result(task, parse_pairs(read_bytes(data), str(data))))


def crows_pairs_revised(task: Task, data: Path) -> Result:
    """As :func:`crows_pairs` over a revised edition; ``left_out`` names the rows that are not usable."""
    revised = parse_revised(read_bytes(data), str(data))
    result = _crows_result(task, list(revised.pairs)) | {"left_out": revised.left_out}
    return labelled("crows-pairs-revised", task, result)


def _crows_result(task: Task, pairs: list[Pair]) -> Result:
    details = _details(task, pairs)
    result = bias_result(pairs, details, task.config)
    parts = _every_reading(details)
    apart: tuple[Reading, ...] = ("shared", "identity")
    return result | {f"{by}_tokens": _brief(bias_score(pairs, parts, "sum", reading=by)) for by in apart}


def compare_crows_pairs(task: Task, data: Path) -> Result:
    """As :func:`crows_pairs` for the tuned model, with ``base`` beside it and the paired ``measures``."""
    pairs = parse_pairs(read_bytes(data), str(data))
    details = {variant: _details(replace(task, variant=variant), pairs) for variant in VARIANTS}
    results = {variant: bias_result(pairs, found, task.config) for variant, found in details.items()}
    scored = Scored(pairs, *(_every_reading(details[variant]) for variant in VARIANTS))
    headline = WHOLE if task.config.normalisation == "sum" else MEAN
    measures = [*comparison(scored, task.config.normalisation), *readings(scored, without=headline)]
    more = {"base": results["base"], "measures": [measure_json(row) for row in measures]}
    return labelled("crows-pairs", task, results["tuned"] | more)


def _every_reading(details: list[PairDetail]) -> list[PairScore]:
    return [*whole_scores(details), *shared_scores(details), *identity_scores(details)]


def winobias(task: Task, data: Path) -> Result:
    """WinoBias over a folder of its files: how often, and by how much, the stereotypical pronoun wins."""
    pairs = load_winobias(data)
    return labelled("winobias", task, bias_result(pairs, _details(task, pairs), task.config))


def stereoset(task: Task, data: Path) -> Result:
    """StereoSet: ``overall`` is the stereotype score; LMS and ICAT stand beside it."""
    triples = load_stereoset(data)
    with adapter_switched(task.loaded, task.variant == "tuned"):
        scores = score_continuations(task.loaded, continuations(triples), **task.how)
    found = stereoset_score(triples, [score.sum_log_prob / score.tokens for score in scores])
    overall = asdict(found.overall)
    result = {
        "n": overall.pop("n"),
        "overall": overall.pop("ss"),
        "interval": overall.pop("ss_interval"),
        **overall,
        "by_category": {
            name: {"score": part.ss, "interval": part.ss_interval}
            | _without(asdict(part), "ss", "ss_interval")
            for name, part in {**found.by_domain, **found.by_part}.items()
        },
    }
    return labelled("stereoset", task, result)


def neutral_perplexity(task: Task, data: Path) -> Result:
    """Perplexity of neutral sentences, per token of the model's own tokenizer.

    Args:
        data: one sentence a line, or BOLD's JSON; see :func:`evaluation_sentences`.
    """
    sentences = evaluation_sentences(parse_neutral(read_bytes(data), str(data)), str(data))
    with adapter_switched(task.loaded, task.variant == "tuned"):
        scores = score_sentences(task.loaded, sentences, **task.how)
    found = perplexity([score.sum_log_prob for score in scores], [score.tokens for score in scores])
    result = {
        "n": found.sentences,
        "tokens": found.tokens,
        "overall": found.value,
        "interval": found.interval,
        "by_category": {},
    }
    return labelled("perplexity", task, result)


def evaluation_sentences(sentences: Sequence[Sentence], where: str) -> list[str]:
    """The sentences that a run with default settings keeps for its report; all of a small file.

    Those a run watches in training are left out, so this perplexity and the report's agree.
    """
    try:
        chosen = select_neutral(sentences, GUARD_TEXTS, EVALUATION_TEXTS, where)
    except DataError:
        return sorted({one.text for one in sentences})
    return [row.text for row in chosen if row.part == "evaluation"]


def bias_result(pairs: list[Pair], details: list[PairDetail], config: ScoringConfig) -> Result:
    """A :class:`BiasScore` as JSON."""
    found = bias_score(pairs, whole_scores(details), config.normalisation)
    return {
        **_brief(found),
        "normalisation": config.normalisation,
        "unweighted": found.unweighted,
        "unweighted_interval": found.unweighted_interval,
        "spread": found.spread,
        "detectable": found.detectable,
        "pct_stereotype": found.pct_stereotype,
        "by_category": {name: asdict(part) for name, part in found.by_category.items()},
        "by_direction": {name: asdict(part) for name, part in found.by_direction.items()},
    }


def read_bytes(path: Path) -> bytes:
    """A file's content, or one :class:`DataError` line."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})", "check the path") from None


def _brief(found: BiasScore) -> Result:
    return {
        "n": found.n,
        "overall": found.overall,
        "interval": found.interval,
        "distance": found.distance,
        "wins": found.wins,
        "ties": found.ties,
        "mean_margin": found.mean_margin,
        "mean_abs_margin": found.mean_abs_margin,
    }


def _details(task: Task, pairs: list[Pair]) -> list[PairDetail]:
    return score_pair_details(task.loaded, pairs, task.variant, **task.how)


def _without(values: Result, *names: str) -> Result:
    return {name: value for name, value in values.items() if name not in names}


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark by name.

    Attributes:
        source: registry name of its data, or None where the user brings it.
        run: scores a model on a data file or folder.
        column: what ``overall`` is called in a table.
        asked: whether it puts questions, after whatever the tokenizer itself begins a text with.
    """

    source: str | None
    run: Callable[[Task, Path], Result]
    column: str
    asked: bool = False


BENCHMARKS: Mapping[str, Benchmark] = {
    "crows-pairs": Benchmark("crows-pairs", crows_pairs, "prefers the stereotype, %"),
    "crows-pairs-revised": Benchmark(None, crows_pairs_revised, "prefers the stereotype, %"),
    "stereoset": Benchmark("stereoset", stereoset, "stereotype score, %"),
    "winobias": Benchmark("winobias", winobias, "prefers the stereotype, %"),
    "perplexity": Benchmark(NEUTRAL_TEXT, neutral_perplexity, "perplexity"),
    BBQ: Benchmark(BenchmarksConfig().bbq, ask_bbq, "bias in ambiguous contexts, %", asked=True),
    **{
        name: Benchmark(
            getattr(BenchmarksConfig(), name), partial(ask_choices, name), "right answers, %", asked=True
        )
        for name in CHOICE_TASKS
    },
}
