"""Templates to pages: the prose of a report stands in templates, once, and is drawn as HTML or as Markdown."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Any, Literal

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from counterpoise.measures import criteria, names
from counterpoise.report import words
from counterpoise.report.markup import data_uri, escape, fenced, flat, inline_svg

Form = Literal["html", "markdown", "text"]
FILTERS = (
    "number",
    "signed",
    "percent",
    "points",
    "p_value",
    "count",
    "counted",
    "moved",
    "changed",
    "span",
    "tone",
)
"""Functions of :mod:`counterpoise.report.words` that templates use."""
_BLANKS = re.compile(r"[ \t\n]+")
_GAPS = re.compile(r"\n{3,}")


def to_html(template: str, **said: Any) -> str:
    """A page from a template, self-contained: styles and charts inside, no request to anywhere.

    Everything that came from data is escaped; only charts are inserted as markup.
    """
    style = Markup(_read("report.css"))  # noqa: S704 - our own file
    return _environment("html").get_template(template).render(look="html.j2", css=style, contents=[], **said)


def to_markdown(template: str, **said: Any) -> str:
    """The same as GitHub-flavoured Markdown without raw HTML, charts as data URIs: as Prefect's dashboard shows it."""
    text = _environment("markdown").get_template(template).render(look="markdown.j2", **said)
    return _GAPS.sub("\n\n", text).strip() + "\n"


def to_text(template: str, **said: Any) -> str:
    """A template as it is, nothing escaped."""
    text = _environment("text").get_template(template).render(**said)
    return _GAPS.sub("\n\n", text).strip() + "\n"


def to_line(template: str, **said: Any) -> str:
    """A template as one line of plain text."""
    return one_line(to_text(template, **said))


def one_line(text: str) -> str:
    """The text with every run of ordinary blanks as one: templates break lines where they like."""
    return type(text)(_BLANKS.sub(" ", text).strip())


@cache
def _environment(form: Form) -> Environment:
    environment = Environment(
        loader=FunctionLoader(_read),
        autoescape=form != "text",  # noqa: S701 - only lines of plain text are not escaped
        finalize=_as_markdown if form == "markdown" else None,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.do"],
    )
    environment.filters |= {name: getattr(words, name) for name in FILTERS}
    environment.filters |= {
        "one_line": one_line,
        "inline_svg": inline_svg,
        "data_uri": data_uri,
        "fenced": fenced,
        "flat": flat,
    }
    environment.globals |= {"names": names, "criteria": criteria, "interval": words.interval}
    return environment


def _as_markdown(value: Any) -> Any:
    """What a template prints, escaped for Markdown unless it is markup already."""
    return value if hasattr(value, "__html__") or value is None else Markup(escape(str(value)))  # noqa: S704


def _read(name: str) -> str:
    return resources.files("counterpoise.report").joinpath(name).read_text(encoding="utf-8")
