"""When a rule is active: days, hours and dates, written as a condition like any other.

A window becomes an expression over the facts of time, so that everything that reads
conditions (columns, sampling, coverage, explanations) reads windows too.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from quorate.rulebook.terms import Expression

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\dZ)?", re.ASCII)
_MIDNIGHT = ("00:00", "24:00")


def window_text(window: Mapping[str, Any]) -> str:
    """Return a window as an expression over weekday, time_of_day and unix_time.

    Days and hours are those of the moment in UTC: hours that pass midnight belong to
    the day they fall on. A window ends before its last hour and before ``until``.

    Raises:
        ValueError: the window is never open, or a date does not exist; with the key.
    """
    return " and ".join(_parts(window))


def _parts(window: Mapping[str, Any]) -> Iterator[str]:
    begin, end = _moment(window, "from"), _moment(window, "until")
    if begin is not None and end is not None and begin >= end:
        raise ValueError("until", "`until` is not later than `from`")
    if begin is not None:
        yield f"unix_time >= {begin}s"
    if end is not None:
        yield f"unix_time < {end}s"
    if "days" in window:
        yield from _days(window["days"])
    if "hours" in window:
        yield from _hours(window["hours"])


def read_moment(text: str) -> int | None:
    """Return a date, or a date with a time and Z, as UTC milliseconds, or None."""
    if not _MOMENT.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int(moment.replace(tzinfo=UTC).timestamp()) * 1000


def _moment(window: Mapping[str, Any], key: str) -> int | None:
    """Return a date as seconds since 1970."""
    if key not in window:
        return None
    moment_ms = read_moment(window[key])
    if moment_ms is None:
        raise ValueError(key, f"`{key}` is no date of the calendar")
    return moment_ms // 1000


def _days(days: list[str]) -> Iterator[str]:
    numbers = sorted({DAYS.index(day) + 1 for day in days})
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    spans = [_span(run[0], run[-1]) for run in runs]
    text = " or ".join(span for span in spans if span)
    if text:
        yield f"({text})" if len(spans) > 1 else text


def _span(first: int, last: int) -> str:
    """Return a run of days as a comparison, "" for the whole week."""
    low = f"weekday >= {first}" if first > 1 else ""
    high = f"weekday <= {last}" if last < len(DAYS) else ""
    return " and ".join(part for part in (low, high) if part)


def _hours(hours: str) -> Iterator[str]:
    begin, _, end = hours.partition("-")
    if begin == end:
        raise ValueError("hours", "`hours` end where they begin")
    low = "" if begin in _MIDNIGHT else f"time_of_day >= {_time(begin)}"
    high = "" if end in _MIDNIGHT else f"time_of_day < {_time(end)}"
    past_midnight = low and high and begin > end
    text = (" or " if past_midnight else " and ").join(
        part for part in (low, high) if part
    )
    if text:
        yield f"({text})" if past_midnight else text


def _time(clock: str) -> str:
    hour, minute = map(int, clock.split(":"))
    return f"{hour * 60 + minute}m" if minute else f"{hour}h"


def within(window: Expression, when: Expression) -> Expression:
    """Return the condition that holds inside the window alone.

    The window comes last, so that places in ``when`` stay what they are. What ``when``
    mentions must be known outside of the window too: a rule never half-works.
    """
    binds = isinstance(when.tree, ast.IfExp) or (
        isinstance(when.tree, ast.BoolOp) and isinstance(when.tree.op, ast.Or)
    )
    text = f"({when.text})" if binds else when.text
    joined = f"{text} and {window.text}"
    parts = [*_moved(when.tree, int(binds)), *_moved(window.tree, len(text) + 5)]
    tree = ast.BoolOp(op=ast.And(), values=parts)
    tree.lineno = tree.end_lineno = 1
    tree.col_offset, tree.end_col_offset = 0, len(joined)
    calls = {call.name: call for call in (*window.calls, *when.calls)}
    return Expression(
        text=joined,
        tree=tree,
        kind=when.kind,
        unit=when.unit,
        names=window.names | when.names,
        calls=tuple(calls.values()),
        reads={**window.reads, **when.reads},
        place=when.place,
    )


def _moved(tree: ast.expr, by: int) -> list[ast.expr]:
    """Return the conjuncts of a tree, their columns moved along."""
    moved = deepcopy(tree)
    for node in ast.walk(moved):
        if isinstance(node, ast.expr):
            node.col_offset += by
            node.end_col_offset = (node.end_col_offset or 0) + by
    if isinstance(moved, ast.BoolOp) and isinstance(moved.op, ast.And):
        return moved.values
    return [moved]
