"""Toxicity scoring: length-sorted batches of distinct texts against one by one and a library's defaults.

The texts are CrowS-Pairs' sentences. The transformer has the shape of Detoxify's models (BERT-base, 12 layers of
768) with random weights and a vocabulary fitted to the texts: speed does not depend on what was learnt, and the
released weights are not on package indexes. Every way's scores are compared before any is timed.

    python -m benchmarks.toxicity --out docs/results/toxicity.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from tokenizers import BertWordPieceTokenizer
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast, pipeline
from transformers import logging as transformers_logging

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
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            start = time.perf_counter()
            way(texts)
            seconds[name].append(time.perf_counter() - start)
    return {
        "texts": len(texts),
        "largest_difference": difference,
        "seconds": {name: statistics.median(times) for name, times in seconds.items()},
    }


def show(title: str, result: dict[str, Any], console: Console) -> None:
    table = Table("way", "s", "texts/s", "ours is", title=f"{title}, {result['texts']} texts")
    ours = result["seconds"]["ours"]
    for name, seconds in result["seconds"].items():
        table.add_row(name, f"{seconds:.2f}", f"{result['texts'] / seconds:,.0f}", f"{seconds / ours:.1f}×")
    console.print(table)


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
    with tempfile.TemporaryDirectory() as scratch:
        make_model(Path(scratch), texts, LAYERS[arguments.shape])
        results = {
            f"BERT-{arguments.shape}": measure(
                transformer_ways(Path(scratch), arguments.device), texts, arguments.repeats
            ),
            "alt-profanity-check": measure(linear_ways(), texts, arguments.repeats),
        }
    console = Console()
    for title, result in results.items():
        show(title, result, console)
    if arguments.out is not None:
        machine = {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "device": arguments.device or ("cuda" if torch.cuda.is_available() else "cpu"),
            "versions": {name: version(name) for name in ("torch", "transformers", "scikit-learn")},
        }
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(
            json.dumps({"machine": machine, "results": results}, indent=1) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
