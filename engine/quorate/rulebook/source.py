"""The bytes of a rule file as lines of text that every reader reads alike.

What two YAML readers, two editors or two people may see differently is refused here,
before any parser runs: other encodings, characters nobody can see, tabs as indentation,
directives, and the marks a version control system leaves in a conflict.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from quorate.rulebook.diagnostics import Problem, Span

# Real rule files are a few KB; PyYAML's slower reader needs seconds for this much.
MAX_BYTES = 256 * 1024

# A file of rubbish has thousands of defects; nobody reads more than a screen of them.
MAX_PROBLEMS = 50

# Control, format and surrogate characters, blanks other than the space, fillers: all
# that a screen shows as nothing, or that changes how the text around it is shown.
UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\xa0\xad\u034f\u0600-\u0605\u061c\u06dd\u070f"
    r"\u0890\u0891\u08e2\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f"
    r"\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ud800-\udfff\ufe00-\ufe0e\ufeff"
    r"\uffa0\ufff0-\ufffb\ufffe\uffff\U000110bd\U000110cd\U00013430-\U0001343f"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)

_INDENT_TAB = re.compile(r"^ *\t(?=[ \t]*[^ \t\n])", re.MULTILINE)
_CONFLICT = re.compile(r"^(?:<{7}|>{7}|\|{7})(?= |$)|^={7}$", re.MULTILINE)
_DIRECTIVE = re.compile(r"^%", re.MULTILINE)

_ESCAPE = re.compile(
    r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL
)
_SHORT = {"0": 0, "a": 7, "b": 8, "v": 0xB, "r": 0xD, "e": 0x1B}
_SHORT |= {"N": 0x85, "_": 0xA0, "L": 0x2028, "P": 0x2029}

# The longer mark first: UTF-32 starts with the bytes of UTF-16.
_MARKS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_UTF8_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Source:
    """The text of one file under the name shown to the user."""

    path: str
    text: str
    lines: tuple[str, ...]

    def span(
        self, line: int, column: int, end_line: int = 0, end_column: int = 0
    ) -> Span:
        """Return the place; without an end, the one character at its start."""
        if not end_line:
            end_line, end_column = line, column + 1
        return Span(self.path, line, column, end_line, end_column)

    def at(self, offset: int, length: int = 1) -> Span:
        """Return the place of ``length`` characters of one line from ``offset``."""
        line = self.text.count("\n", 0, offset) + 1
        column = offset - self.text.rfind("\n", 0, offset)
        return Span(self.path, line, column, line, column + length)

    def written(self, span: Span) -> str:
        """Return the text of a place as it stands in the file."""
        lines = list(self.lines[span.line - 1 : span.end_line])
        if not lines:
            return ""
        if span.end_line == span.line + len(lines) - 1:
            lines[-1] = lines[-1][: span.end_column - 1]
        lines[0] = lines[0][span.column - 1 :]
        return "\n".join(lines)

    def within(self, span: Span, start: int, length: int = 1) -> Span:
        """Return the place of some characters of what is written at ``span``."""
        before = self.written(span)[:start]
        line = span.line + before.count("\n")
        column = len(before) - before.rfind("\n")
        column += span.column - 1 if line == span.line else 0
        return self.span(line, column, line, column + length)

    def line(self, number: int) -> str:
        """Return the text of a 1-based line; empty where there is none."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def problem(
        self,
        code: str,
        message: str,
        span: Span,
        help: str = "",  # noqa: A002 - the field's own name
        first: Span | None = None,
    ) -> Problem:
        """Return a problem with the line it points at; ``first`` as 'first used'."""
        related = (("first used here", first),) if first else ()
        line = self.line(span.line)
        return Problem(code, message, span, help, line, related=related)


def decode(data: bytes, shown: str) -> tuple[Source | None, list[Problem]]:
    """Return the text of a file, or the reasons why it must not be parsed.

    Line ends come out as ``\\n`` alone, whatever the file used; a UTF-8 byte-order
    mark at the start is dropped, so that columns count what the author sees.
    """
    whole = Span(shown)
    if len(data) > MAX_BYTES:
        message = f"the file is larger than {MAX_BYTES // 1024} KB"
        hint = "split it: a rulebook may have any number of files"
        return None, [Problem("Y102", message, whole, hint)]
    if name := _other_encoding(data):
        message = f"the file is {name}, not UTF-8"
        return None, [Problem("Y103", message, whole, "save it as UTF-8")]
    data = data.removeprefix(_UTF8_MARK)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return None, [_not_utf8(data, error, shown)]
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    source = Source(shown, text, tuple(text.split("\n")))
    problems = _defects(source)
    return (None if problems else source), problems


def escapes(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield each escape of a double-quoted text that stands for nothing visible.

    Yields where it starts, its length, and what it stands for.
    """
    for match in _ESCAPE.finditer(text):
        digits = match[1][1:]
        number = int(digits, 16) if digits else _SHORT.get(match[1], 0x20)
        if number > 0x10FFFF or UNSEEN.match(chr(number)):
            what = name_of(chr(number)) if number <= 0x10FFFF else "no character"
            yield match.start(), len(match[0]), what


def name_of(character: str) -> str:
    """Return what a character that cannot be seen is, and its number."""
    kind = "control" if unicodedata.category(character) == "Cc" else "invisible"
    return f"{kind} character U+{ord(character):04X}"


def _other_encoding(data: bytes) -> str:
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    # Without a mark, ASCII text in a wider encoding has zeros among its first bytes.
    head = data[:4]
    if head[:3] == b"\0\0\0" or head[1:4] == b"\0\0\0":
        return "UTF-32"
    if len(head) > 1 and any(head[0::2]) != any(head[1::2]):
        return "UTF-16"
    return ""


def _not_utf8(data: bytes, error: UnicodeDecodeError, shown: str) -> Problem:
    before = data[: error.start].decode("utf-8")
    before = before.replace("\r\n", "\n").replace("\r", "\n")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    message = f"the file is not UTF-8: byte 0x{data[error.start]:02X}"
    span = Span(shown, line, column, line, column + 1)
    return Problem("Y103", message, span, "save it as UTF-8", before.split("\n")[-1])


def _defects(source: Source) -> list[Problem]:
    found = [_unseen(source, match) for match in _first(UNSEEN, source)]
    for match in _first(_CONFLICT, source):
        message = f'git conflict marker "{match[0]}"'
        hint = "settle the merge: keep one side and delete the markers"
        span = source.at(match.start(), len(match[0]))
        found.append(source.problem("Y106", message, span, hint))
    for match in _first(_DIRECTIVE, source):
        message = "a line that starts with % is a YAML directive"
        span = source.at(match.start())
        found.append(source.problem("Y109", message, span, "delete the line"))
    for match in _first(_INDENT_TAB, source):
        span = source.at(match.end() - 1)
        message = "a tab in the indentation"
        hint = "indent with spaces, not tabs"
        found.append(source.problem("Y105", message, span, hint))
    return sorted(found, key=lambda problem: problem.span)[:MAX_PROBLEMS]


def _first(pattern: re.Pattern[str], source: Source) -> Iterator[re.Match[str]]:
    return itertools.islice(pattern.finditer(source.text), MAX_PROBLEMS)


def _unseen(source: Source, match: re.Match[str]) -> Problem:
    blank = unicodedata.category(match[0]) == "Zs"
    hint = "put an ordinary space in its place" if blank else "delete it"
    if name := unicodedata.name(match[0], ""):
        hint += f" ({name.lower()})"
    return source.problem("Y104", name_of(match[0]), source.at(match.start()), hint)
