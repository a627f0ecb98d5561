from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import pytest
import torch
from detoxify import Detoxify

from counterpoise.errors import ModelError
from counterpoise.files import sha256_file
from counterpoise.sources.hub import repository_place
from counterpoise.sources.registry import get_source
from counterpoise.sources.source import Hub, parse_uri
from counterpoise.toxicity.classifiers import load_classifier
from counterpoise.toxicity.scoring import score_texts
from tests.toxicity.conftest import DETOXIFY_CLASSES, tiny_bert, write_detoxify

TEXTS = ["the hate", "you", "a b c d e f g", "hate hate hate you", "z"]


def test_scores_are_the_sigmoid_of_the_toxic_output(detoxify_checkpoint: Path, tmp_path: Path) -> None:
    classifier = load_classifier(f"detoxify:original@{detoxify_checkpoint}", cache=tmp_path, device="cpu")
    model = tiny_bert(DETOXIFY_CLASSES, seed=1)
    tokens = torch.tensor([[2, 32, 34, 3]])  # [CLS] the hate [SEP]: places in the fixture's vocabulary
    with torch.no_grad():
        expected = torch.sigmoid(model(tokens).logits)[0, DETOXIFY_CLASSES.index("toxic")]
    assert classifier.score(["the hate"]) == pytest.approx([float(expected)], abs=1e-6)


def test_batches_and_single_texts_agree(detoxify_checkpoint: Path, tmp_path: Path) -> None:
    classifier = load_classifier(f"detoxify:original@{detoxify_checkpoint}", cache=tmp_path, device="cpu")
    alone = [classifier.score([text])[0] for text in TEXTS]
    assert score_texts(classifier, TEXTS, batch_size=2) == pytest.approx(alone, abs=1e-6)
    assert len({round(score, 3) for score in alone}) > 1
    assert classifier.score([]) == []


def test_the_folder_of_a_checkpoint_will_do(detoxify_checkpoint: Path, tmp_path: Path) -> None:
    by_folder = load_classifier(
        f"detoxify:original@{detoxify_checkpoint.parent}", cache=tmp_path, device="cpu"
    )
    by_file = load_classifier(f"detoxify:original@{detoxify_checkpoint}", cache=tmp_path, device="cpu")
    assert by_folder.score(TEXTS) == by_file.score(TEXTS)
    assert by_folder.name == "detoxify:original"


def test_it_is_detoxify_that_predicts(detoxify_checkpoint: Path, tmp_path: Path) -> None:
    classifier = load_classifier(f"detoxify:original@{detoxify_checkpoint}", cache=tmp_path, device="cpu")
    inner = classifier._model  # type: ignore[attr-defined]
    assert isinstance(inner, Detoxify)
    predicted = inner.predict(TEXTS)
    assert set(predicted) >= {"toxicity", "severe_toxicity", "identity_attack"}
    assert classifier.score(TEXTS) == predicted["toxicity"]


def test_long_texts_are_cut_at_what_the_model_reads(detoxify_checkpoint: Path, tmp_path: Path) -> None:
    classifier = load_classifier(f"detoxify:original@{detoxify_checkpoint}", cache=tmp_path, device="cpu")
    assert 0 <= classifier.score(["hate " * 500])[0] <= 1


class Payload:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("executed"),))  # type: ignore[return-value]


def test_a_checkpoint_with_code_in_it_is_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    checkpoint = write_detoxify(tmp_path / "evil")
    torch.save({"state_dict": Payload(), "config": {}}, checkpoint)
    with pytest.raises(ModelError, match="holds more than tensors and plain values"):
        load_classifier(f"detoxify:original@{checkpoint}", cache=tmp_path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", pickle.dumps([1, 2, 3], protocol=2)])
def test_what_is_not_a_checkpoint_is_one_line(tmp_path: Path, content: bytes) -> None:
    checkpoint = write_detoxify(tmp_path / "bad")
    checkpoint.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        load_classifier(f"detoxify:original@{checkpoint}", cache=tmp_path)
    assert str(checkpoint) in caught.value.message


def test_a_checkpoint_without_a_toxicity_output(tmp_path: Path) -> None:
    checkpoint = write_detoxify(tmp_path / "other", classes=["sarcasm", "insult"])
    with pytest.raises(ModelError, match="no toxicity output but sarcasm, insult"):
        load_classifier(f"detoxify:original@{checkpoint}", cache=tmp_path)


def test_a_configuration_of_another_model(tmp_path: Path) -> None:
    checkpoint = write_detoxify(tmp_path / "other", num_classes=3)
    with pytest.raises(ModelError, match="does not fit the model"):
        load_classifier(f"detoxify:original@{checkpoint}", cache=tmp_path)


def test_a_model_class_that_is_not_a_classifier(tmp_path: Path) -> None:
    checkpoint = write_detoxify(tmp_path / "other", model_name="pipeline")
    with pytest.raises(ModelError, match="unknown model class, 'pipeline'"):
        load_classifier(f"detoxify:original@{checkpoint}", cache=tmp_path)


def test_a_checkpoint_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no Detoxify checkpoint"):
        load_classifier(f"detoxify:original@{tmp_path / 'none.ckpt'}", cache=tmp_path)


def test_a_release_is_fetched_by_its_hash_and_its_backbone_from_the_cache(
    detoxify_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way of a released model, its mirror being a local file whose first eight digits are pinned."""
    sha = sha256_file(detoxify_checkpoint)
    mirrors = tmp_path / "sources.toml"
    mirrors.write_text(
        f'[detoxify-original]\nuris = ["{detoxify_checkpoint.as_uri()}"]\nsha256 = "{sha[:8]}"\n'
    )
    monkeypatch.setenv("COUNTERPOISE_SOURCES", str(mirrors))
    place = parse_uri(get_source("bert-base-uncased").uris[0])
    assert isinstance(place, Hub)
    cache = tmp_path / "cache"
    backbone = repository_place(place.repository, place.revision, cache, weights=False)
    shutil.copytree(detoxify_checkpoint.parent, backbone, ignore=shutil.ignore_patterns("*.ckpt"))
    fetched = load_classifier("detoxify:original", cache=cache, device="cpu")
    local = load_classifier(f"detoxify:original@{detoxify_checkpoint}", cache=cache, device="cpu")
    assert fetched.score(TEXTS) == local.score(TEXTS)
    assert (cache / sha[:8] / "detoxify-original").is_file()
