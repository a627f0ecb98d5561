"""The fast path is used only where it is the model: every kind of model that once was not has a case here."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest
import torch
import transformers

from counterpoise.alignment.batches import EncodedPair, pair_batch
from counterpoise.alignment.scoring import decoder, sequence_log_probs
from counterpoise.alignment.tree_batches import packed_batch
from counterpoise.errors import ModelError
from counterpoise.likelihood import fast_path as module
from counterpoise.likelihood.fast_path import TOLERANCE, fast_path
from counterpoise.likelihood.forward import PLAIN, WAYS, Way, own_logits
from counterpoise.likelihood.sentences import score_sentences
from counterpoise.models.exact import in_fp32
from counterpoise.models.loading import LoadedModel, load_model
from counterpoise.records import Pair

BASE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
LLAMA_LIKE = {**BASE, "num_key_value_heads": 1, "max_position_embeddings": 512, "vocab_size": 384}
WINDOW = {"sliding_window": 8}
FALCON_H1 = {
    **LLAMA_LIKE,
    "mamba_d_ssm": 32,
    "mamba_n_heads": 4,
    "mamba_d_head": 8,
    "mamba_d_state": 8,
    "mamba_expand": 1,
    "lm_head_multiplier": 0.1,
}
CASES: dict[str, tuple[str, dict[str, Any], Way]] = {
    "plain": ("llama", {}, Way("trees", head=True)),
    "a window": ("mistral", WINDOW, Way("padded", head=True)),
    "a window longer than every text": ("mistral", {"sliding_window": 4096}, Way("trees", head=True)),
    "a window in some layers": (
        "qwen2",
        {**WINDOW, "use_sliding_window": True, "max_window_layers": 1},
        Way("padded", head=True),
    ),
    "a scale on the logits": ("cohere", {"logit_scale": 0.25}, Way("trees")),
    "a multiplier by another name": ("falcon_h1", FALCON_H1, Way("padded")),
    "a soft cap so wide that it hardly bends": (
        "gemma2",
        {"head_dim": 16, "final_logit_softcapping": 30.0},
        Way("padded"),
    ),
}


def built(kind: str, options: dict[str, Any], loaded: LoadedModel, scale: float = 0.3) -> LoadedModel:
    """A random model of that kind in the place of ``loaded``'s."""
    config = transformers.AutoConfig.for_model(kind, **{**LLAMA_LIKE, **options})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = transformers.AutoModelForCausalLM.from_config(config).eval()
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.data.normal_(0, scale)
    return replace(loaded, model=model)


def reference(loaded: LoadedModel, text: str) -> float:
    """One sentence a pass, the model's own logits."""
    ids = [loaded.tokenizer.bos_token_id, *loaded.tokenizer(text, add_special_tokens=False)["input_ids"]]
    with torch.no_grad():
        log_probs = loaded.model(input_ids=torch.tensor([ids])).logits[0, :-1].double().log_softmax(-1)
    return float(log_probs.gather(-1, torch.tensor(ids)[1:, None]).sum())


@pytest.mark.parametrize("name", CASES)
def test_whatever_the_model_does_its_own_numbers_come_out(
    name: str, tiny: LoadedModel, pairs: list[Pair]
) -> None:
    kind, options, way = CASES[name]
    loaded = built(kind, options, tiny)
    texts = [text for pair in pairs for text in (pair.more, pair.less)]
    for text, score in zip(texts, score_sentences(loaded, texts), strict=True):
        assert score.sum_log_prob == pytest.approx(reference(loaded, text), abs=1e-4)
    assert fast_path(loaded.model).way == way


@pytest.mark.parametrize("name", CASES)
def test_training_reads_the_same_numbers(name: str, tiny: LoadedModel, pairs: list[Pair]) -> None:
    kind, options, way = CASES[name]
    loaded = built(kind, options, tiny)
    ids = {
        text: tuple(tiny.tokenizer(text, add_special_tokens=False)["input_ids"])
        for pair in pairs
        for text in (pair.less, pair.more)
    }
    encoded = [EncodedPair(str(pair.pair_id), (1,), ids[pair.less], ids[pair.more]) for pair in pairs]
    for batch in [packed_batch(encoded) if way.rows == "trees" else pair_batch(encoded)]:
        names = [int(name) for name in batch.names]
        texts = [pairs[at].less for at in names] + [pairs[at].more for at in names]
        with torch.no_grad():
            found = sequence_log_probs(decoder(loaded.model), batch)
        assert found.tolist() == pytest.approx([reference(loaded, text) for text in texts], abs=2e-4)


