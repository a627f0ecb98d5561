"""A real finished run in memory: mixed batches give the pipeline's own texts, scores belong to what is shown."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from counterpoise.demo.answers import Answers, Sampling
from counterpoise.demo.line import LONGEST_LINE
from counterpoise.demo.run_data import RunData
from counterpoise.demo.session import Session, title_of
from counterpoise.demo.streaming import Row, decode
from counterpoise.engine.report_files import HTML
from counterpoise.engine.run_record import RunRecord
from counterpoise.errors import UsageError
from counterpoise.flows.votes import report_with_votes
from counterpoise.generation.config import GenerationConfig
from counterpoise.generation.decode import generate
from counterpoise.generation.prompts import own_prompt
from counterpoise.likelihood.pairs import score_pairs
from counterpoise.models.loading import adapter_switched
from counterpoise.records import Variant
from counterpoise.toxicity.classifiers import load_classifier

pytestmark = pytest.mark.slow
VARIANTS: tuple[Variant, ...] = ("base", "tuned")
GREEDY = Sampling(tokens=24, temperature=1.0, greedy=True, seed=0)


def last(session: Session, prompts: list[str], sampling: Sampling = GREEDY) -> Answers:
    ticket = session.ask(prompts, sampling)
    assert ticket.ended.wait(120)
    return session.answers(ticket)


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


def test_one_mixed_batch_writes_what_switching_writes(strong: Session) -> None:
    """In fp32 the batch leaves no trace, whoever else is in it: the draws are the prompt's own."""
    loaded = strong._loaded
    prompts = [own_prompt("The old man said"), own_prompt("She")]
    rows = [
        Row(prompt, variant, longest, greedy)
        for prompt in prompts
        for variant in VARIANTS
        for longest, greedy in ((24, True), (24, False), (9, False))
    ]
    grown: list[list[str]] = []
    decode(loaded, rows, 1.0, lambda: grown.append([row.text for row in rows]), seed=5)
    for at, row in enumerate(rows):
        config = GenerationConfig(samples=int(not row.greedy), greedy=row.greedy, max_new_tokens=row.longest)
        with adapter_switched(loaded, row.variant == "tuned"):
            (alone,) = generate(loaded, [row.prompt], config, seed=5, variant=row.variant)
        assert (row.text, len(row.tokens), row.over) == (alone.text, alone.tokens, True)
        assert all(later[at].startswith(before[at]) for before, later in itertools.pairwise(grown))
    assert rows[0].text != rows[3].text, "the adapter must matter here"


def test_a_row_that_is_stopped_ends_alone_and_failing_leaves_the_model_as_it_was(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, hooks = session._loaded, hooks_on(session._loaded.model)

    def rows() -> list[Row]:
        return [Row(own_prompt("She"), variant, 24) for variant in VARIANTS]

    expected, stopped = rows(), rows()
    decode(loaded, expected, 1.0, lambda: None)

    def stop_after_three() -> None:
        stopped[0].stop = len(stopped[0].tokens) >= 3

    decode(loaded, stopped, 1.0, stop_after_three)
    assert stopped[0].over
    assert stopped[0].tokens == expected[0].tokens[:4]
    assert stopped[1].text == expected[1].text
    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="no pen"):
        patch.setattr("counterpoise.demo.streaming._Pen._note", _failing)
        decode(loaded, rows(), 1.0, lambda: None)
    assert hooks_on(loaded.model) == hooks
    again = rows()
    decode(loaded, again, 1.0, lambda: None)
    assert [row.text for row in again] == [row.text for row in expected]


def hooks_on(model: Any) -> int:
    return sum(len(module._forward_pre_hooks) for module in model.modules())


def _failing(*_: object) -> None:
    raise RuntimeError("no pen")


