"""KL divergences by hand, against torch's own, and their gradient against autograd through the whole logits."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import kl_div

from counterpoise.likelihood import divergence as module
from counterpoise.likelihood.divergence import divergence


def states(rows: int, seed: int) -> torch.Tensor:
    return torch.randn(rows, 6, generator=torch.Generator().manual_seed(seed))


HEAD = states(11, 9)


def plain(hidden: torch.Tensor, targets: list[torch.Tensor], temperature: float = 1.0) -> torch.Tensor:
    wanted = torch.stack([(target @ HEAD.T / temperature).softmax(-1) for target in targets]).mean(0)
    ours = (hidden @ HEAD.T / temperature).log_softmax(-1)
    return temperature**2 * kl_div(ours, wanted, reduction="none").sum(-1)


def test_two_tokens_by_hand() -> None:
    # q = (3/4, 1/4), p = (1/2, 1/2): 3/4 log(3/2) + 1/4 log(1/2)
    logits, target = torch.zeros(1, 2), torch.tensor([[math.log(3.0), 0.0]])
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert float(divergence(logits, None, [target])) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("block", [1 << 23, 22, 1])
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_it_is_torchs_own_in_any_blocks(
    targets: int, block: int, temperature: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK_VALUES", block)  # 22: two tokens of the 11 at a time; 1: one at a time
    others = [states(7, seed) for seed in range(1, targets + 1)]
    ours, theirs = states(7, 0).requires_grad_(True), states(7, 0).requires_grad_(True)
    weights = torch.arange(1.0, 8.0)
    found = divergence(ours, HEAD, others, temperature)
    expected = plain(theirs, others, temperature)
    torch.testing.assert_close(found, expected)
    (found * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)
    torch.testing.assert_close(divergence(ours.detach(), HEAD, others, temperature), expected.detach())


def test_logits_need_no_head() -> None:
    hidden, other = states(5, 0), states(5, 1)
    with_head = divergence(hidden, HEAD, [other])
    torch.testing.assert_close(divergence(hidden @ HEAD.T, None, [other @ HEAD.T]), with_head)


def test_a_model_is_no_distance_from_itself_and_pulled_nowhere() -> None:
    hidden = states(4, 0).requires_grad_(True)
    found = divergence(hidden, HEAD, [hidden])
    assert float(found.detach().abs().max()) < 1e-6
    found.sum().backward()
    assert hidden.grad is not None
    assert float(hidden.grad.abs().max()) < 1e-6


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected targets of hidden's shape \(4, 6\)"):
        divergence(states(4, 0), HEAD, [states(3, 1)])
    with pytest.raises(ValueError, match="expected targets"):
        divergence(states(4, 0), HEAD, [])
