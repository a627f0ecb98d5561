"""One command on a GPU: scoring beside lm-eval and DPO at the case study's settings beside stock ``DPOTrainer``.

The weights are random in OPT-1.3B's shape: speed does not depend on what was learnt, and nothing has to be fetched
but CrowS-Pairs. Scoring is bf16 over all pairs. DPO is NF4, LoRA r 64, 916 pairs, batches of 16 × 2, four epochs;
the stock trainer gets the first ``--peer-steps`` of the same batches. Utilisation is model FLOP (no padding, no
recomputation, no adapter) over time, as a share of the matrix products' speed measured in the same run.

    python -m benchmarks.gpu --out docs/results/gpu.json
    python -m benchmarks.gpu --shape tiny --device cpu       the same code in seconds, to see that it runs
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch
from tokenizers import ByteLevelBPETokenizer
from transformers import OPTConfig, OPTForCausalLM, PreTrainedTokenizerFast

from benchmarks import dpo, scoring
from benchmarks.common import crows_pairs, machine, write
from counterpoise.alignment.config import AlignmentConfig
from counterpoise.flows.configure import load_config

SHAPES: dict[str, dict[str, int]] = {
    "opt-1.3b": {
        "vocab_size": 50272,
        "hidden_size": 2048,
        "ffn_dim": 8192,
        "num_hidden_layers": 24,
        "num_attention_heads": 32,
    },
    "tiny": {
        "vocab_size": 512,
        "hidden_size": 64,
        "ffn_dim": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    },
}
PAIRS = 916
TARGETS = {"train_seconds": 60.0, "peak_mib": 8192.0, "ratio": 3.0}


def make_model(folder: Path, shape: dict[str, int], texts: list[str], seed: int = 0) -> None:
    """A folder as ``save_pretrained`` writes it: OPT with random bf16 weights and a BPE fitted to the texts."""
    trained = ByteLevelBPETokenizer(add_prefix_space=False)
    size = min(shape["vocab_size"], 8000)
    trained.train_from_iterator(
        texts, vocab_size=size, special_tokens=["<s>", "<pad>", "</s>"], show_progress=False
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=trained._tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = OPTConfig(
        **shape,
        max_position_embeddings=2048,
        dropout=0.0,  # OPT drops out by function call: TRL's switch, which the stock trainer has, does not reach it
        word_embed_proj_dim=shape["hidden_size"],
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = OPTForCausalLM(config)
    model.to(torch.bfloat16).save_pretrained(folder)


def settings(options: argparse.Namespace) -> AlignmentConfig:
    """The case study's, on a GPU as it stands; a tiny shape trains one epoch in small batches."""
    config = load_config("notebook").alignment
    update = {"epochs": options.epochs, "batch_pairs": options.batch}
    return config.model_copy(update={"optimisation": config.optimisation.model_copy(update=update)})


def measure(options: argparse.Namespace) -> dict[str, Any]:
    pairs = crows_pairs(options.score_pairs)
    texts = [text for pair in crows_pairs() for text in (pair.more, pair.less)]
    rows = [dpo.as_preference(pair) for pair in crows_pairs(options.pairs)]
    common = {"model": f"random weights, shape {options.shape}", "device": options.device}
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        make_model(Path(scratch), SHAPES[options.shape], texts)
        scored = argparse.Namespace(
            **common, prefix="eos", precision="bf16", repeats=options.repeats, budget=options.budget
        )
        trained = argparse.Namespace(
            **common, precision="nf4", repeats=options.repeats, peer_steps=options.peer_steps
        )
        return {
            "benchmark": "gpu",
            "shape": options.shape,
            "targets": TARGETS,
            "scoring": scoring.measure(Path(scratch), pairs, scored),
            "dpo": dpo.measure(Path(scratch), rows, settings(options), trained),
            "machine": machine(
                "torch",
                "transformers",
                "trl",
                "bitsandbytes",
                device=torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu")),
                threads=torch.get_num_threads(),
            ),
        }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shape", choices=SHAPES, default="opt-1.3b")
    parser.add_argument("--device")
    parser.add_argument(
        "--pairs", type=int, default=PAIRS, help="preference pairs (default: the case study's)"
    )
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch", type=int, default=16, help="pairs in one forward pass; two make a step")
    parser.add_argument("--score-pairs", type=int, help="pairs to score (default: all)")
    parser.add_argument("--budget", type=int, default=16_384, help="our tokens per scoring pass")
    parser.add_argument("--peer-steps", type=int, default=20, help="optimiser steps of the stock trainer")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    dpo.disable_progress_bars()
    result = measure(options)
    scoring.report(result["scoring"])
    dpo.report(result["dpo"])
    write(result, options.out)


if __name__ == "__main__":
    main()
