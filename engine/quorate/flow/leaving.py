"""Watch open positions, let them leave, keep their take-profits resting."""

from __future__ import annotations

from quorate.contract.decisions import Verdict
from quorate.contract.records import CancelAsked, Leaving, Proposal
from quorate.flow.events import Cancel
from quorate.flow.pursuing import begin_leaving, close, pursue
from quorate.flow.turn import Turn
from quorate.rulebook.rules import ExitRule
from quorate.stages.answers import Moment
from quorate.stages.exits import look, view_position
from quorate.values.numbers import ONE, ZERO
from quorate.values.trade import Position, Purpose


def watch(turn: Turn, symbol: str, *, candle: bool) -> None:
    """Look at every open position of a symbol; those that must leave, leave.

    A position whose last exit was refused is looked at again only at a candle's
    close: what refuses once a second would fill the journal and the rate counter.
    """
    for position in list(turn.state.positions.values()):
        if position.symbol != symbol or position.leaving or not position.bought:
            continue
        if candle or position.id not in turn.state.hesitant:
            _watch_one(turn, position)


def _watch_one(turn: Turn, position: Position) -> None:
    bench = turn.bench
    price = bench.view.price(position.symbol)
    if price is None:
        return
    desk = turn.desk(position.symbol)
    view = view_position(
        position,
        desk.market,
        price=price,
        at_ms=turn.now_ms,
        peak_price=bench.view.peak(position.symbol, position.opened_ms) or price,
    )
    seen = look(bench.answers, bench.exits, position, desk, view)
    if seen.found is None:
        return
    rule = seen.found.rule
    share = min(ONE, bench.answers.value(rule.share, Moment(desk, position=view)))
    begin_leaving(turn, position, rule.id, share, rule.place, dict(seen.found.inputs))


def free_and_sell(turn: Turn, position_id: str) -> None:
    """Cancel what a leaving position still has at the venue, then sell.

    Called again whenever one of its orders is over, until nothing is locked.
    """
    leaving = turn.state.leaving.get(position_id)
    if leaving is None:
        return
    live = turn.state.orders_of(position_id)
    for order in live:
        if order.intent.purpose is not Purpose.EXIT and not order.cancel_asked:
            client_id = order.intent.client_id
            turn.note(
                CancelAsked(at_ms=turn.now_ms, client_id=client_id, why=leaving.rule)
            )
            turn.act(Cancel(client_id))
    if not live:
        _sell(turn, leaving)


def _sell(turn: Turn, leaving: Leaving) -> None:
    position = turn.state.positions[leaving.position_id]
    if position.held <= ZERO:
        close(turn, position, leaving.rule)
        return
    pursue(
        turn,
        Proposal(
            key=f"exit:{position.id}",
            symbol=position.symbol,
            purpose=Purpose.EXIT,
            rule=leaving.rule,
            position_id=position.id,
            quote_amount=ZERO,
            amount=position.held * leaving.share,
            confidence=None,
            attempt=1,
            since_ms=turn.now_ms,
        ),
    )


def settle(turn: Turn, position_id: str, rule: str) -> None:
    """Put a position in order after one of its orders is over.

    Sold out: it closes. Leaving: the sale follows. Otherwise its take-profits rest
    again, sized to what is held.
    """
    position = turn.state.positions.get(position_id)
    if position is None:
        return
    if position.bought and position.held <= ZERO and not _live(turn, position_id):
        close(turn, position, rule)
    elif position.leaving:
        free_and_sell(turn, position_id)
    elif position.bought and not _live(turn, position_id):
        arm(turn, position)


def _live(turn: Turn, position_id: str) -> bool:
    return bool(turn.state.orders_of(position_id))


def arm(turn: Turn, position: Position) -> None:
    """Put the resting exits of a position into the venue's book."""
    bench = turn.bench
    for rule in bench.rulebook.exits:
        if rule.rest is not None and rule.id not in position.exits_fired:
            _rest(turn, position, rule)


def _rest(turn: Turn, position: Position, rule: ExitRule) -> None:
    desk = turn.desk(position.symbol)
    price = turn.bench.view.price(position.symbol)
    if price is None:
        return
    view = view_position(
        position, desk.market, price=price, at_ms=turn.now_ms, peak_price=price
    )
    try:
        share = turn.bench.answers.value(rule.share, Moment(desk, position=view))
    except Exception:  # noqa: BLE001 - not known: the watched exits stand
        turn.decide(
            Verdict.NOT_KNOWN,
            section="exits",
            rule=rule.id,
            place=rule.place,
            symbol=position.symbol,
            position_id=position.id,
        )
        return
    pursue(
        turn,
        Proposal(
            key=f"rest:{position.id}:{rule.id}",
            symbol=position.symbol,
            purpose=Purpose.TAKE_PROFIT,
            rule=rule.id,
            position_id=position.id,
            quote_amount=ZERO,
            amount=position.held * min(ONE, share),
            confidence=None,
            attempt=1,
            since_ms=turn.now_ms,
        ),
    )
