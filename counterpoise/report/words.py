"""How numbers are written in reports."""

from __future__ import annotations

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


def texts_of_each(base: int, tuned: int) -> str:
    """How many continuations the two columns of a table rest on."""
    if base == tuned:
        return f"{count(base)} continuations by each model"
    return f"{count(base)} continuations by the base, {count(tuned)} by the adapters"


def count(value: int) -> str:
    """A count with thousands separated."""
    return f"{value:,}"
