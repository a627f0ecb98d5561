"""Runs made up with the shapes and sizes of real ones, for looking at reports and for testing them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from counterpoise.alignment.records import Candidate, TrainingOutcome, TrainingStep
from counterpoise.evaluation.items import BenchmarkScore
from counterpoise.generation.prompts import load_prompts
from counterpoise.measures.benchmarks import VARIANTS
from counterpoise.neutral.records import Capability, Divergence
from counterpoise.pairs.folds import FoldedPair
from counterpoise.records import CATEGORIES, Generation, PairScore, Preference, Variant
from counterpoise.report.inputs import ArtifactFact, FoldEvidence, ReportInputs, RunFacts

SIZES = dict(zip(CATEGORIES, (516, 262, 172, 159, 105, 87, 84, 63, 60), strict=True))
FOLDS = 5
ENDINGS = (
    " the first to say what they think about the weather, and then they go on with the work of the day.",
    " seen near the old market, where the baker sells bread to anyone who asks for it before noon.",
    " able to help when the river rises, because the house stands on a hill above the fields.",
    " asked to wait, and after an hour the doctor came out and told everyone what had happened.",
    " remembered for a song that nobody else in the village could sing without making a mistake.",
    " right about one thing: the road to the city is longer in winter than in any other season.",
)
LOOP = " and the 11, a 11, and a 11, and a 11, and a 11, and a 11, and a 11"


def run_facts() -> RunFacts:
    return RunFacts(
        profile="synthetic",
        seed=7,
        dataset="made-up-pairs",
        split="stratified",
        model="made-up-135m",
        precision="nf4",
        prefix="bos",
        normalisation="sum",
        folds=FOLDS,
        greedy=False,
        config={"profile": "synthetic", "seed": 7, "alignment": {"loss": {"beta": 0.1}}},
    )


def run(
    *,
    base_shift: float = 0.6,
    tuned_shift: float = 0.0,
    tuned_scale: float = 1.0,
    agreement: float = 0.95,
    perplexity_ratio: float = 0.995,
    broken_texts: float = 0.0,
    evaluated: tuple[int, ...] = (0, 1, 2, 3, 4),
    pairs_per_category: int | None = None,
    in_sample: bool = False,
    classifiers: tuple[str, ...] = ("linear", "other"),
    seed: int = 0,
) -> ReportInputs:
    """A run whose margins are normal with these means (nats, in units of their spread).

    Args:
        base_shift, tuned_shift: 0 is neutral; 0.2 gives a score near 58 %.
        tuned_scale: size of the tuned margins before the shift; below 1 every preference is weaker.
        agreement: correlation of base and tuned margins.
        perplexity_ratio: tuned over base.
        broken_texts: share of the tuned continuations that loop.
    """
    rng = np.random.default_rng(seed)
    pairs = _pairs(pairs_per_category)
    folds = [
        FoldEvidence(
            fold,
            _training(rng, strength=0.6),
            _scores(rng, pairs, fold, base_shift, (tuned_shift, tuned_scale), agreement, in_sample),
            _capability(rng, perplexity_ratio),
            [Divergence(text, 0.006 * tokens, tokens) for text, tokens in enumerate(range(20, 60))],
        )
        for fold in evaluated
    ]
    generations = _generations(rng, broken_texts)
    return ReportInputs(
        run=run_facts(),
        pairs=pairs,
        preferences=_preferences(rng, pairs),
        folds=folds,
        generations=generations,
        toxicity={name: _toxicity(rng, generations) for name in classifiers},
        provenance=[
            ArtifactFact(stage, f"{index:064x}", f"{index + 100:064x}", index * 10 or None)
            for index, stage in enumerate(("dataset", "pairs", "adapter · fold 0", "scores · fold 0"))
        ],
    )


def _pairs(per_category: int | None) -> list[FoldedPair]:
    categories = [name for name in CATEGORIES for _ in range(per_category or SIZES[name])]
    return [
        FoldedPair(
            index,
            category,
            "antistereo" if index % 7 == 0 else "stereo",
            f"more {index}",
            f"less {index}",
            group=index,
            fold=index % FOLDS,
        )
        for index, category in enumerate(categories)
    ]


def _scores(
    rng: np.random.Generator,
    pairs: list[FoldedPair],
    fold: int,
    base_shift: float,
    tuned_by: tuple[float, float],
    agreement: float,
    in_sample: bool,
) -> list[PairScore]:
    rows = []
    shift, scale = tuned_by
    for item in pairs:
        if item.fold != fold and not in_sample:
            continue
        common, own = rng.normal(size=2)
        tuned = agreement * common + math.sqrt(1 - agreement**2) * own
        trained = -0.3 if item.fold != fold else 0.0
        for variant, margin in (("base", common + base_shift), ("tuned", scale * tuned + shift + trained)):
            level = -60.0 - 10 * rng.random()
            rows.append(PairScore(item.pair_id, variant, level + 4 * margin, level, 14, 14))  # type: ignore[arg-type]
    return rows


def _capability(rng: np.random.Generator, ratio: float) -> list[Capability]:
    rows = []
    for text in range(400):
        tokens = int(rng.integers(12, 40))
        base = -tokens * (3.4 + 0.4 * rng.normal())
        tuned = base - tokens * (math.log(ratio) + 0.01 * rng.normal())
        rows += [Capability(text, "base", base, tokens), Capability(text, "tuned", tuned, tokens)]
    return rows


def _training(rng: np.random.Generator, strength: float, steps: int = 120) -> TrainingOutcome:
    history = tuple(
        TrainingStep(
            step=step,
            epoch=2 * step / steps,
            learning_rate=1e-4 * min(1, step / 12) * (1 - step / (steps + 1)),
            loss=0.7 * math.exp(-step / 70) + 0.03 * rng.normal(),
            preference=0.3,
            hold=0.01,
            consistency=0.15,
            own_text=0.006 * step / steps,
            reward_margin=0.4 * step / steps,
            reward_accuracy=0.5 + 0.2 * step / steps,
            chosen_log_prob=-81.0,
            rejected_log_prob=-82.0,
            chosen_change=0.02 * math.log1p(step / 10) + 0.005 * rng.normal(),
            rejected_change=-0.03 * step / steps + 0.005 * rng.normal(),
            gradient_norm=1.0,
        )
        for step in range(1, steps + 1)
    )
    looked = [_candidate(at) for at in (0.0, 1.0, 0.75)]
    return TrainingOutcome(
        history=history,
        candidates=(*looked, replace(_candidate(strength), perplexity_rise=0.004, own_text_kl=0.006)),
        strength=strength,
        status="neutral",
        reason=f"strength {strength:g}: validation within half a point of 50",
    )


def _candidate(strength: float) -> Candidate:
    return Candidate(
        strength=strength,
        score=57.0 - 9 * strength,
        soft_score=56.0 - 10 * strength,
        mean_abs_margin=4.0,
        perplexity_rise=0.024 if strength == 1 else None,
        failed_guard="neutral perplexity rose by 2.4 % (limit 2 %)" if strength == 1 else "",
    )


def _preferences(rng: np.random.Generator, pairs: list[FoldedPair]) -> list[Preference]:
    rows = []
    for item in pairs:
        chosen, rejected = (float(value) for value in rng.beta(1, 5, size=2))
        both, kept = min(chosen, rejected) > 0.5, chosen <= rejected
        reason = "kept: chosen no more toxic than rejected"
        if both or not kept:
            reason = (
                "dropped: both above the toxicity limit"
                if both
                else "dropped: chosen more toxic than rejected"
            )
        rows.append(
            Preference(
                f"{item.pair_id}/human/{item.category}/0",
                item.pair_id,
                item.fold,
                item.category,
                item.category,
                "human" if item.pair_id % 3 else "counterfactual",
                "",
                item.less,
                item.more,
                chosen,
                rejected,
                kept and not both,
                reason,
            )
        )
    return rows


def _generations(rng: np.random.Generator, broken: float) -> list[Generation]:
    rows = []
    for variant in ("base", "tuned"):
        for prompt in load_prompts("local"):
            for sample in (0, 1):
                text = ENDINGS[int(rng.integers(len(ENDINGS)))]
                if variant == "tuned" and rng.random() < broken:
                    text = LOOP
                rows.append(
                    Generation(
                        prompt.prompt_id,
                        prompt.group,
                        prompt.axis,
                        variant,
                        sample,
                        prompt.text,
                        text,
                        20,  # type: ignore[arg-type]
                    )
                )
    return rows


def _toxicity(rng: np.random.Generator, generations: list[Generation]) -> dict[str, float]:
    return {
        row.prompt + row.text: float(rng.beta(1, 6 if row.axis == "neutral" else 4)) for row in generations
    }


def with_texts(inputs: ReportInputs, base: str, tuned: str) -> ReportInputs:
    """The same run, every continuation replaced, with equal toxicity."""
    generations = [replace(row, text=base if row.variant == "base" else tuned) for row in inputs.generations]
    toxicity = {name: {row.prompt + row.text: 0.1 for row in generations} for name in inputs.toxicity}
    return replace(inputs, generations=generations, toxicity=toxicity)


def benchmark_scores(
    item: int, values: dict[str, float], variant: Variant, **names: str
) -> list[BenchmarkScore]:
    """One example's options: option → log-probability over 10 tokens."""
    labels = {"benchmark": "stereoset", "part": "intrasentence", "group": "race", "target": "x"} | names
    return [
        BenchmarkScore(item=str(item), option=option, variant=variant, log_prob=value, tokens=10, **labels)
        for option, value in values.items()
    ]


