"""A report as one HTML file that needs nothing else: styles and charts inside, no request to anywhere."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from counterpoise.charts.style import THEME, Chart
from counterpoise.report.blocks import Document

_BEFORE_SVG = re.compile(r"^.*?(?=<svg )", re.DOTALL)
_METADATA = re.compile(r"\s*<(metadata|title)>.*?</\1>", re.DOTALL)
_SIZE = re.compile(r'(<svg [^>]*?) width="[^"]*" height="[^"]*"')
_ID = re.compile(r'(\bid="|url\(#|href="#)')
_COLOURS = re.compile("|".join(THEME))


def to_html(document: Document) -> str:
    """The page. Everything that came from data is escaped; only charts are inserted as markup."""
    style = Markup(_read("report.css"))  # noqa: S704 - our own file
    return _environment().get_template("report.html.j2").render(document=document, css=style)


def inline_svg(chart: Chart) -> Markup:
    """A chart as part of the page: it takes the page's colours and width, and its ids are its own."""
    svg = _SIZE.sub(r"\1", _METADATA.sub("", _BEFORE_SVG.sub("", chart.svg.decode(), count=1)), count=1)
    svg = _ID.sub(rf"\g<1>{chart.name}-", svg)
    svg = _COLOURS.sub(lambda match: f"var(--{THEME[match.group()]})", svg)
    label = Markup('role="img" aria-label="{}" ').format(chart.alt)
    return Markup(svg.replace("<svg ", f"<svg {label}", 1))  # noqa: S704 - made by our own charts


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inline_svg"] = inline_svg
    return environment


def _read(name: str) -> str:
    return resources.files("counterpoise.report").joinpath(name).read_text(encoding="utf-8")
