"""A real, very small language model made on the spot: the pipeline's smoke profile and its tests use it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from counterpoise.errors import DataError
from counterpoise.models.convert import write_model
from counterpoise.models.loading import quiet_libraries

BOS, EOS, PAD = "<s>", "</s>", "<pad>"
VOCABULARY = 384
WIDTH = 64
STEPS = 120
BATCH = 16
MAX_TOKENS = 64


def make_tiny_model(out: Path, texts: Sequence[str], seed: int) -> None:
    """Write a two-layer Llama model of 74 thousand parameters, fitted for two seconds to ``texts``.

    The tokenizer is a byte-level BPE made from the same texts, with BOS, EOS and pad tokens, so it encodes
    any string. The short fit makes log-probabilities and perplexities mean something: guards and scores see a
    model that can be broken. Runs on one CPU thread; the same texts and seed give the same bytes.

    Args:
        out: a new or empty folder; it gets safetensors, a configuration and the tokenizer.
        texts: sentences to build the vocabulary from and fit to; a few dozen are enough.
        seed: initialises the weights and orders the batches.

    Raises:
        DataError: if ``texts`` holds no text.
    """
    quiet_libraries()
    if not any(text.strip() for text in texts):
        raise DataError(
            "the tiny model needs at least one non-empty text, and got none", "pass the pairs' sentences"
        )
    tokenizer = _tokenizer(texts)
    with _single_thread():
        model = _model(tokenizer, seed)
        _fit(model, _batches(tokenizer, texts, seed))
    write_model(model, tokenizer, out)


def _tokenizer(texts: Sequence[str]) -> Any:
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PAD, BOS, EOS],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    core.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=core, bos_token=BOS, eos_token=EOS, pad_token=PAD)


def _model(tokenizer: Any, seed: int) -> Any:
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(config).float()


def _batches(tokenizer: Any, texts: Sequence[str], seed: int) -> Iterator[torch.Tensor]:
    """``STEPS`` batches of ``[rows, tokens]`` ids, BOS first and EOS last, padded with the pad token."""
    encoded = [
        torch.tensor([tokenizer.bos_token_id, *ids[: MAX_TOKENS - 2], tokenizer.eos_token_id])
        for ids in tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        if ids
    ]
    generator = torch.Generator().manual_seed(seed)
    for _ in range(STEPS):
        rows = torch.randint(len(encoded), (BATCH,), generator=generator)
        yield torch.nn.utils.rnn.pad_sequence(
            [encoded[int(row)] for row in rows], batch_first=True, padding_value=tokenizer.pad_token_id
        )


def _fit(model: Any, batches: Iterator[torch.Tensor]) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.0)
    for ids in batches:
        labels = ids.masked_fill(ids == model.config.pad_token_id, -100)
        model(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()


@contextmanager
def _single_thread() -> Iterator[None]:
    """One thread while fitting: sums over threads would make the bytes depend on the machine's core count."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
