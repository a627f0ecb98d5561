"""What every tab needs: errors as one readable line, and the model's queue."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from html import escape
from typing import Any, TypeVar, cast

import click
import gradio as gr

from counterpoise.errors import CounterpoiseError

Handler = TypeVar("Handler", bound=Callable[..., Any])

MODEL: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 1}
"""For handlers that use the model: they queue, one runs at a time."""

LIGHT: dict[str, Any] = {"queue": False, "show_progress": "hidden"}
"""For handlers that answer at once: they never wait behind the model."""


def readable(handler: Handler) -> Handler:
    """Failures become one line on the page, escaped: gradio shows messages as HTML."""
    if inspect.isgeneratorfunction(handler):

        @functools.wraps(handler)
        def streamed(*args: Any, **kwargs: Any) -> Iterator[Any]:
            try:
                yield from handler(*args, **kwargs)
            except CounterpoiseError as error:
                raise _shown(str(error)) from None
            except Exception as error:
                raise _unexpected(error) from error

        return cast(Handler, streamed)

    @functools.wraps(handler)
    def called(*args: Any, **kwargs: Any) -> Any:
        try:
            return handler(*args, **kwargs)
        except CounterpoiseError as error:
            raise _shown(str(error)) from None
        except Exception as error:
            raise _unexpected(error) from error

    return cast(Handler, called)


def _shown(text: str) -> gr.Error:
    return gr.Error(escape(text, quote=False), duration=15, print_exception=False, title="Not done")


def _unexpected(error: Exception) -> gr.Error:
    line = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    click.echo(f"counterpoise demo: {line}", err=True)
    return _shown(f"the demo failed on this input ({line}) — try another, or start it again")
