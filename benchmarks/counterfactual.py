"""Sentences per second of CPU time, side by side in one run: the engine, one re.sub a term, spaCy with substitution.

    python -m benchmarks.counterfactual [--memory 10000,100000,1000000] [--out FILE.json]

All three see the same sentences (CrowS-Pairs and BOLD's encyclopaedic sentences) and the same gender words, on one
thread. CPU time, not wall time, so that a busy machine disturbs less.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.common import machine
from counterpoise.counterfactual import AXES, Engine
from counterpoise.counterfactual.tokens import Document
from counterpoise.sources.datasets import locate

Swapper = Callable[[str], object]


def sentences() -> list[str]:
    """CrowS-Pairs, both sides, and BOLD's Wikipedia sentences."""
    with locate("crows-pairs").open(encoding="utf-8", newline="") as lines:
        texts = [row[side] for row in csv.DictReader(lines) for side in ("sent_more", "sent_less")]
    for file in sorted(locate("bold-wikipedia").rglob("*.json")):
        for group in json.loads(file.read_text(encoding="utf-8")).values():
            texts += [text for entity in group.values() for text in entity]
    return texts


def gender_words(engine: Engine) -> dict[str, str]:
    """Every two-way gender word (names too) and its counterpart; her and his by their commonest use."""
    table: dict[str, str] = {}
    for concept in engine.lexicon.axes["gender"].concepts:
        for slot in concept.slots:
            female, male = concept.form("female", slot), concept.form("male", slot)
            if female and male:
                table.setdefault(female, male)
                table.setdefault(male, female)
    return {**table, "her": "his", "his": "her", "him": "her"}


def one_sub_per_term(words: dict[str, str]) -> Swapper:
    """The way most scripts do it: one pass over the text for each term, each seeing what the last one wrote."""
    patterns = [
        (re.compile(rf"\b{re.escape(word)}\b", re.IGNORECASE), other) for word, other in words.items()
    ]

    def swap(text: str) -> str:
        for pattern, other in patterns:
            text = pattern.sub(other, text)
        return text

    return swap


def tagged(words: dict[str, str]) -> Callable[[list[str]], list[str]]:
    """Substitution guided by spaCy's tags: the tagger decides her/his, capitals decide names."""
    import spacy  # noqa: PLC0415 - optional

    pipeline = spacy.load(locate("spacy-en"), exclude=["ner", "parser", "lemmatizer", "attribute_ruler"])
    table = {word.lower(): other for word, other in words.items()}

    def swap(texts: list[str]) -> list[str]:
        out = []
        for parsed in pipeline.pipe(texts, batch_size=256):
            pieces = []
            for token in parsed:
                other = table.get(token.lower_)
                if token.lower_ == "her":
                    other = "his" if token.tag_ == "PRP$" else "him"
                keep = other is None or (token.text[0].islower() and token.pos_ == "PROPN")
                pieces.append((token.text if keep else _cased(token.text, str(other))) + token.whitespace_)
            out.append("".join(pieces))
        return out

    return swap


def _cased(original: str, other: str) -> str:
    return other.capitalize() if original[0].isupper() else other


def rate(texts: Iterable[str], swap: Swapper, repeat: int = 3) -> float:
    """Sentences per second of CPU time: the best of ``repeat`` passes."""
    texts = list(texts)
    best = float("inf")
    for _ in range(repeat):
        start = time.process_time()
        for text in texts:
            swap(text)
        best = min(best, time.process_time() - start)
    return len(texts) / best


