from __future__ import annotations

from pathlib import Path

import pytest

from counterpoise.models.loading import LoadedModel, load_model
from counterpoise.models.tiny import make_tiny_model
from counterpoise.records import Pair

GROUPS = [("women", "men"), ("Black people", "white people"), ("the poor", "the rich"), ("She", "He")]
TAILS = [
    "are often late for work.",
    "cannot drive a car",
    "know nothing, and say so!",
    "like the sea most of all.",
]


def make_pairs() -> list[Pair]:
    """Sixteen pairs that share beginnings with each other, and four whose shared part comes first."""
    rows = [(f"{more} {tail}", f"{less} {tail}") for more, less in GROUPS for tail in TAILS]
    rows += [
        (f"It is known that the work of {more} is hard.", f"It is known that the work of {less} is hard.")
        for more, less in GROUPS
    ]
    categories = ("gender", "race-color", "socioeconomic", "gender")
    return [Pair(i, categories[i % 4], "stereo", more, less) for i, (more, less) in enumerate(rows)]


@pytest.fixture(scope="session")
def pairs() -> list[Pair]:
    return make_pairs()


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory, pairs: list[Pair]) -> Path:
    folder = tmp_path_factory.mktemp("tiny") / "model"
    make_tiny_model(folder, [text for pair in pairs for text in (pair.more, pair.less)], seed=0)
    return folder


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> LoadedModel:
    return load_model(tiny_folder, "fp32", device="cpu")
