"""A module's syntax tree without the words that only people read, so that mending prose computes nothing again.

Left out are docstrings and other statements that are only a string, what a type checker alone reads, the description
of a configuration field, and the messages of errors, assertions, warnings and log lines. A call inside a message
stays, except of functions that only turn a value into text: calling it may do something.

An error's message may be left out because no result is made of one (`tests/engine/test_code_of_stages.py` holds that).
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

ERRORS = "counterpoise.errors"
"""The module whose classes hold a message and a remedy and nothing else."""
CONTROL_FLOW = {"StopIteration", "StopAsyncIteration"}
"""What these carry is a value."""
BUILT_IN_ERRORS = {
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, Exception) and name not in CONTROL_FLOW
}
DESCRIPTIONS = {"description", "title"}
LOG_METHODS = {"debug", "info", "warning", "warn", "error", "exception", "critical"}
INTO_TEXT = {
    "str",
    "repr",
    "len",
    "sorted",
    "type",
    "list",
    "tuple",
    "set",
    "round",
    "min",
    "max",
    "sum",
    "map",
    "dir",
}
"""Functions that a message may call without counting."""
TEXT_METHODS = {
    "join",
    "split",
    "strip",
    "rstrip",
    "lstrip",
    "upper",
    "lower",
    "title",
    "replace",
    "format",
    "get",
}
_NOTHING = ast.Constant("")


def without_words(tree: ast.Module) -> ast.Module:
    """``tree`` (changed in place) without what cannot change a result."""
    cleaner = _Cleaner(_error_names(tree), _loggers(tree), _named_texts(tree))
    cleaned: ast.Module = cleaner.visit(tree)
    read = {
        node.id for node in ast.walk(cleaned) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    cleaned.body = [node for node in cleaned.body if _text_name(node) in read | {""}]
    return cleaned


def is_type_checking(node: ast.AST) -> bool:
    """Whether it is an ``if TYPE_CHECKING:``."""
    return isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


class _Cleaner(ast.NodeTransformer):
    """Empties messages and descriptions; ``texts`` are the module's private names for texts."""

    def __init__(self, errors: set[str], loggers: set[str], texts: set[str]) -> None:
        self._errors, self._loggers, self._texts = errors, loggers, texts

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        if not is_type_checking(node):
            return self.generic_visit(node)
        return [kept for inner in node.orelse if (kept := self.visit(inner)) is not None]

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return None
        if isinstance(node.value, ast.Call) and self._is_log_line(node.value):
            self._silence(node.value)
        return self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        if isinstance(node.exc, ast.Call) and _name(node.exc.func) in BUILT_IN_ERRORS:
            self._silence(node.exc)
        return self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        words = None if node.msg is None else self._silenced(node.msg)
        node.msg = None if words is _NOTHING else words
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if _name(node.func) == "Field":
            node.keywords = [keyword for keyword in node.keywords if keyword.arg not in DESCRIPTIONS]
        elif self._is_error(node.func):
            self._silence(node)
        return self.generic_visit(node)

    def _is_error(self, function: ast.expr) -> bool:
        if isinstance(function, ast.IfExp):
            return self._is_error(function.body) and self._is_error(function.orelse)
        return _name(function) in self._errors

    def _silence(self, call: ast.Call) -> None:
        call.args = [self._silenced(argument) for argument in call.args]
        for keyword in call.keywords:
            keyword.value = self._silenced(keyword.value)

    def _silenced(self, node: ast.expr) -> ast.expr:
        """An argument of a message: nothing where it is text, else itself; calls in a text are kept."""
        if not _is_text(node) and _name(node) not in self._texts:
            return node
        kept = list(_calls(node))
        return ast.Tuple(kept, ast.Load()) if kept else _NOTHING

    def _is_log_line(self, node: ast.Call) -> bool:
        function = node.func
        if not isinstance(function, ast.Attribute) or function.attr not in LOG_METHODS:
            return False
        return _name(function.value) in self._loggers


def _error_names(tree: ast.Module) -> set[str]:
    """The names under which the module knows :data:`ERRORS`' classes."""
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == ERRORS
        for alias in node.names
    }


def _loggers(tree: ast.Module) -> set[str]:
    """`logging`, `warnings`, and the module's own loggers."""
    own = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        if _name(node.value.func) == "getLogger"
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return own | {"logging", "warnings"}


def _named_texts(tree: ast.Module) -> set[str]:
    return {name for node in tree.body if (name := _text_name(node))}


def _text_name(node: ast.stmt) -> str:
    """The private name that a statement gives to a text, else nothing."""
    if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not _is_text(node.value):
        return ""
    name = _name(node.targets[0])
    return name if name.startswith("_") and not name.startswith("__") else ""


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        return _is_text(node.left) or (isinstance(node.op, ast.Add) and _is_text(node.right))
    if isinstance(node, ast.IfExp):
        return _is_text(node.body) and _is_text(node.orelse)
    if isinstance(node, ast.Call):
        return (
            isinstance(node.func, ast.Attribute)
            and node.func.attr in TEXT_METHODS
            and _is_text(node.func.value)
        )
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _calls(node: ast.AST) -> Iterator[ast.expr]:
    """The outermost expressions in ``node`` that may do something besides giving text."""
    if isinstance(node, ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom) or (
        isinstance(node, ast.Call) and not _gives_text(node.func)
    ):
        yield node
        return
    for child in ast.iter_child_nodes(node):
        yield from _calls(child)


def _gives_text(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        return function.attr in TEXT_METHODS
    return isinstance(function, ast.Name) and function.id in INTO_TEXT


def _name(node: ast.expr) -> str:
    """The last name of a dotted name."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
