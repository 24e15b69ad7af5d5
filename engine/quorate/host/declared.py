"""The facts and functions that a plugin's text declares, read without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from quorate.host.content import Content

_KINDS = ("Fact", "Function")


def declared_names(content: Content) -> Iterator[str]:
    """Yield the names of what a plugin declares, as far as they stand in its text.

    Names that are put together when it runs are not seen, nor those of a file that is
    not Python.
    """
    for source in content.sources.values():
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _called(node.func) in _KINDS:
                yield from _name(node)


def _called(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _name(call: ast.Call) -> Iterator[str]:
    named = [one.value for one in call.keywords if one.arg == "name"]
    for value in (*call.args[:1], *named)[:1]:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.value