def test_out_of_memory_is_one_clear_line(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr("counterpoise.demo.streaming._Pen._note", full)
        ticket = session.ask(["She"], GREEDY)
        assert ticket.ended.wait(60)
    with pytest.raises(UsageError, match="no memory for 2 answers"):
        session.answers(ticket)
    assert last(session, ["She"]).done, "the line goes on"


def test_who_waits_is_decoded_together_and_told_their_place(session: Session) -> None:
    """One is being served; of five that wait, four are decoded in one batch and the hotter one in the next."""
    at_work, go = threading.Event(), threading.Event()
    held = session.line.call(lambda: (at_work.set(), go.wait(60)))
    assert at_work.wait(60)
    warm = replace(GREEDY, greedy=False)
    asked = [GREEDY, warm, replace(warm, seed=3, tokens=9), replace(warm, temperature=1.5), GREEDY]
    tickets = [session.ask([f"Person {at} said"], how) for at, how in enumerate(asked)]
    places = [session.place(ticket) for ticket in tickets]
    assert [place.number for place in places if place] == [1, 2, 3, 4, 5]
    go.set()
    held.result(60)
    assert all(ticket.ended.wait(120) for ticket in tickets)
    together = {tickets[at].began for at in (0, 1, 2, 4)}
    assert max(together) - min(together) < 0.01  # type: ignore[type-var, operator]
    assert tickets[3].began > max(ticket.over for ticket in (tickets[0], tickets[1]))  # type: ignore
    assert session.place(tickets[3]) is None
    for ticket, how, text in zip(tickets, asked, [f"Person {at} said" for at in range(5)], strict=True):
        assert [a.text for a in session.answers(ticket).answers] == [
            a.text for a in last(session, [text], how).answers
        ]


def test_stop_scores_what_was_written_and_leaves_the_line(session: Session) -> None:
    at_work, go = threading.Event(), threading.Event()
    held = session.line.call(lambda: (at_work.set(), go.wait(60)))
    assert at_work.wait(60)
    waiting = session.ask(["She"], GREEDY)
    session.line.stop(waiting)
    assert waiting.ended.is_set()
    assert session.place(waiting) is None
    assert [answer.text for answer in session.answers(waiting).answers] == ["", ""]
    written = session.ask(["She"], replace(GREEDY, tokens=96))
    go.set()
    held.result(60)
    while not written.first_words:
        time.sleep(0.001)
    session.line.stop(written)
    assert written.ended.wait(60)
    stopped, whole = session.answers(written), last(session, ["She"], replace(GREEDY, tokens=96))
    assert stopped.done
    assert stopped.stopped
    for part, answer in zip(stopped.answers, whole.answers, strict=True):
        assert 0 < part.tokens < answer.tokens
        assert answer.text.startswith(part.text)
        assert set(part.toxicity) == set(answer.toxicity) != set()


def test_a_full_line_says_so(session: Session) -> None:
    at_work, go = threading.Event(), threading.Event()
    held = session.line.call(lambda: (at_work.set(), go.wait(60)))
    assert at_work.wait(60)
    tickets = [session.ask(["She"], GREEDY) for _ in range(LONGEST_LINE)]
    with pytest.raises(UsageError, match=f"busy: {LONGEST_LINE} requests wait — try again in"):
        session.ask(["She"], GREEDY)
    for ticket in tickets:
        session.line.stop(ticket)
    go.set()
    held.result(60)


def test_scores_are_those_of_the_text_shown(session: Session) -> None:
    linear = load_classifier("alt-profanity-check", cache=session.data.store.backend.workspace)
    for answer in last(session, ["The stupid old man said", "Women"]).answers:
        assert answer.shown == answer.prompt + answer.text
        assert answer.toxicity == {linear.name: linear.score([answer.shown])[0]}


def test_the_identity_that_stands_first_is_swapped_or_the_one_that_is_chosen(session: Session) -> None:
    def titles(text: str) -> list[str]:
        return [title_of(swap) for swap in session.swaps(text)]

    assert session.swapped("the black woman").swapped == "the white woman"
    assert session.swapped("the woman is black").swapped == "the man is black"
    assert session.swapped("The old man said").swapped == "The young man said"
    assert titles("the black woman")[0] == "black → white"
    assert "woman → man" in titles("the black woman")
    assert session.swapped("the black woman", "woman → man").swapped == "the black man"
    assert session.swapped("the black woman", "black → Asian").swapped == "the Asian woman"
    assert session.swapped("the black woman", "no such choice").swapped == "the white woman"
    assert titles("An Asian guest")[0] == "Asian → White", "“a” for “an” is no identity"
    assert titles("The weather is fine") == []


def test_swap_names_the_counterfactual_or_says_why_not(session: Session) -> None:
    assert session.swapped("Christian people").swapped == "Muslim people"
    with pytest.raises(UsageError, match="no identity term to swap"):
        session.swapped("The weather is fine")
    for bad in ("  ", "x" * 501):
        with pytest.raises(UsageError, match="characters"):
            session.ask([bad], GREEDY)


def test_explained_margins_are_the_runs_own(session: Session) -> None:
    """The scores stage and the page agree on every held-out pair tried."""
    data: RunData = session.data
    for number in sorted({row.pair_id for row in data.scores})[:3]:
        pair = data.pairs[number]
        for detail in session.explain(pair.more, pair.less).result(120):
            (stored,) = [r for r in data.scores if r.pair_id == number and r.variant == detail.variant]
            again = score_pairs(session._loaded, [pair], detail.variant)[0]
            assert detail.more.sum_log_prob == pytest.approx(stored.more_log_prob, abs=1e-3)
            assert detail.less.sum_log_prob == pytest.approx(again.less_log_prob, abs=1e-3)


def test_report_without_votes_is_the_runs_own(session: Session) -> None:
    """So the votes are the only difference of a report that has them; the page's test makes one."""
    store, record = session.data.store, session.data.record
    stored = (store.fetch(RunRecord(record).first("report")) / HTML).read_text(encoding="utf-8")
    assert report_with_votes(store, record, []).html == stored
