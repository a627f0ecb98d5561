"""How a classifier is named in a setting, and what pins it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from counterpoise.errors import UsageError
from counterpoise.sources.hashing import path_sha256
from counterpoise.sources.registry import get_source, registry
from counterpoise.sources.source import Hub, parse_uri

Kind = Literal["linear", "hatesonar", "detoxify", "hub"]

LINEAR = "alt-profanity-check"
HATESONAR = "hatesonar"
BACKBONES = {
    "original": "bert-base-uncased",
    "unbiased": "roberta-base",
    "multilingual": "xlm-roberta-base",
    "original-small": "albert-base-v2",
    "unbiased-small": "albert-base-v2",
}
"""Detoxify's models and the model each was fine-tuned from, whose tokenizer it needs."""

_DETOXIFY = re.compile(r"detoxify:(?P<variant>[a-z-]+)(?:@(?P<path>.+))?")
_HUB = re.compile(r"hf:(?P<repository>[\w.-]+(?:/[\w.-]+)?)@(?P<revision>[0-9a-f]{40})(?:#(?P<label>.+))?")
_FOLDER = re.compile(r"hf:(?P<path>[~./][^#]*)(?:#(?P<label>.+))?")
_REMEDY = (
    f"use {LINEAR}, {HATESONAR}, detoxify:{'|'.join(BACKBONES)}[@CHECKPOINT], hf:owner/name@<40-digit commit>[#label], "
    "hf:/FOLDER[#label], or the name of a repository source such as roberta-hate-speech"
)


@dataclass(frozen=True, slots=True)
class ClassifierSpec:
    """One classifier, parsed.

    Attributes:
        name: short and the same on every machine; the ``classifier`` column of tables.
        variant: of Detoxify, a key of :data:`BACKBONES`.
        path: a local checkpoint or folder instead of the pinned source.
        repository, revision: on the hub.
        label: of a hub model, the label whose probability is the toxicity; empty to find it by rule.
    """

    kind: Kind
    name: str
    variant: str = ""
    path: Path | None = None
    repository: str = ""
    revision: str = ""
    label: str = ""


def parse_spec(text: str) -> ClassifierSpec:
    """The classifier that ``text`` names.

    Raises:
        UsageError: none of the known forms, an unknown Detoxify model, or a hub model without its commit.
    """
    if text == LINEAR:
        return ClassifierSpec("linear", LINEAR)
    if text == HATESONAR:
        return ClassifierSpec("hatesonar", HATESONAR)
    if match := _DETOXIFY.fullmatch(text):
        return _detoxify(match["variant"], match["path"])
    if match := _FOLDER.fullmatch(text):
        path = Path(match["path"]).expanduser()
        return ClassifierSpec("hub", f"hf:{path.resolve().name}", path=path, label=match["label"] or "")
    if match := _HUB.fullmatch(text):
        return _on_hub(match["repository"], match["revision"], match["label"] or "")
    name, _, label = text.partition("#")
    source = registry().get(name)
    place = parse_uri(source.uris[0]) if source is not None and source.kind == "repository" else None
    if isinstance(place, Hub):
        return _on_hub(place.repository, place.revision, label)
    raise UsageError(f"no toxicity classifier {text!r}", _REMEDY)


def identity(text: str) -> str:
    """What pins the classifier, for a cache key: its name and the hash or commit of its weights.

    The same on every machine: of a local checkpoint it holds the content's hash, not the path.
    """
    spec = parse_spec(text)
    if spec.path is not None:
        if not spec.path.exists():
            raise UsageError(f"{text}: no file or folder {spec.path}", "give an existing path")
        return f"{spec.name}#{spec.label} sha256:{path_sha256(spec.path)}"
    if spec.kind == "hub":
        return f"{spec.name}#{spec.label} {spec.revision}"
    if spec.kind == "hatesonar":
        return f"{spec.name} sha256:{get_source(HATESONAR).sha256}"
    if spec.kind == "detoxify":
        return f"{spec.name} sha256:{get_source(f'detoxify-{spec.variant}').sha256}"
    return spec.name


def _detoxify(variant: str, path: str | None) -> ClassifierSpec:
    if variant not in BACKBONES:
        raise UsageError(f"Detoxify has no model {variant!r}", f"its models: {', '.join(BACKBONES)}")
    local = Path(path).expanduser() if path else None
    return ClassifierSpec("detoxify", f"detoxify:{variant}", variant=variant, path=local)


def _on_hub(repository: str, revision: str, label: str) -> ClassifierSpec:
    return ClassifierSpec("hub", f"hf:{repository}", repository=repository, revision=revision, label=label)
