"""Where a made folder goes: a folder of this machine, or a hub repository."""

from __future__ import annotations

from pathlib import Path

from counterpoise.errors import SourceError
from counterpoise.publishing.config import repository_of
from counterpoise.publishing.folder import deliver_to_folder
from counterpoise.sources.failure import MirrorFailed
from counterpoise.sources.hub import hub_endpoint
from counterpoise.sources.hub_client import upload_folder


def deliver(made: Path, to: str, *, private: bool = True) -> str:
    """Puts the files there; the address, for people.

    Raises:
        UsageError: the folder holds something else, or lies in none that is there.
        CounterpoiseError: the disk is full.
        SourceError: the hub did not take them.
    """
    repository = repository_of(to)
    if repository is None:
        deliver_to_folder(made, Path(to).expanduser())
        return str(Path(to).expanduser())
    try:
        return upload_folder(
            made, repository, endpoint=hub_endpoint(), private=private, message="Publish with Counterpoise"
        )
    except MirrorFailed as failure:
        raise SourceError(
            f"{repository} could not be published to {hub_endpoint()}: {failure}",
            "set HF_TOKEN to a token that may write there, or publish to a folder",
        ) from None
