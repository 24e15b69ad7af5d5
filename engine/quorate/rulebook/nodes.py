"""One document's values with their places, built from a reader's events.

Everything that YAML allows and a rule file must not have is refused here: duplicate
keys, keys that are not text, tags, aliases that explode, words read in two ways. The
problems of a whole file are collected; only a broken budget stops the reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from quorate.rulebook import scalars
from quorate.rulebook.diagnostics import Edit, Problem, Span
from quorate.rulebook.source import MAX_PROBLEMS, UNSEEN, Source, escapes

# A rule file is 6 levels deep; twice that is room, and keeps every walk shallow.
MAX_DEPTH = 12

# A full-sized file holds about 30,000 values; more come from aliases alone.
MAX_VALUES = 50_000

Path = tuple[str | int, ...]

_PROPERTY = re.compile(r"[&!]\S*[ \t]*")
_SWALLOWED = re.compile(r"\n[ \t]*-(?:[ \t]|$)")
_GLUED = re.compile(r"[|>][-+0-9]*#")
_TOP_HINT = "start with a section at the left margin, such as entry:"


@dataclass(frozen=True, slots=True)
class Event:
    """One step of a reader: document, list, mapping, end, scalar or alias.

    ``style`` is a scalar's quote or block mark, or "flow" for a bracketed collection.
    """

    kind: str
    span: Span
    text: str = ""
    style: str = ""
    anchor: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A value before aliases are expanded; ``size`` counts it as if they were.

    ``content`` is a scalar, a list of nodes, or a dict of key to (key's span, node).
    """

    content: Any
    span: Span
    style: str = ""
    size: int = 1
    height: int = 0


@dataclass(frozen=True, slots=True)
class _Key:
    """A key; ``text`` is None where it was refused."""

    text: str | None
    span: Span
    merges: bool = False


@dataclass(slots=True)
class _Entries:
    """What a mapping holds so far: its own keys, and those that are merged in."""

    own: dict[str, tuple[Span, Node]] = field(default_factory=dict)
    merged: dict[str, tuple[Span, Node]] = field(default_factory=dict)
    merge: Span | None = None


class _StopReading(Exception):  # noqa: N818 - a signal, not an error
    """The file is refused so far that reading on would only cost time."""


