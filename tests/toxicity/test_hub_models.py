from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedTokenizerFast, pipeline

from counterpoise.errors import ModelError, UsageError
from counterpoise.sources.hub import repository_place
from counterpoise.toxicity.classifiers import load_classifier
from counterpoise.toxicity.hub_models import toxic_label
from counterpoise.toxicity.scoring import score_texts
from tests.toxicity.conftest import write_hub_model

TEXTS = ["the hate", "you", "a b c d e f g", "hate hate hate you", "z"]
REVISION = "391c99ab8b3f65beb77746a2cf6ddf1ddf9817e6"


def reference(folder: Path, label: str) -> list[float]:
    """What transformers' own pipeline says, and so what `evaluate`'s toxicity measurement reports."""
    results = pipeline("text-classification", model=str(folder), device="cpu")(
        TEXTS, top_k=None, truncation=True
    )
    return [next(row["score"] for row in rows if row["label"] == label) for rows in results]


def test_it_agrees_with_the_pipeline_of_transformers(hate_folder: Path, tmp_path: Path) -> None:
    classifier = load_classifier(f"hf:{hate_folder}", cache=tmp_path, device="cpu")
    expected = reference(hate_folder, "hate")
    assert score_texts(classifier, TEXTS, batch_size=2) == pytest.approx(expected, abs=1e-6)
    assert len({round(score, 3) for score in expected}) > 1
    assert classifier.name == "hf:hate"


def test_several_independent_labels_use_a_sigmoid(tmp_path: Path) -> None:
    labels = ["obscene", "toxicity", "threat"]
    folder = write_hub_model(tmp_path / "multi", labels, problem_type="multi_label_classification")
    classifier = load_classifier(f"hf:{folder}", cache=tmp_path, device="cpu")
    assert score_texts(classifier, TEXTS) == pytest.approx(reference(folder, "toxicity"), abs=1e-6)


def test_an_asked_label_is_taken(hate_folder: Path, tmp_path: Path) -> None:
    hate = load_classifier(f"hf:{hate_folder}", cache=tmp_path, device="cpu").score(TEXTS)
    nothate = load_classifier(f"hf:{hate_folder}#nothate", cache=tmp_path, device="cpu").score(TEXTS)
    assert [a + b for a, b in zip(hate, nothate, strict=True)] == pytest.approx([1.0] * len(TEXTS), abs=1e-6)


