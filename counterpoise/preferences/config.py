"""Which candidate preferences are made, and which survive the toxicity filter."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from counterpoise.settings import Settings


class PreferencesConfig(Settings):
    """Candidates (human-written and counterfactual) and the filter over them."""

    origins: tuple[Literal["human", "counterfactual"], ...] = Field(
        ("human", "counterfactual"),
        description="human: sent_less over sent_more; counterfactual: an identity swap of sent_more over it.",
    )
    swaps: Literal["identity", "any"] = Field(
        "identity",
        description="identity: swaps of the words in which the pair's two sentences differ; any: also of other "
        "identities the sentence names, which says nothing of the pair's bias.",
    )
    prompt: Literal["empty", "shared-prefix"] = Field(
        "empty", description="empty: the whole sentence is the completion; shared-prefix: only what follows."
    )
    max_toxicity: float = Field(
        0.5,
        ge=0,
        le=1,
        description="A candidate is dropped when both sentences are above this toxicity, 0 to 1.",
    )
    tolerance: float = Field(
        0.0,
        ge=0,
        le=1,
        description="How much more toxic (0 to 1) the chosen sentence may be and still count as cleaner.",
    )
    max_counterfactuals: int = Field(
        2, ge=0, description="Most counterfactuals of one sentence that become candidates, in seeded order."
    )