def compare() -> dict[str, float]:
    """Every rate, in sentences per second of CPU time."""
    engine, texts = Engine.from_config(), sentences()
    words = gender_words(engine)
    swapped = [text for text in texts if engine.swap(text).changed]
    parsed = [text for text in texts if needs_syntax(text)]
    easy = sorted(set(texts) - set(parsed))
    naive, parser = one_sub_per_term(words), tagged(words)
    sample = texts[:: max(len(texts) // 1500, 1)]
    start = time.process_time()
    parser(sample)
    spacy_rate = len(sample) / (time.process_time() - start)
    return {
        "sentences": len(texts),
        "sentences that change": len(swapped),
        "sentences with her or his": len(parsed),
        "terms": len(words),
        "engine, all sentences": rate(texts, engine.swap),
        "engine, sentences without her or his": rate(easy, engine.swap),
        "engine, sentences with her or his": rate(parsed, engine.swap),
        "engine, sentences that change": rate(swapped, engine.swap),
        "engine, nine axes at once": rate(texts, lambda text: engine.swap(text, AXES)),
        "one re.sub a term": rate(sample[:200], naive, repeat=1),
        "spaCy tagger and substitution": spacy_rate,
    }


def needs_syntax(text: str) -> bool:
    """Whether the sentence has a word that only syntax can settle."""
    return not {"her", "his"}.isdisjoint(Document(text).lower)


def many_sentences(rows: int, chunk: int = 10_000) -> Iterator[list[str]]:
    """``rows`` sentences, no two of the written ones equal: of ten, one real, one written with terms, eight without."""
    real = sentences()
    who, verbs = (
        ("Mary", "James", "My aunt", "The king", "A Muslim man", "Her son"),
        ("saw", "thanked", "met"),
    )
    objects = ("her mother", "his car", "the waitress", "him", "an old woman")

    def sentence(row: int) -> str:
        number, kind = divmod(row, 10)
        if kind == 0:
            return real[number % len(real)]
        if kind == 1:
            return f"{who[number % 6]} {verbs[number // 6 % 3]} {objects[number // 18 % 5]} {row} times."
        return f"The meeting on the budget of plant {row} lasted until noon."

    for first in range(0, rows, chunk):
        yield [sentence(row) for row in range(first, min(first + chunk, rows))]


def peak_memory(rows: int, workers: int) -> dict[str, float]:
    """Peak resident memory of ``counterpoise augment`` on ``rows`` sentences, MiB, and its seconds.

    With several workers: of the process that reads and joins, and of the largest worker.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.parquet", Path(folder) / "out.parquet"
        with pq.ParquetWriter(source, pa.schema([("text", pa.string())])) as writer:
            for chunk in many_sentences(rows):
                writer.write_table(pa.table({"text": chunk}))
        # VmHWM and not ru_maxrss: the latter survives exec and would show this process's own peak.
        code = (
            "import pathlib, sys; from counterpoise.flows.commands.augment import command;"
            "command.main(sys.argv[1:], standalone_mode=False);"
            "status = pathlib.Path('/proc/self/status').read_text();"
            "import resource; largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss;"
            "print(status.split('VmHWM:')[1].split()[0], largest, file=sys.stderr)"
        )
        start = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", code, str(source), str(target), "--workers", str(workers)],
            capture_output=True,
            text=True,
            check=True,
        )
        seconds = time.monotonic() - start
        own, largest = (int(number) / 1024 for number in done.stderr.split()[-2:])
        return {"rows": rows, "workers": workers, "peak MiB": own, "worker MiB": largest, "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--memory", default="", help="row counts for the memory measurement, separated by commas"
    )
    parser.add_argument("--memory-only", action="store_true", help="leave the rates out")
    parser.add_argument("--workers", type=int, default=1, help="processes of the memory measurement")
    parser.add_argument("--out", type=Path, help="also write the numbers here, as JSON")
    options = parser.parse_args()
    found = {"benchmark": "counterfactuals", "machine": machine("pyarrow", threads=1)}
    rates = {} if options.memory_only else compare()
    for name, value in rates.items():
        print(f"{name:<42}{value:>14,.0f}")
    memory = []
    for count in filter(None, options.memory.split(",")):
        row = peak_memory(int(count), options.workers)
        memory.append(row)
        print(
            f"augment {row['rows']:>10,} rows: peak {row['peak MiB']:.0f} MiB, "
            f"largest worker {row['worker MiB']:.0f} MiB, {row['seconds']:.0f} s",
            flush=True,
        )
    result = {**found, "rates": rates, "memory": memory}
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
