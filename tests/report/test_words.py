from __future__ import annotations

import re
from html import unescape

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from counterpoise.report.markup import escape

LINES = st.text(st.sampled_from("ab1029.)(-=+*_`~#|<>[]!&$\\{}:;'\"/ \u00a0é"), min_size=1, max_size=40)


@given(st.lists(LINES.filter(str.strip), min_size=1, max_size=3))
@example(["1. May", "- x", "0.5"])
@example(["==="])
@example(["a", "---"])
@example(["<b>&amp;[x](y)</b>"])
def test_escaped_text_reads_as_it_was_written(lines: list[str]) -> None:
    text = "\n".join(" ".join(line.split()) for line in lines)
    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(escape(text))
    assert page.startswith("<p>") and page.count("<") == 2, "nothing but one paragraph"
    assert unescape(re.sub(r"</?p>", "", page)).strip() == text


@given(LINES.filter(str.strip))
def test_escaped_cells_stay_in_their_column(cell: str) -> None:
    shown = " ".join(cell.split())
    page = (
        MarkdownIt("commonmark").enable("table").render(f"| a | b |\n|---|---|\n| {escape(shown)} | end |\n")
    )
    cells = [unescape(found) for found in re.findall(r"<td>(.*?)</td>", page)]
    assert cells == [shown, "end"]
