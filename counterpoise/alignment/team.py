"""Data parallel training: the processes, one a device, that train one adapter together.

`accelerate` gives the processes and their communication. Each process takes its share of every batch's pairs, so the
global batches, their order and the number of steps are those of one process; what differs is the order in which floats
are added. Gradients are averaged here and not by DDP's wrapper, because the step goes through the decoder's parts and
not through the model's own forward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

from counterpoise.alignment.batches import EncodedPair, TokenBatch, aligned_tokens

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Team:
    """One process's view of its team.

    Attributes:
        rank: its number, from 0; process 0 leads: it probes, decides, and writes.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process decides and writes."""
        return self.rank == 0

    def broadcast(self, value: T) -> T:
        """The leader's value, on every process."""
        if self.size == 1:
            return value
        from accelerate.utils import broadcast_object_list  # noqa: PLC0415 - only where there is a team

        box: list[Any] = [value]
        broadcast_object_list(box, from_process=0)
        shared: T = box[0]
        return shared

    def on_rank0(self, work: Callable[[], T | None]) -> T:
        """What the leader's ``work`` gives, on every process; the others wait.

        Raises:
            ValueError: it gave nothing.
        """
        value = self.broadcast(work() if self.leads else None)
        if value is None:
            raise ValueError("the leader has no value to share")
        return value

    def mean(self, values: Tensor) -> Tensor:
        """The mean of a tensor over the processes."""
        if self.size == 1:
            return values
        from accelerate.utils import reduce  # noqa: PLC0415

        found: Tensor = reduce(values, reduction="mean")
        return found

    def average_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Makes every gradient its mean over the processes, in one message."""
        if self.size == 1:
            return
        gradients = [item.grad for item in parameters if item.grad is not None]
        flat = self.mean(torch.cat([gradient.flatten() for gradient in gradients]))
        parts = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def shares(
        self, groups: Sequence[Sequence[EncodedPair]], build: Callable[[Sequence[EncodedPair]], TokenBatch]
    ) -> list[Share]:
        """This process's part of each group of pairs, as a batch that ``build`` makes of it."""
        return [self._share(group, build) for group in groups]

    def _share(
        self, group: Sequence[EncodedPair], build: Callable[[Sequence[EncodedPair]], TokenBatch]
    ) -> Share:
        part, weight = share_of(group, self.rank, self.size)
        total = sum(len(aligned_tokens(pair)) for pair in group)
        own = sum(len(aligned_tokens(pair)) for pair in part) if weight else 0
        return Share(build(part), weight, own * self.size / total if total else 0.0)


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a pair batch.

    Attributes:
        weight: the mean over processes of ``weight`` × a part's mean over pairs is the whole batch's.
        token_weight: the same of means over aligned tokens.
    """

    batch: TokenBatch
    weight: float
    token_weight: float


ALONE = Team()


def share_of(group: Sequence[EncodedPair], rank: int, size: int) -> tuple[Sequence[EncodedPair], float]:
    """Every ``size``-th pair of a group, from ``rank`` on, and the weight of their mean.

    A group with fewer pairs than processes leaves some without one: they repeat the first pair with weight 0.
    """
    own = group[rank::size]
    return own or group[:1], len(own) * size / len(group)
