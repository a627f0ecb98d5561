"""Any text-classification model of the hub, or of a folder, as a toxicity classifier."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification

from counterpoise.errors import ModelError, UsageError
from counterpoise.sources.hub import fetch_repository
from counterpoise.toxicity.spec import ClassifierSpec
from counterpoise.toxicity.weights import chosen_device, load_tokenizer, quiet

TOXIC_WORDS = frozenset(
    {"toxic", "toxicity", "hate", "hateful", "hatespeech", "offensive", "abusive", "hostile"}
)


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

    @torch.inference_mode()
    def score(self, texts: Sequence[str]) -> list[float]:
        """Probability of the toxic label."""
        if not texts:
            return []
        inputs = self._tokenizer(list(texts), return_tensors="pt", padding=True, truncation=True)
        logits = self._model(**inputs.to(self._model.device)).logits.float()
        probabilities = logits.sigmoid() if _independent_labels(self._model.config) else logits.softmax(-1)
        return [float(value) for value in probabilities[:, self._label].cpu()]


def load_hub_model(spec: ClassifierSpec, cache: Path, device: str | None) -> HubClassifier:
    """Loads a hub or local model with safetensors or ``weights_only``; never code from the repository.

    Raises:
        ModelError: the folder holds no such model.
        UsageError: it is not clear which label is the toxic one; lists them.
        SourceError: the repository could not be fetched.
    """
    folder = spec.path or fetch_repository(spec.repository, spec.revision, cache)
    quiet()
    try:
        model = AutoModelForSequenceClassification.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, dtype=torch.float32
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"{folder} is not a text-classification model: {' '.join(str(error).split())[:200]}",
            "give a folder with config.json, weights and tokenizer, as save_pretrained writes it",
        ) from None
    label = toxic_label(model.config.id2label, spec.label, spec.name)
    tokenizer = load_tokenizer(folder, model.config.max_position_embeddings)
    return HubClassifier(spec.name, model.eval().to(chosen_device(device)), tokenizer, label)


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
