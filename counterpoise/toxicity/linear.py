"""The offline classifier: the linear model that ships inside `alt-profanity-check`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from types import ModuleType

from counterpoise.toxicity.spec import LINEAR


class LinearClassifier:
    """A calibrated linear SVM over word counts (Zhou 2019, profanity-check), kept up by alt-profanity-check.

    Its model file is a joblib pickle inside the installed, version-pinned wheel. That is the one pickle this
    project loads: it runs no code that installing and importing the package would not run.
    """

    name = LINEAR

    def __init__(self) -> None:
        self._model = _imported()

    def score(self, texts: Sequence[str]) -> list[float]:
        """Probability that each text is offensive."""
        return [float(value) for value in self._model.predict_prob(list(texts))] if texts else []


def _imported() -> ModuleType:
    """Importing the package loads its model; scikit-learn then warns that another version saved it."""
    from sklearn.exceptions import InconsistentVersionWarning  # noqa: PLC0415 - three seconds

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        import profanity_check  # noqa: PLC0415

    module: ModuleType = profanity_check
    return module
