"""What the key of the benchmarks' answers depends on."""

from __future__ import annotations

from counterpoise.flows.configure import load_config
from counterpoise.tasks.benchmarks import benchmarks_base


def test_which_folds_are_evaluated_counts_only_where_the_examples_are_dealt_over_them() -> None:
    def settings(share: str, evaluate: str) -> object:
        config = load_config("smoke", [f"benchmarks.share={share}", f"pairs.evaluate={evaluate}"])
        return benchmarks_base.settings(config)

    assert settings("all", "[0]") == settings("all", "[0,1]")
    assert settings("split", "[0]") != settings("split", "[0,1]")
