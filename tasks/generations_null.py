"""Prompts → continuations by a random adapter that moves the model as far as the trained one."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

from counterpoise.artifacts.store import Ref
from counterpoise.artifacts.tables import GENERATIONS, OWN_TEXT
from counterpoise.engine.job import Job
from counterpoise.engine.models import ADAPTER_FOLDER, load_adapter_folder
from counterpoise.neutral.records import OwnText
from counterpoise.tasks.generations import continue_prompts, generations, prompts_of

NOTHING = 1e-6
"""Divergence below which the trained adapter changes nothing (a search may deliver none), nats a token."""


def compute(job: Job, model: Ref, adapter: Ref, own_text: Ref, neutral: Ref) -> None:
    """Draws the adapter, scales it to the trained one's divergence on own text, and continues every prompt."""
    from counterpoise.alignment.null import match_divergence, write_random_adapter
    from counterpoise.likelihood.own_text import own_text_divergence

    prompts = prompts_of(job, neutral)
    texts = [row for row in job.read(own_text, OWN_TEXT, OwnText) if row.part == "guard"]
    trained = job.folder(adapter) / ADAPTER_FOLDER
    wanted = own_text_divergence(load_adapter_folder(job, model, trained), texts)
    if wanted < NOTHING:
        job.write(GENERATIONS, [])
        return
    with tempfile.TemporaryDirectory() as scratch:
        drawn = Path(scratch) / ADAPTER_FOLDER
        write_random_adapter(trained, drawn, job.seed)
        loaded = load_adapter_folder(job, model, drawn)
    found = match_divergence(loaded, texts, wanted)
    (job.out / "null.json").write_text(json.dumps({"wanted": wanted, "found": found}), encoding="utf-8")
    continue_prompts(job, loaded, prompts, "tuned")


generations_null = replace(generations, name="generations-null", version=1, compute=compute)
