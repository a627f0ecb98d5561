from __future__ import annotations

from pathlib import Path

import pytest

from counterpoise.models.tiny import make_tiny_model

TEXTS = [
    f"{group} {tail}"
    for group in ("Women", "Men", "Black people", "White people", "The poor", "The rich")
    for tail in ("are late for work.", "cannot drive a car in the snow.", "like the sea.", "know nothing!")
]


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny") / "model"
    make_tiny_model(folder, TEXTS, seed=0)
    return folder
