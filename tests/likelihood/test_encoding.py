from __future__ import annotations

from typing import Any

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from counterpoise.errors import ModelError
from counterpoise.generation.config import GenerationConfig
from counterpoise.generation.decode import prompt_ids
from counterpoise.likelihood.encoding import Encoded, check_ids, common_lead, encode_continuations

TEXTS = ["The clerk came late.", "The baker was kind.", "Late again, the clerk said."]


@pytest.fixture(scope="module")
def legacy() -> Any:
    """Llama-2's manner: a normaliser puts ▁ before any text and for every space, so a lone ▁ stands before a space."""
    core = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    core.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    core.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=200, special_tokens=["<unk>", "<s>", "</s>"])
    )
    core.pre_tokenizer = None
    core.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )


class Letters:
    """One id a character, except that "ab" is one token; an EOS is added where special tokens are asked for."""

    bos_token_id, eos_token_id = 1, 2

    def __call__(self, texts: Any, add_special_tokens: bool = True, **_: Any) -> dict[str, Any]:
        if isinstance(texts, str):
            ids = [ord(letter) for letter in texts.replace("ab", "X")]
            return {"input_ids": [1, *ids, 2] if add_special_tokens else ids}
        return {"input_ids": [self(text, add_special_tokens)["input_ids"] for text in texts]}


def test_a_continuation_has_the_tokens_it_has_in_the_whole_text(legacy: Any) -> None:
    context, rest = "The clerk came late.", " The baker was kind."
    (found,) = encode_continuations(legacy, [(context, rest)], "bos")
    whole = legacy(context + rest, add_special_tokens=False)["input_ids"]
    assert list(found.ids) == [1, *whole]
    assert legacy.convert_ids_to_tokens(list(found.targets))[0] != "▁", "no lone space"
    apart = legacy(rest, add_special_tokens=False)["input_ids"]
    assert legacy.convert_ids_to_tokens(apart)[0] == "▁", "which it has when it is tokenized alone"
    assert len(found.targets) == len(apart) - 1


def test_a_token_over_the_boundary_belongs_to_the_continuation() -> None:
    (found,) = encode_continuations(Letters(), [("za", "bc")], "bos")
    assert found == Encoded((1, ord("z"), ord("X"), ord("c")), 2)
    (bare,) = encode_continuations(Letters(), [("", "ab")], "none")
    assert (bare.ids, bare.targets) == ((ord("X"),), ())


def test_a_prompt_ends_where_its_text_ends() -> None:
    assert prompt_ids(Letters(), "xy", GenerationConfig(prefix="tokenizer")) == (1, ord("x"), ord("y"))
    assert prompt_ids(Letters(), "xy", GenerationConfig(prefix="none")) == (ord("x"), ord("y"))


def test_ids_beyond_the_embeddings_are_refused() -> None:
    check_ids([Encoded((1, 9))], 10)
    with pytest.raises(ModelError, match="text 1 has token 10 and the model 10 embeddings"):
        check_ids([Encoded((1, 9)), Encoded((1, 10))], 10)


def test_common_lead() -> None:
    assert (common_lead([1, 2, 3], [1, 2, 4]), common_lead([1], [1, 2]), common_lead([], [1])) == (2, 1, 0)
