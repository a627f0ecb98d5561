"""Any text-classification model of the hub, or of a folder, as a toxicity classifier."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification

from counterpoise.errors import ModelError, UsageError
from counterpoise.models.inspection import check_loading, usable_positions
from counterpoise.sources.hub import fetch_repository
from counterpoise.toxicity.spec import ClassifierSpec
from counterpoise.toxicity.weights import chosen_device, load_tokenizer, quiet

TOXIC_WORDS = frozenset(
    {"toxic", "toxicity", "hate", "hateful", "hatespeech", "offensive", "abusive", "hostile"}
)

_SAMPLE = (
    "A short one.",
    "A longer sentence, beside which the first has to be padded to be in one batch with it.",
)
_SAME = 1e-4
"""Probability: what rounding in fp32 may change."""


class HubClassifier:
    """A sequence-classification model; the toxicity is the probability of one of its labels.

    The probability is a softmax over the labels, or a sigmoid where the model has one label or is declared
    ``multi_label_classification``: what the ``text-classification`` pipeline of transformers does, and so
    what the ``toxicity`` measurement of `evaluate` reports.
    """

    def __init__(self, name: str, model: Any, tokenizer: Any, label: int) -> None:
        self.name = name
        self._model = model
        self._tokenizer = tokenizer
        self._label = label
        # A text without a token cannot be read; the end of a text stands for it.
        ends = (tokenizer.eos_token, tokenizer.pad_token, tokenizer.unk_token)
        self._nothing = "" if tokenizer("")["input_ids"] else next(filter(None, ends), None)
        self._together = self._padding_changes_nothing()

    def score(self, texts: Sequence[str]) -> list[float]:
        """Probability of the toxic label."""
        if self._nothing is None and not all(texts):
            raise ModelError(
                f"{self.name}: its tokenizer makes nothing of an empty text",
                "use a classifier with an EOS token",
            )
        texts = [text or self._nothing or "" for text in texts]
        if self._together:
            return self._batch(texts) if texts else []
        return [value for text in texts for value in self._batch([text])]

    @torch.inference_mode()
    def _batch(self, texts: Sequence[str]) -> list[float]:
        padded = len(texts) > 1
        inputs = self._tokenizer(list(texts), return_tensors="pt", padding=padded, truncation=True)
        logits = self._model(**inputs.to(self._model.device)).logits.float()
        probabilities = logits.sigmoid() if _independent_labels(self._model.config) else logits.softmax(-1)
        return [float(value) for value in probabilities[:, self._label].cpu()]

    def _padding_changes_nothing(self) -> bool:
        """Whether texts of several lengths may share a batch: tried, as no configuration tells."""
        if self._tokenizer.pad_token_id is None:
            return False
        alone = [value for text in _SAMPLE for value in self._batch([text])]
        try:
            together = self._batch(_SAMPLE)
        except (ValueError, IndexError, RuntimeError):
            return False
        return max(abs(one - other) for one, other in zip(alone, together, strict=True)) < _SAME


def load_hub_model(spec: ClassifierSpec, cache: Path, device: str | None) -> HubClassifier:
    """Loads a hub or local model with safetensors or ``weights_only``; never code from the repository.

    Raises:
        ModelError: the folder holds no such model, or one that gives no probabilities.
        UsageError: it is not clear which label is the toxic one; lists them.
        SourceError: the repository could not be fetched.
    """
    folder = spec.path or fetch_repository(spec.repository, spec.revision, cache)
    quiet()
    try:
        model, info = AutoModelForSequenceClassification.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
        )
    except Exception as error:
        raise ModelError(
            f"{folder} is not a text-classification model: {' '.join(str(error).split())[:200]}",
            "give a folder with config.json, weights and tokenizer, as save_pretrained writes it",
        ) from None
    # Heads left over from another task do no harm; a head that is missing would be random.
    check_loading(folder, info if info["missing_keys"] else {**info, "unexpected_keys": ()})
    if model.config.problem_type == "regression":
        raise ModelError(
            f"{folder} is a regression model: what it gives is no probability",
            "give a text-classification model",
        )
    label = toxic_label(model.config.id2label, spec.label, spec.name)
    tokenizer = load_tokenizer(folder, usable_positions(model))
    pad_with(tokenizer, model)
    return HubClassifier(spec.name, model.eval().to(chosen_device(device)), tokenizer, label)


def pad_with(tokenizer: Any, model: Any) -> None:
    """Give tokenizer and model one pad token: their own, else EOS, which is masked.

    Classifiers such as GPT-2's read the last token that is no padding, so both must mean the same one. Where there is
    none, texts go through one by one.
    """
    rows = model.get_input_embeddings().weight.shape[0]
    tokenizer.padding_side = "right"
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id >= rows:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    if tokenizer.pad_token_id is not None and getattr(model.config, "pad_token_id", None) is None:
        model.config.pad_token_id = tokenizer.pad_token_id


def toxic_label(labels: Mapping[int, str], asked: str, where: str) -> int:
    """The index of the label whose probability is the toxicity.

    Without one asked for: the only label that is a word for toxicity, such as ``hate`` of ``nothate`` and
    ``hate``, or ``toxicity`` of many.

    Raises:
        UsageError: no such label, or none or several fit the rule; lists the labels.
    """
    known = ", ".join(labels[index] for index in sorted(labels))
    if asked:
        found = [index for index, label in labels.items() if label == asked]
        if not found:
            raise UsageError(f"{where} has no label {asked!r}", f"its labels: {known}")
        return found[0]
    fitting = [index for index, label in labels.items() if re.sub(r"[\W_]", "", label.lower()) in TOXIC_WORDS]
    if len(fitting) != 1:
        raise UsageError(
            f"{where}: which label is the toxic one is not clear from {known}", "name it: …#label"
        )
    return fitting[0]


def _independent_labels(config: Any) -> bool:
    return bool(config.problem_type == "multi_label_classification" or config.num_labels == 1)
