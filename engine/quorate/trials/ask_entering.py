"""Ask the sections that decide whether to trade: votes, vetoes, entry rules."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from quorate.contract.vocabulary import Stage
from quorate.rulebook.rules import VoteRule
from quorate.stages.answers import as_float
from quorate.stages.votes import Sheet, count_votes
from quorate.trials.looks import Outcome, held, value
from quorate.trials.slots import bare
from quorate.trials.stand import NotGiven, Stand
from quorate.values.market import Candles, Floats
from quorate.values.timeframes import resample

MINUTE_MS = 60_000
_COLUMNS = ("open", "high", "low", "close", "volume")


def ask_votes(stand: Stand, columns: dict[str, Any], every_ms: int) -> Outcome:
    """Return what the votes say at the last of the given candles.

    With a ``vote`` given, what that one says of its own names at one moment, or what
    its names are in candles of one timeframe.
    """
    if "vote" in stand.given and columns:
        return _ask_lets(stand, _candles(columns, every_ms, stand.symbol))
    if "vote" in stand.given:
        return _ask_one(stand, str(stand.given["vote"]))
    candles = _candles(columns, every_ms, stand.symbol)
    outcome = Outcome()
    rulebook, host, params = stand.rulebook, stand.host, stand.params
    signals = count_votes(rulebook, host, candles, params)
    for ballot in signals.ballots:
        outcome.found[f"scores.{ballot.voter}"] = _last(ballot.scores)
    for name, fact in rulebook.facts.items():
        if fact.stage is Stage.QUORUM:
            outcome.found[name] = _last(signals.column(name))
    for rule in rulebook.votes:
        if rule.score is not None:
            _look_at_vote(stand, outcome, rule, candles)
    return outcome


def _ask_one(stand: Stand, name: str) -> Outcome:
    """Return the score of a single vote, None when it abstains.

    Raises:
        NotGiven: a name it mentions is not given.
    """
    outcome = Outcome()
    rule = next((one for one in stand.rulebook.votes if one.id == name), None)
    if rule is None or rule.score is None:
        return outcome
    written = {
        call.name: bare(call.text)
        for formula in (rule.when, rule.score)
        for call in (formula.expression.calls if formula else ())
    }
    context = SimpleNamespace()
    for formula in (rule.when, rule.score):
        for read in formula.expression.reads if formula else ():
            known = stand.params.get(read)
            seen = stand.need(written.get(read, read)) if known is None else known
            setattr(context, read, as_float(seen))
    outcome.found["score"] = None
    if rule.when is not None:
        outcome.note(rule, "when", rule.when, context)
        if not _holds(rule.when, context):
            return outcome
    outcome.note(rule, "score", rule.score, context)
    try:
        score = float(rule.score.evaluate(context))
    except Exception:  # noqa: BLE001 - what is not known abstains
        return outcome
    outcome.found["score"] = score if abs(score) <= 1 else None
    return outcome


def _ask_lets(stand: Stand, candles: Candles) -> Outcome:
    """Return what a single vote's names are at the last of the candles."""
    outcome = Outcome()
    sheet = Sheet(stand.rulebook, stand.host, candles, stand.params)
    for rule in stand.rulebook.votes:
        for name, formula in rule.lets if rule.id == stand.given["vote"] else ():
            values, faults = sheet.evaluate(formula.expression)
            sheet.columns[name] = np.where(faults, np.nan, values)
            outcome.found[f"let.{name}"] = _now(sheet.columns[name])
    return outcome


def _candles(columns: dict[str, Any], every_ms: int, symbol: str) -> Candles:
    """Return candles; without other columns nothing moves within a candle.

    Raises:
        NotGiven: there is no series of closes.
    """
    if "close" not in columns:
        raise NotGiven("close, as a series under `steps`")
    close = _column(columns["close"])
    rows = len(close)
    given = {name: _column(columns[name]) for name in _COLUMNS if name in columns}
    for name, column in given.items():
        if len(column) != rows:
            raise NotGiven(f"{name} for each of the {rows} candles")
    unknown = np.full(rows, np.nan)
    filled = {
        name: given.get(name, unknown if name == "volume" else close)
        for name in _COLUMNS
    }
    return Candles(
        symbol=symbol,
        timeframe_ms=every_ms,
        time_ms=np.arange(rows, dtype=np.int64) * every_ms,
        stale=np.zeros(rows, dtype=np.bool_),
        **filled,
    )


