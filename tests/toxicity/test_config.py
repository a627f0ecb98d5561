from __future__ import annotations

from pathlib import Path

import pytest

from counterpoise.errors import UsageError
from counterpoise.sources.registry import get_source
from counterpoise.toxicity.config import ToxicityConfig
from counterpoise.toxicity.spec import BACKBONES, identity, parse_spec
from counterpoise.validation import validated

COMMIT = "391c99ab8b3f65beb77746a2cf6ddf1ddf9817e6"


def test_the_default_has_two_that_can_disagree_and_the_filter_needs_no_network() -> None:
    assert ToxicityConfig().classifiers == ("alt-profanity-check", "hatesonar")


def test_hatesonar_is_pinned() -> None:
    assert identity("hatesonar") == f"hatesonar sha256:{get_source('hatesonar').sha256}"


@pytest.mark.parametrize("variant", BACKBONES)
def test_every_detoxify_model_is_known_and_pinned(variant: str) -> None:
    assert parse_spec(f"detoxify:{variant}").name == f"detoxify:{variant}"
    assert "sha256:" in identity(f"detoxify:{variant}")


def test_a_hub_model_with_its_commit_and_label() -> None:
    spec = parse_spec(f"hf:owner/name@{COMMIT}#toxic")
    assert (spec.repository, spec.revision, spec.label, spec.name) == (
        "owner/name",
        COMMIT,
        "toxic",
        "hf:owner/name",
    )


def test_the_case_studys_model_has_a_short_name() -> None:
    spec = parse_spec("roberta-hate-speech")
    assert spec.repository == "facebook/roberta-hate-speech-dynabench-r4-target"
    assert spec.revision == COMMIT


@pytest.mark.parametrize(
    "text",
    [
        "perspective",
        "hf:owner/name",
        "hf:owner/name@main",
        "detoxify",
        "crows-pairs",
        "",
        "hf:owner/name@abc",
    ],
)
def test_what_is_not_a_classifier_is_refused_with_the_forms_that_are(text: str) -> None:
    with pytest.raises(UsageError, match="use alt-profanity-check, hatesonar, detoxify:"):
        parse_spec(text)


def test_an_unknown_detoxify_model_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"no model 'large'.*original-small"):
        parse_spec("detoxify:large")


@pytest.mark.parametrize("values", [["perspective"], [], ["alt-profanity-check", "alt-profanity-check"]])
def test_the_config_refuses_them_too(values: list[str]) -> None:
    with pytest.raises(UsageError, match="profile x: classifiers"):
        validated(ToxicityConfig, {"classifiers": values}, "profile x")


def test_the_identity_of_a_local_checkpoint_is_its_content(tmp_path: Path) -> None:
    here, there = tmp_path / "a.ckpt", tmp_path / "b.ckpt"
    here.write_bytes(b"weights")
    there.write_bytes(b"weights")
    assert identity(f"detoxify:original@{here}") == identity(f"detoxify:original@{there}")
    there.write_bytes(b"other weights")
    assert identity(f"detoxify:original@{here}") != identity(f"detoxify:original@{there}")
    with pytest.raises(UsageError, match="no file or folder"):
        identity(f"detoxify:original@{tmp_path / 'none.ckpt'}")
