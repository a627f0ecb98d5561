"""Pairs whose two sentences are one and the same to a model: found before training, told in the report."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "cut.json"
"""Its file in the artifact of the checks before training; only there if there is such a pair."""


@dataclass(frozen=True, slots=True)
class CutPairs:
    """Pairs that no model can prefer a side of.

    Attributes:
        max_tokens: training reads this many tokens of a sentence.
        equal: ids of pairs whose sentences differ only behind that; training leaves them out.
        same: ids of pairs whose sentences are the same tokens throughout; they tie in every score.
    """

    max_tokens: int
    equal: tuple[int, ...] = ()
    same: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.equal or self.same)

    def write(self, folder: Path) -> None:
        """Puts it into the folder; without such a pair the folder stays as it is."""
        if self:
            (folder / FILE).write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")


def read_cut(folder: Path) -> CutPairs | None:
    """What :meth:`CutPairs.write` left; None where there was no such pair."""
    path = folder / FILE
    if not path.is_file():
        return None
    found = json.loads(path.read_text(encoding="utf-8"))
    return CutPairs(found["max_tokens"], tuple(found["equal"]), tuple(found["same"]))
