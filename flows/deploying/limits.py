"""One GPU job at a time: a concurrency limit on the tag that the GPU tasks carry."""

from __future__ import annotations

from prefect.client.orchestration import SyncPrefectClient
from prefect.exceptions import ObjectNotFound

from counterpoise.engine.gpu_slot import GPU_TAG
from counterpoise.flows.deploying.changes import Change


def ensure_gpu_limit(client: SyncPrefectClient, limit: int) -> Change:
    """At most ``limit`` tasks tagged ``gpu`` run at once, in all pools of the server together."""
    name = f"tag {GPU_TAG}: {limit} at a time"
    try:
        found = client.read_concurrency_limit_by_tag(GPU_TAG).concurrency_limit
    except ObjectNotFound:
        client.create_concurrency_limit(GPU_TAG, limit)
        return Change("limit", name, "created")
    if found == limit:
        return Change("limit", name, "unchanged")
    client.create_concurrency_limit(GPU_TAG, limit)  # the server replaces it
    return Change("limit", name, "updated")
