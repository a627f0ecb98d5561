"""A steering vector: a direction in the output of one decoder block, found without training and added at every token.

    v = mean of h(chosen) − h(rejected)          contrastive activation addition, Rimsky et al. 2312.06681, section 3

h is the block's output. There it is taken at the last token, where the two answers to one question differ. Here the two
sentences differ in the middle, and what a model makes of that shows where they go on alike: h is taken at every place
that predicts the same token in both, after their first difference.

The adapter's matrices are 0 and its ``lora_bias`` is v. The block's last linear layer adds it to the residual stream,
so PEFT delivers it, and LoRA's scale (alpha / rank times the strength) is the vector's coefficient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from peft import LoraConfig
from torch import Tensor

from counterpoise.alignment.batches import TokenBatch, pair_batch, training_groups
from counterpoise.alignment.evaluator import Evaluator
from counterpoise.alignment.inputs import TrainingInputs
from counterpoise.alignment.lora import adapted_blocks, resolve_targets, save_adapter, trainable_state
from counterpoise.alignment.records import TrainingOutcome
from counterpoise.alignment.strength import choose
from counterpoise.errors import DataError, ModelError
from counterpoise.likelihood.forward import causal_of
from counterpoise.models.exact import in_fp32
from counterpoise.models.loading import LoadedModel

if TYPE_CHECKING:
    from counterpoise.alignment.config import AlignmentConfig, LoraSettings

SAME = 0.05
"""Of the vector's largest entry: how far what the block's output gains may be from it, computed in fp32."""


def steer(
    loaded: LoadedModel,
    inputs: TrainingInputs,
    config: AlignmentConfig,
    *,
    seed: int,
    out: Path,
    judged: LoadedModel | None,
    before_each: Callable[[], None],
) -> TrainingOutcome:
    """Find the vector, choose its strength as a training does, and write it as an adapter to ``out``.

    Args:
        judged: the base at the precision that it is judged in; None: ``loaded``.
        before_each: called before each measurement; it may raise to end the search.

    Raises:
        ModelError: the target is not the last layer of its block.
        DataError: no two sentences go on alike.
    """
    block = (adapted_blocks(loaded.model, config.lora) or [0])[0]
    batches = list(map(pair_batch, training_groups(inputs, loaded.tokenizer, config, seed)))
    vector = mean_difference(loaded.model, block, batches)
    lora = _with_bias(loaded.model, config.lora, block)
    evaluator = Evaluator(judged or loaded, lora, inputs, seed, before_each)
    adapter = _adapter(evaluator.model, block, vector)
    evaluator.use(adapter)
    _check_added(evaluator.model, block, batches[0], vector * config.lora.alpha / config.lora.rank)
    strength, status, reason, looked = choose(evaluator, config.strength, config.loss.direction)
    save_adapter(evaluator.model, adapter, out, strength)
    return TrainingOutcome((), tuple(looked), strength, status, reason)


def _with_bias(model: Any, settings: LoraSettings, block: int) -> LoraConfig:
    return LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_bias=True,
        target_modules=resolve_targets(model, settings),
        layers_to_transform=[block],
        task_type="CAUSAL_LM",
    )


def _adapter(model: Any, block: int, vector: Tensor) -> dict[str, Tensor]:
    """The state of the ``PeftModel`` with the vector as its one bias, and 0 everywhere else."""
    own = trainable_state(model)
    if [value.shape for name, value in own.items() if name.endswith(".bias")] != [vector.shape]:
        raise _misplaced(model, block)
    return {
        name: vector if name.endswith(".bias") else torch.zeros_like(value) for name, value in own.items()
    }


def mean_difference(model: Any, block: int, batches: Sequence[TokenBatch]) -> Tensor:
    """Mean of the block's output in chosen − in rejected, over the aligned tokens of all pairs; ``[width]`` fp32.

    Raises:
        DataError: there is no aligned token.
    """
    tokens = sum(len(batch.aligned[0]) for batch in batches if batch.aligned is not None)
    if not tokens:
        raise DataError(
            "no pair of sentences goes on alike after its first difference, so there is no vector",
            "add pairs that differ before their last word",
        )
    apart = torch.stack([_difference(model, block, batch) for batch in batches])
    return (apart.sum(0) / tokens).float().cpu()


def _difference(model: Any, block: int, batch: TokenBatch) -> Tensor:
    """The sum over the batch's aligned tokens, ``[width]`` fp64."""
    if batch.aligned is None:
        raise ValueError("not a batch of pairs: it has no aligned tokens")
    states = block_output(model, block, batch).double()
    chosen, rejected = (states.index_select(0, side.to(states.device)) for side in batch.aligned)
    return (chosen - rejected).sum(0)


@torch.inference_mode()
def block_output(model: Any, block: int, batch: TokenBatch) -> Tensor:
    """What a block gives at every place of the batch, ``[rows × length, width]``; of the last one, normalised."""
    body = causal_of(model).base_model
    found = body(input_ids=batch.input_ids.to(model.device), use_cache=False, output_hidden_states=True)
    states: Tensor = found.hidden_states[block + 1].flatten(0, 1)
    return states


def _check_added(model: Any, block: int, batch: TokenBatch, vector: Tensor) -> None:
    """Raise :class:`ModelError` unless the adapter adds the vector to the block's output and nothing else."""
    with in_fp32(model):
        steered = block_output(model, block, batch)
        with model.disable_adapter():
            gained = steered - block_output(model, block, batch)
    if (gained.cpu() - vector).abs().max() > SAME * vector.abs().max():
        raise _misplaced(model, block)


def _misplaced(model: Any, block: int) -> ModelError:
    return ModelError(
        f"alignment.lora.targets does not add to the output of block {block} of {type(causal_of(model)).__name__}",
        "name the last linear layer of a block, as down_proj in Llama; skip fewer layers if it is the last block",
    )
