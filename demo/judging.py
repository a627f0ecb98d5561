"""Which pair of answers a person judges next, and in which order. Pure functions."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from counterpoise.records import Generation, Variant
from counterpoise.votes.records import Choice, Vote

RATERS_AN_ITEM = 3
"""Votes of so many people are gathered on an item before new ones are begun: agreement needs shared items."""

ANSWERS = ("A", "B", "tie", "both bad")
"""What the page offers for each question."""
_RATER = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Item:
    """One prompt with both continuations; ``key`` is their hash."""

    key: str
    prompt: str
    base: str
    tuned: str


def items_of(generations: Iterable[Generation]) -> list[Item]:
    """The run's continuations, base beside tuned, where the two differ; in an order of no meaning.

    Equal answers can only tie, so nobody is asked about them.
    """
    sides: dict[tuple[str, int], dict[Variant, Generation]] = {}
    for row in generations:
        sides.setdefault((row.prompt_id, row.sample), {})[row.variant] = row
    found = {}
    for pair in sides.values():
        if len(pair) == 2 and pair["base"].text != pair["tuned"].text:
            item = _item(pair["base"].prompt, pair["base"].text, pair["tuned"].text)
            found[item.key] = item
    return [found[key] for key in sorted(found)]


def _item(prompt: str, base: str, tuned: str) -> Item:
    key = hashlib.sha256(json.dumps([prompt, base, tuned]).encode()).hexdigest()
    return Item(key, prompt, base, tuned)


def next_item(items: Sequence[Item], votes: Iterable[Vote], rater: str) -> Item | None:
    """What this rater has not judged yet: begun items first, the least judged of the rest after them."""
    done = {(vote.rater, vote.item) for vote in votes}
    count = Counter(item for _, item in done)

    def rank(item: Item) -> tuple[bool, int]:
        votes = count[item.key]
        begun = 0 < votes < RATERS_AN_ITEM
        return not begun, -votes if begun else votes

    return min((item for item in items if (rater, item.key) not in done), key=rank, default=None)


def tuned_is_first(rater: str, item: Item) -> bool:
    """Whether tuned is shown as A: as random as a hash, and the same when a page is loaded again."""
    return hashlib.sha256(f"{rater}/{item.key}".encode()).digest()[0] % 2 == 0


def choice_of(answer: str, tuned_first: bool) -> Choice | None:
    """What an answer on the page means; None when it is none of :data:`ANSWERS`."""
    first: Choice = "tuned" if tuned_first else "base"
    second: Choice = "base" if tuned_first else "tuned"
    meanings: dict[str, Choice] = {"A": first, "B": second, "tie": "tie", "both bad": "both bad"}
    return meanings.get(answer)


def rater_id(stored: object) -> str:
    """The anonymous id that a browser keeps, or a new one."""
    return stored if isinstance(stored, str) and _RATER.fullmatch(stored) else uuid.uuid4().hex
