"""What a report is made of: the records of one finished run, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from counterpoise.evaluation.items import BenchmarkScore
from counterpoise.neutral.records import Capability, Divergence
from counterpoise.pairs.folds import FoldedPair
from counterpoise.records import Generation, Normalisation, Pair, PairScore, Preference
from counterpoise.votes.records import Vote

if TYPE_CHECKING:
    from counterpoise.alignment.records import TrainingOutcome
    from counterpoise.config import RunConfig
    from counterpoise.pairs.cut import CutPairs
    from counterpoise.pairs.ledger import Ledger


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What was run.

    Attributes:
        profile: name of the profile.
        seed: the run's seed; also seeds every bootstrap of the report.
        dataset: source of the pairs.
        split: how they were divided: ``stratified`` or the case study's ``notebook``.
        model: source of the base model.
        precision: of the weights while scoring base and tuned.
        prefix: the token before each scored sentence.
        normalisation: whether the headline's log-probabilities are summed or per token.
        folds: number of folds.
        greedy: whether sample 0 of each prompt is the most likely continuation.
        config: the whole configuration, as plain values.
    """

    profile: str
    seed: int
    dataset: str
    split: str
    model: str
    precision: str
    prefix: str
    normalisation: Normalisation
    folds: int
    greedy: bool
    config: Mapping[str, Any]

    @classmethod
    def of(cls, config: RunConfig) -> RunFacts:
        """The facts of a run with this configuration."""
        return cls(
            profile=config.profile,
            seed=config.seed,
            dataset=config.pairs.source,
            split=config.pairs.method,
            model=config.model.source,
            precision=config.scoring.precision or config.model.precision,
            prefix=config.scoring.prefix,
            normalisation=config.scoring.normalisation,
            folds=config.pairs.folds,
            greedy=config.generation.greedy,
            config=config.model_dump(mode="json", exclude={"publish", "tracking"}),
        )


@dataclass(frozen=True, slots=True)
class FoldEvidence:
    """One training and what its adapter was measured on.

    Attributes:
        evaluated: the fold held out of this training.
        training: its history, probes and selected step.
        scores: base and tuned scores of pairs, in every reading. Those of the evaluated fold are held out;
            scores of pairs the adapter was trained on may be there too and are reported apart.
        capability: base and tuned log-probabilities of neutral sentences.
        divergence: of the tuned from the base, on continuations that the base wrote.
    """

    evaluated: int
    training: TrainingOutcome
    scores: Sequence[PairScore]
    capability: Sequence[Capability]
    divergence: Sequence[Divergence] = ()


@dataclass(frozen=True, slots=True)
class RevisedEvidence:
    """A user's revised edition of the benchmark: its pairs, and their base and tuned scores in every reading."""

    pairs: Sequence[Pair]
    scores: Sequence[PairScore]


@dataclass(frozen=True, slots=True)
class ArtifactFact:
    """Where a part of the evidence lies: its stage, cache key, content hash and number of rows."""

    stage: str
    key: str
    sha256: str
    rows: int | None


@dataclass(frozen=True, slots=True)
class VoteEvidence:
    """People's votes on the first fold's adapter, and the digest that pins them."""

    votes: Sequence[Vote]
    digest: str


@dataclass(frozen=True, slots=True)
class ReportInputs:
    """One finished run.

    Attributes:
        pairs: every pair with its fold.
        preferences: every candidate preference, kept or dropped.
        folds: one training each.
        generations: continuations of the same prompts, by the base and by the adapters in the order of the folds.
        toxicity: classifier → text → probability of being toxic; has every ``prompt + text``.
        null: continuations of the same prompts by a random adapter as large as the first one.
        benchmarks: what base and tuned make of other benchmarks' options, if any were run.
        revised: the revised edition, if there is one.
        ledger: what became of the pairs to train on, where they are of another source.
        cut: pairs whose two sentences are the same tokens, if there are any.
        provenance: every artifact the report rests on.
        votes: people's blind votes; None in the report that a run writes, which is made before anyone voted.
    """

    run: RunFacts
    pairs: Sequence[FoldedPair]
    preferences: Sequence[Preference]
    folds: Sequence[FoldEvidence]
    generations: Sequence[Generation]
    toxicity: Mapping[str, Mapping[str, float]]
    provenance: Sequence[ArtifactFact]
    null: Sequence[Generation] = field(default=())
    benchmarks: Sequence[BenchmarkScore] = field(default=())
    revised: RevisedEvidence | None = None
    ledger: Ledger | None = None
    cut: CutPairs | None = None
    votes: VoteEvidence | None = None
