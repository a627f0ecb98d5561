"""A comparison as an address that repeats it: prompt, settings, seed, and which run it was made with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from counterpoise.demo.answers import Sampling


@dataclass(frozen=True, slots=True)
class Asked:
    """A comparison.

    Attributes:
        swapped: whether an identity is swapped too; ``choice``: which one, empty for the first.
        run: the run that a link was made with; empty where there was none.
    """

    prompt: str
    sampling: Sampling
    swapped: bool = False
    choice: str = ""
    run: str = ""


def address(asked: Asked, run: str) -> str:
    """The query part of the page's address that repeats ``asked``."""
    how = asked.sampling
    parts = {"prompt": asked.prompt.strip(), "tokens": how.tokens}
    if not how.greedy:
        parts |= {"temperature": f"{how.temperature:g}", "seed": how.seed}
    if asked.swapped:
        parts["swap"] = asked.choice
    return "?" + urlencode({**parts, "run": run})


def asked_in(query: Mapping[str, str]) -> Asked | None:
    """The comparison in an address; None without a prompt. Values that mean nothing are refused when used."""
    if not query.get("prompt"):
        return None
    usual = Sampling()
    greedy = "temperature" not in query and "seed" not in query
    sampling = Sampling(
        int(_number(query, "tokens", usual.tokens)),
        _number(query, "temperature", usual.temperature),
        greedy,
        int(_number(query, "seed", usual.seed)),
    )
    return Asked(query["prompt"], sampling, "swap" in query, query.get("swap", ""), query.get("run", ""))


def _number(query: Mapping[str, str], name: str, usual: float) -> float:
    """The value of ``name``; -1, which no setting allows, where it is no number."""
    try:
        value = float(query.get(name, usual))
    except ValueError:
        return -1.0
    return value if abs(value) < 2**53 else -1.0
