from __future__ import annotations

from pathlib import Path

import pytest

from counterpoise.models.loading import LoadedModel, load_model
from counterpoise.models.tiny import make_tiny_model
from tests.models.conftest import TEXTS


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder: Path = tmp_path_factory.mktemp("tiny") / "model"
    make_tiny_model(folder, TEXTS, seed=0)
    return load_model(folder, "fp32", device="cpu")
