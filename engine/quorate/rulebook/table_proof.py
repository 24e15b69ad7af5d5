"""What decision tables leave out, and where two of their rows hold at once.

Looked for by drawing moments, like everything that is said of a rulebook's meaning.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import fields
from itertools import combinations
from typing import Any

from quorate.rulebook.diagnostics import Problem, Span
from quorate.rulebook.moments import moment
from quorate.rulebook.proving import warning
from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.rules import Formula
from quorate.rulebook.sampling import Range, find, ranges_of

_TABLED = ("entry", "checks", "orders", "errors", "exits", "tuning")
_OWN = ("id", "place", "when", "pattern")


def table_problems(rulebook: Rulebook) -> Iterator[Problem]:
    """Yield a warning for each gap of a table, and for each two rows that overlap.

    A gap is a moment in which no rule says how an order is sent: in other sections a
    table may well be silent. Rows with other patterns of errors do not overlap.
    """
    for section in _TABLED:
        rules = (*getattr(rulebook, section), *rulebook.shadows[section])
        for name in dict.fromkeys(rule.table for rule in rules if rule.table):
            rows = [rule for rule in rules if rule.table == name]
            conditions = [row.when.expression for row in rows if row.when is not None]
            ranges = ranges_of(conditions, rulebook.facts, rulebook.params)
            if section == "orders" and not rows[0].shadow:
                yield from _gap(rulebook, name, rows[0].place)
            yield from _overlaps(rulebook, rows, ranges)


def _asked(row: Any) -> ast.expr | None:
    """Return what a row's cells ask for, None when they ask for nothing."""
    when: Formula | None = row.when
    if when is None:
        return None
    return (when.written or when.expression).tree


def _gap(rulebook: Rulebook, name: str, place: Span) -> Iterator[Problem]:
    said = [rule.when.expression for rule in rulebook.orders if rule.when is not None]
    if len(said) < len(rulebook.orders):
        return  # some rule always says how
    ranges = ranges_of(said, rulebook.facts, rulebook.params)
    found = find(ranges, [(expression.tree, False) for expression in said])
    if found is not None:
        told = moment(rulebook, *found, [expression.tree for expression in said])
        yield warning(
            rulebook,
            "R446",
            f"no row of `{name}`, and no other rule, holds at {told}",
            place,
            "add a row for it, or a last row of - alone",
        )


def _overlaps(
    rulebook: Rulebook, rows: Sequence[Any], ranges: dict[str, Range]
) -> Iterator[Problem]:
    for first, second in combinations(rows, 2):
        one, other = _asked(first), _asked(second)
        if one is None or other is None or _says(first) == _says(second):
            continue  # a row of - alone is for what the others leave
        if getattr(first, "pattern", None) != getattr(second, "pattern", None):
            continue
        found = find(ranges, [(one, True), (other, True)])
        if found is not None:
            told = moment(rulebook, *found, [one, other])
            yield warning(
                rulebook,
                "R447",
                f"`{second.id}` and `{first.id}` both hold at {told}",
                second.place,
                "let each say what is different; the first that holds counts first",
                ((f"`{first.id}` is here", first.place),),
            )


def _says(row: Any) -> list[object]:
    """Return what a row does, places left out."""
    return [
        _plain(getattr(row, one.name)) for one in fields(row) if one.name not in _OWN
    ]


def _plain(value: Any) -> object:
    if isinstance(value, Formula):
        return value.text
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    if hasattr(value, "__dataclass_fields__"):
        return [_plain(getattr(value, one.name)) for one in fields(value)]
    return value