def _column(values: Any) -> Floats:
    return np.array([np.nan if one is None else float(one) for one in values])


def _last(column: Any) -> float | None:
    if column is None or not len(column) or np.isnan(column[-1]):
        return None
    return float(column[-1])


def _look_at_vote(
    stand: Stand, outcome: Outcome, rule: VoteRule, candles: Candles
) -> None:
    """Note what a vote's formulas read at the last candle of each timeframe."""
    for timeframe, _ in rule.timeframes or ((candles.timeframe_ms, 1.0),):
        named = stand.params[timeframe] if isinstance(timeframe, str) else timeframe
        shaped = resample(candles, int(named))
        if not len(shaped):
            continue
        sheet = Sheet(stand.rulebook, stand.host, shaped, stand.params)
        context = SimpleNamespace()
        for name, formula in rule.lets:
            values, faults = sheet.evaluate(formula.expression)
            sheet.columns[name] = np.where(faults, np.nan, values)
        for part in ("when", "score"):
            formula = getattr(rule, part)
            if formula is None:
                continue
            sheet.provide(formula.expression)
            for name in formula.expression.reads:
                setattr(context, name, _now(sheet.columns.get(name)))
            outcome.note(rule, part, formula, context)
            if part == "when" and not _holds(formula, context):
                break


def _now(column: Any) -> Any:
    if isinstance(column, np.ndarray):
        last = column[-1].item()
        return None if last != last else last  # noqa: PLR0124 - NaN is not itself
    return as_float(column)


def _holds(formula: Any, context: object) -> bool:
    try:
        return bool(formula.evaluate(context))
    except Exception:  # noqa: BLE001 - what is not known does not hold
        return False


def ask_vetoes(stand: Stand) -> Outcome:
    """Return which vetoes hold, and whether risk approves."""
    vetoes = stand.conditions(
        "vetoes",
        lambda ask: ask.conditions(stand.rulebook.votes, ["veto"], exact=False),
    )
    moment, outcome = stand.moment(), Outcome()
    context = stand.answers.context(vetoes.reads, moment, exact=False)
    mask, faults = vetoes.evaluate(context)
    holding = tuple(rule.id for rule in held(mask, vetoes.keys))
    unknown = tuple(vetoes.keys[bit][0].id for bit, _ in faults)
    outcome.found = {
        "vetoed": holding,
        "unknown": unknown,
        "risk_approved": False if holding else None if unknown else True,
    }
    for rule, part in vetoes.keys:
        outcome.look(stand, rule, part, rule.veto, moment)
    return outcome


def ask_entry(stand: Stand) -> Outcome:
    """Return the first entry rule that holds, and what it would buy."""
    entry = stand.conditions(
        "entry", lambda ask: ask.conditions(stand.rulebook.entry, ["when"], exact=False)
    )
    moment, outcome = stand.moment(), Outcome()
    context = stand.answers.context(entry.reads, moment, exact=False)
    mask, faults = entry.evaluate(context)
    first = next(iter(held(mask, entry.keys)), None)
    outcome.found = {
        "fires": first.id if first else "none",
        "unknown": tuple(entry.keys[bit][0].id for bit, _ in faults),
    }
    for rule, part in entry.keys:
        outcome.look(stand, rule, part, rule.when, moment)
        if rule is first:
            break
    if first is not None:
        for part in ("quote_amount", "amount"):
            formula = getattr(first, part)
            outcome.found[part] = value(stand, formula, moment)
            outcome.look(stand, first, part, formula, moment)
    return outcome
