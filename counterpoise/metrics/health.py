"""Is the generated text still text? Diversity, repetition, length, usability and language drift.

*Usable* means that a reader could use the continuation as English prose: it has words, it is not a loop, a
list of symbols, broken characters or another language. It does not mean true, relevant or inoffensive. The
rules are thresholds on surface statistics; they see loops and debris, and cannot see grammatical nonsense.
How often they agree with hand labels is measured in the tests and stated in ``docs/metrics.md``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from counterpoise.errors import DataError
from counterpoise.metrics.intervals import Interval, wilson

Fault = Literal[
    "empty", "control tokens", "broken characters", "symbols", "too short", "repeats", "not English"
]
"""Why a continuation is not usable; the first that applies, in this order."""

MIN_WORDS = 3
"""A continuation of fewer words says nothing."""
MIN_LETTER_SHARE = 0.6
"""Letters among the non-space characters; English prose has 0.93 or more, tables and code far less."""
WINDOW = 20
"""Tokens of the moving type–token window (Covington & McFall 2010): a loop anywhere fills one."""
MIN_WINDOW_DIVERSITY = 0.6
"""Distinct among the tokens of the poorest window."""
MAX_REPETITION = 0.2
"""Repeated 4-grams, see :func:`repetition`."""
MIN_LOOP_TOKENS = 6
"""A unit repeated to the end of the text counts as a loop from this many tokens on."""
MIN_FUNCTION_WORD_SHARE = 0.2
"""English function words among the words. Running English has 0.4 to 0.55, other languages near 0."""
MIN_WORDS_FOR_LANGUAGE = 6
"""Too few words to judge a language by function words below this."""
MAX_FOREIGN_SHARE = 0.2
"""Letters outside the Latin script; English prose quotes a foreign word now and then."""

FUNCTION_WORDS = frozenset(
    """
    a about after all also am an and any are aren't as at be because been before being both but by can
    can't could did didn't do does doesn't don't each every few for from had has have he her here him his
    how i i'm i've if in into is isn't it it's its just like many may me more most much my never no not
    now of off on one only or other our out over she should so some such than that that's the their them
    then there these they this those through to too under until up upon us very was wasn't we were what
    when where which while who whom whose why will with within without would you you're your
    """.split()  # noqa: SIM905 — a hundred words read better as prose
)
_TOKEN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|[^\w\s]")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_CONTROL = re.compile(r"<\|[^|<>\s]{1,40}\|>|</?s>|<(?:pad|unk|bos|eos)>|\[/?INST\]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TextHealth:
    """Health of a set of continuations.

    Attributes:
        n: continuations.
        usable: percentage that is usable, see :func:`fault`.
        usable_interval: its Wilson 95 % interval, percent.
        faults: how many continuations have each fault.
        distinct_1, distinct_2, distinct_3: distinct n-grams over all n-grams of the set, 0 to 1.
        repetition: mean of :func:`repetition` over continuations, 0 to 1.
        mean_words: mean length, words.
        drift: percentage of the continuations long enough to judge that are not English.
    """

    n: int
    usable: float
    usable_interval: Interval
    faults: dict[Fault, int]
    distinct_1: float
    distinct_2: float
    distinct_3: float
    repetition: float
    mean_words: float
    drift: float


def text_health(texts: Sequence[str]) -> TextHealth:
    """Health of ``texts``, the continuations alone without their prompts.

    Raises:
        DataError: no texts.
    """
    if not texts:
        raise DataError("no texts to judge", "check the variant and prompts that were selected")
    faults = [fault(text) for text in texts]
    usable = sum(found is None for found in faults)
    low, high = wilson(usable, len(texts))
    judged = [not_english(text) for text in texts if len(words(text)) >= MIN_WORDS_FOR_LANGUAGE]
    return TextHealth(
        n=len(texts),
        usable=100 * usable / len(texts),
        usable_interval=(100 * low, 100 * high),
        faults=dict(Counter(found for found in faults if found is not None).most_common()),
        distinct_1=distinct_n(texts, 1),
        distinct_2=distinct_n(texts, 2),
        distinct_3=distinct_n(texts, 3),
        repetition=_mean([repetition(text) for text in texts]),
        mean_words=_mean([len(words(text)) for text in texts]),
        drift=100 * sum(judged) / len(judged) if judged else 0.0,
    )


def mean_health(models: Sequence[TextHealth]) -> TextHealth:
    """Health of what several models wrote, each to the same prompts.

    Distinct-n falls with the amount of text, so it is each model's own and not that of all texts together. The
    interval is that of one model's number of texts: the models answer the same prompts, which don't get more.

    Args:
        models: :func:`text_health` of each model's continuations.
    """
    usable = _mean([health.usable for health in models])
    n = models[0].n
    low, high = wilson(round(n * usable / 100), n)
    faults: Counter[Fault] = Counter()
    for health in models:
        faults.update(health.faults)
    return TextHealth(
        n=sum(health.n for health in models),
        usable=usable,
        usable_interval=(100 * low, 100 * high),
        faults=dict(faults.most_common()),
        distinct_1=_mean([health.distinct_1 for health in models]),
        distinct_2=_mean([health.distinct_2 for health in models]),
        distinct_3=_mean([health.distinct_3 for health in models]),
        repetition=_mean([health.repetition for health in models]),
        mean_words=_mean([health.mean_words for health in models]),
        drift=_mean([health.drift for health in models]),
    )


def fault(text: str) -> Fault | None:
    """Why ``text`` is not usable, or None where it is."""
    return next((name for name, applies in _RULES if applies(text)), None)


def words(text: str) -> list[str]:
    """The words of ``text``, lower case; inner apostrophes and hyphens belong to the word."""
    return [word.lower().replace("’", "'") for word in _WORD.findall(text)]


def tokens(text: str) -> list[str]:
    """Words, numbers and punctuation marks of ``text``, lower case."""
    return [token.lower() for token in _TOKEN.findall(text)]


def distinct_n(texts: Sequence[str], n: int) -> float:
    """Distinct n-grams over all n-grams of ``texts`` (Li et al. 2016, distinct-n); 0 where there is none.

    It falls with the amount of text: compare only sets of similar size.
    """
    grams = [gram for text in texts for gram in _grams(tokens(text), n)]
    return len(set(grams)) / len(grams) if grams else 0.0


def repetition(text: str, n: int = 4) -> float:
    """1 − distinct n-grams / n-grams of one text (Welleck et al. 2020, seq-rep-n); 0 where there is none."""
    grams = _grams(tokens(text), n)
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def repeats(text: str) -> bool:
    """Whether the text loops: repeated 4-grams, a poor window, or a unit repeated up to its end."""
    found = tokens(text)
    return (
        repetition(text) > MAX_REPETITION
        or _window_diversity(found) < MIN_WINDOW_DIVERSITY
        or _loop_length(found) >= MIN_LOOP_TOKENS
    )


def not_english(text: str) -> bool:
    """Whether the letters are not Latin, or running text lacks English function words.

    Function words are the most frequent and least topical words of a language, so their share separates
    languages (and word salad) without a language model. Shorter texts are judged by their script alone.
    """
    letters = [character for character in text if character.isalpha()]
    if sum(ord(letter) > 0x24F for letter in letters) > MAX_FOREIGN_SHARE * len(letters):
        return True
    found = words(text)
    if len(found) < MIN_WORDS_FOR_LANGUAGE:
        return False
    return sum(word in FUNCTION_WORDS for word in found) < MIN_FUNCTION_WORD_SHARE * len(found)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _broken(text: str) -> bool:
    return any(
        character == "\ufffd" or (ord(character) < 32 and character not in "\t\n\r") for character in text
    )


def _symbols(text: str) -> bool:
    bare = "".join(text.split())
    return sum(character.isalpha() for character in bare) < MIN_LETTER_SHARE * len(bare)


def _grams(found: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(found[start : start + n]) for start in range(len(found) - n + 1)]


def _window_diversity(found: Sequence[str]) -> float:
    """Smallest share of distinct tokens in any window; the whole text where it is shorter than a window."""
    if not found:
        return 1.0
    width = min(WINDOW, len(found))
    return min(len(set(found[at : at + width])) for at in range(len(found) - width + 1)) / width


def _loop_length(found: Sequence[str]) -> int:
    """Tokens of the longest tail that repeats one unit at least twice in full, 0 where there is none."""
    longest = 0
    for unit in range(1, len(found) // 2 + 1):
        matched = 0
        while matched + unit < len(found) and found[-1 - matched] == found[-1 - matched - unit]:
            matched += 1
        if matched >= unit:
            longest = max(longest, matched + unit)
    return longest


_RULES: tuple[tuple[Fault, Callable[[str], bool]], ...] = (
    ("empty", lambda text: not text.strip()),
    ("control tokens", lambda text: _CONTROL.search(text) is not None),
    ("broken characters", _broken),
    ("repeats", repeats),
    ("symbols", _symbols),
    ("too short", lambda text: len(words(text)) < MIN_WORDS),
    ("not English", not_english),
)
