"""Count the candles of a run again: which were candidates for an entry, and why not.

The journal does not say what was never a candidate. The columns are computed anew from
the run's candles, under the rules and the tuned params of each moment.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from quorate.contract.records import Record, RulesChanged, Started, Tuned
from quorate.host.host import Host
from quorate.rulebook.evaluating import evaluate
from quorate.rulebook.params import ParamValue, read_tuned
from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.rules import EntryRule
from quorate.rulebook.terms import Expression
from quorate.stages.answers import as_float
from quorate.stages.votes import Signals, count_votes
from quorate.values.market import Candles, Flags

CONFIDENCE = "confidence"


@dataclass(frozen=True, slots=True)
class Spell:
    """A time, from a moment on, in which rules and tuned params were the same."""

    from_ms: int
    rulebook: str
    tuned: Mapping[str, ParamValue]


@dataclass(frozen=True, slots=True)
class Miss:
    """A part of an entry's market condition that failed where no candidate was.

    ``left`` and ``right`` are the two sides where it came nearest, None when they are
    no numbers.
    """

    rule: str
    place: str
    text: str
    failed: int
    left: float | None = None
    right: float | None = None

    def nearer(self, other: Miss) -> Miss:
        """Return both as one, with the sides that came nearest."""
        gaps = [
            (abs(one.left - one.right), one.left, one.right)
            for one in (self, other)
            if one.left is not None and one.right is not None
        ]
        _, left, right = min(gaps, default=(0, None, None))
        failed = self.failed + other.failed
        return Miss(self.rule, self.place, self.text, failed, left, right)


@dataclass(slots=True)
class CandleCount:
    """What the candles of a symbol were, row by row.

    ``close_ms`` is when each closed, ``inside`` whether it is asked about.
    """

    close_ms: Any
    inside: Flags
    known: Flags
    candidate: Flags
    misses: dict[tuple[str, str], Miss] = field(default_factory=dict)


def spells(records: Iterable[Record]) -> list[Spell]:
    """Return when the rules and the tuned params were which."""
    found: list[Spell] = []
    rulebook, tuned = "", dict[str, ParamValue]()
    for record in records:
        if isinstance(record, Started | RulesChanged):
            rulebook = record.rulebook
        elif isinstance(record, Tuned) and record.back:
            tuned.pop(record.param, None)
        elif isinstance(record, Tuned):
            tuned[record.param] = read_tuned(record.new)
        else:
            continue
        found.append(Spell(record.at_ms, rulebook, dict(tuned)))
    return found


def count_candles(
    candles: Candles,
    times: list[Spell],
    rulebook_of: Callable[[str], Rulebook],
    host: Host,
    span: tuple[int, int],
) -> CandleCount:
    """Return what the candles that close in ``span`` (from, before; ms) were."""
    close_ms = candles.close_ms
    inside = (close_ms >= span[0]) & (close_ms < span[1])
    nothing = np.zeros(len(candles), bool)
    counted = CandleCount(close_ms, inside, nothing, nothing.copy())
    signals: dict[str, Signals] = {}
    ends = [*(one.from_ms for one in times[1:]), int(close_ms[-1]) + 1]
    for spell, end_ms in zip(times, ends, strict=True):
        rows = (close_ms >= spell.from_ms) & (close_ms < end_ms)
        if not rows.any():
            continue
        rulebook = rulebook_of(spell.rulebook)
        if spell.rulebook not in signals:
            plain = rulebook.params.effective(candles.symbol, {})
            signals[spell.rulebook] = count_votes(rulebook, host, candles, plain)
        seen = signals[spell.rulebook]
        params = rulebook.params.effective(candles.symbol, spell.tuned)
        confidence = seen.column(CONFIDENCE)
        known = rows if confidence is None else rows & ~np.isnan(confidence)
        counted.known |= known
        counted.candidate |= rows & seen.candidates(params)
        missed = known & ~counted.candidate & inside
        for miss in _misses(rulebook, seen, params, missed):
            key = (miss.rule, miss.text)
            before = counted.misses.get(key)
            counted.misses[key] = miss if before is None else before.nearer(miss)
    counted.known &= inside
    counted.candidate &= inside
    return counted


def _misses(
    rulebook: Rulebook,
    signals: Signals,
    params: Mapping[str, ParamValue],
    rows: Flags,
) -> Iterator[Miss]:
    """Yield each part of each entry's market condition that failed in some rows."""
    columns = dict(signals.sheet.columns)
    columns.update({name: as_float(value) for name, value in params.items()})
    for rule in rulebook.entry:
        part = rulebook.columns.market_part(rule.when.expression, columns.__contains__)
        for term in _terms(part):
            held = np.broadcast_to(evaluate(term, columns), rows.shape)
            failed = rows & ~held.astype(bool)
            if failed.any() and part is not None:
                yield _miss(rule, part, term, failed, columns)


def _terms(part: Expression | None) -> list[ast.expr]:
    if part is None:
        return []
    tree = part.tree
    joined = isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And)
    return list(tree.values) if joined and isinstance(tree, ast.BoolOp) else [tree]


def _miss(
    rule: EntryRule,
    part: Expression,
    term: ast.expr,
    failed: Flags,
    columns: Mapping[str, Any],
) -> Miss:
    place = f"{rule.place.path}:{rule.place.line}"
    text, count = part.source(term), int(failed.sum())
    if not isinstance(term, ast.Compare):
        return Miss(rule.id, place, text, count)
    sides = [
        np.broadcast_to(np.asarray(evaluate(side, columns)), failed.shape)
        for side in (term.left, term.comparators[0])
    ]
    if any(side.dtype.kind != "f" for side in sides):
        return Miss(rule.id, place, text, count)
    gaps = np.where(failed, np.abs(sides[0] - sides[1]), np.nan)
    if np.isnan(gaps).all():
        return Miss(rule.id, place, text, count)
    at = int(np.nanargmin(gaps))
    return Miss(rule.id, place, text, count, float(sides[0][at]), float(sides[1][at]))
