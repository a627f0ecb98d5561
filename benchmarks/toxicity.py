"""Toxicity scoring: length-sorted batches of distinct texts against one by one and a library's defaults.

The texts are CrowS-Pairs' sentences. The transformer has the shape of Detoxify's models (BERT-base, 12 layers of
768) with random weights and a vocabulary fitted to the texts: speed does not depend on what was learnt, and the
released weights are not on package indexes. Every way's scores are compared before any is timed.

    python -m benchmarks.toxicity --out docs/results/toxicity.json
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import BertWordPieceTokenizer
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast, pipeline
from transformers import logging as transformers_logging

from benchmarks.common import clock, in_turns, machine, show, write
from counterpoise.pairs.parse import parse_pairs
from counterpoise.sources.cache import default_cache
from counterpoise.sources.datasets import locate
from counterpoise.toxicity.classifiers import ToxicityClassifier, load_classifier
from counterpoise.toxicity.scoring import score_texts

TOLERANCE = 1e-5
BATCH = 64
LAYERS = {"base": 12, "small": 2}
Way = Callable[[Sequence[str]], list[float]]


def sentences(count: int | None) -> list[str]:
    path = locate("crows-pairs")
    texts = [text for pair in parse_pairs(path.read_bytes(), path.name) for text in (pair.more, pair.less)]
    return texts if count is None else texts[:: max(1, len(texts) // count)][:count]


def make_model(folder: Path, texts: Sequence[str], layers: int) -> None:
    """A folder as `save_pretrained` writes it: BERT with random weights and labels `nothate`, `hate`."""
    trainer = BertWordPieceTokenizer(lowercase=True)
    trainer.train_from_iterator(texts, vocab_size=8000)
    trainer.save_model(str(folder))
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    labels = {0: "nothate", 1: "hate"}
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=trainer.get_vocab_size(),
        num_hidden_layers=layers,
        id2label=labels,
        label2id={label: index for index, label in labels.items()},
    )
    BertForSequenceClassification(config).save_pretrained(folder)


def in_batches(classifier: ToxicityClassifier, texts: Sequence[str], size: int) -> list[float]:
    return [
        score
        for start in range(0, len(texts), size)
        for score in classifier.score(texts[start : start + size])
    ]


def pipeline_scores(model: Any, texts: Sequence[str]) -> list[float]:
    results = model(list(texts), top_k=None, truncation=True)
    return [next(row["score"] for row in rows if row["label"] == "hate") for rows in results]


def transformer_ways(folder: Path, device: str | None) -> dict[str, Way]:
    classifier = load_classifier(f"hf:{folder}", cache=default_cache(), device=device)
    stock = pipeline("text-classification", model=str(folder), device=device or "cpu")
    return {
        "one by one": lambda texts: in_batches(classifier, texts, 1),
        "transformers pipeline, defaults": lambda texts: pipeline_scores(stock, texts),
        f"batches of {BATCH} as they come": lambda texts: in_batches(classifier, texts, BATCH),
        "ours": lambda texts: score_texts(classifier, texts, batch_size=BATCH),
    }


def linear_ways() -> dict[str, Way]:
    classifier = load_classifier("alt-profanity-check", cache=default_cache())
    return {
        "one by one": lambda texts: in_batches(classifier, texts, 1),
        "all at once": classifier.score,
        "ours": lambda texts: score_texts(classifier, texts, batch_size=BATCH),
    }


def measure(ways: dict[str, Way], texts: Sequence[str], repeats: int) -> dict[str, Any]:
    """Medians over ``repeats`` rounds in which every way has its turn."""
    sample = list(texts[:BATCH])
    expected = ways["one by one"](sample)
    difference = max(abs(a - b) for way in ways.values() for a, b in zip(expected, way(sample), strict=True))
    if difference > TOLERANCE:
        raise SystemExit(f"the ways differ by {difference:.2g}: nothing is timed")
    return {
        "texts": len(texts),
        "largest_difference": difference,
        "runs": in_turns({name: lambda way=way: way(texts) for name, way in ways.items()}, repeats),
    }


def report(title: str, result: dict[str, Any], use: str) -> None:
    slowest = result["runs"]["one by one"][use]
    show(
        f"{title}, {result['texts']} texts",
        ("way", "s", "CPU s", "texts/s", "ratio"),
        [
            (
                name,
                f"{run['wall']:.2f}",
                f"{run['cpu']:.2f}",
                f"{result['texts'] / run[use]:,.0f}",
                f"{slowest / run[use]:.1f}×",
            )
            for name, run in result["runs"].items()
        ],
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--texts", type=int, default=256, help="how many of the 3,016 sentences (default: 256)"
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--shape", choices=LAYERS, default="base")
    parser.add_argument("--device")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    transformers_logging.disable_progress_bar()
    texts = sentences(arguments.texts)
    where = machine("torch", "transformers", "scikit-learn", threads=torch.get_num_threads())
    with tempfile.TemporaryDirectory() as scratch:
        make_model(Path(scratch), texts, LAYERS[arguments.shape])
        results = {
            f"BERT-{arguments.shape}": measure(
                transformer_ways(Path(scratch), arguments.device), texts, arguments.repeats
            ),
            "alt-profanity-check": measure(linear_ways(), texts, arguments.repeats),
        }
    for title, result in results.items():
        report(title, result, clock(where))
    write({"benchmark": "toxicity", "results": results, "machine": where}, arguments.out)


if __name__ == "__main__":
    main()
