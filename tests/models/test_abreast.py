"""Batches side by side: the same results in the same order, and only on models that keep no state."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, LlamaConfig, RecurrentGemmaConfig

from counterpoise.models.abreast import abreast, runs_abreast

CPU = torch.device("cpu")


class Stateless(nn.Module):
    device, config = CPU, SimpleNamespace()

    def forward(self, input_ids: Tensor) -> Tensor:
        return input_ids + 1


class Remembering(Stateless):
    last: Tensor | int = 0

    def forward(self, input_ids: Tensor) -> Tensor:
        self.last = input_ids.shape[1]
        return input_ids


@pytest.fixture
def two_threads() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_two_items_are_computed_at_once_each_with_one_thread(two_threads: None) -> None:
    met = threading.Barrier(2, timeout=20)  # broken if only one of them is begun

    def meet(item: int) -> tuple[int, int]:
        met.wait()
        return item * item, torch.get_num_threads()

    assert list(abreast(Stateless(), meet, [3, 4])) == [(9, 1), (16, 1)]
    assert torch.get_num_threads() == 2


def test_results_keep_the_order_of_items(two_threads: None) -> None:
    assert list(abreast(Stateless(), lambda item: -item, range(50))) == [-item for item in range(50)]


def test_an_error_comes_in_its_items_place_and_ends_the_rest(two_threads: None) -> None:
    seen: list[int] = []

    def fail_at_third(item: int) -> int:
        seen.append(item)
        time.sleep(0.02 if item > 2 else 0)  # all of them would take ten seconds
        return 1 // (2 - item)

    with closing(abreast(Stateless(), fail_at_third, range(1000))) as results:
        assert next(results) == 0  # 1 // 2
        assert next(results) == 1  # 1 // 1
        with pytest.raises(ZeroDivisionError):
            next(results)
    assert len(seen) < 1000
    assert torch.get_num_threads() == 2


def test_what_is_given_up_is_not_begun(two_threads: None) -> None:
    begun: list[int] = []

    def wait(item: int) -> int:
        begun.append(item)
        time.sleep(0.02 if item else 0)  # all of them would take ten seconds
        return item

    with closing(abreast(Stateless(), wait, range(1000))) as results:
        assert next(results) == 0
    assert len(begun) < 1000


@pytest.mark.parametrize(
    "model", [Remembering(), SimpleNamespace(device=torch.device("cuda"))], ids=["keeps state", "on a GPU"]
)
def test_other_models_take_one_batch_after_the_other(two_threads: None, model: Any) -> None:
    names = list(abreast(model, lambda _: threading.current_thread().name, range(3)))
    assert names == [threading.current_thread().name] * 3


def test_recurrent_layers_keep_state_and_attention_does_not() -> None:
    small: dict[str, Any] = {
        "vocab_size": 40,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "lru_width": 16,
        "num_hidden_layers": 3,
    }
    recurrent = AutoModelForCausalLM.from_config(RecurrentGemmaConfig(**small))
    assert not runs_abreast(recurrent.eval())
    attention = LlamaConfig(vocab_size=40, hidden_size=16, intermediate_size=32, num_attention_heads=2)
    assert runs_abreast(AutoModelForCausalLM.from_config(attention).eval())


def test_embeddings_that_follow_the_length_count_as_state() -> None:
    model = Stateless()
    model.config = SimpleNamespace(rope_parameters={"rope_type": "longrope"})
    assert not runs_abreast(model)
