"""A finished run, loaded once: one set of weights, the adapter switched off and on."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from artifacts.store import Ref, Store
from counterpoise.config import RunConfig
from counterpoise.errors import UsageError
from counterpoise.generation.config import GenerationConfig
from counterpoise.generation.decode import generate
from counterpoise.generation.prompts import own_prompt
from counterpoise.models.loading import LoadedModel, adapter_switched, load_model
from counterpoise.records import Variant
from counterpoise.sources.cache import default_cache
from counterpoise.toxicity.classifiers import ToxicityClassifier, load_classifier
from tasks.models import ADAPTER_FOLDER, scoring_precision

MAX_PROMPT_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """One continuation and the toxicity of exactly the text that is shown: classifier → probability."""

    text: str
    toxicity: dict[str, float]


class Session:
    """Answers prompts as base and as tuned; requests take turns, the weights are shared."""

    def __init__(self, loaded: LoadedModel, classifiers: list[ToxicityClassifier]) -> None:
        self._loaded = loaded
        self._classifiers = classifiers
        self._turn = threading.Lock()

    @classmethod
    def of_run(cls, store: Store, record: dict[str, Any]) -> Session:
        """The session of a finished run.

        Raises:
            UsageError: the run has no base model or adapter.
        """
        config = RunConfig.model_validate(record["config"])
        model, adapter = (_ref(record, stage) for stage in ("base-model", "adapter"))
        loaded = load_model(
            store.fetch(model), scoring_precision(config), adapter=store.fetch(adapter) / ADAPTER_FOLDER
        )
        specs = config.toxicity.classifiers
        return cls(loaded, [load_classifier(spec, cache=default_cache()) for spec in specs])

    def answer(
        self, prompt: str, variant: Variant, *, tokens: int, temperature: float, greedy: bool, seed: int
    ) -> Answer:
        """One variant's continuation of ``prompt``.

        Raises:
            UsageError: an empty or too long prompt.
        """
        prompt = prompt.strip()
        if not prompt or len(prompt) > MAX_PROMPT_CHARACTERS:
            raise UsageError(
                f"the prompt has {len(prompt)} characters", f"write 1 to {MAX_PROMPT_CHARACTERS} characters"
            )
        config = GenerationConfig(
            samples=int(not greedy), greedy=greedy, max_new_tokens=tokens, temperature=temperature
        )
        with self._turn, adapter_switched(self._loaded, variant == "tuned"):
            (made,) = generate(self._loaded, [own_prompt(prompt)], config, seed=seed, variant=variant)
        shown = prompt + made.text
        return Answer(shown, {c.name: c.score([shown])[0] for c in self._classifiers})


def _ref(record: dict[str, Any], stage: str) -> Ref:
    found = [row["ref"] for row in record["stages"] if row["ref"]["stage"] == stage]
    if not found:
        raise UsageError(
            f"run {record['run']} has no {stage}: it is {record['status']}", "name a finished run"
        )
    return Ref.from_json(found[0])
