"""Kill switches: what ends trading by itself, and stays so until a person resumes it.

A switch that has fired is spent: after a resume it fires again only when its condition
has ceased to hold in between, or resuming would be of no use.
"""

from __future__ import annotations

from quorate.contract.decisions import Verdict
from quorate.contract.records import ModeSet, Rearmed, Shadowed
from quorate.flow.clearing import clear_due
from quorate.flow.turn import Turn, symbol_of
from quorate.rulebook.rules import SwitchRule
from quorate.stages.answers import Moment


def switch(turn: Turn, symbol: str) -> None:
    """Fire the kill switches that hold and are stricter than the mode of now.

    Asked before anything is sent, so that they come too late for no order; not asked
    twice while nothing has changed.
    """
    bench, state = turn.bench, turn.state
    if not bench.book.switches.keys:
        return
    for one in dict.fromkeys((symbol, *state.spent.values())):
        seen = state.version, turn.now_ms
        if one in state.markets and bench.switched.get(one) != seen:
            _look(turn, one)
            bench.switched[one] = state.version, turn.now_ms


def switch_at_candle(turn: Turn, symbol: str) -> None:
    """Look at the kill switches again that the market or the clock can move."""
    if turn.bench.book.switches_move:
        switch(turn, symbol)


def switch_after(turn: Turn) -> None:
    """Fire the kill switches that hold after what this turn has recorded."""
    records = [one for one in turn.outcome.records if not isinstance(one, Shadowed)]
    for symbol in dict.fromkeys(symbol_of(turn.state, record) for record in records):
        switch(turn, symbol)


def _look(turn: Turn, symbol: str) -> None:
    bench, state = turn.bench, turn.state
    quote = state.markets[symbol].quote
    context = bench.book.answers.context(
        bench.book.switches.reads, Moment(turn.desk(symbol)), exact=True
    )
    mask, faults = bench.book.switches.evaluate(context)
    unknown = {bit for bit, _ in faults}
    for bit, (rule, _) in enumerate(bench.book.switches.keys):
        spent_in = state.spent.get((rule.id, quote))
        if mask >> bit & 1:
            if spent_in is None and rule.mode.stricter_than(state.mode):
                _fire(turn, rule, symbol, context)
        elif spent_in == symbol and bit not in unknown:
            turn.note(Rearmed(at_ms=turn.now_ms, rule=rule.id, symbol=symbol))


def _fire(turn: Turn, rule: SwitchRule, symbol: str, context: object) -> None:
    turn.decide(
        Verdict.FIRED,
        section="switches",
        rule=rule.id,
        place=rule.place,
        symbol=symbol,
        inputs=turn.bench.book.answers.inputs(rule.when, context),
        effect={"mode": rule.mode.value, "was": turn.state.mode.value},
    )
    turn.note(
        ModeSet(
            at_ms=turn.now_ms,
            mode=rule.mode,
            why=rule.id,
            rule=rule.id,
            symbol=symbol,
        )
    )
    clear_due(turn)
