"""Apply the edits that problems come with; comments and layout stay as they are."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from quorate.rulebook.diagnostics import Edit, Problem

_LINE = re.compile(r"\r\n|\r|\n")
_UTF8_MARK = b"\xef\xbb\xbf"


def mend(data: bytes, edits: Iterable[Edit]) -> tuple[bytes, list[Edit]]:
    """Return a file with ``edits`` made, and those that could be made.

    An edit is left out when something else stands at its place than it says, or when
    it overlaps one that is made. Line ends and a byte-order mark are kept.
    """
    mark = _UTF8_MARK if data.startswith(_UTF8_MARK) else b""
    text = data.removeprefix(mark).decode("utf-8", "surrogateescape")
    starts = [0, *(match.end() for match in _LINE.finditer(text))]
    made: list[Edit] = []
    pieces: list[str] = []
    done = 0
    for edit in sorted(set(edits)):
        if edit.span.line > len(starts):
            continue
        start = starts[edit.span.line - 1] + edit.span.column - 1
        end = start + len(edit.old)
        if start < done or text[start:end] != edit.old:
            continue
        pieces += text[done:start], edit.new
        done = end
        made.append(edit)
    mended = "".join([*pieces, text[done:]])
    return mark + mended.encode("utf-8", "surrogateescape"), made


def edits_by_file(problems: Iterable[Problem]) -> dict[str, list[Edit]]:
    """Return the edits of problems by the file they belong to."""
    found: dict[str, list[Edit]] = {}
    for problem in problems:
        if problem.edit is not None:
            found.setdefault(problem.edit.span.path, []).append(problem.edit)
    return found


def difference(shown: str, before: bytes, after: bytes) -> str:
    """Return what changed in a file as a unified diff, "" when nothing did."""
    old, new = (
        data.decode("utf-8", "replace").splitlines(keepends=True)
        for data in (before, after)
    )
    return "".join(_lines(difflib.unified_diff(old, new, f"a/{shown}", f"b/{shown}")))


def _lines(diff: Iterable[str]) -> Iterable[str]:
    for line in diff:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
