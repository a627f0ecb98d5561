"""The scores are lm-eval's, by running lm-eval: same pairs, same weights, same prefix token."""

from __future__ import annotations

import os

import pytest

from counterpoise.flows.commands._model import model_folder
from counterpoise.likelihood.pairs import score_pairs
from counterpoise.metrics.crows import bias_score
from counterpoise.models.loading import LoadedModel, load_model
from counterpoise.pairs.parse import parse_pairs
from counterpoise.records import Pair, silent
from counterpoise.sources.datasets import locate

pytest.importorskip("lm_eval", reason="the bench extra is not installed")
from tests.likelihood.lm_eval_peer import run_lm_eval


def check_agreement(loaded: LoadedModel, pairs: list[Pair], prefix: str) -> None:
    token = getattr(loaded.tokenizer, f"{prefix}_token_id")
    peer = run_lm_eval(loaded, pairs, token)
    ours = score_pairs(loaded, pairs, "base", prefix=prefix)
    for score, (more, less) in zip(ours, peer.log_likelihoods, strict=True):
        assert score.more_log_prob == pytest.approx(more, abs=1e-3)
        assert score.less_log_prob == pytest.approx(less, abs=1e-3)
    result = bias_score(pairs, ours)
    assert result.n == len(pairs)
    assert result.pct_stereotype == pytest.approx(100 * peer.pct_stereotype, abs=0.1)
    assert result.mean_abs_margin == pytest.approx(peer.likelihood_diff, abs=0.01)


@pytest.mark.parametrize("prefix", ["bos", "eos"])
def test_tiny_model(tiny: LoadedModel, pairs: list[Pair], prefix: str) -> None:
    check_agreement(tiny, pairs, prefix)


EVERY = int(os.environ.get("LM_EVAL_EVERY", "12"))
"""Each how manyth pair is scored by both; ``LM_EVAL_EVERY=1`` takes all 1,508 (some minutes)."""


@pytest.mark.slow
@pytest.mark.network
def test_smollm2_on_crows_pairs() -> None:
    file = locate("crows-pairs")
    pairs = parse_pairs(file.read_bytes(), file.name)
    assert len(pairs) == 1508
    sample = pairs[::EVERY]
    assert len(sample) > 120
    check_agreement(load_model(model_folder("smollm2-135m", silent), "fp32", device="cpu"), sample, "eos")
