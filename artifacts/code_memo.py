"""Remembers what was made of a module's source, so that a cached run parses nothing.

An entry is found by the bytes of the source and of the code that reads it: whatever is edited, an old entry is never
taken for a new one. A memo that cannot be read or written costs time and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
from dataclasses import astuple, dataclass
from functools import cached_property
from pathlib import Path

from counterpoise.errors import CounterpoiseError
from counterpoise.files import replacing
from counterpoise.sources.cache import default_cache

MOST = 2000
"""Entries that are kept, newest first: those of some ten versions of this code."""
READERS = ("code_hash.py", "code_memo.py", "code_text.py")


@dataclass(frozen=True, slots=True)
class Source:
    """What was made of one module.

    Attributes:
        sha256: hash of its code.
        imports: modules that it imports.
        perhaps: names that it takes from packages: modules, if there are any of that name.
    """

    sha256: str
    imports: tuple[str, ...]
    perhaps: tuple[str, ...]


class CodeMemo:
    """The memo of this user, read when it is first asked."""

    def __init__(self) -> None:
        self._new: dict[str, Source] = {}

    def get(self, package: str, text: bytes) -> Source | None:
        """What was made of this source in this package, if it is known."""
        return self._known.get(self._name(package, text))

    def put(self, package: str, text: bytes, source: Source) -> None:
        """Remembers it; :meth:`save` writes it down."""
        self._new[self._name(package, text)] = source

    def save(self) -> None:
        """Writes down what is new, over what was known when this process began."""
        if not self._new or self._path is None:
            return
        self._known |= self._new
        self._new = {}
        entries = dict(list(self._known.items())[-MOST:])
        text = json.dumps({name: astuple(source) for name, source in entries.items()})
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self._path, durable=False) as draft:
                draft.write_text(text, encoding="utf-8")

    @cached_property
    def _path(self) -> Path | None:
        try:
            return default_cache() / "code.json"
        except CounterpoiseError:  # no home and no cache folder: nothing is remembered
            return None

    @cached_property
    def _known(self) -> dict[str, Source]:
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8")) if self._path else {}
            return {
                name: Source(sha256, tuple(imports), tuple(perhaps))
                for name, (sha256, imports, perhaps) in stored.items()
            }
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    @cached_property
    def _reader(self) -> bytes:
        """The code that makes entries, and the Python that parses for it."""
        here = Path(__file__).parent
        return b"".join((here / name).read_bytes() for name in READERS) + sys.version.encode()

    @cached_property
    def _start(self) -> hashlib._Hash:
        return hashlib.sha256(hashlib.sha256(self._reader).digest())

    def _name(self, package: str, text: bytes) -> str:
        name = self._start.copy()
        name.update(package.encode() + b"\0" + text)
        return name.hexdigest()


MEMO = CodeMemo()
"""Shared by the whole process."""
