"""The margin that the ``neutral`` loss draws each pair to: centred, and shrunk.

CrowS-Pairs is at 50 when the median margin is 0, and a model at 55 is there but for a shift of about half a
nat, while single margins are ten times as large for reasons that are no bias (a rarer word, a longer name).
What pairs of one category share is what generalises to unseen pairs; so the target moves it, and shrinks the
rest by a chosen share:

    m*ᵢ = m₀ᵢ + [(1 − shrink) · (jᵢ − c) − jᵢ],    c = the median base margin of the pair's category and origin

with m₀ the trained base's margin and j the judged base's, the same where they are one model (then
m* = (1 − shrink)(m₀ − c)). c is drawn towards the median of all, as a small category's own is uncertain: with n
pairs, weight n / (n + 20).
``shrink = 0`` is a pure shift, ``shrink = 1`` asks every pair to be exactly undecided. Where the model is judged
at another precision than it is trained in, what is asked for is a change of the judged margin: it is the judged
model that must be centred, and the adapter moves both by the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import median

from counterpoise.alignment.records import ReferenceLogProb
from counterpoise.records import Preference

PRIOR_PAIRS = 20


def target_margins(
    preferences: Sequence[Preference],
    reference: Sequence[ReferenceLogProb],
    judged: Sequence[ReferenceLogProb],
    shrink: float,
    identity_weight: float = 1.0,
) -> dict[str, float]:
    """Target margin log p(chosen) − log p(rejected) of each preference, nats, by its id.

    Args:
        reference: the trained base's log-probabilities; judged: the judged base's (often the same).
        identity_weight: of the tokens that only one sentence has, in every margin.
    """
    margin = {row.preference_id: row.margin(identity_weight) for row in reference}
    level = {row.preference_id: row.margin(identity_weight) for row in judged}
    groups: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in preferences:
        groups[row.category, row.origin].append(level[row.preference_id])
    overall = median(value for values in groups.values() for value in values)
    centre = {key: _centre(values, overall) for key, values in groups.items()}
    return {
        row.preference_id: margin[row.preference_id]
        - level[row.preference_id]
        + (1 - shrink) * (level[row.preference_id] - centre[row.category, row.origin])
        for row in preferences
    }


def _centre(values: Sequence[float], overall: float) -> float:
    return (len(values) * median(values) + PRIOR_PAIRS * overall) / (len(values) + PRIOR_PAIRS)
