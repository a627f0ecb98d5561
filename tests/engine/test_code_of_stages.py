"""Which edits of the source make which stages run again: words never do, a number does for those that read it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from counterpoise import errors
from counterpoise.artifacts import code_hash
from counterpoise.artifacts.code_hash import module_path
from counterpoise.artifacts.code_text import BUILT_IN_ERRORS
from counterpoise.engine.stage import CARRIERS, _code

ROOT = Path(__file__).resolve().parents[2]
STAGES = sorted(f"counterpoise.tasks.{path.stem}" for path in (ROOT / "tasks").glob("[!_]*.py"))
ERRORS = BUILT_IN_ERRORS | {name for name in vars(errors) if name[0].isupper()}


class Checkout:
    """The source with some modules replaced, as stages would be keyed if it were edited like that."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._edited: dict[str, Path] = {}
        monkeypatch.setattr(
            code_hash, "module_path", lambda name: self._edited.get(name) or module_path(name)
        )

    def rewrite(self, module: str, change: Callable[[ast.Module], ast.AST]) -> None:
        """Replaces a module by what ``change`` makes of its syntax tree."""
        path = module_path(module)
        if path is None:  # a folder of data
            return
        tree = ast.fix_missing_locations(change(ast.parse(path.read_text(encoding="utf-8"))))
        self._edited[module] = self._folder / module / path.name
        self._edited[module].parent.mkdir()
        self._edited[module].write_text("# rewritten\n" + ast.unparse(tree), encoding="utf-8")

    def code(self) -> dict[str, dict[str, str]]:
        """The code in every stage's key."""
        packages = ("counterpoise",)
        return {stage: code_hash.code_hashes((stage,), packages, CARRIERS) for stage in STAGES}


@pytest.fixture(scope="module")
def before() -> dict[str, dict[str, str]]:
    return {stage: _code(stage) for stage in STAGES}


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    return Checkout(tmp_path, monkeypatch)


class OtherWords(ast.NodeTransformer):
    """Other docstrings, descriptions and messages of errors; ``edited`` counts the texts."""

    def __init__(self) -> None:
        self.edited, self._inside = 0, False

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        return self._within(node) if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        return self._within(node) if node.arg == "description" else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        called = node.exc.func if isinstance(node.exc, ast.Call) else None
        known = isinstance(called, ast.Name) and called.id in ERRORS
        return self._within(node) if known else self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if not (self._inside and isinstance(node.value, str)):
            return node
        self.edited += 1
        return ast.Constant(f"{node.value} (put in other words)")

    def _within(self, node: ast.AST) -> ast.AST:
        self._inside = True
        self.generic_visit(node)
        self._inside = False
        return node


def test_other_words_anywhere_re_run_nothing(checkout: Checkout, before: dict[str, dict[str, str]]) -> None:
    words = OtherWords()
    for module in {module for code in before.values() for module in code}:
        checkout.rewrite(module, words.visit)
    assert words.edited > 1000
    assert checkout.code() == before


class NextNumber(ast.NodeTransformer):
    """Adds one to the module's first whole number."""

    def __init__(self) -> None:
        self.edited = 0

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if self.edited or type(node.value) is not int:
            return node
        self.edited = 1
        return ast.Constant(node.value + 1)


@pytest.mark.parametrize(
    ("module", "stages"),
    [
        (
            "likelihood.budget",
            {"adapter", "scores", "capability", "benchmarks", "evaluation", "preflight", "generations_null"},
        ),
        ("alignment.config", {"adapter", "preflight"}),
        ("preferences.build", {"preferences"}),
        ("generation.decode", {"generations", "generations_null", "own_text", "adapter", "preflight"}),
        ("counterfactual.engine", {"counterfactuals", "neutral"}),
        ("toxicity.scoring", {"toxicity", "generation_toxicity"}),
        ("charts.style", {"report", "comparison", "publication"}),
        ("sources.download", set()),
    ],
)
def test_another_number_re_runs_the_stages_that_read_it(
    checkout: Checkout, before: dict[str, dict[str, str]], module: str, stages: set[str]
) -> None:
    number = NextNumber()
    checkout.rewrite(f"counterpoise.{module}", number.visit)
    assert number.edited
    after = checkout.code()
    assert {stage for stage in STAGES if after[stage] != before[stage]} == {
        f"counterpoise.tasks.{s}" for s in stages
    }


OWN_CONFIG = {
    "counterpoise.tasks.adapter": {"alignment"},
    "counterpoise.tasks.benchmarks": {"evaluation"},
    "counterpoise.tasks.counterfactuals": {"counterfactual"},
    "counterpoise.tasks.evaluation": {"evaluation", "likelihood"},
    "counterpoise.tasks.generations": {"generation"},
    "counterpoise.tasks.neutral": {"counterfactual"},
    "counterpoise.tasks.preferences": {"preferences"},
    "counterpoise.tasks.preflight": {"alignment", "evaluation", "generation"},
}
"""The packages whose configuration a stage reads by its type."""


def test_no_key_holds_the_configuration_of_another_package(before: dict[str, dict[str, str]]) -> None:
    for stage, code in before.items():
        held = {module.split(".")[1] for module in code if module.endswith(".config")}
        assert held <= OWN_CONFIG.get(stage, set()), stage
        assert "counterpoise.config" not in code


def test_no_result_is_made_of_an_errors_message(before: dict[str, dict[str, str]]) -> None:
    """Messages are left out of keys: so what is caught may be told on and looked at, but not written down."""
    modules = sorted({module for code in before.values() for module in code})
    assert [where for module in modules for where in kept_messages(module)] == []


def kept_messages(module: str) -> Iterator[str]:
    path = module_path(module)
    assert path is not None
    for handler in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(handler, ast.ExceptHandler) and handler.name:
            names = {handler.name} | set(_named_from(handler))
            told = {id(inner) for node in ast.walk(handler) if _tells_on(node) for inner in ast.walk(node)}
            for node in ast.walk(handler):
                if isinstance(node, ast.Name) and node.id in names and id(node) not in told:
                    yield f"{module}, line {node.lineno}"


def _named_from(handler: ast.ExceptHandler) -> Iterator[str]:
    """Variables that are given a text made of the error."""
    for node in ast.walk(handler):
        if isinstance(node, ast.Assign) and any(
            isinstance(inner, ast.Name) and inner.id == handler.name for inner in ast.walk(node.value)
        ):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _tells_on(node: ast.AST) -> bool:
    """Raising, sending to the process that raises, asking for the kind, or naming a text that is used only so."""
    if isinstance(node, ast.Call):
        return ast.unparse(node.func).rpartition(".")[2] in {"isinstance", "is_out_of_memory", "send"}
    return isinstance(node, ast.Raise | ast.Assign)
