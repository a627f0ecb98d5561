"""What a comparison is made of: each finished branch's scores and results, and what became of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from counterpoise.measures.results import Results
from counterpoise.measures.sweeps import Failure
from counterpoise.pairs.folds import FoldedPair
from counterpoise.records import Normalisation, PairScore


@dataclass(frozen=True, slots=True)
class BranchFacts:
    """One finished branch, as the sweep's plan names it.

    Attributes:
        label: what people call it.
        model: source of the base model; recipe: name of the recipe; seed: the branch's seed.
        settings: what the recipe sets, as ``key=value``.
        folds: the folds that were held out, one training each.
        normalisation: whether log-probabilities are summed or per token.
        whole: whether every pair is judged: all folds were held out, or there is one that is all of them.
    """

    label: str
    model: str
    recipe: str
    seed: int
    settings: tuple[str, ...]
    folds: tuple[int, ...]
    normalisation: Normalisation
    whole: bool = True


@dataclass(frozen=True, slots=True)
class BranchEvidence:
    """What a branch measured.

    Attributes:
        facts: which branch it is.
        pairs: every pair with its fold.
        scores: base and tuned scores of the held-out folds' pairs, each by the adapter that never saw it, in every
            reading; compared is the whole sentence.
        results: the numbers of the branch's own report.
        report_key: the cache key of that report.
    """

    facts: BranchFacts
    pairs: Sequence[FoldedPair]
    scores: Sequence[PairScore]
    results: Results
    report_key: str


@dataclass(frozen=True, slots=True)
class SweepInputs:
    """A sweep: ``name``, its finished branches in the plan's order, and the failed ones."""

    name: str
    branches: Sequence[BranchEvidence]
    failures: Sequence[Failure] = field(default=())
