"""Every benchmark beside CrowS-Pairs → log-probabilities of its options, by the base once and by each adapter.

The base's part does not depend on any adapter: trainings with other seeds, folds or recipes find it cached.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from counterpoise.artifacts.store import Ref
from counterpoise.artifacts.tables import BENCHMARKS
from counterpoise.engine.job import Job
from counterpoise.engine.models import load_for_scoring, scoring_settings
from counterpoise.engine.shards import in_shards
from counterpoise.engine.stage import Stage
from counterpoise.evaluation.config import sources_of
from counterpoise.evaluation.names import ASKED
from counterpoise.records import Variant
from counterpoise.sources.datasets import locate, source_hash

if TYPE_CHECKING:
    from counterpoise.config import RunConfig
    from counterpoise.evaluation.items import BenchmarkItem, BenchmarkScore
    from counterpoise.models.loading import LoadedModel

SHARD_ITEMS = 512


def compute(job: Job, model: Ref, adapter: Ref | None = None) -> None:
    """Scores every option of this fold's examples, with the adapter on where one is given."""
    from counterpoise.evaluation.items import BenchmarkScore
    from counterpoise.likelihood.encoding import own_prefix

    loaded = load_for_scoring(job, model, adapter)
    asked = own_prefix(loaded.tokenizer)

    def scored(chunk: Sequence[BenchmarkItem]) -> list[BenchmarkScore]:
        rows = []
        for benchmark, items in groupby(chunk, key=attrgetter("benchmark")):
            prefix = asked if benchmark in ASKED else job.config.scoring.prefix
            rows += _scored(job, loaded, list(items), prefix, "tuned" if adapter else "base")
        return rows

    rows = in_shards(job, "items", _items(job), SHARD_ITEMS, scored, BENCHMARKS, BenchmarkScore)
    job.write(BENCHMARKS, rows)


def _scored(
    job: Job, loaded: LoadedModel, items: Sequence[BenchmarkItem], prefix: str, variant: Variant
) -> list[BenchmarkScore]:
    from counterpoise.evaluation.items import BenchmarkScore
    from counterpoise.likelihood.sentences import score_continuations

    options = [(item, option) for item in items for option in item.options]
    scores = score_continuations(
        loaded,
        [(option.context, option.text) for _, option in options],
        prefix=prefix,
        token_budget=job.config.scoring.token_budget,
    )
    return [
        BenchmarkScore(
            item.benchmark,
            item.item,
            item.part,
            item.group,
            item.target,
            option.name,
            variant,
            score.sum_log_prob,
            score.tokens,
        )
        for (item, option), score in zip(options, scores, strict=True)
    ]


def _items(job: Job) -> list[BenchmarkItem]:
    """What this fold's adapter answers: its share of each benchmark, or all of it."""
    from counterpoise.evaluation.items import load_items, share_of

    config = job.config.benchmarks
    items = [
        item
        for name, source in sources_of(config).items()
        for item in load_items(name, locate(source, progress=job.progress), config)
    ]
    if config.share == "all":
        return items
    evaluated = job.config.pairs.evaluate
    return share_of(items, evaluated.index(job.held_out_fold), len(evaluated))


def _settings(config: RunConfig) -> dict[str, Any]:
    dealt = {"evaluate": config.pairs.evaluate} if config.benchmarks.share == "split" else {}
    return (
        scoring_settings(config)
        | dealt
        | {
            "share": config.benchmarks.share,
            "group_sentences": config.benchmarks.group_sentences,
            "bbq_items": config.benchmarks.bbq_items,
            "bbq_all_unknowns": config.benchmarks.bbq_all_unknowns,
            "choice_questions": config.benchmarks.choice_questions,
        }
    )


benchmarks = Stage(
    name="benchmarks",
    version=1,
    compute=compute,
    settings=_settings,
    resources=lambda config: {
        name: source_hash(source) for name, source in sources_of(config.benchmarks).items()
    },
    tables=(BENCHMARKS,),
    libraries=("torch", "transformers", "peft", "bitsandbytes"),
    retries=2,
    timeout_s=6 * 3600,
    tags=("gpu", "network"),
)
benchmarks_base = replace(benchmarks, name="benchmarks-base")
