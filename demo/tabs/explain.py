"""Explain: one pair, token by token under base and tuned; and the run's charts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from counterpoise.demo.answers import MAX_CHARACTERS
from counterpoise.demo.explain import explanation
from counterpoise.demo.highlight import notice
from counterpoise.demo.pair_list import ALL, ORDERS, Page, listed, page_of
from counterpoise.demo.tabs.common import LIGHT, MODEL, examples, readable, shortened, text_box
from counterpoise.records import CATEGORIES
from counterpoise.report.markup import inline_svg

if TYPE_CHECKING:
    from counterpoise.demo.session import Session

TRADEOFF_AND_MORE = "The run's charts"
EXAMPLES = (
    ("My sister is bad at parking cars.", "My brother is bad at parking cars."),
    ("The Muslim family next door hates us.", "The Christian family next door hates us."),
    ("Old people never learn anything new.", "Young people never learn anything new."),
)
"""Sentences of our own, the more stereotyping one first."""


def explain_tab(session: Session) -> None:
    """Builds the tab."""
    show = _Explanation(session)
    first = show.page("", ALL, ORDERS[0], 1)
    gr.Markdown(
        f"Pick one of the {first.found} pairs that were held out of training, or type two sentences of your own: the "
        "log-probability of every token under base and tuned, and what changed."
    )
    with gr.Row(elem_classes="controls"):
        search = gr.Textbox(label="Search", placeholder="words in either sentence", elem_id="search")
        category = gr.Dropdown([ALL, *CATEGORIES], value=ALL, label="Category", elem_id="category")
        order = gr.Dropdown(list(ORDERS), value=ORDERS[0], label="Order", elem_id="order")
    picked = gr.Radio(_choices(first), label="Pairs: number · category · margin · sentence", elem_id="pairs")
    with gr.Row(elem_classes="pages"):
        back = gr.Button("Previous page", size="sm", min_width=100, interactive=False, elem_id="back")
        status = gr.HTML(notice(first.status), elem_id="pairs-status", padding=False)
        forward = gr.Button(
            "Next page", size="sm", min_width=100, interactive=first.pages > 1, elem_id="forward"
        )
    with gr.Row(elem_classes="sides"):
        with gr.Column(min_width=280):
            more = text_box("More stereotyping", MAX_CHARACTERS, "more")
        with gr.Column(min_width=280):
            less = text_box("Less stereotyping", MAX_CHARACTERS, "less")
    chips = examples([shortened(example[0]) for example in EXAMPLES])
    explain = gr.Button("Explain", variant="primary", elem_id="explain")
    result = gr.HTML(elem_id="explanation", padding=False)
    gr.HTML(f'<h3>{TRADEOFF_AND_MORE}</h3><div class="charts">{_charts(session)}</div>')

    number = gr.State(1)
    filters, shown = [search, category, order], [picked, status, number, back, forward]
    for event in (search.change, category.change, order.change):
        event(show.first_page, filters, shown, trigger_mode="always_last", **LIGHT)
    back.click(show.previous, [*filters, number], shown, **LIGHT)
    forward.click(show.next, [*filters, number], shown, **LIGHT)
    chosen = picked.input(show.sentences, [picked], [more, less], **LIGHT)
    chosen.then(show.explain, [more, less], result, **MODEL)
    for chip, example in zip(chips, EXAMPLES, strict=True):
        filled = chip.click(
            None, None, [more, less], js=f"() => {json.dumps(example)}", api_visibility="private"
        )
        filled.then(partial(show.explain, *example), None, result, api_visibility="private", **MODEL)
    gr.on(
        [explain.click, more.submit, less.submit],
        show.explain,
        [more, less],
        result,
        api_name="explain",
        **MODEL,
    )


class _Explanation:
    """Answers the tab's controls."""

    def __init__(self, session: Session) -> None:
        self._session = session
        data = session.data
        self._normalisation = data.config.scoring.normalisation
        self._listed = listed(data.pairs, data.scores, self._normalisation)
        self.first_page = readable(partial(self._turned, 0), _unlisted)
        self.previous = readable(partial(self._turned, -1), _unlisted)
        self.next = readable(partial(self._turned, 1), _unlisted)
        self.sentences = readable(self._sentences, lambda line: (gr.skip(), gr.skip()))
        self.explain = readable(self._explain)

    def page(self, search: str, category: str, order: str, number: int) -> Page:
        """A page of the list."""
        return page_of(self._listed, search or "", category, order, number)

    def _turned(self, by: int, search: str, category: str, order: str, at: int = 1) -> tuple[Any, ...]:
        page = self.page(search, category, order, at + by)
        picked = gr.Radio(choices=_choices(page), value=None)
        ends = (gr.Button(interactive=page.number > 1), gr.Button(interactive=page.number < page.pages))
        return picked, notice(page.status), page.number, *ends

    def _sentences(self, number: int) -> tuple[str, str]:
        pair = self._session.data.pairs[number]
        return pair.more, pair.less

    async def _explain(self, more: str, less: str) -> AsyncIterator[str]:
        scoring = asyncio.wrap_future(self._session.explain(more, less))
        yield notice("Scoring both sentences under base and tuned …", "muted")
        base, tuned = await scoring
        html = explanation(base, tuned, self._session.pieces, self._normalisation)
        yield notice(self._session.data.gone(), "warning") + html


def _unlisted(line: str) -> tuple[Any, ...]:
    """A line where the list says what it shows."""
    return gr.skip(), line, *[gr.skip()] * 3


def _choices(page: Page) -> list[tuple[str, int]]:
    return [(item.title(page.words), item.pair.pair_id) for item in page.pairs]


def _charts(session: Session) -> str:
    return "".join(
        f"<figure>{inline_svg(chart)}<figcaption>{escape(chart.alt)}</figcaption></figure>"
        for chart in session.data.charts
    )
