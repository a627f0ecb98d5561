"""Against the definition: log_softmax over whole logits, and autograd through it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from counterpoise.likelihood import token_log_probs as module
from counterpoise.likelihood.token_log_probs import token_log_probs

SHAPES = st.tuples(st.integers(1, 70), st.integers(1, 131), st.integers(1, 9))


def material(shape: tuple[int, int, int], seed: int, dtype: torch.dtype, scale: float = 1.0) -> list[Tensor]:
    tokens, vocabulary, width = shape
    generator = torch.Generator().manual_seed(seed)
    hidden = scale * torch.randn(tokens, width, generator=generator, dtype=dtype)
    head = torch.randn(vocabulary, width, generator=generator, dtype=dtype)
    targets = torch.randint(vocabulary, (tokens,), generator=generator)
    return [hidden.requires_grad_(), head, targets, torch.randn(tokens, generator=generator, dtype=dtype)]


def plain(hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    return torch.log_softmax(hidden @ head.T, dim=-1).gather(1, targets[:, None])[:, 0]


@given(shape=SHAPES, seed=st.integers(0, 999), rows=st.sampled_from([1, 7, 256]))
@settings(max_examples=60, deadline=None)
def test_values_and_gradients_are_those_of_log_softmax(
    shape: tuple[int, int, int], seed: int, rows: int
) -> None:
    hidden, head, targets, weights = material(shape, seed, torch.float64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MATMUL_ROWS", rows)
        patch.setattr(module, "SOFTMAX_ROWS", 3)
        ours = token_log_probs(hidden, head, targets)
        (ours_grad,) = torch.autograd.grad((ours * weights).sum(), hidden)
    expected = plain(hidden, head, targets)
    (expected_grad,) = torch.autograd.grad((expected * weights).sum(), hidden)
    torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(ours_grad, expected_grad, rtol=1e-10, atol=1e-12)


def test_a_wide_vocabulary_takes_no_larger_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden, head, targets, _ = material((200, 262_144, 2), 0, torch.float32)
    rows: list[int] = []
    product = torch.mm

    def counted(left: Tensor, right: Tensor, *, out: Tensor) -> Tensor:
        rows.append(len(left))
        return product(left, right, out=out)

    monkeypatch.setattr(torch, "mm", counted)
    with torch.no_grad():
        ours = token_log_probs(hidden, head, targets)
    assert rows == [128, 72]  # 2²⁵ logits are 128 rows of 2¹⁸
    torch.testing.assert_close(ours[:3], plain(hidden[:3].detach(), head, targets[:3]), rtol=1e-5, atol=1e-4)


@given(shape=SHAPES, seed=st.integers(0, 999))
@settings(max_examples=30, deadline=None)
def test_fp32_without_gradient_is_the_same_as_with(shape: tuple[int, int, int], seed: int) -> None:
    hidden, head, targets, _ = material(shape, seed, torch.float32)
    with_gradient = token_log_probs(hidden, head, targets).detach()
    with torch.no_grad():
        without = token_log_probs(hidden, head, targets)
    assert torch.equal(with_gradient, without)
    torch.testing.assert_close(without, plain(hidden, head, targets).detach(), rtol=1e-5, atol=1e-5)


def test_large_logits_do_not_overflow() -> None:
    hidden, head, targets, _ = material((20, 50, 8), 0, torch.float32, scale=1e3)
    ours = token_log_probs(hidden, head, targets)
    assert torch.isfinite(ours).all()
    torch.testing.assert_close(ours, plain(hidden, head, targets), rtol=1e-5, atol=1e-2)


def test_a_bf16_models_probabilities_are_better_than_bf16_logits_allow() -> None:
    # At |logit| 16–32 bf16 steps by 1/8. The target's logit is kept in fp32, so that step must not show.
    hidden, head, targets, _ = material((200, 64, 32), 0, torch.bfloat16, scale=2.0)
    exact = plain(hidden.double(), head.double(), targets)
    ours = (token_log_probs(hidden, head, targets).double() - exact).abs().mean()
    naive = (
        (plain(hidden.float() @ head.float().T @ torch.eye(64), torch.eye(64), targets) - exact).abs().mean()
    )
    rounded = torch.log_softmax((hidden @ head.T).float(), -1).gather(1, targets[:, None])[:, 0]
    assert naive < ours < (rounded.double() - exact).abs().mean()


def test_the_head_gets_no_gradient() -> None:
    hidden, head, targets, _ = material((5, 11, 4), 0, torch.float32)
    head.requires_grad_()
    token_log_probs(hidden, head, targets).sum().backward()
    assert hidden.grad is not None
    assert head.grad is None


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match=r"\(3, 4\), \(7, 5\), \(3,\)"):
        token_log_probs(torch.zeros(3, 4), torch.zeros(7, 5), torch.zeros(3, dtype=torch.long))
