"""Rule files as plain values, each with its place: the only reader of YAML.

PyYAML delivers events; what follows from them is decided in `nodes`, within budgets, so
that nothing is built from a file before it is known to be harmless, and so that
PyYAML's two readers (libyaml and pure Python) give the same result.
"""

from __future__ import annotations

import os
import pathlib
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from quorate.rulebook.diagnostics import Problem, Span
from quorate.rulebook.nodes import Composer, Event, Node, Path
from quorate.rulebook.source import MAX_BYTES, Source, decode
from quorate.rulebook.syntax import Complaint, UnreadableError, explain

CODES: Mapping[str, str] = {
    "Y101": "the file cannot be read",
    "Y102": "the file is too large",
    "Y103": "the file is not UTF-8",
    "Y104": "an invisible or control character, written or escaped",
    "Y105": "a tab in the indentation or within a text",
    "Y106": "a conflict marker of git",
    "Y107": "the file is empty",
    "Y108": "more than one document in a file",
    "Y109": "a YAML directive",
    "Y110": "not readable as YAML: indentation, brackets, colons, escapes",
    "Y111": "a quote that is not closed where it should be",
    "Y112": "a value that must be quoted to be text",
    "Y113": "a tag",
    "Y114": "an alias without its anchor",
    "Y115": "an anchor defined twice, or never used",
    "Y116": "an alias that refers to itself",
    "Y117": "more values than the budget",
    "Y118": "nested deeper than the budget",
    "Y119": "a key used twice in one mapping",
    "Y120": "a key that is not text",
    "Y121": "a word for true, false or null that not every reader takes so",
    "Y122": "a number in another base, or with leading zeros",
    "Y123": "a base-60 number, time or date",
    "Y124": "a number with underscores",
    "Y125": "a number that YAML 1.1 and 1.2 read differently",
    "Y126": "a number that is not finite or out of range",
    "Y127": "a number with too many digits",
    "Y128": "a key or list item without a value",
    "Y129": "a file that is not a mapping of sections",
    "Y130": "a merge of something other than mappings",
}

# libyaml is about twenty times as fast; a PyYAML built without it has the other.
_Reader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_KINDS: Mapping[type[yaml.Event], str] = {
    yaml.DocumentStartEvent: "document",
    yaml.AliasEvent: "alias",
    yaml.ScalarEvent: "scalar",
    yaml.SequenceStartEvent: "list",
    yaml.SequenceEndEvent: "end",
    yaml.MappingStartEvent: "mapping",
    yaml.MappingEndEvent: "end",
}


@dataclass(frozen=True, slots=True)
class Document:
    """One file's content: plain values, and where each of them is written.

    ``value`` holds dict, list, str, bool, None, int and Decimal only. What an alias or
    a merge brings in has the place where it is written; the alias itself has its own.
    ``made`` are the paths of rules that were written out of a table, with its id.
    """

    path: str
    value: Any
    spans: Mapping[Path, Span]
    key_spans: Mapping[Path, Span]
    styles: Mapping[Path, str]
    lines: tuple[str, ...]
    made: Mapping[Path, str] = field(default_factory=dict)

    def span(self, path: Path) -> Span:
        """Return the place of the value at ``path``, or of its nearest ancestor."""
        while path not in self.spans:
            path = path[:-1]
        return self.spans[path]


def read_document(
    path: pathlib.Path, shown: str | None = None
) -> tuple[Document | None, list[Problem]]:
    """Read a file; see `parse_document`. What cannot be read is a problem too."""
    shown = shown or str(path)
    try:
        # A pipe or a device would never end.
        if not stat.S_ISREG(path.stat().st_mode):
            return None, [_unreadable(shown, "it is not a regular file")]
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        return None, [_unreadable(shown, error.strerror or os.strerror(5))]
    except ValueError as error:
        return None, [_unreadable(shown, str(error))]
    return parse_document(data, shown)


def parse_document(data: bytes, shown: str) -> tuple[Document | None, list[Problem]]:
    """Return a file's document, or None and every problem found, by place.

    ``shown`` is the file's name in problems and spans. Never raises for what a file
    holds.
    """
    source, problems = decode(data, shown)
    if source is None:
        return None, problems
    composer = Composer(source)
    root = None
    try:
        root = composer.compose(_events(source))
    except UnreadableError as error:
        composer.give_up(explain(source, error.complaint))
    problems = sorted(composer.problems, key=lambda problem: problem.span)
    if root is None or problems:
        return None, problems
    spans: dict[Path, Span] = {}
    keys: dict[Path, Span] = {}
    styles: dict[Path, str] = {}
    value = _value(root, (), spans, keys, styles)
    return Document(shown, value, spans, keys, styles, source.lines), []


def _unreadable(shown: str, reason: str) -> Problem:
    hint = "name a rule file that exists and may be read"
    message = f"the file cannot be read: {reason}"
    return Problem("Y101", message, Span(shown), hint)


def _events(source: Source) -> Iterator[Event]:
    # Only one of the readers takes a tab for a blank between tokens. Texts that hold
    # one are refused by the composer.
    reader = _Reader(source.text.replace("\t", " "))
    last: Event | None = None
    try:
        while (event := _next(reader)) and not isinstance(event, yaml.StreamEndEvent):
            if kind := _KINDS.get(type(event)):
                last = _event(source, kind, event)
                yield last
    except yaml.YAMLError as error:
        raise UnreadableError(_complaint(error, last)) from error
    finally:
        reader.dispose()


def _next(reader: Any) -> Any:
    try:
        return reader.get_event()
    except (ValueError, OverflowError) as error:
        # The pure reader does not check the number of an escaped character.
        raise yaml.MarkedYAMLError(
            "while scanning a quoted scalar",
            reader.get_mark(),
            "found invalid Unicode character escape code",
            reader.get_mark(),
        ) from error


def _event(source: Source, kind: str, event: Any) -> Event:
    start, end = event.start_mark, event.end_mark
    span = Span(
        source.path, start.line + 1, start.column + 1, end.line + 1, end.column + 1
    )
    if kind == "scalar":
        style = event.style or ""
        return Event(kind, span, event.value, style, event.anchor, event.tag)
    if kind in ("list", "mapping"):
        style = "flow" if event.flow_style else ""
        return Event(kind, span, "", style, event.anchor, event.tag)
    return Event(kind, span, anchor=getattr(event, "anchor", None))


def _complaint(error: yaml.YAMLError, last: Event | None) -> Complaint:
    mark = getattr(error, "problem_mark", None)
    if not isinstance(error, yaml.MarkedYAMLError) or mark is None:
        return Complaint(str(error).partition("\n")[0], "", 1, 1, 1, 1)
    before = error.context_mark or mark
    return Complaint(
        error.problem or "",
        error.context or "",
        mark.line + 1,
        mark.column + 1,
        before.line + 1,
        before.column + 1,
        last.span if last and last.style in ("'", '"') else None,
    )


def _value(
    node: Node,
    path: Path,
    spans: dict[Path, Span],
    keys: dict[Path, Span],
    styles: dict[Path, str],
) -> Any:
    """Return the plain value of a node, aliases expanded, noting every place."""
    spans[path] = node.span
    content = node.content
    if isinstance(content, list):
        return [
            _value(item, (*path, index), spans, keys, styles)
            for index, item in enumerate(content)
        ]
    if isinstance(content, dict):
        value = {}
        for key, (span, item) in content.items():
            keys[*path, key] = span
            value[key] = _value(item, (*path, key), spans, keys, styles)
        return value
    styles[path] = node.style
    return content
