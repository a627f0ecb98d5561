"""The house as a test: imports run downward, commands start light, the design tells the truth about the tree."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from counterpoise.artifacts.code_hash import imports_of, with_parents

ROOT = Path(__file__).resolve().parent.parent
ORDER = ("counterpoise", "artifacts", "engine", "tasks", "flows", "demo")
HEAVY = (
    "torch",
    "transformers",
    "pandas",
    "prefect",
    "matplotlib",
    "datasets",
    "trl",
    "peft",
    "pyarrow",
    "spacy",
)


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


@pytest.mark.parametrize("package", ORDER)
def test_imports_run_downward(package: str) -> None:
    above = ORDER[ORDER.index(package) + 1 :]
    doors = (
        ROOT / "flows" / "commands" / "demo.py",  # the command that opens the page
        ROOT
        / "counterpoise"
        / "__init__.py",  # names what Python users call, for type checkers; imports it on use
    )
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(package)
        if path not in doors
        for name in imported(path)
        if name.removeprefix("counterpoise.").partition(".")[0] in above
    ]
    assert wrong == []


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Not even inside a function: who reads a circle has nowhere to begin. What only a type checker reads is free."""
    graph = {
        name: set(imports_of(name)) - set(with_parents(name))  # a package's own module may name its package
        for package in ORDER
        for name in (module_name(path) for path in modules(package))
    }
    assert [circle for name in graph if (circle := circle_from(name, graph))] == []


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    above = () if parts[0] == "counterpoise" else ("counterpoise",)  # the other folders are links in it
    return ".".join((*above, *(parts[:-1] if parts[-1] == "__init__" else parts)))


def circle_from(start: str, graph: dict[str, set[str]]) -> list[str]:
    """A shortest way from a module to itself, empty without one."""
    came_from: dict[str, str] = {}
    waiting = [start]
    for name in waiting:
        for target in sorted(graph.get(name, ())):
            if target == start:
                way = [start, name]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return way[::-1]
            if target not in came_from:
                came_from[target] = name
                waiting.append(target)
    return []


def test_the_science_knows_nothing_of_prefect() -> None:
    assert [p for p in modules("counterpoise") if any(n.startswith("prefect") for n in imported(p))] == []


def test_no_flow_module_shadows_a_top_level_package() -> None:
    names = {path.stem for path in (ROOT / "flows").glob("*.py")}  # a loader puts this folder on sys.path
    assert names & set(ORDER) == set()


def test_files_beside_the_code_are_found_under_our_one_installed_name() -> None:
    named = {
        f"{path.relative_to(ROOT)}: {name}"
        for package in ORDER
        for path in modules(package)
        for name in re.findall(r"resources\.files\(\"([^\"]*)", path.read_text("utf-8"))
    }
    assert named
    assert [name for name in named if not name.partition(": ")[2].startswith("counterpoise")] == []


def test_no_remote_code_and_no_pickle() -> None:
    pattern = re.compile(
        r"trust_remote_code\s*=\s*True|weights_only\s*=\s*False|\bimport pickle\b|pickle\.load"
    )
    assert [p for package in ORDER for p in modules(package) if pattern.search(p.read_text("utf-8"))] == []


@pytest.mark.parametrize(
    "module",
    [
        "counterpoise",
        "counterpoise.flows.cli",
        "counterpoise.config",
        "counterpoise.artifacts.store",
        "counterpoise.artifacts.keys",
    ],
)
def test_light_modules_import_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*sorted(m for m in {HEAVY!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == []


def test_planning_loads_no_library_that_computes() -> None:
    models = {"torch", "transformers", "trl", "peft", "datasets", "prefect", "pandas", "matplotlib", "scipy"}
    models |= {"pyarrow", "numpy", "sklearn"}
    names = ("flows.commands.plan", "flows.configure", "flows.pipeline", "engine.planning")
    planning = ", ".join(f"counterpoise.{name}" for name in names)
    code = f"import sys, {planning}; print(*({models!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == []


def test_the_design_names_every_top_level_folder_and_no_other() -> None:
    design = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    folders = {
        line.split("/")[0] for line in tracked.splitlines() if "/" in line and not line.startswith(".")
    }
    named = set(re.findall(r"^\| `([a-z]+)/`", design, flags=re.MULTILINE))
    assert named == folders
