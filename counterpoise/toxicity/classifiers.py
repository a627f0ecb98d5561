"""The interface of a toxicity classifier, and the one place that makes one from its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from counterpoise.toxicity.spec import parse_spec


class ToxicityClassifier(Protocol):
    """Anything that scores sentences.

    Attributes:
        name: as it stands in tables and reports.
    """

    @property
    def name(self) -> str:
        """As it stands in tables and reports."""
        ...

    def score(self, texts: Sequence[str]) -> list[float]:
        """The toxicity of each text, a probability from 0 to 1, in the order given.

        One call is one batch: use :func:`counterpoise.toxicity.scoring.score_texts` for many texts.
        """
        ...


def load_classifier(spec: str, *, cache: Path, device: str | None = None) -> ToxicityClassifier:
    """The classifier of that name, ready to score.

    Args:
        spec: see :func:`counterpoise.toxicity.spec.parse_spec`.
        cache: where weights are fetched to (:func:`counterpoise.sources.cache.default_cache`).
        device: a torch device; default: a GPU if there is one. The linear model has none.

    Raises:
        UsageError: no such classifier, or which of its labels is the toxic one is not clear.
        ModelError: the checkpoint or folder is not one.
        SourceError: the weights could not be fetched.
    """
    parsed = parse_spec(spec)
    # Each implementation is imported only where it is used: two of them load torch, the others a vectoriser.
    if parsed.kind == "linear":
        from counterpoise.toxicity.linear import LinearClassifier  # noqa: PLC0415

        return LinearClassifier()
    if parsed.kind == "hatesonar":
        from counterpoise.toxicity.hatesonar import load_hatesonar  # noqa: PLC0415

        return load_hatesonar(cache)
    if parsed.kind == "detoxify":
        from counterpoise.toxicity.detoxify_models import load_detoxify  # noqa: PLC0415

        return load_detoxify(parsed, cache, device)
    from counterpoise.toxicity.hub_models import load_hub_model  # noqa: PLC0415

    return load_hub_model(parsed, cache, device)
