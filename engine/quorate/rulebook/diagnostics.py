"""One problem in a rule file, where an editor can jump to it, and how it prints."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A place in a file: 1-based line and column, the end exclusive."""

    path: str
    line: int = 1
    column: int = 1
    end_line: int = 0
    end_column: int = 0

    def __str__(self) -> str:
        """Return ``path:line:column``."""
        return f"{self.path}:{self.line}:{self.column}"


class Severity(StrEnum):
    """What a problem means: an error refuses the rulebook, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """What to write instead of ``old``, which must stand at ``span`` within one line.

    What stands there is compared first: a place inside an escaped or folded text is
    not where it seems to be.
    """

    span: Span
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong, with a stable code, and what to do about it.

    Codes: Y1xx text and YAML, S2xx shape, R3xx expressions, R4xx rulebook.
    ``source`` is the text of the line ``span`` points at, for carets. ``edit`` mends
    it, when there is one way that was most likely meant.
    """

    code: str
    message: str
    span: Span
    help: str = ""
    source: str = ""
    severity: Severity = Severity.ERROR
    related: tuple[tuple[str, Span], ...] = field(default=())
    edit: Edit | None = None

    def concise(self) -> str:
        """Return ``path:line:column: error CODE: message``."""
        return f"{self.span}: {self.severity} {self.code}: {self.message}"


def rewording(span: Span, source: str, old: str, new: str) -> Edit | None:
    """Return the edit of a word at ``span``, or right behind a quotation mark there.

    ``source`` is the line; None when the word does not stand there as it is.
    """
    for column in (span.column, span.column + 1):
        end = column + len(old)
        if source[column - 1 : end - 1] == old:
            return Edit(Span(span.path, span.line, column, span.line, end), old, new)
    return None


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return the known word nearest to ``word``, or None when none is near."""
    words = list(known)
    for candidate in words:
        if candidate.casefold() == word.casefold():
            return candidate
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return near[0] if near else None
