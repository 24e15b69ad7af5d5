"""Votes: turn candles into columns - facts, indicators, scores, confidence, candidates.

What depends on market data alone is computed here on arrays, once for a whole tape or
for the window that live trading keeps; row ``i`` of a column uses candles up to ``i``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from quorate.contract.views import Ballot
from quorate.contract.vocabulary import Stage
from quorate.errors import TapeError
from quorate.host.find import describe
from quorate.host.host import Host
from quorate.rulebook.cross import formulas
from quorate.rulebook.params import ParamValue
from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.rules import EntryRule, Formula, VoteRule
from quorate.rulebook.terms import Call, Expression
from quorate.stages.answers import as_float
from quorate.values.market import Candles, Flags, Floats
from quorate.values.timeframes import format_timeframe, last_closed, resample


@dataclass(slots=True)
class Sheet:
    """The columns of one symbol in one timeframe, computed when first asked for."""

    rulebook: Rulebook
    host: Host
    candles: Candles
    params: Mapping[str, ParamValue]
    columns: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.columns.update(
            {name: as_float(value) for name, value in self.params.items()}
        )

    def provide(self, expression: Expression) -> None:
        """Compute every column that an expression reads and that can be computed."""
        for name in expression.names:
            if name not in self.columns:
                self._fact(name)
        for call in expression.calls:
            if call.name not in self.columns:
                self.columns[call.name] = self._call(call)

    def evaluate(self, expression: Expression) -> tuple[Any, Flags]:
        """Return an expression's values and faults, one for each candle."""
        self.provide(expression)
        values, faults = self.rulebook.columns.of(expression)(self.columns)
        rows = len(self.candles)
        if len(faults) != rows:  # nothing in it was a column: one row stands for all
            values, faults = np.repeat(values, rows), np.repeat(faults, rows)
        return values, faults

    def _fact(self, name: str) -> None:
        fact = self.rulebook.facts.get(name)
        if fact is None or fact.stage is not Stage.MARKET:
            return
        self.columns[name] = self.compute(name, self.candles)

    def compute(self, name: str, view: object) -> Floats:
        """Return a fact's column; NaN everywhere when its plugin fails."""
        fact, owner = self.rulebook.facts[name], self.host.owners[name]
        rows = len(self.candles)
        try:
            column = np.asarray(fact.compute(view), dtype=np.float64)
            if column.shape != (rows,):
                reason = f"must have {rows} rows, had shape {column.shape}"
                raise ValueError(reason)
        except Exception as error:  # noqa: BLE001 - a fact may fail in any way
            self.host.blame(owner, f"fact {name}", describe(error))
            return np.full(rows, np.nan)
        return column

    def _call(self, call: Call) -> Floats:
        owner = self.host.owners[call.function]
        rows = len(self.candles)
        series = []
        for expression in call.series:
            values, faults = self.evaluate(expression)
            series.append(np.where(faults, np.nan, values))
        try:
            function = self.rulebook.functions[call.function]
            column = np.asarray(function.compute(*series, *call.numbers), np.float64)
            if column.shape != (rows,):
                reason = f"must have {rows} rows, had shape {column.shape}"
                raise ValueError(reason)
        except Exception as error:  # noqa: BLE001 - a function may fail in any way
            self.host.blame(owner, f"function {call.function}", describe(error))
            return np.full(rows, np.nan)
        return column


