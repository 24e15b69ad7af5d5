"""Decision tables: a rule whose rows become rules, one after another.

    - id: how
      table:
        also: {max_attempts: 2}
        when: [rate_counter, confidence]
        then: [type, time_in_force]
        rows:
          - ['> 70', '-', limit, IOC]
          - ['..70', '> 0.9', market, '-']

Row 1 is the rule ``how-1``: it holds when every cell of its ``when`` columns does. What
else the rule says (``active``, ``tags``, ``side``) every row says too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from quorate.rulebook.diagnostics import Problem
from quorate.rulebook.nodes import Path
from quorate.rulebook.shape import source_line
from quorate.rulebook.text import Document

ANY = "-"
"""A cell that asks for nothing, or says nothing."""

MATCH = "match"
"""The column of an error table whose cells are patterns."""

NEED_WHEN = ("entry", "exits", "tuning")

_COMPARISON = re.compile(r"(<=|>=|==|!=|<|>)\s*(.+)", re.DOTALL)
_RANGE = re.compile(r"(.*?)\s*\.\.\s*(.*)", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def condition(column: str, cell: Any) -> str | None:
    """Return what a cell asks of its column as an expression, None for anything.

    ``> 5``, ``<= x``: a comparison; ``1..5``: from 1 up to, not including, 5, either
    end may be left out; true, false: a flag; a word or a number: equal to it.
    """
    if cell == ANY:
        return None
    name = column if _WORD.fullmatch(column) else f"({column})"
    if isinstance(cell, bool):
        return name if cell else f"not {name}"
    if isinstance(cell, int | Decimal):
        return (
            f"{name} == {cell:f}" if isinstance(cell, Decimal) else f"{name} == {cell}"
        )
    found = _COMPARISON.fullmatch(cell)
    if found:
        return f"{name} {found[1]} {found[2]}"
    found = _RANGE.fullmatch(cell)
    if found:
        ends = (f"{name} >= {found[1]}", found[1]), (f"{name} < {found[2]}", found[2])
        return " and ".join(text for text, end in ends if end) or None
    return f"{name} == {cell!r}" if _WORD.fullmatch(cell) else f"{name} == {cell}"


@dataclass(slots=True)
class _Copy:
    """A document while its tables are written out: rules move, places move along."""

    document: Document
    problems: list[Problem] = field(default_factory=list)
    spans: dict[Path, Any] = field(default_factory=dict)
    key_spans: dict[Path, Any] = field(default_factory=dict)
    styles: dict[Path, str] = field(default_factory=dict)
    made: dict[Path, str] = field(default_factory=dict)

    def take_over(self, old: Path, new: Path, *, but: str = "") -> None:
        """Let what stands below ``old`` stand below ``new``, one key left out."""
        _below(self.spans, self.document.spans, old, new, but)
        _below(self.key_spans, self.document.key_spans, old, new, but)
        _below(self.styles, self.document.styles, old, new, but)

    def complain(self, path: Path, message: str, advice: str) -> None:
        span = self.document.span(path)
        line = source_line(self.document, span)
        self.problems.append(Problem("R445", message, span, advice, line))


def _below(
    ours: dict[Path, Any],
    theirs: Mapping[Path, Any],
    old: Path,
    new: Path,
    but: str,
) -> None:
    size = len(old)
    for path, value in theirs.items():
        if path[:size] == old and path[size : size + 1] != (but,):
            ours[(*new, *path[size:])] = value


def expanded(document: Document) -> tuple[Document, list[Problem]]:
    """Return the document with each table's rows as rules, and what does not fit."""
    if not any(
        isinstance(item, dict) and "table" in item
        for listed in document.value.values()
        if isinstance(listed, list)
        for item in listed
    ):
        return document, []
    copy, value = _Copy(document), {}
    for theirs, ours in (
        (document.spans, copy.spans),
        (document.key_spans, copy.key_spans),
    ):
        ours.update({path: span for path, span in theirs.items() if len(path) < 2})
    for section, listed in document.value.items():
        if not isinstance(listed, list):
            value[section] = listed
            copy.take_over((section,), (section,))
            continue
        value[section] = rules = list[Any]()
        for index, item in enumerate(listed):
            old: Path = (section, index)
            if not isinstance(item, dict) or "table" not in item:
                copy.take_over(old, (section, len(rules)))
                rules.append(item)
                continue
            rules.extend(_rows(copy, old, item, len(rules)))
    written = replace(
        document,
        value=value,
        spans=copy.spans,
        key_spans=copy.key_spans,
        styles=copy.styles,
        made=copy.made,
    )
    return written, copy.problems


def _rows(
    copy: _Copy, old: Path, item: Mapping[str, Any], first: int
) -> Iterator[dict[str, Any]]:
    table, number = item["table"], first
    for key, advice in (
        ("when", "a column"),
        ("then", "a column, or put it in `also`"),
    ):
        if key in item:
            message = f"what a table says stands in it, not in `{key}` beside it"
            copy.complain((*old, key), message, f"make it {advice} of the table")
    columns = [*table["when"], *table["then"]]
    for at, row in enumerate(table["rows"]):
        row_path: Path = (*old, "table", "rows", at)
        if len(row) != len(columns):
            message = (
                f"a row has {len(columns)} cells ({', '.join(columns)}), this one "
            )
            copy.complain(row_path, f"{message}{len(row)}", "write - for anything")
            continue
        new: Path = (old[0], number)
        copy.take_over(old, new, but="table")
        rule = _rule(copy, row_path, new, item, row)
        if "when" not in rule and old[0] in NEED_WHEN:
            message = "a row of this section asks for something in one column at least"
            copy.complain(row_path, message, "write a comparison into a cell")
            continue
        rule["id"] = f"{item['id']}-{at + 1}"
        place = copy.document.span(row_path)
        copy.spans[new] = copy.spans[(*new, "id")] = place
        copy.made[new] = str(item["id"])
        number += 1
        yield rule


def _rule(
    copy: _Copy, row_path: Path, new: Path, item: Mapping[str, Any], row: list[Any]
) -> dict[str, Any]:
    """Return one row as a rule, with the places of its cells."""
    table = item["table"]
    rule = {key: deepcopy(part) for key, part in item.items() if key != "table"}
    asked = []
    for at, (column, cell) in enumerate(zip(table["when"], row, strict=False)):
        place = copy.document.span((*row_path, at))
        if column == MATCH and new[0] == "errors":
            rule[MATCH] = cell
            copy.spans[(*new, MATCH)] = place
            continue
        text = condition(column, cell)
        if text is not None:
            several = " or " in text or " if " in text
            asked.append(f"({text})" if several else text)
    if asked:
        rule["when"] = " and ".join(asked)
        copy.spans[(*new, "when")] = copy.document.span(row_path)
    also: Path = (*row_path[:-2], "also")
    for key, said in table.get("also", {}).items():
        _say(copy, rule, new, key, said, (*also, key))
    first = len(table["when"])
    for at, key in enumerate(table["then"]):
        if row[first + at] != ANY:
            _say(copy, rule, new, key, row[first + at], (*row_path, first + at))
    return rule


def _say(
    copy: _Copy, rule: dict[str, Any], new: Path, key: str, said: Any, written: Path
) -> None:
    """Put one part of a rule's `then` where it belongs."""
    steps = ("then", *key.split("."))
    holder = rule
    for step in steps[:-1]:
        holder = holder.setdefault(step, {})
    holder[steps[-1]] = said
    copy.spans[(*new, *steps)] = copy.document.span(written)
    if written in copy.document.styles:
        copy.styles[(*new, *steps)] = copy.document.styles[written]
