"""Tiny checkpoints in the formats that Detoxify and the hub publish, made on the spot."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

VOCABULARY = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *"abcdefghijklmnopqrstuvwxyz",
    "##a",
    "the",
    "you",
    "hate",
]
DETOXIFY_CLASSES = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]


def tiny_bert(labels: list[str], seed: int = 0) -> BertForSequenceClassification:
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=32,
        id2label=dict(enumerate(labels)),
        label2id={label: index for index, label in enumerate(labels)},
    )
    model = BertForSequenceClassification(config).eval()
    # Of the size that training gives: the default initialisation would score every text alike.
    torch.nn.init.normal_(model.classifier.weight, std=2.0)
    return model


def write_tokenizer(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY), encoding="utf-8")
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)


def write_hub_model(folder: Path, labels: list[str], **config: object) -> Path:
    model = tiny_bert(labels)
    for name, value in config.items():
        setattr(model.config, name, value)
    model.save_pretrained(folder)
    write_tokenizer(folder)
    return folder


def write_detoxify(folder: Path, classes: list[str] | None = None, **arguments: object) -> Path:
    """A checkpoint as Detoxify's `convert_weights.py` writes it, configuration and tokenizer beside it."""
    classes = DETOXIFY_CLASSES if classes is None else classes
    model = tiny_bert(classes, seed=1)
    model.config.save_pretrained(folder)
    write_tokenizer(folder)
    # Present in the releases of 2020; today's model has no such parameter.
    state = dict(model.state_dict()) | {"bert.embeddings.position_ids": torch.arange(32)[None]}
    backbone = {
        "model_type": "bert-base-uncased",
        "model_name": "BertForSequenceClassification",
        "tokenizer_name": "BertTokenizer",
        "num_classes": len(classes),
    }
    dataset = {"args": {"classes": classes}}
    config = {"arch": {"type": "BERT", "args": backbone | arguments}, "dataset": dataset}
    checkpoint = folder / "toxic_tiny.ckpt"
    torch.save({"state_dict": state, "config": config}, checkpoint)
    return checkpoint


@pytest.fixture(scope="session")
def detoxify_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_detoxify(tmp_path_factory.mktemp("detoxify"))


@pytest.fixture(scope="session")
def hate_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_hub_model(tmp_path_factory.mktemp("hub") / "hate", ["nothate", "hate"])