@dataclass(slots=True)
class Signals:
    """One symbol's columns in the tape's own timeframe, and how it was voted."""

    sheet: Sheet
    ballots: list[Ballot]

    @property
    def candles(self) -> Candles:
        """The closed candles the columns stand on."""
        return self.sheet.candles

    def column(self, name: str) -> Floats | None:
        """Return a column by name, None when there is none."""
        found = self.sheet.columns.get(name)
        return found if isinstance(found, np.ndarray) else None

    def candidates(
        self,
        params: Mapping[str, ParamValue],
        rules: Sequence[EntryRule] | None = None,
    ) -> Flags:
        """Return the candles at which the market part of an entry rule holds.

        ``rules`` are those of the rulebook when left out.

        That part is what depends on market columns and params alone; a rule without
        one makes every candle a candidate.
        """
        rulebook, code = self.sheet.rulebook, self.sheet.rulebook.columns
        columns = dict(self.sheet.columns)
        columns.update({name: as_float(value) for name, value in params.items()})
        found = np.zeros(len(self.candles), dtype=np.bool_)
        for rule in rulebook.entry if rules is None else rules:
            part = code.market_part(rule.when.expression, self._is_market)
            if part is None:
                return np.ones(len(self.candles), dtype=np.bool_)
            values, faults = code.of(part)(columns)
            found |= values & ~faults
        return found

    def _is_market(self, name: str) -> bool:
        return name in self.sheet.columns


def count_votes(
    rulebook: Rulebook,
    host: Host,
    candles: Candles,
    params: Mapping[str, ParamValue],
    also: Iterable[Expression] = (),
) -> Signals:
    """Return a symbol's columns, with every vote cast.

    ``candles`` are in the tape's own timeframe, without gaps; ``params`` those of the
    symbol. ``also`` are expressions of other rulebooks that need their columns too.

    Raises:
        TapeError: a vote looks at a timeframe that these candles cannot give.
    """
    sheets: dict[int, Sheet] = {}
    sheet = Sheet(rulebook, host, candles, params)
    sheets[candles.timeframe_ms] = sheet
    cast = [
        _cast(rule, sheets, sheet) for rule in rulebook.votes if rule.score is not None
    ]
    ballots = [ballot for ballot, _ in cast]
    ballots.extend(_plugin_votes(rulebook, host, candles))
    _count(sheet, ballots, max((first for _, first in cast), default=0))
    for expression in (*_needed(rulebook), *also):
        sheet.provide(expression)
    for name in ("close", "data_age"):
        if name not in sheet.columns and name in rulebook.facts:
            sheet.columns[name] = sheet.compute(name, candles)
    return Signals(sheet, ballots)


def _needed(rulebook: Rulebook) -> Iterable[Expression]:
    """Yield the expressions of every section but votes; vetoes and shadows included."""
    for rule in (
        *(rule for rules in rulebook.shadows.values() for rule in rules),
        *rulebook.entry,
        *rulebook.checks,
        *rulebook.orders,
        *rulebook.errors,
        *rulebook.exits,
    ):
        for formula in formulas(rule):
            yield formula.expression
    for vote in rulebook.votes:
        if vote.veto is not None:
            yield vote.veto.expression


def _count(sheet: Sheet, ballots: Sequence[Ballot], first: int) -> None:
    """Compute the facts that come from the votes, confidence among them.

    They are not known before candle ``first``, at which every vote rule is: otherwise
    the quickest indicator would decide alone until the others have seen enough.
    """
    for name, fact in sheet.rulebook.facts.items():
        if fact.stage is Stage.QUORUM:
            column = np.full(len(sheet.candles), np.nan)
            if ballots:
                column[first:] = sheet.compute(name, list(ballots))[first:]
            sheet.columns[name] = column


def _cast(rule: VoteRule, sheets: dict[int, Sheet], own: Sheet) -> tuple[Ballot, int]:
    """Return one vote rule's scores, and the first candle at which it is known.

    Its timeframes are weighed together. A timeframe whose ``when`` does not hold
    abstains; one that is not known makes the whole vote abstain.
    """
    rows = len(own.candles)
    total, weights = np.zeros(rows), np.zeros(rows)
    known = np.ones(rows, dtype=np.bool_)
    base_ms = own.candles.timeframe_ms
    for timeframe, weight in rule.timeframes or ((base_ms, 1.0),):
        sheet = _sheet(rule, timeframe, sheets, own)
        scores, unknown = _scores(rule, sheet)
        if sheet is not own:
            at = last_closed(sheet.candles, own.candles.close_ms)
            closed = at >= 0
            scores, unknown = _aligned(scores, at), ~closed | _aligned(unknown, at)
        known &= ~unknown
        cast = ~unknown & ~np.isnan(scores)
        total[cast] += weight * scores[cast]
        weights[cast] += weight
    voted = known & (weights > 0)
    scores = np.full(rows, np.nan)
    scores[voted] = total[voted] / weights[voted]
    ballot = Ballot(
        voter=rule.id, assistant=rule.assistant, weight=rule.weight, scores=scores
    )
    return ballot, int(known.argmax()) if known.any() else rows


