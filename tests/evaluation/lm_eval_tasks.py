"""lm-eval's own tasks over rows of ours: its YAML files, its functions, no network."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import lm_eval.tasks
import yaml
from lm_eval import simple_evaluate
from lm_eval.api.task import ConfigurableTask
from lm_eval.models.huggingface import HFLM

from counterpoise.models.loading import LoadedModel

FILES = {
    "bbq": "bbq/bbq_multiple_choice.yaml",
    "hellaswag": "hellaswag/hellaswag.yaml",
    "piqa": "piqa/piqa.yaml",
    "openbookqa": "openbookqa/openbookqa.yaml",
    "boolq": "super_glue/boolq/default.yaml",
}


def run_task(loaded: LoadedModel, task: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """lm-eval's metrics, and ``log_likelihoods``: for each row, those of its choices."""
    peer = HFLM(pretrained=loaded.model, tokenizer=loaded.tokenizer, batch_size=8, device=str(loaded.device))
    outcome: Any = simple_evaluate(
        model=peer, tasks=[_task(task, rows)], bootstrap_iters=0, log_samples=True, verbosity="ERROR"
    )
    (samples,), (metrics,) = outcome["samples"].values(), outcome["results"].values()
    ordered = sorted(samples, key=lambda sample: sample["doc_id"])
    found = {name.removesuffix(",none"): value for name, value in metrics.items()}
    return found | {"log_likelihoods": [[r[0] for r in sample["filtered_resps"]] for sample in ordered]}


def _task(task: str, rows: Sequence[dict[str, Any]]) -> ConfigurableTask:
    config = _config(Path(lm_eval.tasks.__file__).parent / FILES[task])
    for name in ("dataset_path", "dataset_name", "training_split", "tag", "metadata"):
        config.pop(name, None)
    split = config.get("test_split") or config["validation_split"]
    config |= {"test_split": split, "validation_split": None, "task": task}
    data = datasets.DatasetDict({split: datasets.Dataset.from_list(list(rows))})
    return ConfigurableTask(config=config | {"custom_dataset": lambda **_: data})


def _config(path: Path) -> dict[str, Any]:
    class Loader(yaml.SafeLoader):
        pass

    def function(_: Any, node: Any) -> Any:
        module, name = node.value.split(".")
        folder = path.relative_to(Path(lm_eval.tasks.__file__).parent).parent
        return getattr(importlib.import_module(".".join(["lm_eval.tasks", *folder.parts, module])), name)

    Loader.add_constructor("!function", function)
    found: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader)
    return found
