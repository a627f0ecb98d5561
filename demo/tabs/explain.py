"""Explain: one pair, token by token under base and tuned; and the run's charts."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from counterpoise.records import CATEGORIES
from counterpoise.report.html import inline_svg
from demo.explain import explanation
from demo.highlight import notice
from demo.pair_list import ALL, ORDERS, Page, listed, page_of
from demo.session import MAX_CHARACTERS
from demo.tabs.common import LIGHT, MODEL, readable

if TYPE_CHECKING:
    from demo.session import Session

TRADEOFF_AND_MORE = "The run's charts"


def explain_tab(session: Session) -> None:
    """Builds the tab."""
    show = _Explanation(session)
    first = show.page("", ALL, ORDERS[0], 1)
    gr.Markdown(
        f"Pick one of the {first.found} pairs that were held out of training, or type two sentences of your own: the "
        "log-probability of every token under base and tuned, and what changed."
    )
    with gr.Row():
        search = gr.Textbox(label="Search", placeholder="words in either sentence", elem_id="search")
        category = gr.Dropdown([ALL, *CATEGORIES], value=ALL, label="Category", elem_id="category")
        order = gr.Dropdown(list(ORDERS), value=ORDERS[0], label="Order", elem_id="order")
    picked = gr.Radio(_choices(first), label="Pairs: number · category · margin · sentence", elem_id="pairs")
    with gr.Row():
        back = gr.Button("Previous page", size="sm")
        status = gr.HTML(notice(first.status))
        forward = gr.Button("Next page", size="sm")
    with gr.Row():
        more = gr.Textbox(label="More stereotyping", max_length=MAX_CHARACTERS, lines=2, elem_id="more")
        less = gr.Textbox(label="Less stereotyping", max_length=MAX_CHARACTERS, lines=2, elem_id="less")
    explain = gr.Button("Explain", variant="primary", elem_id="explain")
    result = gr.HTML(elem_id="explanation")
    gr.HTML(f'<h3>{TRADEOFF_AND_MORE}</h3><div class="charts">{_charts(session)}</div>')

    number = gr.State(1)
    filters, shown = [search, category, order], [picked, status, number]
    for event in (search.change, category.change, order.change):
        event(show.first_page, filters, shown, **LIGHT)
    back.click(show.previous, [*filters, number], shown, **LIGHT)
    forward.click(show.next, [*filters, number], shown, **LIGHT)
    chosen = picked.input(show.sentences, [picked], [more, less], **LIGHT)
    chosen.then(show.explain, [more, less], result, **MODEL)
    gr.on([explain.click, less.submit], show.explain, [more, less], result, api_name="explain", **MODEL)


class _Explanation:
    """Answers the tab's controls."""

    def __init__(self, session: Session) -> None:
        self._session = session
        data = session.data
        self._normalisation = data.config.scoring.normalisation
        self._listed = listed(data.pairs, data.scores, self._normalisation)
        self.first_page = readable(lambda search, category, order: self._shown(search, category, order, 1))
        self.previous = readable(
            lambda search, category, order, at: self._shown(search, category, order, at - 1)
        )
        self.next = readable(lambda search, category, order, at: self._shown(search, category, order, at + 1))
        self.sentences = readable(self._sentences)
        self.explain = readable(self._explain)

    def page(self, search: str, category: str, order: str, number: int) -> Page:
        """A page of the list."""
        return page_of(self._listed, search or "", category, order, number)

    def _shown(self, search: str, category: str, order: str, number: int) -> tuple[Any, str, int]:
        page = self.page(search, category, order, number)
        return gr.Radio(choices=_choices(page), value=None), notice(page.status), page.number

    def _sentences(self, number: int) -> tuple[str, str]:
        pair = self._session.data.pairs[number]
        return pair.more, pair.less

    def _explain(self, more: str, less: str) -> str:
        base, tuned = self._session.explain(more, less)
        html = explanation(base, tuned, self._session.pieces, self._normalisation)
        return notice(self._session.data.gone(), "warning") + html


def _choices(page: Page) -> list[tuple[str, int]]:
    return [(item.title, item.pair.pair_id) for item in page.pairs]


def _charts(session: Session) -> str:
    return "".join(
        f"<figure>{inline_svg(chart)}<figcaption>{escape(chart.alt)}</figcaption></figure>"
        for chart in session.data.charts
    )
