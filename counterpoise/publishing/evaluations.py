"""A run's benchmarks as the hub's evaluation metadata: what it shows of a model beside its card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from counterpoise.evaluation.names import BBQ, STEREOSET, WINOBIAS
from counterpoise.measures.measure import Measure
from counterpoise.measures.names import (
    ACCURACY,
    BBQ_ACCURACY,
    BBQ_BIAS,
    ICAT,
    LMS,
    PERPLEXITY,
    PRONOUN,
    SS,
)
from counterpoise.measures.results import Results
from counterpoise.neutral.select import SOURCE as NEUTRAL

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, EvalResultEntry

FOLDER = ".eval_results"
"""Where the hub looks for evaluation results in a model's repository."""
PAIRS = "crows-pairs"
DATA_SETS: Mapping[str, tuple[str, str]] = {
    PAIRS: ("nyu-mll/crows_pairs", "CrowS-Pairs"),
    STEREOSET: ("McGill-NLP/stereoset", "StereoSet"),
    WINOBIAS: ("uclanlp/wino_bias", "WinoBias"),
    BBQ: ("heegyu/bbq", "BBQ"),
    "hellaswag": ("Rowan/hellaswag", "HellaSwag"),
    "piqa": ("ybisk/piqa", "PIQA"),
    "openbookqa": ("allenai/openbookqa", "OpenBookQA"),
    "boolq": ("google/boolq", "BoolQ"),
    NEUTRAL: ("AmazonScience/bold", "BOLD"),
}
"""Source → its data set on the hub, and its name."""
METRICS: Mapping[str, tuple[str, str]] = {
    LMS: (STEREOSET, "stereoset_lms"),
    SS: (STEREOSET, "stereoset_ss"),
    ICAT: (STEREOSET, "stereoset_icat"),
    PRONOUN: (WINOBIAS, "winobias_stereotypical_pronoun"),
    BBQ_ACCURACY[0]: (BBQ, "accuracy_ambiguous"),
    BBQ_ACCURACY[1]: (BBQ, "accuracy_disambiguated"),
    BBQ_BIAS[0]: (BBQ, "bias_ambiguous"),
    BBQ_BIAS[1]: (BBQ, "bias_disambiguated"),
}
"""Measure → its benchmark in the configuration, and what the hub may call it."""


def evaluations(config: Mapping[str, Any], results: Results, own: Measure) -> list[EvalResult]:
    """The score of the published adapter first, then every other benchmark of the run.

    With several folds those are over the run's adapters together, and say so.

    Args:
        own: the CrowS-Pairs score over the pairs held out of this adapter's training.
    """
    source = config["pairs"]["source"]
    data = _data_set(source, PAIRS, f"the {own.n} pairs held out of this adapter's training")
    name = f"pairs preferring the stereotype, % (neutral is 50; base model: {own.base:.2f})"
    found = [_result(*data, "crows_pairs", name, own.tuned)]
    adapters = len(results.trainings)
    whose = f"over the run's {adapters} adapters" if adapters > 1 else ""
    for row, source, usual, metric in _others(config, results):
        title = f"{row.label}, {row.unit} (base model: {row.base:.2f})"
        found.append(_result(*_data_set(source, usual, whose), metric, title, row.tuned))
    return found


def result_files(found: Sequence[EvalResult]) -> dict[str, str]:
    """The hub's evaluation-results files: path → YAML, one a data set that the hub has.

    The hub may show what a file says on the data set's leaderboard, if that data set is one of its benchmarks.
    Results on a file of one's own stand in the card alone: there is no data set to name.
    """
    import yaml  # noqa: PLC0415
    from huggingface_hub import eval_result_entries_to_yaml  # noqa: PLC0415 - half a second

    entries: dict[str, list[EvalResultEntry]] = {}
    for row in found:
        if row.dataset_type in {place for place, _ in DATA_SETS.values()}:
            name = row.dataset_type.partition("/")[2].lower()
            entries.setdefault(f"{FOLDER}/{name}.yaml", []).append(_entry(row))
    return {
        path: yaml.safe_dump(eval_result_entries_to_yaml(rows), sort_keys=False, allow_unicode=True)
        for path, rows in entries.items()
    }


def _entry(row: EvalResult) -> EvalResultEntry:
    from huggingface_hub import EvalResultEntry  # noqa: PLC0415

    return EvalResultEntry(
        dataset_id=row.dataset_type,
        task_id=row.metric_type,
        value=row.metric_value,
        notes=f"{row.metric_name}; {row.dataset_name}",
    )


def _others(config: Mapping[str, Any], results: Results) -> Iterator[tuple[Measure, str, str, str]]:
    """(measure, source, usual source, metric) of every benchmark beside the pairs."""
    chosen = config["benchmarks"]
    for row in results.measures:
        if row.group:
            continue
        if row.name in METRICS and not row.by:
            usual, metric = METRICS[row.name]
            yield row, chosen[usual], usual, metric
        elif row.name == ACCURACY and row.by:
            yield row, chosen[row.by], row.by, "accuracy"
        elif row.name == PERPLEXITY:
            yield row, config["capability"]["source"], NEUTRAL, "perplexity"


def _data_set(source: str, usual: str, part: str) -> tuple[str, str]:
    """Type and name; of a file of one's own the source is the type."""
    kind, name = DATA_SETS[usual]
    if source != usual:
        kind, name = source, f"{source}, in place of {name}"
    return kind, f"{name}, {part}" if part else name


def _result(kind: str, data: str, metric: str, name: str, value: float) -> EvalResult:
    from huggingface_hub import EvalResult  # noqa: PLC0415 - half a second

    return EvalResult(
        task_type="text-generation",
        dataset_type=kind,
        dataset_name=data,
        metric_type=metric,
        metric_name=name,
        metric_value=round(value, 2),
    )
