"""Hashes of the code a stage delegates to: the syntax trees of its modules and of all they import.

Nothing is imported to compute them. Comments, formatting and words that only people read never count
(:mod:`counterpoise.artifacts.code_text`).
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from counterpoise.artifacts.code_memo import MEMO, Source
from counterpoise.artifacts.code_text import is_type_checking, without_words
from counterpoise.errors import StoreError


def code_hashes(
    modules: Sequence[str], packages: Sequence[str] = ("counterpoise",), leave_out: Collection[str] = ()
) -> dict[str, str]:
    """AST hash of every module in ``modules`` and of all they import from ``packages``, transitively.

    The modules named may themselves be outside the packages (a stage's own module is).

    Importing ``pkg.sub`` runs the ``__init__`` of ``pkg`` too, so packages count. Imports inside
    functions count, imports under ``if TYPE_CHECKING:`` do not, nor do names computed at run time.

    Args:
        leave_out: modules that cannot change a result; neither they nor what only they import counts.

    Returns:
        Module name to sha256 (hex), sorted by name.

    Raises:
        StoreError: one of these modules is not on disk or does not parse.
    """
    found: dict[str, str] = {}
    waiting = [(name, "") for module in modules for name in with_parents(module)]
    while waiting:
        module, importer = waiting.pop()
        if module in found or module in leave_out:
            continue
        if module not in modules and module.partition(".")[0] not in packages:
            continue
        path = module_path(module)
        if path is None:
            by = f" (imported by {importer!r})" if importer else ""
            raise StoreError(f"no source file for the module {module!r}{by}", "correct its name")
        source = _parsed(module, path)
        found[module] = source.sha256
        waiting += [(name, module) for name in _imported(source)]
    MEMO.save()
    return dict(sorted(found.items()))


def imports_of(module: str) -> tuple[str, ...]:
    """The names that a module may import when it runs, sorted; some are no modules of their own.

    Raises:
        StoreError: it is not on disk or does not parse.
    """
    path = module_path(module)
    if path is None:
        raise StoreError(f"no source file for the module {module!r}", "correct its name")
    return tuple(sorted(_imported(_parsed(module, path))))


def _imported(source: Source) -> Iterator[str]:
    yield from source.imports
    yield from (name for name in source.perhaps if module_path(name) is not None)


def module_path(module: str) -> Path | None:
    """The source file of ``module``, or None; only the top package's location is asked of Python."""
    top, _, rest = module.partition(".")
    roots = _package_folders(top)
    for root in roots:
        base = root.joinpath(*rest.split(".")) if rest else root
        for candidate in (base / "__init__.py", base.with_suffix(".py") if rest else None):
            if candidate is not None and candidate.is_file():
                return candidate
    return None


def _package_folders(top: str) -> tuple[Path, ...]:
    spec = find_spec(top)
    if spec is None:
        return ()
    return tuple(Path(folder) for folder in spec.submodule_search_locations or ())


def _parsed(module: str, path: Path) -> Source:
    status = path.stat()
    return _parse(module, path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4096)
def _parse(module: str, path: Path, mtime_ns: int, size: int) -> Source:
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    text = path.read_bytes()
    known = MEMO.get(package, text)
    if known is None:
        known = _read(module, package, text)
        MEMO.put(package, text, known)
    return known


def _read(module: str, package: str, text: bytes) -> Source:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise StoreError(f"the module {module!r} does not parse: {error}", "correct it") from None
    imports, perhaps = set(_imports(tree, package)), set(_names_taken(tree, package))
    code = dumped(without_words(tree))
    return Source(hashlib.sha256(code.encode()).hexdigest(), tuple(sorted(imports)), tuple(sorted(perhaps)))


def dumped(node: Any) -> str:
    """A syntax tree as text: Python 3.11's ``ast.dump`` of it under every Python, so that their keys agree.

    Python 3.12 gave functions and classes the list ``type_params`` and ends some format specifications with an empty
    text; 3.13 leaves empty lists out of its dumps.

    >>> dumped(ast.parse("f(1)", mode="eval").body)
    "Call(func=Name(id='f', ctx=Load()), args=[Constant(value=1)], keywords=[])"
    """
    if isinstance(node, list):
        return f"[{', '.join(map(dumped, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = ", ".join(f"{name}={dumped(value)}" for name, value in _told(node))
    return f"{type(node).__name__}({fields})"


def _told(node: ast.AST) -> Iterator[tuple[str, Any]]:
    """The fields of a node that are in its text."""
    for name, value in ast.iter_fields(node):
        if name == "type_params" and not value:
            continue
        if isinstance(node, ast.JoinedStr):
            yield name, [part for part in value if not _is_empty_text(part)]
        elif value is not None or not _may_lack(node, name):
            yield name, value


def _may_lack(node: ast.AST, name: str) -> bool:
    """Whether ``None`` is what the field is when nothing is said of it; that of a constant is a value."""
    return getattr(type(node), name, ...) is None


def _is_empty_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == ""


def _imports(tree: ast.AST, package: str) -> Iterator[str]:
    """The modules that ``tree`` certainly imports."""
    for node in _runtime_nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from with_parents(alias.name)
        elif isinstance(node, ast.ImportFrom):
            yield from with_parents(_taken_from(node, package))
        elif isinstance(node, ast.Call):
            yield from _dynamic_import(node)


def _runtime_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node except those that only a type checker reads."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and is_type_checking(node):
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)


def _names_taken(tree: ast.AST, package: str) -> Iterator[str]:
    """``pkg.name`` for each ``from pkg import name``: a module, if there is one of that name."""
    for node in _runtime_nodes(tree):
        if isinstance(node, ast.ImportFrom):
            base = _taken_from(node, package)
            yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")


def _taken_from(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])


def _dynamic_import(node: ast.Call) -> Iterator[str]:
    """``import_module("pkg.mod")`` with a literal name, the idiom of lazy registries."""
    called = ast.unparse(node.func).rpartition(".")[2]
    first = node.args[0] if node.args else None
    name = first.value if isinstance(first, ast.Constant) else None
    if called in {"import_module", "__import__"} and isinstance(name, str) and not name.startswith("."):
        yield from with_parents(name)


def with_parents(module: str) -> Iterator[str]:
    """The packages that importing ``module`` runs first, then itself."""
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        yield ".".join(parts[:end])
