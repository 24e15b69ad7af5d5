"""Decide at a candle's close whether to enter, and say why not, once."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from quorate.contract.decisions import Value, Verdict
from quorate.contract.records import Declined, Proposal
from quorate.contract.vocabulary import Moves
from quorate.flow.desk import FlowDesk
from quorate.flow.pursuing import pursue
from quorate.flow.turn import Turn
from quorate.rulebook.diagnostics import Span
from quorate.rulebook.rules import EntryRule
from quorate.rulebook.sections import APPROVAL
from quorate.stages.answers import Moment
from quorate.values.numbers import ZERO
from quorate.values.trade import Purpose


def enter(turn: Turn, symbol: str) -> None:
    """Propose the first entry rule that holds, or record why a candidate is not taken.

    A candidate is a candle at which the market part of an entry rule holds; the other
    candles have nothing to decide.
    """
    bench = turn.bench
    turn.mark = len(turn.outcome.decisions)
    stretch_ms = bench.view.stretch_ms(symbol)
    if not stretch_ms or entry_key(symbol) in turn.state.waiting:
        return
    desk = turn.desk(symbol)
    stop = stopped(turn, symbol)
    if stop:
        _decline(turn, bench.rulebook.entry[0], stop, None, symbol, stretch_ms)
        return
    context = bench.answers.context(bench.entry.reads, Moment(desk), exact=False)
    mask, _ = bench.entry.evaluate(context)
    for bit, (rule, _) in enumerate(bench.entry.keys):
        if mask >> bit & 1:
            inputs = bench.answers.inputs(rule.when, context)
            _propose(turn, rule, desk, inputs | _votes(turn, symbol))
            return
    rule = bench.rulebook.entry[0]
    by, place, inputs = _reason(turn, desk, rule)
    inputs = inputs | bench.answers.inputs(rule.when, context)
    _decline(turn, rule, by, place, symbol, stretch_ms, inputs)


def entry_key(symbol: str) -> str:
    """Return the key under which a symbol's entry waits; one waits at a time."""
    return f"entry:{symbol}"


def stopped(turn: Turn, symbol: str) -> str:
    """Return what stopped entries in a symbol, "" when nothing did."""
    for name in (symbol, "*"):
        stop = turn.state.stopped.get(name)
        if stop is not None and turn.now_ms < stop.until_ms:
            return stop.why
    return ""


def _votes(turn: Turn, symbol: str) -> dict[str, Value]:
    return {
        f"vote:{voter}": score
        for voter, score in turn.bench.view.scores(symbol).items()
    }


def _propose(
    turn: Turn, rule: EntryRule, desk: FlowDesk, inputs: Mapping[str, Value]
) -> None:
    answers, moment = turn.bench.answers, Moment(desk)
    position_id = f"p{turn.state.orders_made + 1}"
    quote_amount, amount = ZERO, ZERO
    try:
        if rule.quote_amount is not None:
            quote_amount = answers.value(rule.quote_amount, moment)
        elif rule.amount is not None:
            amount = answers.value(rule.amount, moment)
    except Exception as error:  # noqa: BLE001 - not known: stay out
        turn.decide(
            Verdict.NOT_KNOWN,
            section="entry",
            rule=rule.id,
            place=rule.place,
            symbol=desk.symbol,
            inputs=inputs,
            effect={"error": str(error)},
        )
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
    pursue(
        turn,
        Proposal(
            key=entry_key(desk.symbol),
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
    bench = turn.bench
    if asks_approval(rule):
        held, vetoes_unknown = bench.held_vetoes(desk)
        ordered = sorted(held or vetoes_unknown, key=lambda bit: _lifted(turn, bit))
        if ordered:
            veto, _ = bench.vetoes.keys[ordered[0]]
            names = veto.veto.expression.reads
            context = bench.answers.context(names, Moment(desk), exact=False)
            return veto.id, veto.place, bench.answers.inputs(veto.veto, context)
    return rule.id, rule.place, {}


def _lifted(turn: Turn, bit: int) -> int:
    return 0 if steady(turn, bit) else 1


def steady(turn: Turn, bit: int) -> bool:
    """Return whether a veto can change only with a recorded event."""
    veto, _ = turn.bench.vetoes.keys[bit]
    moves = turn.bench.answers.moves(veto.veto.expression.reads)
    return moves <= {Moves.STATE}


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
