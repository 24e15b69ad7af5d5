"""Read one expression of a rule: text in, a checked tree or its problems out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from quorate.contract.vocabulary import Function
from quorate.rulebook.check_expression import Checker
from quorate.rulebook.diagnostics import Edit, Problem, Span
from quorate.rulebook.parse_expression import parse
from quorate.rulebook.terms import (
    CODES,
    Call,
    Defect,
    Expression,
    Name,
    NotKnown,
    Want,
)

__all__ = [
    "CODES",
    "Call",
    "Expression",
    "Name",
    "NotKnown",
    "Want",
    "read_expression",
]


def read_expression(
    text: str,
    names: Mapping[str, Name],
    functions: Mapping[str, Function],
    want: Want,
    place: Span,
    source_line: str = "",
    quoted: bool = False,
) -> tuple[Expression | None, list[Problem]]:
    """Return the checked expression, or None with everything wrong with it.

    ``place`` is where the value starts in its file; ``quoted`` says that it starts
    with a quotation mark. ``source_line`` is the text of that line, for carets.
    Never evaluates anything and never raises for a text.
    """
    first = Span(
        place.path, place.line, place.column + quoted, place.end_line, place.end_column
    )
    parsed = parse(text)
    if isinstance(parsed, list):
        return None, _problems(parsed, first, source_line, text)
    root, literals = parsed
    checker = Checker(text, names, functions, literals, first)
    tree, meaning = checker.read(root)
    unit = checker.wanted(root, meaning, want)
    if checker.defects or meaning.kind is None:
        return None, _problems(checker.defects, first, source_line, text)
    expression = Expression(
        text=text,
        tree=tree,
        kind=meaning.kind,
        unit=unit,
        names=frozenset(checker.mentions),
        calls=tuple(checker.calls.values()),
        reads=checker.reads,
        place=first,
    )
    return expression, []


def _problems(
    defects: list[Defect], first: Span, source: str, text: str
) -> list[Problem]:
    problems = []
    for defect in sorted(set(defects), key=lambda one: (one.start, one.code)):
        start, end = first.column + defect.start, first.column + defect.end
        span = Span(first.path, first.line, start, first.line, end)
        problem = Problem(defect.code, defect.message, span, defect.help, source)
        if defect.instead:
            problem = replace(problem, edit=_edit(defect, first, text))
        problems.append(problem)
    return problems


def _edit(defect: Defect, first: Span, text: str) -> Edit:
    start, end = defect.edited or (defect.start, defect.end)
    place = Span(
        first.path, first.line, first.column + start, first.line, first.column + end
    )
    old, new = text[start:end], defect.instead
    if new.startswith("'") and old[:1] == '"':
        new = f'"{new[1:-1]}"'  # the other quotes may be those around the expression
    return Edit(place, old, new)
