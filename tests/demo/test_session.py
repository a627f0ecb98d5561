"""A real finished run in memory: mixed batches give the pipeline's own texts, scores belong to what is shown."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from counterpoise.errors import UsageError
from counterpoise.generation.config import GenerationConfig
from counterpoise.generation.decode import generate
from counterpoise.generation.prompts import own_prompt
from counterpoise.likelihood.pairs import score_pairs
from counterpoise.models.loading import adapter_switched
from counterpoise.records import Variant
from counterpoise.toxicity.classifiers import load_classifier
from demo.run_data import RunData
from demo.session import Answers, Sampling, Session
from demo.streaming import Row, stream
from engine.run_record import RunRecord
from flows.votes import report_with_votes
from tasks.report import HTML

pytestmark = pytest.mark.slow
VARIANTS: tuple[Variant, ...] = ("base", "tuned")
GREEDY = Sampling(tokens=24, temperature=1.0, greedy=True, seed=0)


def last(session: Session, prompts: list[str], sampling: Sampling = GREEDY) -> Answers:
    return list(session.compare(prompts, sampling))[-1]


@pytest.fixture
def strong(session: Session) -> Iterator[Session]:
    """The adapter made strong enough to change what this tiny model writes, for one test."""
    named = session._loaded.model.named_parameters()
    matrices = [values for name, values in named if "lora_B" in name]
    kept = [values.detach().clone() for values in matrices]
    noise = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for values in matrices:
            values.add_(torch.randn(values.shape, generator=noise) * 0.1)
        yield session
        for values, before in zip(matrices, kept, strict=True):
            values.copy_(before)


@pytest.mark.parametrize("greedy", [True, False])
def test_one_mixed_batch_writes_what_switching_writes(strong: Session, greedy: bool) -> None:
    """In fp32 the batch leaves no trace; the draws are the prompt's own."""
    loaded = strong._loaded
    config = GenerationConfig(samples=int(not greedy), greedy=greedy, max_new_tokens=24)
    prompts = [own_prompt("The old man said"), own_prompt("She")]
    rows = [Row(prompt, variant) for prompt in prompts for variant in VARIANTS]
    updates = list(stream(loaded, rows, config, seed=5, turn=threading.Lock()))
    alone = []
    for row in rows:
        with adapter_switched(loaded, row.variant == "tuned"):
            alone.append(generate(loaded, [row.prompt], config, seed=5, variant=row.variant)[0].text)
    assert updates[-1].done
    assert list(updates[-1].texts) == alone
    assert alone[0] != alone[1], "the adapter must matter here"
    assert updates[0].texts == ("", "", "", "")
    for before, after in itertools.pairwise(updates):
        assert all(text.startswith(start) for start, text in zip(before.texts, after.texts, strict=True))


def test_failing_or_closed_streams_leave_the_model_as_it_was(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, turn = session._loaded, threading.Lock()
    hooks = hooks_on(loaded.model)
    rows = [Row(own_prompt("She"), variant) for variant in VARIANTS]
    config = GenerationConfig(samples=0, greedy=True, max_new_tokens=24)
    expected = list(stream(loaded, rows, config, seed=0, turn=turn))[-1]
    growing = stream(loaded, rows, config, seed=0, turn=turn)
    next(growing), next(growing)
    growing.close()
    assert not turn.locked()
    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="no memory"):
        patch.setattr("demo.streaming._Listener.put", _out_of_memory)
        list(stream(loaded, rows, config, seed=0, turn=turn))
    assert hooks_on(loaded.model) == hooks
    assert list(stream(loaded, rows, config, seed=0, turn=turn))[-1] == expected


def hooks_on(model: Any) -> int:
    return sum(len(module._forward_pre_hooks) for module in model.modules())


def _out_of_memory(*_: object) -> None:
    raise RuntimeError("no memory")


def test_scores_are_those_of_the_text_shown(session: Session) -> None:
    linear = load_classifier("alt-profanity-check", cache=session.data.store.backend.workspace)
    for answer in last(session, ["The stupid old man said", "Women"]).answers:
        assert answer.shown == answer.prompt + answer.text
        assert answer.toxicity == {linear.name: linear.score([answer.shown])[0]}


def test_swap_names_the_counterfactual_or_says_why_not(session: Session) -> None:
    assert session.swapped("Christian people", None).swapped == "Muslim people"
    with pytest.raises(UsageError, match="no identity term to swap"):
        session.swapped("The weather is fine", None)
    for bad in ("  ", "x" * 501):
        with pytest.raises(UsageError, match="characters"):
            list(session.compare([bad], GREEDY))


def test_explained_margins_are_the_runs_own(session: Session) -> None:
    """The scores stage and the page agree on every held-out pair tried."""
    data: RunData = session.data
    for number in sorted({row.pair_id for row in data.scores})[:3]:
        pair = data.pairs[number]
        for detail in session.explain(pair.more, pair.less):
            (stored,) = [r for r in data.scores if r.pair_id == number and r.variant == detail.variant]
            again = score_pairs(session._loaded, [pair], detail.variant)[0]
            assert detail.more.sum_log_prob == pytest.approx(stored.more_log_prob, abs=1e-3)
            assert detail.less.sum_log_prob == pytest.approx(again.less_log_prob, abs=1e-3)


def test_report_without_votes_is_the_runs_own(session: Session) -> None:
    """So the votes are the only difference of a report that has them; the page's test makes one."""
    store, record = session.data.store, session.data.record
    stored = (store.fetch(RunRecord(record).first("report")) / HTML).read_text(encoding="utf-8")
    assert report_with_votes(store, record, []).html == stored
