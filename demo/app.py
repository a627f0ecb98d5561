"""The page: its tabs, what it says about itself, and how it looks."""

from __future__ import annotations

from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from counterpoise.demo.tabs.compare import compare_tab
from counterpoise.demo.tabs.explain import explain_tab
from counterpoise.demo.tabs.judge import judge_tab
from counterpoise.demo.tabs.lab import lab_tab
from counterpoise.demo.tabs.results import results_tab
from counterpoise.flows.votes import vote_box

if TYPE_CHECKING:
    from counterpoise.demo.session import Session

TITLE = "Counterpoise: the same model before and after"
QUEUE = 200
"""Requests that gradio takes in at once, against floods; who waits for the model stands in the session's line."""
LOOK_FOR = (
    "**What to look for:** after the training (“tuned”), does the text lean less on clichés about a group, and does it "
    "still make sense?"
)
LIMITS = (
    "A small model continues text; it knows nothing and means nothing. One score on one English benchmark "
    "of US stereotypes is not fairness. Toxicity classifiers over-react to identity terms. Offensive text can appear: "
    "it is the model's or the benchmark's, shown to be judged. Everything runs on this machine; the page asks nobody "
    "else for anything."
)
SYSTEM_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "DejaVu Sans", "sans-serif")
MONO_FONTS = ("ui-monospace", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")
POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; connect-src 'self'; frame-ancestors 'self'; form-action 'self'"
)
"""What a browser may load: this server's own files. Gradio needs inline scripts; they cannot reach elsewhere."""


def build_app(session: Session) -> gr.Blocks:
    """The page over a loaded session."""
    box = vote_box(session.data.store, session.data.record)
    with gr.Blocks(title=TITLE, analytics_enabled=False) as app:
        gr.Markdown(f"# {TITLE}")
        gr.Markdown(LOOK_FOR)
        gr.HTML(about(session), elem_id="about", padding=False)
        rater = gr.BrowserState("", storage_key="counterpoise-rater", secret="names nobody")  # noqa: S106
        with gr.Tabs(overflow_behavior="wrap"):
            with gr.Tab("Compare"):
                compare_tab(session, app)
            with gr.Tab("Explain"):
                explain_tab(session)
            with gr.Tab("Judge blind"):
                begin, inputs, outputs = judge_tab(session, box, rater)
            with gr.Tab("Results") as counting:
                counted, counts = results_tab(session, box)
            with gr.Tab("Counterfactual lab"):
                lab_tab(session)
        light: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
        app.load(begin, inputs, outputs, **light)
        gr.on([app.load, counting.select], counted, None, counts, **light)
    app.queue(max_size=QUEUE)
    return app


def about(session: Session) -> str:
    """Which run this is, what came of it in the report's own words, and what it cannot say: to unfold."""
    data = session.data
    parts = (data.label, f"{data.headline} {data.sentence}", LIMITS)
    paragraphs = "".join(f"<p>{escape(part)}</p>" for part in parts)
    return f"<details><summary>This run, its numbers, and their limits</summary>{paragraphs}</details>"


def launch(app: gr.Blocks, port: int, *, block: bool = True) -> None:
    """Serves the page on 127.0.0.1 alone, until interrupted.

    Raises:
        OSError: the port is taken.
    """
    static = resources.files("counterpoise.demo").joinpath("static")
    css, script = (static.joinpath(name).read_text(encoding="utf-8") for name in ("demo.css", "demo.js"))
    app.launch(
        server_name="127.0.0.1",
        server_port=port,
        share=False,
        quiet=True,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        enable_monitoring=False,
        footer_links=[],
        prevent_thread_lock=not block,
        theme=gr.themes.Base(
            primary_hue="blue", neutral_hue="slate", font=SYSTEM_FONTS, font_mono=MONO_FONTS
        ),
        head=f"<style>{css}</style><script>{script}</script>",
        app_kwargs={
            "middleware": [
                Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"]),
                Middleware(_Policy),
            ]
        },
    )


class _Policy:
    """Adds the content policy to every answer; plain ASGI, so that streams stay streams."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [
                    (b"content-security-policy", POLICY.encode()),
                    (b"referrer-policy", b"no-referrer"),
                ]
                message = {**message, "headers": [*message.get("headers", []), *headers]}
            await send(message)

        await self._app(scope, receive, with_policy)
