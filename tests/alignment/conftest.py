from __future__ import annotations

from pathlib import Path

import pytest

from counterpoise.models.loading import LoadedModel, load_model
from counterpoise.models.tiny import make_tiny_model
from tests.alignment.material import SENTENCES


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny") / "model"
    make_tiny_model(folder, SENTENCES, seed=0)
    return folder


@pytest.fixture
def tiny(tiny_folder: Path) -> LoadedModel:
    """A fresh copy for each test: training attaches adapters to the model it is given."""
    return load_model(tiny_folder, "fp32", device="cpu")
