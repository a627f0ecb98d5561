"""The second offline classifier: `hatesonar`'s model, read out of its ONNX file and computed here.

It is TF-IDF over words and multinomial logistic regression, trained on the tweets of Davidson et al. 2017. The file
is tensors and names; reading it runs nothing. onnxruntime would compute the same (a test holds its values), but its
lower-casing asks the machine for an ``en_US.UTF-8`` locale, which slim containers lack.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from counterpoise.errors import ModelError
from counterpoise.sources.fetch import fetch
from counterpoise.sources.registry import get_source
from counterpoise.toxicity.onnx_file import OnnxFile, read_onnx
from counterpoise.toxicity.spec import HATESONAR

Floats = npt.NDArray[np.float32]
NEITHER = 2
"""Its classes are 0 hate speech, 1 offensive language, 2 neither."""


@dataclass(frozen=True, slots=True)
class Weights:
    """The model's tensors.

    Attributes:
        words: what a word is, as a regular expression.
        columns: word → column.
        idf: inverse document frequency of each column, ``[words]``.
        coefficients, intercepts: ``[words, classes]`` and ``[classes]``.
    """

    words: re.Pattern[str]
    columns: dict[str, int]
    idf: Floats
    coefficients: Floats
    intercepts: Floats


class HatesonarClassifier:
    """softmax(W · x + b) with x the text's TF-IDF vector of length 1; toxicity is 1 − p(neither)."""

    name = HATESONAR

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    def score(self, texts: Sequence[str]) -> list[float]:
        """The probability that each text is hate speech or offensive."""
        return [1.0 - float(self.probabilities(text)[NEITHER]) for text in texts]

    def probabilities(self, text: str) -> Floats:
        """Of hate speech, offensive language and neither, ``[3]``."""
        weights = self._weights
        found = weights.words.findall(text.lower())
        columns, counts = np.unique(
            [weights.columns[word] for word in found if word in weights.columns], return_counts=True
        )
        values = counts * weights.idf[columns.astype(int)]
        length = float(np.sqrt(np.square(values).sum())) or 1.0
        logits = weights.intercepts + (values / length) @ weights.coefficients[columns.astype(int)]
        powers = np.exp(logits - logits.max())
        return np.asarray(powers / powers.sum(), dtype=np.float32)


def load_hatesonar(cache: Path) -> HatesonarClassifier:
    """`hatesonar`'s model out of its wheel.

    Raises:
        SourceError: it could not be fetched.
        ModelError: it is another model.
    """
    path = fetch(get_source(HATESONAR), cache)
    return HatesonarClassifier(weights_of(read_onnx(path.read_bytes()), path))


def weights_of(file: OnnxFile, path: Path) -> Weights:
    """The tensors of a text → TF-IDF → logistic regression graph."""
    try:
        tokens, counts, classes = (
            file.nodes[kind] for kind in ("Tokenizer", "TfIdfVectorizer", "LinearClassifier")
        )
        (idf,) = (values for values in file.tensors.values() if values.size > 1)
        columns = dict(zip(counts.strings["pool_strings"], counts.integers["ngram_indexes"], strict=True))
        coefficients = classes.floats["coefficients"].reshape(-1, len(columns)).T
        return Weights(
            re.compile(tokens.strings["tokenexp"][0], re.ASCII),
            columns,
            idf,
            np.ascontiguousarray(coefficients),
            classes.floats["intercepts"],
        )
    except (KeyError, ValueError, IndexError) as error:
        raise ModelError(
            f"{path}: not a TF-IDF classifier ({type(error).__name__}: {error})", "fetch it again"
        ) from None
