"""Decide at a candle's close whether to enter, and say why not, once."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from quorate.contract.decisions import Value, Verdict
from quorate.contract.records import Declined, Proposal
from quorate.flow.desk import FlowDesk
from quorate.flow.pursuing import pursue
from quorate.flow.shadowing import shadow_vetoes
from quorate.flow.turn import Turn
from quorate.rulebook.diagnostics import Span
from quorate.rulebook.rules import EntryRule
from quorate.rulebook.sections import APPROVAL
from quorate.stages.answers import Moment
from quorate.values.mode import Mode
from quorate.values.numbers import ZERO
from quorate.values.trade import OrderStatus, Purpose

UNKNOWN_ORDER = "unknown-order"
"""What keeps entries out while it is not known what became of an order there."""


def enter(turn: Turn, symbol: str) -> None:
    """Propose the first entry rule that holds, or record why a candidate is not taken.

    A candidate is a candle at which the market part of an entry rule holds; the other
    candles have nothing to decide.
    """
    stretch_ms = turn.bench.view.stretch_ms(symbol)
    if not stretch_ms or _waits(turn, symbol):
        return
    turn.mark = len(turn.outcome.decisions)
    _enter(turn, symbol, stretch_ms)
    turn.mark = None


def _waits(turn: Turn, symbol: str) -> bool:
    """Return whether an entry of the symbol waits; one waits at a time."""
    return any(
        delayed.proposal.symbol == symbol and delayed.proposal.purpose == Purpose.ENTRY
        for delayed in turn.state.waiting.values()
    )


def _enter(turn: Turn, symbol: str, stretch_ms: int) -> None:
    bench, book = turn.bench, turn.bench.book
    desk = turn.desk(symbol)
    stop = stopped(turn, symbol)
    if stop:
        _decline(turn, bench.rulebook.entry[0], stop, None, symbol, stretch_ms)
        return
    context = book.answers.context(book.entry.reads, Moment(desk), exact=False)
    mask, _ = book.entry.evaluate(context)
    for bit, (rule, _) in enumerate(book.entry.keys):
        if mask >> bit & 1:
            inputs = book.answers.inputs(rule.when, context)
            _propose(turn, rule, desk, inputs | _votes(turn, symbol), stretch_ms)
            return
    rule = bench.rulebook.entry[0]
    by, place, inputs = _reason(turn, desk, rule)
    inputs = inputs | book.answers.inputs(rule.when, context)
    _decline(turn, rule, by, place, symbol, stretch_ms, inputs)


def entry_key(position_id: str) -> str:
    """Return the key under which an entry waits."""
    return f"entry:{position_id}"


def kept_out(
    turn: Turn, proposal: Proposal
) -> tuple[str, Span | None, dict[str, Value]] | None:
    """Return what keeps an entry out that is taken up again, None when nothing does.

    It was approved when it was proposed; meanwhile entries may have been stopped, and
    a veto may hold.
    """
    stop = stopped(turn, proposal.symbol)
    if stop:
        return stop, None, {}
    rules = [rule for rule in turn.bench.rulebook.entry if rule.id == proposal.rule]
    desk = turn.desk(proposal.symbol)
    if not rules or not asks_approval(rules[0]) or turn.bench.approval(desk):
        return None
    return _reason(turn, desk, rules[0])


def stopped(turn: Turn, symbol: str) -> str:
    """Return what stopped entries in a symbol, "" when nothing did."""
    if turn.state.mode is not Mode.ACTIVE:
        return str(turn.state.mode)
    stale = turn.bench.view.stale(symbol)
    if stale:
        return stale
    for name in (symbol, "*"):
        stop = turn.state.stopped.get(name)
        if stop is not None and turn.now_ms < stop.until_ms:
            return stop.why
    unknown = any(
        order.status is OrderStatus.UNKNOWN and order.intent.symbol == symbol
        for order in turn.state.live.values()
    )
    return UNKNOWN_ORDER if unknown else ""


def _votes(turn: Turn, symbol: str) -> dict[str, Value]:
    return {
        f"vote:{voter}": score
        for voter, score in turn.bench.view.scores(symbol).items()
    }


def _propose(
    turn: Turn,
    rule: EntryRule,
    desk: FlowDesk,
    inputs: Mapping[str, Value],
    stretch_ms: int,
) -> None:
    answers, moment = turn.bench.book.answers, Moment(desk)
    position_id = f"p{turn.state.positions_made + 1}"
    quote_amount, amount = ZERO, ZERO
    try:
        if rule.quote_amount is not None:
            quote_amount = answers.value(rule.quote_amount, moment)
        elif rule.amount is not None:
            amount = answers.value(rule.amount, moment)
    except Exception as error:  # noqa: BLE001 - not known: stay out
        reason = {**inputs, "error": str(error)}
        _decline(turn, rule, rule.id, rule.place, desk.symbol, stretch_ms, reason)
        return
    turn.decide(
        Verdict.FIRED,
        section="entry",
        rule=rule.id,
        place=rule.place,
        symbol=desk.symbol,
        inputs=inputs,
        effect={"quote_amount": quote_amount, "amount": amount},
        position_id=position_id,
    )
    if asks_approval(rule):
        shadow_vetoes(turn, desk.symbol, rule.id, position_id)
    pursue(
        turn,
        Proposal(
            key=entry_key(position_id),
            symbol=desk.symbol,
            purpose=Purpose.ENTRY,
            rule=rule.id,
            position_id=position_id,
            quote_amount=max(ZERO, quote_amount),
            amount=max(ZERO, amount),
            confidence=desk.confidence(desk.symbol),
            attempt=1,
            since_ms=turn.now_ms,
        ),
    )


def _reason(
    turn: Turn, desk: FlowDesk, rule: EntryRule
) -> tuple[str, Span, dict[str, Value]]:
    """Return which rule keeps a candidate out: a veto, or the entry rule itself.

    A veto that only a recorded event can lift goes before one that time or the market
    may lift, so that the reason stays the same while nothing happens.
    """
    bench, book = turn.bench, turn.bench.book
    if asks_approval(rule):
        found = bench.held_vetoes(desk)
        bits = found.held or found.unknown
        if bits:
            first = min(bits, key=lambda bit: (bit not in book.steady, bit))
            veto, _ = book.vetoes.keys[first]
            return veto.id, veto.place, book.answers.inputs(veto.veto, found.context)
    return rule.id, rule.place, {}


def asks_approval(rule: EntryRule) -> bool:
    """Return whether an entry cannot hold without risk's approval."""
    tree = rule.when.expression.tree
    parts = (
        tree.values
        if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And)
        else [tree]
    )
    return any(isinstance(part, ast.Name) and part.id == APPROVAL for part in parts)


def _decline(
    turn: Turn,
    rule: EntryRule,
    by: str,
    place: Span | None,
    symbol: str,
    stretch_ms: int,
    inputs: Mapping[str, Value] | None = None,
) -> None:
    declined = Declined(
        at_ms=turn.now_ms, symbol=symbol, rule=rule.id, by=by, stretch_ms=stretch_ms
    )
    if turn.said_before(declined):
        return
    turn.decide(
        Verdict.DECLINED,
        section="entry",
        rule=by,
        place=place,
        symbol=symbol,
        inputs=inputs,
        effect={"entry": rule.id},
    )
    turn.note(declined)
