"""From a run's records to everything that its report says. Here is the only list of what is measured."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from counterpoise.errors import DataError
from counterpoise.evaluation.accuracy import accuracy_measures
from counterpoise.evaluation.bbq_score import bbq_measures
from counterpoise.generation.prompts import group_terms
from counterpoise.measures.benchmarks import benchmark_measures, group_measures
from counterpoise.measures.claims import claims
from counterpoise.measures.criteria import limited
from counterpoise.measures.crows import comparison, margin_measures, readings
from counterpoise.measures.losses import Loss, losses
from counterpoise.measures.measure import Measure
from counterpoise.measures.names import FOLD, IN_SAMPLE, MEAN, REVISED, WHOLE
from counterpoise.measures.perplexity import divergence_measure, perplexity_measure
from counterpoise.measures.results import Facts, Filtered, Results, Training
from counterpoise.measures.texts import TextFindings, text_findings
from counterpoise.metrics.groups import Rate, rate, rates_by
from counterpoise.metrics.mentions import mentions
from counterpoise.records import Preference
from counterpoise.report.held_out import held_out, revised, scored_in
from counterpoise.report.inputs import FoldEvidence, ReportInputs
from counterpoise.report.verdict import judge

if TYPE_CHECKING:
    from counterpoise.alignment.records import TrainingOutcome


@dataclass(frozen=True, slots=True)
class FilterFindings:
    """How the preference filter treats different preferences.

    Attributes:
        by: (what by, name, share dropped in percent), over axes, origins and the groups that chosen names.
        kept_chosen, kept_rejected: mean toxicity of the kept sentences, 0 to 1.
    """

    by: Sequence[tuple[str, str, Rate]]
    kept_chosen: float
    kept_rejected: float


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything measured.

    Attributes:
        results: the numbers: what other programs read.
        losses: what got worse.
        texts: the continuations and what each classifier gives them.
        trainings: history and probes of each, in the order of the folds.
    """

    results: Results
    losses: Sequence[Loss]
    texts: TextFindings
    filter: FilterFindings
    trainings: Sequence[TrainingOutcome]


def findings(inputs: ReportInputs) -> Findings:
    """All numbers of the report.

    Raises:
        DataError: there is no fold, or a held-out pair has no score.
    """
    if not inputs.folds:
        raise DataError("a report needs at least one trained fold, got none", "run the pipeline first")
    run = inputs.run
    texts = text_findings(inputs.generations, inputs.toxicity, run.seed, greedy=run.greedy, null=inputs.null)
    measures = limited([*_measures(inputs), *texts.measures])
    decided = claims(measures)
    results = Results(
        facts=Facts(run.profile, run.seed, run.model, run.precision, run.prefix, run.normalisation),
        verdict=judge(measures, decided),
        claims=decided,
        measures=measures,
        trainings=tuple(_training(fold) for fold in inputs.folds),
        filtered=Filtered(
            len(inputs.preferences),
            sum(row.kept for row in inputs.preferences),
            dict(Counter(row.reason for row in inputs.preferences).most_common()),
        ),
    )
    trainings = [fold.training for fold in inputs.folds]
    return Findings(results, losses(measures, decided), texts, _filter(inputs.preferences), trainings)


def _measures(inputs: ReportInputs) -> Iterator[Measure]:
    """What is measured, but for the continuations: pairs, benchmarks, perplexity, groups, each fold alone."""
    run, evidence = inputs.run, held_out(inputs)
    yield from comparison(evidence, run.normalisation, seed=run.seed)
    yield from readings(evidence, without=WHOLE if run.normalisation == "sum" else MEAN, seed=run.seed)
    corrected = revised(inputs)
    if corrected:
        yield from readings(corrected, prefix=REVISED, seed=run.seed)
    yield _perplexity(inputs.folds, run.seed)
    yield from _divergence(inputs.folds, run.seed)
    yield from benchmark_measures(inputs.benchmarks, seed=run.seed)
    yield from bbq_measures(inputs.benchmarks, seed=run.seed)
    yield from accuracy_measures(inputs.benchmarks, seed=run.seed)
    yield from group_measures(inputs.benchmarks, seed=run.seed)
    for fold in inputs.folds:
        margins = scored_in(inputs, fold, "test").margins(run.normalisation)
        yield from margin_measures(margins, group=f"{FOLD}{fold.evaluated}", counts=False, seed=run.seed)
    trained = scored_in(inputs, inputs.folds[0], "train")
    if trained.pairs:
        yield from margin_measures(
            trained.margins(run.normalisation), by=IN_SAMPLE, counts=False, seed=run.seed
        )


def _perplexity(folds: Sequence[FoldEvidence], seed: int) -> Measure:
    """Base against tuned per sentence; with several folds, each sentence's mean over their adapters."""
    sums: dict[str, dict[int, list[float]]] = {"base": defaultdict(list), "tuned": defaultdict(list)}
    tokens: dict[int, int] = {}
    for fold in folds:
        for row in fold.capability:
            sums[row.variant][row.text_id].append(row.log_prob)
            tokens[row.text_id] = row.tokens
    texts = sorted(sums["base"].keys() & sums["tuned"].keys())
    if not texts:
        raise DataError("no neutral sentence was scored by base and tuned", "run the capability stage")
    base, tuned = (
        [sum(sums[side][text]) / len(sums[side][text]) for text in texts] for side in ("base", "tuned")
    )
    return perplexity_measure(base, tuned, [tokens[text] for text in texts], seed=seed)


def _divergence(folds: Sequence[FoldEvidence], seed: int) -> Iterator[Measure]:
    """With several folds, each text's mean over their adapters."""
    rows = [row for fold in folds for row in fold.divergence]
    texts = {row.text_id: row.tokens for row in rows}
    nats = dict.fromkeys(texts, 0.0)
    for row in rows:
        nats[row.text_id] += row.nats / len(folds)
    if rows:
        yield divergence_measure(list(nats.values()), list(texts.values()), seed=seed)


def _training(fold: FoldEvidence) -> Training:
    done = fold.training
    return Training(fold.evaluated, len(done.history), done.strength, done.status, done.reason)


def _filter(preferences: Sequence[Preference]) -> FilterFindings:
    kept = [row for row in preferences if row.kept]
    dropped = [not row.kept for row in preferences]
    by: dict[str, Mapping[str, Rate]] = {
        "axis": rates_by([row.axis for row in preferences], dropped),
        "origin": rates_by([row.origin for row in preferences], dropped),
        "group named by chosen": _by_group(preferences, dropped),
    }
    return FilterFindings(
        by=[(kind, name, found) for kind, rates in by.items() for name, found in rates.items()],
        kept_chosen=sum(row.chosen_toxicity for row in kept) / max(1, len(kept)),
        kept_rejected=sum(row.rejected_toxicity for row in kept) / max(1, len(kept)),
    )


def _by_group(preferences: Sequence[Preference], dropped: Sequence[bool]) -> dict[str, Rate]:
    """Drop rate by the group that the chosen sentence names, for the groups that any names."""
    named = mentions([row.prompt + row.chosen for row in preferences], group_terms())
    found = {
        group: [flag for flag, hit in zip(dropped, hits, strict=True) if hit] for group, hits in named.items()
    }
    return {group: rate(sum(flags), len(flags)) for group, flags in found.items() if flags}
