"""What a YAML reader's complaint means to the author of a rule.

The readers name the token they stumbled over; the cause is mostly a value that wants
quotes, a missing space or a misaligned line. The cause is looked up in the line itself,
so that both of PyYAML's readers lead to the same problem.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from quorate.rulebook.diagnostics import Problem, Span
from quorate.rulebook.scalars import quoted
from quorate.rulebook.source import Source, escapes

# What follows is looked for in the first part of a line only: no cause hides later, and
# no pattern can be made slow by a long line.
_HEAD = 500

_ENTRY = re.compile(
    r"""[ ]*(?:-[ ]+)*                              # indentation, list marks
        (?:(?:"[^"]*"|'[^']*'|[^\s"'#:]+)[ ]*:[ ]+)?  # a key
        (?P<value>\S.*)""",
    re.VERBOSE,
)
_NO_SPACE = re.compile(r"[ ]*(?:-[ ]+)*[\w-]+(?P<colon>:)[^\s:]")

_INDENT_HINT = "indent with spaces, the keys of one mapping all alike"


@dataclass(frozen=True, slots=True)
class Complaint:
    """A reader's error: its two sentences, and the 1-based places of both.

    ``quoted`` is the quoted text read last, None when something else was.
    """

    text: str
    context: str
    line: int
    column: int
    context_line: int
    context_column: int
    quoted: Span | None = None


class UnreadableError(Exception):
    """A reader could not go on; ``complaint`` says why."""

    def __init__(self, complaint: Complaint) -> None:
        super().__init__(complaint.text)
        self.complaint = complaint


def explain(source: Source, complaint: Complaint) -> Problem:
    """Return the problem behind a complaint: where its cause is and what to do."""
    if complaint.line > len(source.lines):
        # The end of a text without a last line end; one reader counts a line more.
        last = len(source.lines)
        column = len(source.line(last)) + 1
        complaint = replace(complaint, line=last, column=column)
    for cause in (
        _in_quotes,
        _after_quotes,
        _reserved,
        _must_quote,
        _bracket,
        _colon,
        _alignment,
    ):
        if problem := cause(source, complaint):
            return problem
    span = source.span(complaint.line, complaint.column)
    return source.problem("Y110", f"not readable as YAML: {complaint.text}", span)


def _in_quotes(source: Source, complaint: Complaint) -> Problem | None:
    if "quoted scalar" not in complaint.context:
        return None
    if "end of stream" in complaint.text or "document" in complaint.text:
        line, column = complaint.context_line, complaint.context_column
        message = f"the quote opened on line {line} is never closed"
        span = source.span(line, column)
        return source.problem("Y111", message, span, "close it, on the same line")
    line = complaint.line
    # The readers point at different characters of an escape; both after its backslash.
    column = source.line(line).rfind("\\", 0, complaint.column + 1) + 1
    column = max(column, 1)
    for start, length, what in escapes(source.line(line)[column - 1 :]):
        if start == 0:
            span = source.span(line, column, line, column + length)
            hint = "write the text without it"
            return source.problem("Y104", f"{what}, escaped", span, hint)
    span = source.span(line, column)
    hint = r"write \\ for a backslash, or use single quotes"
    return source.problem("Y110", "unknown escape in a double-quoted text", span, hint)


def _after_quotes(source: Source, complaint: Complaint) -> Problem | None:
    """Tell what follows a closing quote, or lines that a forgotten quote swallowed."""
    span = complaint.quoted
    if span is None or span.end_line != complaint.line:
        return None
    if span.end_line > span.line:
        message = f"this quote closes a text that was opened on line {span.line}"
        end = source.span(span.end_line, span.end_column - 1)
        hint = "close each quote on the line on which it is opened"
        return source.problem("Y111", message, end, hint)
    between = source.line(span.line)[span.end_column - 1 : complaint.column - 1]
    if between.strip() or complaint.column < span.end_column:
        return None
    message = "text goes on after the closing quote"
    hint = "quote the value as a whole, or put a comma or line break here"
    return source.problem("Y112", message, span, hint)


def _reserved(source: Source, complaint: Complaint) -> Problem | None:
    span = source.span(complaint.line, complaint.column)
    if "tag" in complaint.text or "tag" in complaint.context:
        message = "tags are not allowed"
        hint = 'a value that starts with "!" must be quoted'
        return source.problem("Y113", message, span, hint)
    if "document start" in complaint.text:
        if any(line.startswith("...") for line in source.lines[: span.line]):
            message = "text after the end of the document"
            return source.problem("Y108", message, span, 'delete the "..." above it')
        message = "this line does not belong to what is above it"
        return source.problem("Y110", message, span, _INDENT_HINT)
    return None


def _must_quote(source: Source, complaint: Complaint) -> Problem | None:
    """Find the value that YAML took for something other than text."""
    line = source.line(complaint.line)[:_HEAD].replace("\t", " ")
    match = _ENTRY.fullmatch(line)
    if not match or complaint.column - 1 < match.start("value"):
        return None
    value, column = match["value"], match.start("value") + 1
    span = source.span(complaint.line, column, complaint.line, len(line) + 1)
    hint = f"quote the value: {quoted(value.rstrip())}"
    if _odd_start(value, column, complaint):
        message = f'a value that starts with "{value[0]}" must be quoted'
        return source.problem("Y112", message, span, hint)
    after = complaint.column > column
    if after and column > 1 and "values are not allowed" in complaint.text:
        message = 'a value that contains ": " must be quoted'
        return source.problem("Y112", message, span, hint)
    return None


def _odd_start(value: str, column: int, complaint: Complaint) -> bool:
    if value[0] in "[{":
        # Inside the brackets something else is wrong: they may be meant.
        return complaint.column > column and "flow" not in complaint.context
    if column == 1:
        return value[0] in "@`"
    return value[0] in "%@`*&!|>,]}" or value[:2] in ("- ", "? ")


def _bracket(source: Source, complaint: Complaint) -> Problem | None:
    if "flow" not in complaint.context:
        return None
    span = source.span(complaint.line, complaint.column)
    if source.line(span.line)[span.column - 1 : span.column] == "?":
        message = 'a text with "?" in brackets must be quoted'
        return source.problem("Y112", message, span, "quote the text")
    opened = source.span(complaint.context_line, complaint.context_column)
    bracket = source.line(opened.line)[opened.column - 1 : opened.column]
    if bracket not in ("[", "{"):
        message = "a value is missing between the commas or brackets"
        return source.problem("Y110", message, opened, "write it, or delete a comma")
    message = f'the "{bracket}" opened on line {opened.line} is not closed'
    rest = (source.line(complaint.line)[complaint.column - 1 :],)
    if not "".join(rest + source.lines[complaint.line :]).strip():
        return source.problem("Y110", message, opened, "close it")
    message += " here, or a comma is missing"
    return source.problem(
        "Y110", message, span, "close it, or part the items by commas"
    )


def _colon(source: Source, complaint: Complaint) -> Problem | None:
    """Find the line on which a key lacks its colon, or a colon its space."""
    suspects = [complaint.line, complaint.line - 1]
    if "simple key" in complaint.context:
        suspects.insert(0, complaint.context_line)
    for number in suspects:
        if match := _NO_SPACE.match(source.line(number)[:_HEAD]):
            column = match.start("colon") + 1
            message = "a space is missing after the colon"
            span = source.span(number, column)
            return source.problem("Y110", message, span, "write key: value")
    if "simple key" not in complaint.context:
        return None
    number, column = complaint.context_line, complaint.context_column
    text = source.line(number)
    span = source.span(number, column, number, max(len(text.rstrip()), column) + 1)
    message = "neither a key with its colon nor a list item"
    return source.problem("Y110", message, span, "write key: value, or - item")


def _alignment(source: Source, complaint: Complaint) -> Problem | None:
    """Tell a misaligned line."""
    text, line = complaint.text, source.line(complaint.line)
    span = source.span(complaint.line, complaint.column)
    block = "expected key", "'-' indicator", "<block end>", "not allowed"
    if any(part in text for part in block):
        first = len(line) - len(line.lstrip()) + 1
        if "values are not allowed" in text:
            span = source.span(complaint.line, min(first, complaint.column))
        message = "misaligned indentation"
        return source.problem("Y110", message, span, _INDENT_HINT)
    return None
