from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import scaled_dot_product_attention

from counterpoise.models import attention as module
from counterpoise.models.attention import short_attention, use_short_attention
from counterpoise.models.loading import load_model


@given(
    batch=st.integers(1, 3),
    key_heads=st.integers(1, 3),
    group=st.integers(1, 3),
    queries=st.integers(1, 6),
    past=st.integers(0, 4),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_agrees_with_pytorch(
    batch: int, key_heads: int, group: int, queries: int, past: int, seed: int
) -> None:
    torch.manual_seed(seed)
    keys = queries + past
    query = torch.randn(batch, key_heads * group, queries, 8, dtype=torch.float64, requires_grad=True)
    key, value = (
        torch.randn(batch, key_heads, keys, 8, dtype=torch.float64, requires_grad=True) for _ in "kv"
    )
    mask = torch.ones(queries, keys, dtype=torch.bool).tril(past)
    expected = scaled_dot_product_attention(query, key, value, attn_mask=mask, enable_gqa=True).transpose(
        1, 2
    )
    for form in (
        None,
        mask[None, None],
        torch.zeros(queries, keys).masked_fill(~mask, -torch.inf)[None, None],
    ):
        ours, _ = short_attention(torch.nn.Module(), query, key, value, form)
        torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-6)
    ours_grads = torch.autograd.grad((ours**2).sum(), (query, key, value))
    expected_grads = torch.autograd.grad((expected**2).sum(), (query, key, value))
    torch.testing.assert_close(ours_grads, expected_grads, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("longest", [256, 4])
def test_a_whole_model_computes_and_writes_the_same(
    longest: int, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST", longest)
    loaded = load_model(tiny_folder, "fp32", device="cpu")
    assert loaded.model.config._attn_implementation == module.NAME
    loaded.model.set_attn_implementation("sdpa")
    loaded.tokenizer.padding_side = "left"
    batch = loaded.tokenizer(["Women are late", "The"], return_tensors="pt", padding=True)
    batch.pop("token_type_ids", None)

    def outputs() -> tuple[torch.Tensor, torch.Tensor]:
        with torch.no_grad():
            logits = loaded.model(**batch).logits[batch["attention_mask"].bool()]
        return logits, loaded.model.generate(**batch, max_new_tokens=8, do_sample=False)

    before = outputs()
    use_short_attention(loaded.model)
    after = outputs()
    assert loaded.model.config._attn_implementation == module.NAME
    torch.testing.assert_close(after[0], before[0], rtol=1e-5, atol=1e-5)
    assert torch.equal(after[1], before[1])
