"""Runs lm-eval's own crows_pairs task on given pairs, without any network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import datasets
from lm_eval import simple_evaluate
from lm_eval.api.task import ConfigurableTask
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks.crows_pairs import utils

from counterpoise.models.loading import LoadedModel
from counterpoise.records import Pair


@dataclass(frozen=True)
class PeerResult:
    """What lm-eval reports: two metrics, and (more, less) log-likelihoods in the order of the pairs."""

    pct_stereotype: float
    likelihood_diff: float
    log_likelihoods: list[tuple[float, float]]


def run_lm_eval(
    loaded: LoadedModel, pairs: Sequence[Pair], prefix_token_id: int, batch_size: int = 16
) -> PeerResult:
    """lm-eval's crows_pairs_english over ``pairs`` instead of its hub dataset; all else is its own code."""
    peer = HFLM(
        pretrained=loaded.model,
        tokenizer=loaded.tokenizer,
        batch_size=batch_size,
        prefix_token_id=prefix_token_id,
        device=str(loaded.device),
    )
    outcome: Any = simple_evaluate(
        model=peer, tasks=[_task(pairs)], bootstrap_iters=0, log_samples=True, verbosity="ERROR"
    )
    samples = sorted(outcome["samples"]["crows_pairs_english"], key=lambda sample: sample["doc_id"])
    metrics = outcome["results"]["crows_pairs_english"]
    return PeerResult(
        pct_stereotype=metrics["pct_stereotype,none"],
        likelihood_diff=metrics["likelihood_diff,none"],
        log_likelihoods=[(s["filtered_resps"][0][0], s["filtered_resps"][1][0]) for s in samples],
    )


def _task(pairs: Sequence[Pair]) -> ConfigurableTask:
    rows = [{"sent_more": pair.more, "sent_less": pair.less, "bias_type": pair.category} for pair in pairs]
    return ConfigurableTask(
        config={
            "task": "crows_pairs_english",
            "custom_dataset": lambda **_: datasets.DatasetDict({"test": datasets.Dataset.from_list(rows)}),
            "test_split": "test",
            "output_type": "multiple_choice",
            "doc_to_text": "",
            "doc_to_target": 0,
            "doc_to_choice": utils.doc_to_choice,
            "target_delimiter": "",
            "process_results": utils.process_results,
            "metric_list": [
                {"metric": name, "aggregation": "mean", "higher_is_better": False}
                for name in ("likelihood_diff", "pct_stereotype")
            ],
        }
    )
