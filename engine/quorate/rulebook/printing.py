"""How a problem prints: for people as text with carets, for programs as a dict."""

from __future__ import annotations

import unicodedata
from typing import Any

from quorate.rulebook.diagnostics import Problem, Span
from quorate.rulebook.source import UNSEEN

# Columns of source text shown of one line; with the margin it fits 100 columns.
WIDTH = 90

# What is kept in front of the caret when a line is too long to be shown whole.
_BEFORE = 40

# What is shown of the marked text however long the escapes in front of it.
_LEAST = 20

_CUT = "..."
_TAB = "    "


def render(problem: Problem) -> str:
    """Return a problem as lines of text, without a line end after the last.

    Characters that would not show, or would change how others show, are escaped.
    """
    lines = [visible(problem.concise())]
    if problem.source.strip():
        lines += _excerpt(problem)
    if problem.help:
        lines.append(f"  help: {visible(problem.help)}")
    lines += [visible(f"  {span}: {what}") for what, span in problem.related]
    return "\n".join(lines)


def as_dict(problem: Problem) -> dict[str, Any]:
    """Return a problem as JSON-ready values, unescaped; lines and columns from 1."""
    return {
        "code": problem.code,
        "severity": str(problem.severity),
        "message": problem.message,
        "help": problem.help,
        **place(problem.span),
        "source": problem.source,
        "related": [{"message": what, **place(span)} for what, span in problem.related],
        "edit": _edit(problem),
    }


def visible(text: str) -> str:
    """Return ``text`` with every character that cannot be seen as ``\\uXXXX``."""
    return "".join(map(_shown, text))


def place(span: Span) -> dict[str, Any]:
    """Return a place as JSON-ready values, its end filled in when it has none."""
    return {
        "path": span.path,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line or span.line,
        "end_column": span.end_column or span.column + 1,
    }


def _edit(problem: Problem) -> dict[str, Any] | None:
    edit = problem.edit
    if edit is None:
        return None
    return {**place(edit.span), "old": edit.old, "new": edit.new}


def _excerpt(problem: Problem) -> list[str]:
    """Return the source line, cut to a window around the place, and its carets."""
    span, source = problem.span, problem.source.rstrip()
    start = min(max(span.column - 1, 0), len(source))
    end = span.end_column - 1 if span.end_line in (0, span.line) else len(source)
    end = max(min(end, len(source)), start + 1)
    first = 0 if len(source) <= WIDTH else max(start - _BEFORE, 0)
    before = _cells(source[first:start])
    marked = _cells(source[start:end], max(WIDTH - _width(before), _LEAST))
    shown = before + marked
    after = _cells(source[first + len(shown) :], WIDTH - _width(shown))
    lead = _CUT if first else ""
    tail = _CUT if first + len(shown) + len(after) < len(source) else ""
    line = lead + "".join(shown + after) + tail
    number = str(span.line)
    carets = " " * (len(lead) + _width(before)) + "^" * max(_width(marked), 1)
    return [f"  {number} | {line}", f"  {' ' * len(number)} | {carets}"]


def _cells(text: str, room: int = 10**9) -> list[str]:
    """Return how each character is shown, as many as fit into ``room`` columns."""
    cells = []
    for character in text[:room]:
        cell = _TAB if character == "\t" else _shown(character)
        room -= _width([cell])
        if room < 0:
            break
        cells.append(cell)
    return cells


def _width(cells: list[str]) -> int:
    return sum(map(_columns, "".join(cells)))


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _shown(character: str) -> str:
    if character.isprintable() and not UNSEEN.match(character):
        return character
    number = ord(character)
    return f"\\u{number:04X}" if number <= 0xFFFF else f"\\U{number:08X}"
