"""What became of the pairs that another data set offers for training."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "ledger.json"
"""Its file in the artifact of the pairs."""
SAME = "its two sentences are the same"
NEAR_SENTENCE = "a sentence is a near-duplicate of a judged one"
NEAR_CONTEXT = "what its sentences share is a near-duplicate of a judged pair's"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A pair that is not trained on.

    Attributes:
        number: its place in its file, from 0.
        text: its stereotyping sentence.
        reason: :data:`SAME`, :data:`NEAR_SENTENCE` or :data:`NEAR_CONTEXT`.
        judged_pair: id of the judged pair that it is near to; None where there is none.
    """

    number: int
    text: str
    reason: str
    judged_pair: int | None = None


@dataclass(frozen=True, slots=True)
class Ledger:
    """What became of the pairs that were offered for training.

    Attributes:
        judged: pairs of the other data set, none of which is trained on.
        offered: pairs in the file.
        left_out: those that are not used.
    """

    judged: int
    offered: int
    left_out: tuple[LeftOut, ...]

    @property
    def kept(self) -> int:
        """How many are trained or validated on."""
        return self.offered - len(self.left_out)

    @property
    def reasons(self) -> dict[str, int]:
        """How many pairs are left out for each reason."""
        return dict(Counter(row.reason for row in self.left_out))

    def write(self, folder: Path) -> None:
        """Puts it beside the pairs."""
        text = json.dumps(asdict(self), ensure_ascii=False, indent=0)
        (folder / FILE).write_text(text + "\n", encoding="utf-8")


def read_ledger(folder: Path) -> Ledger:
    """The ledger beside the pairs of a finished stage."""
    found = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return Ledger(**found | {"left_out": tuple(LeftOut(**row) for row in found["left_out"])})
