"""The model that a command is given: a folder, a registry name, or a hub repository at a commit."""

from __future__ import annotations

from pathlib import Path

from counterpoise.errors import ModelError
from counterpoise.models.convert import convert_checkpoint, convert_gguf
from counterpoise.records import Progress
from counterpoise.sources.cache import default_cache, locked, remove
from counterpoise.sources.datasets import is_path, locate
from counterpoise.sources.hashing import path_sha256
from counterpoise.sources.hub import fetch_repository
from counterpoise.sources.source import Hub, parse_uri


def model_folder(argument: str, progress: Progress) -> Path:
    """The folder of safetensors that ``argument`` names; fetched and converted on first use.

    Args:
        argument: a model folder, a GGUF file, a registry name, or ``hf://owner/name@commit``.
        progress: told of bytes fetched.

    Raises:
        CounterpoiseError: it cannot be had, or is not a causal language model.
    """
    if argument.startswith("hf://"):
        place = parse_uri(argument)
        if not isinstance(place, Hub) or place.file:
            raise ModelError(f"{argument}: not a whole repository", "write hf://owner/name@commit")
        return _as_safetensors(fetch_repository(place.repository, place.revision, default_cache()))
    if is_path(argument) and Path(argument).expanduser().is_dir():
        return Path(argument).expanduser()
    return _as_safetensors(locate(argument, progress=progress))


def _as_safetensors(found: Path) -> Path:
    """``found`` itself if it is a safetensors folder, else its conversion, kept in the cache."""
    if found.is_dir() and any(found.glob("*.safetensors")):
        return found

    digest = path_sha256(found)
    final = default_cache() / "converted" / digest
    with locked(default_cache(), f"converted-{digest}"):
        if not final.is_dir():
            partial = final.with_name(f"{digest}.partial")
            remove(partial)
            (convert_checkpoint if found.is_dir() else convert_gguf)(found, partial)
            partial.replace(final)
    return final
