"""What pages are made of: charts as part of a page or as data, and text that shows as it is."""

from __future__ import annotations

import base64
import re

from markupsafe import Markup

from counterpoise.charts.style import THEME, Chart

_BEFORE_SVG = re.compile(r"^.*?(?=<svg )", re.DOTALL)
_METADATA = re.compile(r"\s*<(metadata|title)>.*?</\1>", re.DOTALL)
_SIZE = re.compile(r'(<svg [^>]*?) width="[^"]*" height="[^"]*"')
_ID = re.compile(r'(\bid="|url\(#|href="#)')
_COLOURS = re.compile("|".join(THEME))
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#+|~!&$])")
_BULLET = re.compile(r"^(\s*)([-=])", re.MULTILINE)
_NUMBERED = re.compile(r"^(\s*\d+)([.)])(?=\s|$)", re.MULTILINE)


def inline_svg(chart: Chart) -> Markup:
    """A chart as part of the page: it takes the page's colours and width, and its ids are its own."""
    svg = _SIZE.sub(r"\1", _METADATA.sub("", _BEFORE_SVG.sub("", chart.svg.decode(), count=1)), count=1)
    svg = _ID.sub(rf"\g<1>{chart.name}-", svg)
    svg = _COLOURS.sub(lambda match: f"var(--{THEME[match.group()]})", svg)
    label = Markup('role="img" aria-label="{}" ').format(chart.alt)
    return Markup(svg.replace("<svg ", f"<svg {label}", 1))  # noqa: S704 - made by our own charts


def data_uri(chart: Chart) -> Markup:
    """A chart as an address that holds it."""
    return Markup(f"data:image/svg+xml;base64,{base64.b64encode(chart.svg).decode()}")  # noqa: S704 - base64


def escape(text: str) -> str:
    """``text`` so that Markdown shows it as it is, on one line per line.

    >>> print(escape("*a* | <b>"), escape("1. May"), escape("0.5"))
    \\*a\\* \\| \\<b\\> 1\\. May 0.5
    """
    special = _SPECIAL.sub(r"\\\1", text)
    return _NUMBERED.sub(r"\1\\\2", _BULLET.sub(r"\1\\\2", special))


def flat(text: str) -> str:
    """Several lines as one, their ends marked."""
    return " ⏎ ".join(line.strip() for line in text.splitlines() if line.strip())


def fenced(text: str) -> Markup:
    """``text`` as a code block of Markdown, whatever is in it."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    return Markup(f"{fence}\n{text}\n{fence}")  # noqa: S704 - a code block shows it as it is
