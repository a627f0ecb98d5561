"""Detoxify's models (Hanu and Unitary team 2020), loaded safely and without the hub where need be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
import transformers
from detoxify import Detoxify

from counterpoise.errors import ModelError
from counterpoise.models.inspection import usable_positions
from counterpoise.sources.fetch import fetch
from counterpoise.sources.registry import get_source
from counterpoise.toxicity.spec import BACKBONES, ClassifierSpec
from counterpoise.toxicity.weights import chosen_device, load_tokenizer

RENAMED = {"toxic": "toxicity", "identity_hate": "identity_attack", "severe_toxic": "severe_toxicity"}
"""Detoxify's own renaming of the first challenge's labels to those of the later ones."""
OLD_BUFFER = "position_ids"
"""Saved in the checkpoints by the transformers of 2020; a constant, and no longer part of the models."""


class DetoxifyClassifier:
    """Detoxify's own `predict`, its ``toxicity`` output."""

    def __init__(self, name: str, model: Detoxify) -> None:
        self.name = name
        self._model = model

    def score(self, texts: Sequence[str]) -> list[float]:
        """Probability of ``toxicity``: a sigmoid, independent of the model's other outputs."""
        if not texts:
            return []
        predicted = self._model.predict(list(texts))["toxicity"]
        # For a single text `predict` gives a number instead of a list.
        return [float(value) for value in (predicted if isinstance(predicted, list) else [predicted])]


def load_detoxify(spec: ClassifierSpec, cache: Path, device: str | None) -> DetoxifyClassifier:
    """A Detoxify model from its release or from a local checkpoint.

    Detoxify's own loader unpickles whatever the checkpoint holds and asks the hub for a configuration even
    when it is given one. Here the checkpoint is read with ``weights_only``, and the configuration and
    tokenizer come from beside a local checkpoint, else from the pinned backbone.

    Raises:
        ModelError: not a Detoxify checkpoint, or one that holds more than tensors and plain values.
        SourceError: the release or the backbone could not be fetched.
    """
    checkpoint = _checkpoint(spec, cache)
    backbone = _backbone(spec, checkpoint, cache)
    loaded = _read(checkpoint)
    arguments = loaded["config"]["arch"]["args"]
    names = [RENAMED.get(name, name) for name in loaded["config"]["dataset"]["args"]["classes"]]
    if "toxicity" not in names:
        raise ModelError(
            f"{checkpoint} has no toxicity output but {', '.join(names)}", "use another checkpoint"
        )
    model = _model(arguments, loaded["state_dict"], backbone, checkpoint)
    # Built without its constructor, which would load the checkpoint again, unsafely.
    detoxify = Detoxify.__new__(Detoxify)
    detoxify.model = model.to(chosen_device(device))
    detoxify.tokenizer = load_tokenizer(backbone, usable_positions(model))
    detoxify.class_names = names
    detoxify.device = chosen_device(device)
    return DetoxifyClassifier(spec.name, detoxify)


def _checkpoint(spec: ClassifierSpec, cache: Path) -> Path:
    if spec.path is None:
        return fetch(get_source(f"detoxify-{spec.variant}"), cache)
    if spec.path.is_dir():
        found = sorted(spec.path.glob("*.ckpt"))
        if len(found) == 1:
            return found[0]
        raise ModelError(f"{spec.path} has {len(found)} *.ckpt files, expected one", "name the file itself")
    if not spec.path.is_file():
        raise ModelError(f"no Detoxify checkpoint {spec.path}", "give a .ckpt file, or the folder it is in")
    return spec.path


def _backbone(spec: ClassifierSpec, checkpoint: Path, cache: Path) -> Path:
    beside = checkpoint.parent
    if spec.path is not None and (beside / "config.json").is_file():
        return beside
    return fetch(get_source(BACKBONES[spec.variant]), cache)


def _read(checkpoint: Path) -> Mapping[str, Any]:
    remedy = "use a checkpoint of Detoxify's releases, or one that its convert_weights.py wrote"
    try:
        loaded = torch.load(checkpoint, map_location="cpu", weights_only=True)
        arguments, classes = loaded["config"]["arch"]["args"], loaded["config"]["dataset"]["args"]["classes"]
        well_formed = (
            isinstance(arguments, dict) and isinstance(classes, list | tuple) and loaded["state_dict"]
        )
    except UnpicklingError as error:
        reason = " ".join(str(error).split())[:160]
        raise ModelError(f"{checkpoint} holds more than tensors and plain values: {reason}", remedy) from None
    except (OSError, RuntimeError, KeyError, TypeError, EOFError) as error:
        raise ModelError(f"{checkpoint} is not a Detoxify checkpoint: {str(error)[:160]}", remedy) from None
    if not well_formed:
        raise ModelError(f"{checkpoint} is not a Detoxify checkpoint", remedy)
    result: Mapping[str, Any] = loaded
    return result


def _model(arguments: Mapping[str, Any], state: Mapping[str, Any], backbone: Path, checkpoint: Path) -> Any:
    name = str(arguments.get("model_name", ""))
    kind = getattr(transformers, name, None) if name.endswith("ForSequenceClassification") else None
    if kind is None:
        raise ModelError(f"{checkpoint} wants an unknown model class, {name!r}", "use one of Detoxify's own")
    try:
        config = kind.config_class.from_pretrained(
            backbone, num_labels=int(arguments["num_classes"]), local_files_only=True
        )
        model = kind(config)
        model.load_state_dict({key: value for key, value in state.items() if not key.endswith(OLD_BUFFER)})
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        raise ModelError(
            f"{checkpoint} does not fit the model in {backbone}: {' '.join(str(error).split())[:200]}",
            f"put config.json and the tokenizer of {arguments.get('model_type', 'its backbone')} beside it",
        ) from None
    return model.eval()
