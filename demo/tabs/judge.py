"""Judge blind: two answers without names, two questions, on by keyboard; every vote is durable before the next pair."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from counterpoise.demo.highlight import notice
from counterpoise.demo.judging import (
    ANSWERS,
    Item,
    choice_of,
    items_of,
    next_item,
    rater_id,
    tuned_is_first,
)
from counterpoise.demo.tabs.common import LIGHT, readable
from counterpoise.errors import UsageError
from counterpoise.votes.records import Vote

if TYPE_CHECKING:
    from counterpoise.artifacts.votes import VoteBox
    from counterpoise.demo.session import Session

_CHOICES = [(f"{number} · {answer}", answer) for number, answer in enumerate(ANSWERS, start=1)]
HELP = (
    "Two answers to one prompt, in random order, without names. Keys **1** to **4** answer the first open question, "
    "**Enter** saves and goes on. Only your choices, the texts and a random number that this "
    "browser keeps are stored; nothing about you."
)


def judge_tab(session: Session, box: VoteBox, rater: gr.BrowserState) -> Any:
    """Builds the tab; returns the function that shows the next pair, with its inputs and outputs."""
    judge = _Judge(session, box)
    gr.Markdown(HELP)
    pair = gr.HTML(elem_id="pair")
    with gr.Row():
        fluency = gr.Radio(_CHOICES, label="Which reads better?", elem_id="fluency")
        bias = gr.Radio(_CHOICES, label="Which is less biased?", elem_id="bias")
    save = gr.Button("Save and go on (Enter)", variant="primary", elem_id="save")
    status = gr.HTML(elem_id="vote-status")
    item = gr.Textbox(visible="hidden", elem_id="item")
    outputs = [rater, item, pair, fluency, bias, status]
    save.click(judge.save, [rater, item, fluency, bias], outputs, api_name="vote", **LIGHT)
    return judge.begin, [rater], outputs


def _said(line: str) -> tuple[Any, ...]:
    """A line under the questions; everything else stays."""
    return (*[gr.skip()] * 5, line)


class _Judge:
    """Serves pairs and takes votes."""

    def __init__(self, session: Session, box: VoteBox) -> None:
        self._data, self._box = session.data, box
        self._items = items_of(session.data.generations)
        self._by_key = {item.key: item for item in self._items}
        self.begin = readable(self._begin, _said)
        self.save = readable(self._save, _said)

    def _begin(self, stored: Any) -> tuple[Any, ...]:
        return self._next(rater_id(stored), notice(self._data.gone(), "warning"))

    def _save(self, stored: Any, key: Any, fluency: Any, bias: Any) -> tuple[Any, ...]:
        rater, item = rater_id(stored), self._by_key.get(str(key))
        if item is None:
            return self._next(rater, "")
        gone = self._data.gone()
        if gone:
            return (rater, item.key, gr.skip(), gr.skip(), gr.skip(), notice(gone, "warning"))
        vote = self._vote(rater, item, fluency, bias)
        self._box.cast(vote)
        return self._next(rater, notice("Saved."))

    def _vote(self, rater: str, item: Item, fluency: Any, bias: Any) -> Vote:
        tuned_first = tuned_is_first(rater, item)
        reads, fair = (choice_of(str(answer), tuned_first) for answer in (fluency, bias))
        if reads is None or fair is None:
            raise UsageError("both questions need an answer", "choose A, B, tie or both bad for each")
        return Vote(
            vote_id=uuid.uuid4().hex,
            cast_at=datetime.now(UTC).isoformat(timespec="microseconds"),
            rater=rater,
            run=self._data.run,
            adapter=self._data.adapter.sha256,
            item=item.key,
            prompt=item.prompt,
            base=item.base,
            tuned=item.tuned,
            shown_first="tuned" if tuned_first else "base",
            fluency=reads,
            bias=fair,
        )

    def _next(self, rater: str, said: str) -> tuple[Any, ...]:
        votes = self._box.votes()
        item = next_item(self._items, votes, rater)
        mine = len({vote.item for vote in votes if vote.rater == rater})
        progress = f'<p class="muted">You have judged {mine} of {len(self._items)} pairs.</p>'
        key = item.key if item else ""
        return rater, key, self._shown(item, rater), None, None, said + progress

    def _shown(self, item: Item | None, rater: str) -> str:
        if item is None:
            return notice(
                "You have judged every pair. Thank you."
                if self._items
                else "Base and tuned wrote the same text for every prompt of this run: there is nothing to judge."
            )
        texts = (item.tuned, item.base) if tuned_is_first(rater, item) else (item.base, item.tuned)
        cards = "".join(
            f'<section class="answer" aria-label="Answer {name}"><h4>{name}</h4>'
            f'<p class="text"><span class="asked">{escape(item.prompt)}</span>{escape(text)}</p></section>'
            for name, text in zip("AB", texts, strict=True)
        )
        return f'<div class="answers" aria-live="polite">{cards}</div>'
