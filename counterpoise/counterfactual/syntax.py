"""A second opinion on syntax and names from spaCy's small English pipeline; optional.

The rules decide first. With a parser at hand an edit of "her" needs both to agree, and a term inside an
organisation, a place, a work or an event that spaCy recognises is protected. A tagger alone would not do: it answers
where a sentence means either ("They gave her time."), so it may veto and never decide.
"""

from __future__ import annotations

from typing import Any

from counterpoise.errors import ModelError
from counterpoise.extras import extra_missing
from counterpoise.sources.datasets import locate

_PROTECTED = {
    "ORG": "an organisation",
    "FAC": "a building",
    "GPE": "a place",
    "LOC": "a place",
    "WORK_OF_ART": "a work",
    "EVENT": "an event",
    "LAW": "a law",
    "PRODUCT": "a product",
}


class Parser:
    """spaCy with the last text's parse kept, since several terms of a text ask for it."""

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline
        self._text: str | None = None
        self._parse: Any = None

    def use(self, text: str, start: int) -> str | None:
        """What the tagger says "her" at offset ``start`` is, as a slot; its tags do not tell the two uses of "his"."""
        for token in self._parsed(text):
            if token.idx == start and token.lower_ == "her":
                return "determiner" if token.tag_ == "PRP$" else "object"
        return None

    def entity(self, text: str, start: int, end: int) -> str | None:
        """What kind of protected entity of several words holds the span, if one does."""
        for span in self._parsed(text).ents:
            if (
                span.label_ in _PROTECTED
                and len(span) > 1
                and span.start_char <= start
                and end <= span.end_char
            ):
                return f"{_PROTECTED[span.label_]}, {span.text!r}"
        return None

    def _parsed(self, text: str) -> Any:
        if text != self._text:
            self._text, self._parse = text, self._pipeline(text)
        return self._parse


def load_parser(name: str) -> Parser:
    """The pipeline from a folder or a registry name.

    Raises:
        UsageError: spaCy is not installed.
        ModelError: the folder is not a pipeline that this spaCy can load.
        SourceError: the registry name is unknown or cannot be fetched.
    """
    try:
        import spacy  # noqa: PLC0415 - optional, and slow to import
    except ImportError:
        raise extra_missing("syntax", "counterfactual.syntax = 'spacy'", "spacy") from None
    folder = locate(name)
    try:
        return Parser(spacy.load(folder, exclude=["lemmatizer", "attribute_ruler"]))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{folder}: not a spaCy pipeline: {error}", "name an English pipeline of spaCy 3.8"
        ) from None