def test_a_repository_in_the_cache_needs_no_network(hate_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(hate_folder, repository_place("owner/name", REVISION, tmp_path))
    classifier = load_classifier(f"hf:owner/name@{REVISION}", cache=tmp_path, device="cpu")
    assert classifier.score(TEXTS) == load_classifier(
        f"hf:{hate_folder}", cache=tmp_path, device="cpu"
    ).score(TEXTS)


@pytest.mark.parametrize(
    ("labels", "index"),
    [
        (["nothate", "hate"], 1),
        (["toxic", "non-toxic"], 0),
        (["neutral", "Hate Speech"], 1),
        (["toxicity", "severe_toxicity", "insult"], 0),
        (["NOT_OFFENSIVE", "OFFENSIVE"], 1),
    ],
)
def test_the_toxic_label_is_found_by_rule(labels: list[str], index: int) -> None:
    assert toxic_label(dict(enumerate(labels)), "", "model") == index


@pytest.mark.parametrize(
    "labels", [["LABEL_0", "LABEL_1"], ["hate", "offensive", "neither"], ["positive", "negative"]]
)
def test_an_unclear_label_is_an_error_that_lists_them(labels: list[str]) -> None:
    with pytest.raises(UsageError, match=f"not clear from {', '.join(labels)} — name it: …#label"):
        toxic_label(dict(enumerate(labels)), "", "model")


def test_an_unknown_label_is_an_error_that_lists_them() -> None:
    with pytest.raises(UsageError, match="model has no label 'toxic' — its labels: nothate, hate"):
        toxic_label({0: "nothate", 1: "hate"}, "toxic", "model")


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not a text-classification model"):
        load_classifier(f"hf:{tmp_path}", cache=tmp_path)


def test_an_old_repository_has_a_vocabulary_and_no_tokenizer_json(hate_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    shutil.copytree(hate_folder, folder)
    (folder / "tokenizer.json").unlink()
    expected = load_classifier(f"hf:{hate_folder}", cache=tmp_path, device="cpu").score(TEXTS)
    assert load_classifier(f"hf:{folder}", cache=tmp_path, device="cpu").score(TEXTS) == expected


def test_a_folder_without_a_tokenizer(hate_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bare"
    folder.mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copy(hate_folder / name, folder)
    with pytest.raises(ModelError, match="has no tokenizer"):
        load_classifier(f"hf:{folder}", cache=tmp_path)


def byte_tokenizer(**special: str) -> PreTrainedTokenizerFast:
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        special_tokens=list(special.values()), initial_alphabet=alphabet, vocab_size=300
    )
    core.train_from_iterator(TEXTS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=core, **special)


SMALL = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16, "num_hidden_layers": 1}
KINDS: dict[str, tuple[str, dict[str, Any], dict[str, str], int | None]] = {
    "no pad token": (
        "gpt2",
        {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 12},
        {"eos_token": "<e>"},
        12,
    ),
    "no limit": ("bloom", {"hidden_size": 16, "n_layer": 1, "n_head": 2}, {"eos_token": "<e>"}, None),
    "reserved positions": (
        "roberta",
        {**SMALL, "max_position_embeddings": 12},
        {"pad_token": "<p>", "eos_token": "<e>", "unk_token": "<u>"},
        11,
    ),
    "a limit of minus one": (
        "xlnet",
        {"d_model": 16, "n_layer": 1, "n_head": 2, "d_inner": 16},
        {"pad_token": "<p>"},
        None,
    ),
    "nothing to pad with": ("gpt2", {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 12}, {}, 12),
}


@pytest.mark.parametrize("name", KINDS)
def test_any_classifier_reads_what_it_can_and_no_less(name: str, tmp_path: Path) -> None:
    kind, options, special, limit = KINDS[name]
    tokenizer = byte_tokenizer(**special)
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        kind,
        **options,
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        num_labels=2,
        id2label={0: "fine", 1: "toxic"},
        label2id={"fine": 0, "toxic": 1},
    )
    model = AutoModelForSequenceClassification.from_config(config).float().eval()
    torch.nn.init.normal_(next(iter(model.parameters())), std=1.0)
    model.save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    texts = ["a", "hate", "you are so very, very far away from here that nobody reads this to its end"]
    classifier = load_classifier(f"hf:{tmp_path / 'model'}", cache=tmp_path, device="cpu")
    if special:
        texts.append("")
    else:
        with pytest.raises(ModelError, match="its tokenizer makes nothing of an empty text"):
            classifier.score(["a", ""])
    found = classifier.score(texts)
    end = special.get("eos_token") or special.get("pad_token")
    for text, value in zip(texts, found, strict=True):
        ids = torch.tensor([tokenizer(text or end)["input_ids"][:limit]])
        with torch.no_grad():
            expected = model(input_ids=ids).logits.softmax(-1)[0, 1]
        assert value == pytest.approx(float(expected), abs=1e-5)


def test_a_model_without_a_head_is_refused(hate_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "headless"
    shutil.copytree(hate_folder, folder)
    weights = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in weights.items() if not name.startswith("classifier")}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"2 weights of the model are not in its files: classifier\.bias"):
        load_classifier(f"hf:{folder}", cache=tmp_path, device="cpu")


def test_a_regression_model_gives_no_probability(tmp_path: Path) -> None:
    folder = write_hub_model(tmp_path / "regression", ["toxicity"], problem_type="regression")
    with pytest.raises(ModelError, match="is a regression model: what it gives is no probability"):
        load_classifier(f"hf:{folder}", cache=tmp_path, device="cpu")
