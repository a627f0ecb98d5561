"""What every tab needs: errors in one style and place, text boxes with a counter, examples that run on a click."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import AsyncIterator, Callable
from html import escape
from typing import Any, TypeVar, cast

import click
import gradio as gr

from counterpoise.errors import CounterpoiseError

Handler = TypeVar("Handler", bound=Callable[..., Any])

MODEL: dict[str, Any] = {"concurrency_limit": None, "show_progress": "hidden"}
"""For handlers that use the model: they wait in the session's own line, without a thread each."""

LIGHT: dict[str, Any] = {"queue": False, "show_progress": "hidden"}
"""For handlers that answer at once: they never wait behind the model."""


def readable(handler: Handler, place: Callable[[str], Any] = lambda line: line) -> Handler:
    """Failures become one line on the page, where the result would stand: nothing older is left there.

    Args:
        place: the line → what the handler's outputs become.
    """
    if inspect.isasyncgenfunction(handler):

        @functools.wraps(handler)
        async def streamed(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            try:
                async for update in handler(*args, **kwargs):
                    yield update
            except Exception as error:
                yield place(complaint(error))

        return cast(Handler, streamed)

    @functools.wraps(handler)
    def called(*args: Any, **kwargs: Any) -> Any:
        try:
            return handler(*args, **kwargs)
        except Exception as error:
            return place(complaint(error))

    return cast(Handler, called)


def complaint(error: Exception) -> str:
    """An error as one escaped line; the terminal hears of those that nobody foresaw."""
    text = str(error)
    if not isinstance(error, CounterpoiseError):
        line = f"{type(error).__name__}: {' '.join(text.split())[:300]}"
        click.echo(f"counterpoise demo: {line}", err=True)
        text = f"the demo failed on this input ({line}) — try another, or start it again"
    # The page hides the line when something is typed; a number makes the same line appear once more.
    return f'<p class="error" role="alert" data-at="{time.monotonic_ns()}">{escape(text)}</p>'


def text_box(label: str, limit: int, name: str, value: str = "") -> gr.Textbox:
    """A box in which Enter submits and Shift+Enter breaks the line, with a counter of its characters below.

    The counter is the page's own; the server refuses what is too long, and nothing is cut in silence.
    """
    box = gr.Textbox(label=label, value=value, lines=1, max_lines=12, elem_id=name, elem_classes="text")
    gr.HTML(
        f'<p class="counter" id="{name}-count" data-of="{name}" data-limit="{limit}">'
        f"{len(value)} of {limit} characters</p>",
        padding=False,
    )
    box.change(None, [box], js=f"(text) => countCharacters('{name}', text)", api_visibility="private")
    return box


def shortened(text: str, longest: int = 38) -> str:
    """A text for a button."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def examples(titles: list[str], label: str = "Try this") -> list[gr.Button]:
    """Small buttons in a row that wraps."""
    with gr.Row(elem_classes="examples"):
        gr.HTML(f'<span class="muted">{escape(label)}:</span>', padding=False)
        return [gr.Button(title, size="sm", min_width=0) for title in titles]