def stereoset_losing_sense(examples: int = 40) -> list[BenchmarkScore]:
    """Both variants prefer the stereotype in every second example; tuned finds nonsense likelier in a tenth."""
    rows = []
    for item in range(examples):
        better, other = ("stereotype", "antistereotype") if item % 2 else ("antistereotype", "stereotype")
        for variant in VARIANTS:
            nonsense = -5.0 if variant == "tuned" and item % 10 == 0 else -30.0
            values = {better: -10.0, other: -20.0, "unrelated": nonsense}
            rows += benchmark_scores(item, values, variant, target=f"t{item}")
    return rows


def everything() -> ReportInputs:
    """A small run that has every part: readings, benchmarks, groups, a broken text in ten, in-sample scores."""
    inputs = run(base_shift=0.3, tuned_shift=0.05, broken_texts=0.1, pairs_per_category=20, in_sample=True)
    folds = [replace(fold, scores=[*fold.scores, *_readings(fold.scores)]) for fold in inputs.folds]
    return replace(inputs, folds=folds, benchmarks=[*stereoset_losing_sense(), *_winobias(), *_groups()])


def _readings(scores: Sequence[PairScore]) -> list[PairScore]:
    """Of each sentence two thirds of the margin on what both say, a third on the names."""
    return [
        replace(
            row,
            more_log_prob=share * row.more_log_prob,
            less_log_prob=share * row.less_log_prob + shift * (row.pair_id % 3 - 1),
            more_tokens=tokens,
            less_tokens=tokens,
            reading=reading,
        )
        for row in scores
        for reading, share, shift, tokens in (("shared", 2 / 3, 1.0, 10), ("identity", 1 / 3, -1.0, 4))
    ]


def _winobias() -> list[BenchmarkScore]:
    return [
        row
        for item in range(60)
        for variant, margin in (("base", 2.0 - item % 3), ("tuned", 1.5 - item % 3))
        for row in benchmark_scores(
            item,
            {"pro": -10.0 + margin, "anti": -10.0},
            variant,
            benchmark="winobias",
            part=f"type{item % 2 + 1}",
        )
    ]


def _groups() -> list[BenchmarkScore]:
    return [
        row
        for item in range(60)
        for variant, fall in (("base", 0.0), ("tuned", 3.0 if item % 3 == 2 else item % 5 / 10))
        for row in benchmark_scores(
            item,
            {"sentence": -30.0 - item - fall},
            variant,
            benchmark="groups",
            part="race",
            group="abc"[item % 3],
            target="abc"[item % 3],
        )
    ]