def _aligned(column: Any, at: Any) -> Any:
    """Return a higher timeframe's column, seen from the candles of the tape's own."""
    if not len(column):
        return np.zeros(len(at), dtype=column.dtype)
    return column[np.maximum(at, 0)]


def _sheet(
    rule: VoteRule, timeframe: int | str, sheets: dict[int, Sheet], own: Sheet
) -> Sheet:
    named = own.params[timeframe] if isinstance(timeframe, str) else timeframe
    timeframe_ms = int(named)
    sheet = sheets.get(timeframe_ms)
    if sheet is None:
        base_ms = own.candles.timeframe_ms
        if timeframe_ms % base_ms:
            have = format_timeframe(base_ms)
            raise TapeError(
                f"{rule.place}: vote `{rule.id}` looks at {timeframe_ms // 60_000}m "
                f"candles, which cannot be made of the {have} candles of "
                f"{own.candles.symbol}. Use an overlay with other timeframes, such as "
                f"--overlay rules/5m, or --set"
            )
        candles = resample(own.candles, timeframe_ms)
        sheet = Sheet(own.rulebook, own.host, candles, own.params)
        sheets[timeframe_ms] = sheet
    return sheet


def _scores(rule: VoteRule, sheet: Sheet) -> tuple[Floats, Flags]:
    """Return a rule's scores in one timeframe (NaN abstains), and where not known."""
    assert rule.score is not None
    before = dict(sheet.columns)
    faults: dict[str, Flags] = {}

    def evaluate(formula: Formula) -> tuple[Any, Flags]:
        values, unknown = sheet.evaluate(formula.expression)
        for name in formula.expression.names & faults.keys():
            unknown = unknown | faults[name]
        return values, unknown

    for name, formula in rule.lets:
        values, faults[name] = evaluate(formula)
        if values.dtype == np.float64:
            # A NaN would fault what mentions it twice over; the mask says it once.
            values = np.where(faults[name], 0.0, values)
        sheet.columns[name] = values
    scores, unknown = evaluate(rule.score)
    scores = scores.astype(np.float64)
    scores[np.abs(scores) > 1] = np.nan
    if rule.when is not None:
        holds, not_known = evaluate(rule.when)
        scores[~holds] = np.nan
        unknown = unknown & holds | not_known
    _forget_lets(sheet, before, rule)
    return scores, unknown


def _forget_lets(sheet: Sheet, before: Mapping[str, Any], rule: VoteRule) -> None:
    """Let names go that belong to one rule; computed facts and calls stay."""
    for name, _ in rule.lets:
        if name not in before:
            del sheet.columns[name]


def _plugin_votes(rulebook: Rulebook, host: Host, candles: Candles) -> Iterable[Ballot]:
    """Yield the votes that plugins cast themselves; a bad one abstains and is noted."""
    weights = {
        rule.assistant: rule.weight
        for rule in rulebook.votes
        if rule.score is None and rule.veto is None
    }
    for answer in host.ask("vote", candles=candles):
        if answer.value is None:
            continue
        try:
            scores = np.array(answer.value, dtype=np.float64)
        except (TypeError, ValueError) as error:
            host.blame(answer.plugin, "vote", describe(error))
            continue
        if scores.shape != (len(candles),):
            reason = f"must give {len(candles)} scores, had shape {scores.shape}"
            host.blame(answer.plugin, "vote", reason)
            continue
        outside = np.abs(scores) > 1
        if outside.any():
            host.blame(answer.plugin, "vote", "scores run from -1 to 1")
            scores[outside] = np.nan
        yield Ballot(
            voter=answer.plugin,
            assistant=answer.plugin,
            weight=weights.get(answer.plugin, 1.0),
            scores=scores,
        )
