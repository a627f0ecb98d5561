"""How numbers are written in reports."""

from __future__ import annotations

from typing import Literal

from counterpoise.measures.measure import Measure

MINUS = "−"
DASH = "–"
MISSING = "·"
SPACE = "\u00a0"
"""Keeps a number and its unit on one line."""


def plain(text: str) -> str:
    """A text for terminals and machines: ordinary spaces.

    >>> plain(percent(50.0))
    '50.0 %'
    """
    return text.replace(SPACE, " ")


def number(value: float, digits: int = 1) -> str:
    """A number with a real minus sign and thousands separated.

    >>> number(-1234.56)
    '−1,234.6'
    """
    text = f"{value:,.{digits}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def signed(value: float, digits: int = 1) -> str:
    """A change, with its sign; a change that rounds to zero has none.

    >>> [signed(value) for value in (2.04, -0.3, -0.01)]
    ['+2.0', '−0.3', '0.0']
    """
    text = number(value, digits)
    return text if text.startswith(MINUS) or not text.strip("0.") else f"+{text}"


def percent(value: float, digits: int = 1) -> str:
    """A percentage, from percent."""
    return f"{number(value, digits)}{SPACE}%"


def points(value: float) -> str:
    """Percentage points.

    >>> [points(value).replace(SPACE, " ") for value in (1.0, 5.62)]
    ['1.0 point', '5.6 points']
    """
    text = number(value)
    return f"{text}{SPACE}point" if text == "1.0" else f"{text}{SPACE}points"


def interval(low: float, high: float, digits: int = 1) -> str:
    """Both ends of an interval; a dash would be misread before a minus sign.

    >>> interval(51.26, 58), interval(-1.26, 3).replace(SPACE, " ")
    ('51.3–58.0', '−1.3 to 3.0')
    """
    ends = number(low, digits), number(high, digits)
    return DASH.join(ends) if low >= 0 else f"{SPACE}to{SPACE}".join(ends)


def with_interval(value: str, low: float, high: float, digits: int = 1) -> str:
    """A value and its interval in brackets."""
    return f"{value} ({interval(low, high, digits)})"


def p_value(p: float) -> str:
    """A p-value to two figures, never as 0.

    >>> [p_value(p).replace(SPACE, " ") for p in (0.51, 0.0123, 2e-7)]
    ['p = 0.51', 'p = 0.012', 'p < 0.0001']
    """
    text = f"p {p_number(p)}" if p < 1e-4 else f"p = {p_number(p)}"
    return text.replace(" ", SPACE)


def p_number(p: float) -> str:
    """The number of :func:`p_value`, for a column headed p."""
    if p < 1e-4:
        return "< 0.0001"
    return f"{p:.2f}" if p >= 0.1 else f"{p:.2g}"


def count(value: int) -> str:
    """A count with thousands separated."""
    return f"{value:,}"


def counted(value: int, noun: str) -> str:
    """A number and its noun, as ``1 vote`` or ``2 votes``."""
    return f"{count(value)} {noun}{'' if value == 1 else 's'}"


DIGITS = {
    "%": 1,
    "points": 1,
    "nats": 2,
    "0 to 1": 3,
    "nats per token": 3,
    "per token": 2,
    "words": 1,
    "pairs": 0,
    "prompts": 0,
    "sentences": 0,
    "texts": 0,
}
"""Decimals by unit. Only counts have none: 0.012 without decimals would be read as nothing."""
MOST_DIGITS = 3
"""Decimals of a unit that is not listed, as in the results of an earlier version."""


def digits(measure: Measure) -> int:
    """Decimals with which a measure is written."""
    return DIGITS.get(measure.unit, MOST_DIGITS)


def value(measure: Measure, side: Literal["base", "tuned"]) -> str:
    """One value, without its unit."""
    return number(getattr(measure, side), digits(measure))


def moved(measure: Measure) -> str:
    """Before and after, as ``83.7 → 76.7 %``."""
    unit = f"{SPACE}%" if measure.unit == "%" else ""
    return f"{value(measure, 'base')} → {value(measure, 'tuned')}{unit}"


def changed(measure: Measure) -> str:
    """The change with its sign; a relative one in percent."""
    if measure.relative:
        return f"{signed(measure.change)}{SPACE}%"
    return signed(measure.change, digits(measure))


def span(measure: Measure, of: str = "interval") -> str:
    """An interval of a measure, a dot where it has none."""
    ends: tuple[float, float] | None = getattr(measure, of)
    places = 1 if measure.relative and of == "interval" else digits(measure)
    return interval(*ends, places) if ends else MISSING


def tone(word: str) -> str:
    """How an outcome, a verdict or a training's status looks."""
    return _TONES.get(word, "")


_TONES = {
    "holds": "good",
    "better": "good",
    "fails": "bad",
    "worse": "bad",
    "overshoot": "bad",
    "damaged": "bad",
    "beyond noise": "bad",
    "undecided": "caution",
    "unclear": "caution",
    "no_change": "caution",
}
