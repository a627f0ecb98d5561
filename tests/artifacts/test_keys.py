"""What a key depends on, that it depends on nothing else, and how changes are explained."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
from dataclasses import fields, replace
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from counterpoise.artifacts.keys import (
    Change,
    KeyParts,
    canonical_json,
    explain,
    library_versions,
    resource_hashes,
)
from counterpoise.artifacts.layout import STORE_VERSION
from counterpoise.errors import StoreError
from counterpoise.settings import Settings, deciding
from tests.artifacts.making import parts

names = st.text("abcdef_", min_size=1, max_size=6)
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)
)
configs = st.dictionaries(names, values, max_size=4)


def test_key_is_the_sha256_of_the_canonical_json_with_the_store_version() -> None:
    text = json.dumps({"store": STORE_VERSION, **parts(a=1).to_json()}, sort_keys=True, separators=(",", ":"))
    assert parts(a=1).key == hashlib.sha256(text.encode()).hexdigest()


@given(configs, st.randoms(use_true_random=False))
def test_key_does_not_depend_on_the_order_of_names(config: dict[str, Any], shuffle: random.Random) -> None:
    items = list(config.items())
    shuffle.shuffle(items)
    assert parts(**dict(items)).key == parts(**config).key


@given(configs, configs)
def test_keys_are_equal_exactly_when_nothing_is_explained(one: dict[str, Any], two: dict[str, Any]) -> None:
    left, right = parts(**one), parts(**two)
    assert (left.key == right.key) == (explain(left, right) == ())


@given(configs)
def test_json_round_trip_keeps_the_key(config: dict[str, Any]) -> None:
    original = parts(**config)
    assert KeyParts.from_json(json.loads(json.dumps(original.to_json()))).key == original.key


CHANGED = {
    "stage": "other",
    "version": 2,
    "code": {"counterpoise.records": "cd" * 32},
    "config": {"beta": 0.2},
    "inputs": {"pairs": "ef" * 32},
    "seed": 8,
    "libraries": {"numpy": "2.1"},
    "resources": {"words.toml": "12" * 32},
    "schemas": {"scores": 2},
}


@pytest.mark.parametrize("component", [field.name for field in fields(KeyParts)])
def test_every_component_changes_the_key_and_is_named(component: str) -> None:
    before, after = parts(), replace(parts(), **{component: CHANGED[component]})
    assert before.key != after.key
    assert [change.component for change in explain(before, after)] == [component]


def test_changes_name_the_dotted_path_and_both_values() -> None:
    before = parts(lora={"r": 16, "alpha": 32}, beta=0.1)
    after = parts(lora={"r": 64, "alpha": 32}, targets=["q_proj"])
    assert explain(before, after) == (
        Change("config", "lora.r", 16, 64),
        Change("config", "beta", 0.1, None),
        Change("config", "targets", None, ["q_proj"]),
    )


def test_a_value_that_json_cannot_hold_is_refused_by_name() -> None:
    with pytest.raises(StoreError, match="stage 'scores' holds a value that JSON cannot"):
        _ = parts(x=float("nan")).key


def test_parts_of_another_version_are_refused() -> None:
    value = parts().to_json()
    del value["seed"]
    with pytest.raises(StoreError, match="expected"):
        KeyParts.from_json(value)


class Kind(Enum):
    NF4 = "nf4"


class Inner(Settings):
    rank: int = Field(16, description="rank")
    workers: int = Field(2, description="processes", json_schema_extra={"result": False})


class Outer(Settings):
    inner: Inner = Field(Inner(), description="inner")
    several: tuple[Inner, ...] = Field((Inner(), Inner(rank=8)), description="several")
    named: dict[str, Inner] = Field({"a": Inner()}, description="named")
    kind: Kind = Field(Kind.NF4, description="kind")
    groups: frozenset[str] = Field(frozenset({"b", "a"}), description="groups")
    folder: Path = Field(Path("a/b"), description="folder")
    log_level: str = Field("info", description="display", json_schema_extra={"result": False})


def test_config_keeps_what_changes_results_at_any_depth_and_drops_the_rest() -> None:
    assert deciding(Outer()) == {
        "inner": {"rank": 16},
        "several": [{"rank": 16}, {"rank": 8}],
        "named": {"a": {"rank": 16}},
        "kind": "nf4",
        "groups": ["a", "b"],
        "folder": "a/b",
    }


def test_display_fields_do_not_change_the_config_of_a_key() -> None:
    quiet = Outer(log_level="error", inner=Inner(workers=8))
    assert canonical_json(deciding(quiet)) == canonical_json(deciding(Outer()))
    assert deciding(Outer(inner=Inner(rank=32))) != deciding(Outer())


def test_a_config_value_without_canonical_form_is_named() -> None:
    class Odd(Settings):
        data: bytes = Field(b"x", description="bytes")

    with pytest.raises(TypeError, match=r"Odd\.data is a bytes"):
        deciding(Odd())


def test_library_versions_are_those_installed() -> None:
    assert library_versions(["pytest"]) == {"pytest": pytest.__version__}
    with pytest.raises(StoreError, match="'no-such-package'"):
        library_versions(["no-such-package"])


def test_resource_hashes_are_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_bytes(b"abc")
    # sha256("abc") as in FIPS 180-2, appendix B.1
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert resource_hashes(tmp_path, ["words.txt"]) == {"words.txt": expected}
    with pytest.raises(StoreError, match=r"missing\.txt"):
        resource_hashes(tmp_path, ["missing.txt"])


def test_store_and_keys_import_nothing_heavy() -> None:
    heavy = ("pandas", "pyarrow", "torch", "prefect", "s3fs", "fsspec", "pydantic", "numpy")
    code = f"import sys, counterpoise.artifacts.store, counterpoise.artifacts.keys; print([m for m in {heavy} if m in sys.modules])"  # noqa: E501
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )
