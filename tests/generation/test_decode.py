from __future__ import annotations

from pathlib import Path

import pytest
import torch

from counterpoise.errors import UsageError
from counterpoise.generation.config import GenerationConfig
from counterpoise.generation.decode import (
    generate,
    generate_batch,
    in_order,
    plan_batches,
    prompt_ids,
    stop_ids,
)
from counterpoise.generation.nucleus import NucleusByInversion
from counterpoise.generation.prompts import Prompt, load_prompts, own_prompt
from counterpoise.models.loading import LoadedModel, load_model
from counterpoise.models.tiny import make_tiny_model
from counterpoise.records import Generation

SENTENCES = [
    "The bridge was built in 1934 and it still stands.",
    "Old people are often kind to the young.",
    "A woman stood up and said that she was ready.",
    "The river flows from the mountains to the sea.",
]
CONFIG = GenerationConfig(max_new_tokens=12, samples=2, batch_size=4)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder: Path = tmp_path_factory.mktemp("tiny")
    make_tiny_model(folder, SENTENCES, seed=0)
    return load_model(folder, "fp32", device="cpu")


def prompts(n: int = 5) -> list[Prompt]:
    return list(load_prompts("local")[: n * 9 : 9])


def test_records_come_in_the_order_of_prompts_then_samples(loaded: LoadedModel) -> None:
    seen: list[tuple[int, int]] = []
    made = generate(
        loaded,
        prompts(),
        CONFIG,
        seed=1,
        variant="tuned",
        progress=lambda done, total: seen.append((done, total)),
    )
    expected = [(p.prompt_id, p.group, p.axis, p.text, sample) for p in prompts() for sample in range(3)]
    assert [(g.prompt_id, g.group, g.axis, g.prompt, g.sample) for g in made] == expected
    assert {g.variant for g in made} == {"tuned"}
    assert all(0 <= g.tokens <= 12 for g in made)
    # 5 prompts × (1 greedy + 2 samples) = 15 continuations in batches of 4: 4 + 1 greedy, then 4 + 4 + 2
    assert seen == [(0, 15), (4, 15), (5, 15), (9, 15), (13, 15), (15, 15)]


def test_same_seed_same_text_other_seed_other_text(loaded: LoadedModel) -> None:
    one, again, other = (
        [g.text for g in generate(loaded, prompts(), CONFIG, seed=seed, variant="base")] for seed in (1, 1, 2)
    )
    assert one == again
    assert one[0::3] == other[0::3], "greedy continuations do not depend on the seed"
    assert one[1::3] != other[1::3]


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_in_fp32_batching_and_order_change_nothing(loaded: LoadedModel, batch_size: int) -> None:
    reference = generate(loaded, prompts(), CONFIG, seed=1, variant="base")
    config = CONFIG.model_copy(update={"batch_size": batch_size})
    backwards = generate(loaded, prompts()[::-1], config, seed=1, variant="base")
    key = lambda g: (g.prompt_id, g.sample)  # noqa: E731
    assert sorted(reference, key=key) == sorted(backwards, key=key)


def test_batches_made_apart_and_put_together_are_the_whole(loaded: LoadedModel) -> None:
    batches = plan_batches(loaded, prompts(), CONFIG)
    made: list[list[Generation]] = [
        generate_batch(loaded, batch, CONFIG, seed=1, variant="base") for batch in batches
    ]
    assert in_order(batches, made) == generate(loaded, prompts(), CONFIG, seed=1, variant="base")


def test_batches_are_sorted_by_length_longest_first(loaded: LoadedModel) -> None:
    rows = [request for batch in plan_batches(loaded, prompts(), CONFIG) for request in batch]
    for greedy in (True, False):
        lengths = [len(request.ids) for request in rows if request.greedy is greedy]
        assert lengths == sorted(lengths, reverse=True)
    assert [request.greedy for request in rows] == [True] * 5 + [
        False
    ] * 10  # greedy ones have batches of their own


def test_groups_of_a_template_and_both_variants_share_their_draws(loaded: LoadedModel) -> None:
    same = (
        Prompt("age/x/old", "age/x", "age", "old", "The river"),
        Prompt("age/x/young", "age/x", "age", "young", "The river"),
    )
    old, young = generate(
        loaded, same, GenerationConfig(greedy=False, max_new_tokens=12), seed=1, variant="base"
    )
    assert old.text == young.text
    apart = generate(
        loaded,
        [own_prompt("The river", name) for name in "abcd"],
        GenerationConfig(greedy=False, temperature=4),
        seed=1,
        variant="base",
    )
    assert len({g.text for g in apart}) > 1