def test_a_longer_text_has_the_path_proven_at_its_length(tiny: LoadedModel) -> None:
    loaded = built("mistral", {"sliding_window": 150}, tiny)
    assert fast_path(loaded.model, 100).way.rows == "trees"
    assert fast_path(loaded.model, 200).way.rows == "padded"
    text = "women cannot drive a car and know nothing at all of the sea " * 13
    (score,) = score_sentences(loaded, [text])
    assert score.tokens > 150
    assert score.sum_log_prob == pytest.approx(reference(loaded, text), abs=1e-3)


def test_the_longest_sequence_stays_within_the_positions(tiny: LoadedModel) -> None:
    loaded = built("gpt2", {"max_position_embeddings": 20, "n_embd": 32, "n_head": 2, "n_layer": 2}, tiny)
    assert fast_path(loaded.model).longest == 20


def test_it_is_said_once(tiny: LoadedModel, caplog: pytest.LogCaptureFixture) -> None:
    module._SAID.clear()
    module._PROOFS.clear()
    loaded = built("mistral", WINDOW, tiny)
    with caplog.at_level(logging.WARNING):
        for text in ("a", "b", "a"):
            score_sentences(loaded, [text])
    (record,) = [record for record in caplog.records if record.name == module.__name__]
    assert "MistralForCausalLM is read by padded batches, output head alone" in record.message
    assert "prefix trees, output head alone differs by" in record.message


def test_a_model_that_looks_ahead_is_refused(tiny: LoadedModel) -> None:
    loaded = built("bert", {"is_decoder": False, "max_position_embeddings": 128}, tiny)
    with pytest.raises(ModelError, match="depends on tokens to the right"):
        score_sentences(loaded, ["women are late"])


def test_weights_that_are_not_finite_are_refused(tiny: LoadedModel) -> None:
    loaded = built("llama", {}, tiny)
    loaded.model.lm_head.weight.data[5] = float("nan")
    with pytest.raises(ModelError, match="not finite"):
        score_sentences(loaded, ["women are late"])


class Moody(torch.nn.Module):
    """A model whose every answer is another one."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, *args: Any, **options: Any) -> Any:
        result = self.inner(*args, **options)
        return result + torch.rand_like(result)


def test_a_model_that_answers_differently_each_time_is_refused(tiny: LoadedModel) -> None:
    loaded = built("llama", {}, tiny)
    loaded.model.model.layers[0].mlp = Moody(loaded.model.model.layers[0].mlp)
    with pytest.raises(ModelError, match="other log-probabilities each time"):
        score_sentences(loaded, ["women are late"])


def test_the_plain_way_is_last_and_is_used_where_nothing_else_holds(
    tiny: LoadedModel, pairs: list[Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TOLERANCE", TOLERANCE)
    monkeypatch.setattr(module, "_gap", lambda *_: float("inf"))
    module._PROOFS.clear()
    loaded = built("llama", {}, tiny, scale=0.31)
    assert fast_path(loaded.model).way == PLAIN == WAYS[-1]
    texts = [pair.more for pair in pairs]
    for text, score in zip(texts, score_sentences(loaded, texts), strict=True):
        assert score.sum_log_prob == pytest.approx(reference(loaded, text), abs=1e-4)
    with pytest.raises(ModelError, match="cannot be trained"):
        decoder(loaded.model)
    module._PROOFS.clear()


@pytest.mark.parametrize("precision", ["bf16", "nf4"])
def test_narrow_weights_compute_in_fp32_for_a_while_and_are_put_back(
    tiny_folder: Any, precision: Any
) -> None:
    model = load_model(tiny_folder, precision, device="cpu").model
    before = {name: (value.data_ptr(), value.dtype) for name, value in model.named_parameters()}
    ids = torch.tensor([[1, 40, 50, 60]])
    with torch.no_grad():
        narrow = own_logits(model, input_ids=ids)
        with in_fp32(model):
            wide = own_logits(model, input_ids=ids)
        assert torch.equal(own_logits(model, input_ids=ids), narrow)
    assert wide.dtype == torch.float32
    assert float((wide - narrow.float()).abs().max()) < 0.5
    assert {name: (value.data_ptr(), value.dtype) for name, value in model.named_parameters()} == before
