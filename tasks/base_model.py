"""The base model, fetched and converted once to a safetensors folder that loads in a second."""

from __future__ import annotations

from counterpoise.engine.job import Job
from counterpoise.engine.stage import Stage
from counterpoise.sources.datasets import source_hash

TINY = "tiny"


def compute(job: Job) -> None:
    """Fetches the weights (or makes the tiny model) and converts them."""
    from counterpoise.models.convert import convert_checkpoint, convert_gguf
    from counterpoise.models.tiny import make_tiny_model
    from counterpoise.sources.datasets import locate

    source = job.config.model.source
    if source == TINY:
        make_tiny_model(job.out, _tiny_texts(), job.seed)
        return
    found = locate(source, progress=job.progress)
    if found.suffix == ".gguf":
        convert_gguf(found, job.out)
    else:
        convert_checkpoint(found, job.out)


def _tiny_texts() -> list[str]:
    from counterpoise.pairs.parse import parse_pairs
    from counterpoise.sources.datasets import locate

    file = locate("smoke-pairs")
    return [text for pair in parse_pairs(file.read_bytes(), file.name) for text in (pair.more, pair.less)]


def _seed(source: str, seed: int) -> dict[str, int]:
    return {"seed": seed} if source == TINY else {}


base_model = Stage(
    name="base-model",
    version=1,
    compute=compute,
    settings=lambda config: _seed(config.model.source, config.seed),
    resources=lambda config: {
        "source": TINY if config.model.source == TINY else source_hash(config.model.source)
    },
    libraries=("transformers", "gguf", "safetensors", "tokenizers"),
    retries=2,
    timeout_s=6 * 3600,
    tags=("network",),
)