class Composer:
    """Builds the tree of one document; ``problems`` collects what it refuses."""

    def __init__(self, source: Source) -> None:
        self.problems: list[Problem] = []
        self._source = source
        self._events: Iterator[Event] = iter(())
        self._anchors: dict[str, tuple[Span, Node | None]] = {}
        self._unused: dict[str, Span] = {}
        self._values = 0
        self._tabs = "\t" in source.text
        self._brackets = 0

    def compose(self, events: Iterator[Event]) -> Node | None:
        """Return the root, or None when reading had to stop; see ``problems``."""
        self._events = events
        try:
            return self._document()
        except _StopReading:
            return None

    def give_up(self, problem: Problem) -> None:
        """Add what ended the reading; other problems of its line are its doing."""
        self.problems = [
            other for other in self.problems if other.span.line != problem.span.line
        ]
        self.problems.append(problem)

    def _document(self) -> Node:
        root: Node | None = None
        for event in self._events:
            if event.kind == "document":
                if root:
                    hint = "one file holds one document: split it at the ---"
                    message = "a second document starts here"
                    self._stop("Y108", message, event.span, hint)
            elif event != Event("scalar", event.span):
                root = self._value(event, 1, None)
        if root is None:
            message = "the file is empty, or nothing but comments"
            self._stop("Y107", message, self._source.span(1, 1), _TOP_HINT)
        for name, span in self._unused.items():
            message = f'the anchor "&{scalars.brief(name)}" is never used'
            hint = 'a text that starts with "&" must be quoted'
            self._report("Y115", message, span, hint)
        if not isinstance(root.content, dict):
            message = "the file must be a mapping of sections"
            self._report("Y129", message, root.span, _TOP_HINT)
        return root

    def _value(self, event: Event, depth: int, key: _Key | None) -> Node:
        if event.kind == "alias":
            return self._alias(event, depth)
        self._spend(1, event.span)
        self._check_tag(event)
        self._open_anchor(event)
        flow = event.kind != "scalar" and event.style == "flow"
        self._brackets += flow
        if event.kind == "scalar":
            node = self._scalar(event, key)
        elif depth > MAX_DEPTH:
            self._too_deep(event.span)
        elif event.kind == "list":
            node = self._list(event, depth)
        else:
            node = self._mapping(event, depth)
        self._brackets -= flow
        self._close_anchor(event, node)
        return node

    def _list(self, start: Event, depth: int) -> Node:
        items: list[Node] = []
        size, height = 1, 0
        while (event := next(self._events)).kind != "end":
            node = self._value(event, depth + 1, None)
            items.append(node)
            size += node.size
            height = max(height, node.height)
        span = _whole(start, event, items[-1] if items else None)
        return Node(items, span, "", size, height + 1)

    def _mapping(self, start: Event, depth: int) -> Node:
        entries = _Entries()
        size, height, node = 1, 0, None
        while (event := next(self._events)).kind != "end":
            key = self._key(event, depth)
            node = self._value(next(self._events), depth + 1, key)
            size += node.size
            # What is merged comes to stand at this level, not below it.
            above = 1 + isinstance(node.content, list) if key.merges else 0
            height = max(height, node.height - above)
            self._enter(entries, key, node)
        content = entries.merged | entries.own
        return Node(content, _whole(start, event, node), "", size, height + 1)

    def _enter(self, entries: _Entries, key: _Key, node: Node) -> None:
        if key.text is None:
            return
        known = entries.own.get(key.text)
        first = entries.merge if key.merges else known and known[0]
        if first:
            message = f'duplicate key "{scalars.brief(key.text)}"'
            message += f", first used on line {first.line}"
            self._report("Y119", message, key.span, "delete one of the two", first)
        elif key.merges:
            entries.merge = key.span
            self._merge(entries, node)
        else:
            entries.own[key.text] = (key.span, node)

    def _merge(self, entries: _Entries, node: Node) -> None:
        """Add what is merged; where several mappings have a key, the first counts."""
        for item in node.content if isinstance(node.content, list) else [node]:
            if isinstance(item.content, dict):
                entries.merged = item.content | entries.merged
            else:
                message = "only mappings can be merged"
                hint = "write <<: *name, with the anchor &name on a mapping"
                self._report("Y130", message, item.span, hint)

    def _alias(self, event: Event, depth: int) -> Node:
        name = event.anchor or ""
        shown = scalars.brief(name)
        self._unused.pop(name, None)
        if name not in self._anchors:
            message = f'"*{shown}" refers to no anchor'
            hint = 'a value that starts with "*" must be quoted'
            self._report("Y114", message, event.span, hint)
            return Node(None, event.span)
        node = self._anchors[name][1]
        if node is None:
            hint = "write the value out"
            self._stop("Y116", f'"*{shown}" refers to itself', event.span, hint)
        if depth + node.height > MAX_DEPTH + 1:
            self._too_deep(event.span)
        self._spend(node.size, event.span)
        return replace(node, span=event.span)

    def _open_anchor(self, event: Event) -> None:
        if not (name := event.anchor):
            return
        start = event.span
        column = self._source.line(start.line).find("&", start.column - 1) + 1
        span = self._source.span(start.line, column, start.line, column + len(name) + 1)
        if name in self._anchors:
            message = f'anchor "&{scalars.brief(name)}" is defined twice'
            first = self._anchors[name][0]
            self._report("Y115", message, span, "give it another name", first)
            self._unused.pop(name, None)
        elif event.kind == "scalar" and not event.style:
            # "&fast and slow" is an anchor and a text: half of an expression lost.
            self._unused[name] = span
        self._anchors[name] = (span, None)

    def _close_anchor(self, event: Event, node: Node) -> None:
        if event.anchor:
            self._anchors[event.anchor] = (self._anchors[event.anchor][0], node)

    def _key(self, event: Event, depth: int) -> _Key:
        if event.kind != "scalar":
            return self._odd_key(event, depth)
        self._check_tag(event)
        self._open_anchor(event)
        span, text = self._place(event), event.text
        self._close_anchor(event, Node(text, span, event.style))
        self._check_text(event, span)
        if event.style == "" and text == "<<":
            return _Key(text, span, merges=True)
        meant = text if event.style else scalars.read_plain(text)
        if isinstance(meant, scalars.Unclear):
            self._report(meant.code, meant.message, span, meant.help)
        elif not isinstance(meant, str) or "\n" in text or not (text or event.style):
            shown = scalars.brief(text.replace("\n", " "))
            hint = f"quote it: {scalars.quoted(shown)}" if text else "write the key"
            self._report("Y120", f'key "{shown}" is not text', span, hint)
        else:
            return _Key(text, span)
        return _Key(None, span)

    def _odd_key(self, event: Event, depth: int) -> _Key:
        """Refuse a list, mapping or alias as a key, and read on behind it."""
        known = len(self.problems)
        self._value(event, depth + 1, None)
        del self.problems[known:]
        message = f"a key must be text, was {_A[event.kind]}"
        hint = 'quote the value if it is a text in brackets: "{{ name }}"'
        self._report("Y120", message, event.span, hint)
        return _Key(None, event.span)

    def _scalar(self, event: Event, key: _Key | None) -> Node:
        span, text, style = self._place(event), event.text, event.style
        if event.tag:
            return Node(None, span, style)
        if not text.strip() and style in ("", "|", ">"):
            self._no_value(event, key, span)
            return Node(None, span, style)
        self._check_text(event, span)
        if style in ("|", ">") and _GLUED.match(self._source.written(span)):
            # Only one reader takes "># note" for the head of a block.
            head = self._source.written(span).partition("\n")[0]
            message = f'a value that starts with "{style}" must be quoted'
            place = self._source.within(span, 0, len(head))
            hint = f"quote the value: {scalars.quoted(head)}"
            self._report("Y112", message, place, hint)
        if not style and _SWALLOWED.search(self._source.written(span)):
            message = "a list item is read as part of the text above it"
            self._report("Y110", message, span, "indent the items of one list alike")
        meant = text if style else scalars.read_plain(text)
        if isinstance(meant, scalars.Unclear):
            edit = Edit(span, text, meant.instead) if meant.instead else None
            self._report(meant.code, meant.message, span, meant.help, edit=edit)
            meant = None
        return Node(meant, span, style)

    def _no_value(self, event: Event, key: _Key | None, span: Span) -> None:
        mark = event.style or ("&" if event.anchor else "")
        hint = "write the value, or null"
        if mark:
            self._unused.pop(event.anchor or "", None)
            hint = f'a value that starts with "{mark}" must be quoted'
        if key is None:
            self._report("Y128", "the list item has no value", span, hint)
        elif key.text is not None:
            message = f'"{scalars.brief(key.text)}" has no value'
            self._report("Y128", message, key.span, hint)

    def _check_tag(self, event: Event) -> None:
        if not event.tag:
            return
        line, column = event.span.line, event.span.column
        text = self._source.line(line)
        column = max(text.find("!", column - 1) + 1, 1)
        tag = (text[column - 1 :].split() or ["!"])[0]
        hint = "delete it: quorate reads plain values only"
        alone = event.kind == "scalar" and event.text.partition(" ")[0]
        if not tag.startswith("!!") and alone in ("", "and", "or"):
            name = scalars.brief(tag.lstrip("!") or "name")
            hint = (
                f'write "not {name}" in a condition; quote a text that starts with "!"'
            )
        message = f'tag "{scalars.brief(tag)}" is not allowed'
        span = self._source.span(line, column, line, column + len(tag))
        self._report("Y113", message, span, hint)

    def _check_text(self, event: Event, span: Span) -> None:
        if event.style == '"' and UNSEEN.search(event.text):
            self._escaped(span)
        if self._tabs and "\t" in self._source.written(span):
            hint = r"write spaces, or \t between double quotes"
            self._report("Y105", "a tab within a text", span, hint)
        if not event.style and self._brackets and "?" in event.text:
            # One reader takes it for the mark of a key, the other for text.
            start = self._source.written(span).find("?")
            message = 'a text with "?" in brackets must be quoted'
            place = self._source.within(span, start)
            self._report("Y112", message, place, "quote the text")

    def _escaped(self, span: Span) -> None:
        for start, length, what in escapes(self._source.written(span)):
            place = self._source.within(span, start, length)
            hint = "write the text without it"
            self._report("Y104", f"{what}, escaped", place, hint)

    def _place(self, event: Event) -> Span:
        """Return a scalar's own place: behind its anchor, block marks included."""
        span = event.span
        if event.style in ("|", ">") and span.end_column == 1:
            end = max(span.end_line - 1, span.line)
            while end > span.line and not self._source.line(end).strip():
                end -= 1
            width = len(self._source.line(end))
            span = replace(span, end_line=end, end_column=width + 1)
        if event.anchor and event.text:
            text = self._source.line(span.line)
            column = span.column
            if match := _PROPERTY.match(text, column - 1):
                column = match.end() + 1
            span = replace(span, column=column)
        return span

    def _spend(self, values: int, span: Span) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            message = f"more than {MAX_VALUES:,} values, aliases counted as expanded"
            self._stop("Y117", message, span, "split the file, or use fewer aliases")

    def _too_deep(self, span: Span) -> NoReturn:
        message = f"nested deeper than {MAX_DEPTH} levels"
        self._stop("Y118", message, span, "no rule needs more than half of them")

    def _report(
        self,
        code: str,
        message: str,
        span: Span,
        hint: str,
        first: Span | None = None,
        edit: Edit | None = None,
    ) -> None:
        problem = self._source.problem(code, message, span, hint, first)
        self.problems.append(replace(problem, edit=edit))
        if len(self.problems) >= MAX_PROBLEMS:
            raise _StopReading

    def _stop(self, code: str, message: str, span: Span, hint: str) -> NoReturn:
        self._report(code, message, span, hint)
        raise _StopReading


_A = {"list": "a list", "mapping": "a mapping", "alias": "an alias"}


def _whole(start: Event, end: Event, last: Node | None) -> Span:
    """Return a collection's place; a reader ends a block one where the next begins."""
    until = end.span if start.style == "flow" or last is None else last.span
    return replace(start.span, end_line=until.end_line, end_column=until.end_column)