def test_greedy_is_the_models_own_greedy_search(loaded: LoadedModel) -> None:
    text = "The river flows"
    made = generate(
        loaded, [own_prompt(text)], GenerationConfig(samples=0, max_new_tokens=10), seed=0, variant="base"
    )
    ids = torch.tensor([prompt_ids(loaded.tokenizer, text, CONFIG)])
    expected = loaded.model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=10, do_sample=False
    )
    new = expected[0, ids.shape[1] :].tolist()
    stop, _ = stop_ids(loaded.tokenizer, loaded.model)
    new = new[: next((i for i, token in enumerate(new) if token in stop), None)]
    assert made[0].text == loaded.tokenizer.decode(new)
    assert made[0].tokens == len(new)


def test_text_is_the_continuation_alone_without_special_tokens(loaded: LoadedModel) -> None:
    for made in generate(loaded, prompts(), CONFIG, seed=3, variant="base"):
        assert not made.text.startswith(made.prompt)
        assert not any(token in made.text for token in loaded.tokenizer.all_special_tokens)


def test_a_full_device_halves_the_batch(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = generate(loaded, prompts(), CONFIG, seed=1, variant="base")
    original, sizes = loaded.model.generate, []

    def small_memory(**arguments: torch.Tensor) -> torch.Tensor:
        sizes.append(len(arguments["input_ids"]))
        if sizes[-1] > 1:
            raise torch.OutOfMemoryError
        return original(**arguments)

    monkeypatch.setattr(loaded.model, "generate", small_memory)
    assert generate(loaded, prompts(), CONFIG, seed=1, variant="base") == whole
    assert sizes[:4] == [4, 2, 1, 1]


def test_prefixes(loaded: LoadedModel) -> None:
    bare = prompt_ids(loaded.tokenizer, "The river", GenerationConfig(prefix="none"))
    assert prompt_ids(loaded.tokenizer, "The river", GenerationConfig(prefix="bos")) == (
        loaded.tokenizer.bos_token_id,
        *bare,
    )


@pytest.mark.parametrize(
    ("text", "config", "expected"),
    [
        ("", GenerationConfig(prefix="none"), "has no token"),
        ("word " * 600, GenerationConfig(), "context is 512"),
    ],
)
def test_prompts_that_cannot_be_continued(
    loaded: LoadedModel, text: str, config: GenerationConfig, expected: str
) -> None:
    with pytest.raises(UsageError, match=expected):
        generate(loaded, [own_prompt(text)], config, seed=0, variant="base")


@pytest.mark.parametrize(
    ("draw", "expected"),
    # p = .5, .3, .15, .05 for tokens 2, 0, 3, 1. Nucleus of .9: the first three (.5 + .3 < .9), mass .95.
    # Inversion: token 2 below .5/.95 = .526, token 0 below .8/.95 = .842, else token 3; token 1 never.
    [(0.0, 2), (0.52, 2), (0.53, 0), (0.84, 0), (0.85, 3), (0.999999, 3)],
)
def test_nucleus_by_inversion(draw: float, expected: int) -> None:
    scores = torch.tensor([[0.3, 0.05, 0.5, 0.15]]).log()
    choose = NucleusByInversion(
        torch.tensor([[draw]]), prompt_length=3, temperature=1.0, top_p=0.9, top_k=100
    )
    chosen = choose(torch.zeros((1, 3), dtype=torch.long), scores)
    assert chosen.argmax().item() == expected
    assert torch.isfinite(chosen).sum() == 1


def test_top_k_bounds_the_candidates_and_temperature_flattens() -> None:
    scores = torch.tensor([[0.3, 0.05, 0.5, 0.15]]).log()
    ids = torch.zeros((1, 0), dtype=torch.long)
    two = NucleusByInversion(torch.tensor([[0.99]]), 0, 1.0, 1.0, 2)
    assert two(ids, scores).argmax().item() == 0
    hot = NucleusByInversion(torch.tensor([[0.99]]), 0, 10.0, 1.0, 100)
    assert hot(ids, scores).argmax().item() == 1
