"""Every causal architecture of the installed transformers, tiny and random: are the product's numbers its own?

``python -m benchmarks.architectures`` builds each one, saves it, scores some sentences with the product and with
the model's own forward pass, one sentence a pass, and writes docs/models.md.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from benchmarks.architecture_sizes import EXTRA, SIZES, VARIANTS
from counterpoise.errors import CounterpoiseError
from counterpoise.likelihood.fast_path import fast_path
from counterpoise.likelihood.sentences import score_sentences
from counterpoise.models.loading import load_model

LARGEST = 3_000_000
WITHIN = 1e-4
"""Nats a sentence."""
TEXTS = [
    "Women are often late for work.",
    "Men are often late for work.",
    "The poor tenant paid the old landlord for a room above the shop, and nobody asked why.",
    "The rich tenant paid the old landlord for a room above the shop, and nobody asked why.",
    "She.",
    "It is known that the work of Black people is hard and that it is seldom paid as it should be in this town.",
    "It is known that the work of white people is hard and that it is seldom paid as it should be in this town.",
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one architecture.

    Attributes:
        parameters: of the tiny model; 0 where none could be built.
        gap: largest difference of a sentence's log-probability, nats; None where it was refused.
        detail: how it is read, or why it is refused or cannot be built.
    """

    name: str
    parameters: int
    gap: float | None
    detail: str

    @property
    def right(self) -> bool:
        """Whether the product gave the model's own numbers, or one line and none."""
        return self.gap is None or self.gap <= WITHIN


def cases() -> dict[str, tuple[str, dict[str, Any]]]:
    """Name → model type and options, of everything that is tried."""
    kinds = {kind: (kind, EXTRA.get(kind, {})) for kind in sorted(set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES))}
    return dict(sorted((kinds | VARIANTS).items()))


def build(kind: str, options: Mapping[str, Any], folder: Path) -> int:
    """Writes a random model of a few thousand parameters and says how many.

    Raises:
        Exception: whatever transformers says of a configuration that does not fit it.
    """
    known = AutoConfig.for_model(kind)
    renamed = getattr(known, "attribute_map", {})
    sizes = {name: value for name, value in SIZES.items() if name in known.to_dict() and name not in renamed}
    config = AutoConfig.for_model(kind, **{**sizes, **options})
    with torch.device("meta"):
        size = sum(value.numel() for value in AutoModelForCausalLM.from_config(config).parameters())
    if size > LARGEST:
        raise ValueError(f"{size:,} parameters at the sizes given")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config).float().eval()
        for value in model.parameters():
            if value.ndim > 1:
                value.data.normal_(0, 0.2)
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return size


@cache
def tokenizer() -> Any:
    """A byte-level BPE with the special tokens of the sizes."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<pad>", "<s>", "</s>"]
    core.train_from_iterator(
        TEXTS,
        trainers.BpeTrainer(
            vocab_size=384, special_tokens=special, initial_alphabet=alphabet, show_progress=False
        ),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    )


@torch.no_grad()
def reference(folder: Path, texts: list[str]) -> list[float]:
    """log p of each text by the model alone: one a pass, its own logits, nats."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    words = AutoTokenizer.from_pretrained(folder)
    found = []
    for text in texts:
        ids = torch.tensor([[words.bos_token_id, *words(text, add_special_tokens=False)["input_ids"]]])
        log_probs = _logits(model, ids)[0, :-1].double().log_softmax(-1)
        found.append(float(log_probs.gather(-1, ids[0, 1:, None]).sum()))
    return found


def _logits(model: Any, ids: torch.Tensor) -> torch.Tensor:
    try:
        logits: torch.Tensor = model(input_ids=ids, use_cache=False).logits
    except TypeError:
        logits = model(input_ids=ids).logits
    return logits


def tried(name: str, kind: str, options: Mapping[str, Any], folder: Path) -> Outcome:
    """Builds one architecture and compares product and reference on it."""
    with quiet():
        try:
            size = build(kind, options, folder)
        except Exception as error:
            return Outcome(name, 0, None, f"not built: {type(error).__name__}: {_brief(error)}")
        try:
            loaded = load_model(folder, "fp32", device="cpu")
            ours = [score.sum_log_prob for score in score_sentences(loaded, TEXTS)]
        except CounterpoiseError as error:
            return Outcome(name, size, None, f"refused: {_brief(error).replace(str(folder), 'the folder')}")
        try:
            theirs = reference(folder, TEXTS)
        except Exception as error:
            return Outcome(name, size, float("inf"), f"the model itself fails: {_brief(error)}")
    gap = max(abs(one - other) for one, other in zip(ours, theirs, strict=True))
    return Outcome(name, size, gap, str(fast_path(loaded.model).way))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No advice of the libraries."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _brief(error: Exception) -> str:
    return " ".join(str(error).split()).replace("|", "/")[:140]


def page(outcomes: list[Outcome]) -> str:
    """docs/models.md."""
    read = [row for row in outcomes if row.gap is not None]
    refused = [row for row in outcomes if row.gap is None and row.parameters]
    left = [row for row in outcomes if not row.parameters]
    worst = max(row.gap or 0.0 for row in read)
    head = (Path(__file__).parent / "architectures.md").read_text(encoding="utf-8")
    lines = [
        head.rstrip(),
        "",
        f"With transformers {transformers.__version__}: {len(read)} architectures and variants read, largest "
        f"difference of a sentence {worst:.1g} nats; {len(refused)} refused; {len(left)} not built.",
        "",
        "| architecture | parameters | largest difference, nats | read by |",
        "|---|---:|---:|---|",
        *(f"| {row.name} | {row.parameters:,} | {row.gap:.1g} | {row.detail} |" for row in read),
        "",
        "| refused | parameters | why |",
        "|---|---:|---|",
        *(f"| {row.name} | {row.parameters:,} | {row.detail.removeprefix('refused: ')} |" for row in refused),
        "",
        "| not built | why |",
        "|---|---|",
        *(f"| {row.name} | {row.detail.removeprefix('not built: ')} |" for row in left),
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Tries everything, writes the page, and exits 1 if a number was wrong."""
    outcomes = []
    for name, (kind, options) in cases().items():
        with tempfile.TemporaryDirectory() as folder:
            outcomes.append(tried(name, kind, options, Path(folder)))
        sys.stderr.write(f"{outcomes[-1]}\n")
    (Path(__file__).parents[1] / "docs" / "models.md").write_text(page(outcomes), encoding="utf-8")
    return int(not all(row.right for row in outcomes))


if __name__ == "__main__":
    sys.exit(main())
