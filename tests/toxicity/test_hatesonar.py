"""hatesonar's model, computed here: onnxruntime's numbers, and its documented bias."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest

from counterpoise.errors import ModelError
from counterpoise.sources.cache import default_cache
from counterpoise.toxicity.classifiers import load_classifier
from counterpoise.toxicity.hatesonar import HatesonarClassifier, Weights, weights_of
from counterpoise.toxicity.onnx_file import read_onnx


def field(number: int, value: bytes | int) -> bytes:
    """One protocol-buffers field, as the format's documentation writes it."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    groups = []
    while True:
        groups.append(value & 127 | (128 if value > 127 else 0))
        value >>= 7
        if not value:
            return bytes(groups)


def attribute(name: str, *fields: bytes) -> bytes:
    return field(5, field(1, name.encode()) + b"".join(fields))


def node(kind: str, *attributes: bytes) -> bytes:
    return field(1, field(4, kind.encode()) + b"".join(attributes))


def floats(*values: float) -> bytes:
    return np.array(values, dtype="<f4").tobytes()


WORDS = [b"good", b"bad"]
FILE = field(
    7,
    node("Tokenizer", attribute("tokenexp", field(4, b"[a-z]+")))
    + node("TfIdfVectorizer", attribute("pool_strings", *[field(9, word) for word in WORDS]),
           attribute("ngram_indexes", field(8, 1), field(8, varint(0))))
    + node("LinearClassifier", attribute("coefficients", field(7, floats(1, 0, 0, 0, 0, 2))),
           attribute("intercepts", field(7, floats(0, 0, 0))))
    + field(5, field(4, floats(3, 4)) + field(8, b"idf"))
    + field(5, field(8, b"shape")),
)  # fmt: skip


def test_the_file_format() -> None:
    file = read_onnx(field(1, 300) + FILE)
    assert file.nodes["Tokenizer"].strings["tokenexp"] == ["[a-z]+"]
    assert file.nodes["TfIdfVectorizer"].integers["ngram_indexes"] == [1, 0]  # one alone, one packed
    assert list(file.tensors["idf"]) == [3, 4]
    with pytest.raises(ValueError, match="ends in the middle of a field"):
        read_onnx(FILE[:-1])


def test_the_arithmetic() -> None:
    weights = weights_of(read_onnx(FILE), Path("x"))
    assert weights.columns == {"good": 1, "bad": 0}
    # "bad" is column 0, idf 3; "good" column 1, idf 4. "Bad, bad good": counts 2 and 1, so (6, 4) / sqrt(52).
    # Class 0 weighs column 0 with 1, class 2 column 1 with 2: logits 6/sqrt(52), 0 and 8/sqrt(52).
    logits = [6 / math.sqrt(52), 0.0, 8 / math.sqrt(52)]
    expected = 1 - math.exp(logits[2]) / sum(map(math.exp, logits))
    classifier = HatesonarClassifier(weights)
    assert classifier.score(["Bad, bad good", "unknown words", ""]) == pytest.approx([expected, 2 / 3, 2 / 3])
    assert classifier.score([]) == []


def test_another_model_is_one_line() -> None:
    with pytest.raises(ModelError, match="x: not a TF-IDF classifier"):
        weights_of(read_onnx(field(7, node("Tokenizer"))), Path("x"))
    assert isinstance(weights_of(read_onnx(FILE), Path("x")), Weights)


# By onnxruntime 1.32.0 on the same file: hate speech, offensive language, neither.
BY_ONNXRUNTIME = {
    "You are a worthless idiot.": (0.07884242, 0.33774787, 0.58340973),
    "The lake is fed by two streams.": (0.03521946, 0.30779353, 0.65698707),
    "gay people are kind": (0.28441355, 0.20514382, 0.51044261),
    "don't @user RT http://t.co/xyz": (0.01847498, 0.16434394, 0.81718111),
    "Ünïcode naïve café test_1 a b": (0.01852472, 0.24077858, 0.74069673),
    "": (0.03754170, 0.28742012, 0.67503822),
}


@pytest.mark.network
def test_onnxruntime_gives_the_same_numbers() -> None:
    classifier = load_classifier("hatesonar", cache=default_cache())
    assert isinstance(classifier, HatesonarClassifier)
    for text, expected in BY_ONNXRUNTIME.items():
        assert list(classifier.probabilities(text)) == pytest.approx(expected, abs=1e-6), text
    assert classifier.score(list(BY_ONNXRUNTIME)) == pytest.approx(
        [1 - neither for _, _, neither in BY_ONNXRUNTIME.values()], abs=1e-6
    )


@pytest.mark.network
def test_its_bias_is_as_documented(root: Path) -> None:
    text = (root / "docs" / "toxicity.md").read_text(encoding="utf-8")
    section = text.partition("## The second classifier")[2].partition("## What these scores")[0]
    number = r" (\d\.\d\d) \|"
    classifier = load_classifier("hatesonar", cache=default_cache())
    groups = re.findall(rf"^\| (\w+) \|{number * 4}$", section, re.MULTILINE)
    assert len(groups) == 8
    for group, *printed in groups:
        people = [f"{group} people are {word}" for word in ("awful", "lazy", "kind")]
        scores = classifier.score([*people, f"My neighbour is a {group} person."])
        assert [f"{score:.2f}" for score in scores] == printed, group
    dialect = re.findall(rf"^\| “(.+?)” \| “(.+?)” \|{number * 2}$", section, re.MULTILINE)
    assert len(dialect) == 6
    for standard, other, *printed in dialect:
        assert [f"{score:.2f}" for score in classifier.score([standard, other])] == printed, other
