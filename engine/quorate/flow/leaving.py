"""Watch open positions, let them leave, keep their take-profits resting."""

from __future__ import annotations

from decimal import Decimal

from quorate.contract.decisions import Value, Verdict
from quorate.contract.records import Declined, Leaving, Proposal
from quorate.contract.views import PositionView
from quorate.flow.book import Exits
from quorate.flow.clearing import clear
from quorate.flow.closing import close, is_dust
from quorate.flow.pursuing import begin_leaving, pursue
from quorate.flow.state import NOT_KNOWN
from quorate.flow.turn import Turn
from quorate.rulebook.rules import ExitRule
from quorate.stages.answers import Moment
from quorate.stages.exits import ExitFound, look, view_position
from quorate.values.mode import Mode
from quorate.values.numbers import ONE, ZERO
from quorate.values.trade import Position, Purpose


def watch(turn: Turn, symbol: str, *, candle: bool) -> None:
    """Look at every open position of a symbol; those that must leave, leave.

    A position whose last exit was refused is looked at again only at a candle's
    close: what refuses once a second would fill the journal and the rate counter.
    If it stays then, its take-profits, cancelled for that exit, rest again. While
    nothing may be sent none leaves: that would only cancel what still protects it.
    """
    if turn.state.mode is Mode.HALTED:
        return
    for position in list(turn.state.held_in.get(symbol, {}).values()):
        if position.leaving or not position.bought:
            continue
        hesitant = position.id in turn.state.hesitant
        if candle or not hesitant:
            _watch_one(turn, position)
        if candle and hesitant and position.id not in turn.state.leaving:
            settle(turn, position.id, position.rule)


def _watch_one(turn: Turn, position: Position) -> None:
    bench = turn.bench
    price = bench.view.price(position.symbol)
    if price is None:
        return
    view = view_position(
        position,
        turn.state.markets[position.symbol],
        price=price,
        at_ms=turn.now_ms,
        peak_price=bench.view.peak(position.symbol, position.opened_ms) or price,
    )
    found: tuple[Exits, ExitFound] | None = None
    for exits in bench.exits_of(position):
        desk = turn.desk(position.symbol, exits.rulebook)
        seen = look(exits.answers, exits.watched, position, desk, view)
        for rule in seen.unknown:
            _report(turn, position, exits, rule)
        if found is None and seen.found is not None:
            found = exits, seen.found
    if found is not None:
        _leave(turn, position, view, *found)


def _leave(
    turn: Turn, position: Position, view: PositionView, exits: Exits, found: ExitFound
) -> None:
    """Let a position leave by the exit that holds, unless its share is not known."""
    rule, inputs = found.rule, dict(found.inputs)
    share = _share(turn, position, exits, rule, view)
    if share is None:
        _not_known(turn, position, exits, rule, inputs)
        turn.note(
            Declined(
                at_ms=turn.now_ms,
                symbol=position.symbol,
                rule=rule.id,
                by=rule.id,
                position_id=position.id,
            )
        )
        return
    begin_leaving(
        turn, position, rule.id, share, rule.place, inputs, turn.other(exits.rulebook)
    )


def _share(
    turn: Turn, position: Position, exits: Exits, rule: ExitRule, view: PositionView
) -> Decimal | None:
    """Return what share of a position an exit sells, None when that is not known."""
    desk = turn.desk(position.symbol, exits.rulebook)
    try:
        share = exits.answers.value(rule.share, Moment(desk, position=view))
    except Exception:  # noqa: BLE001 - not known
        return None
    return min(ONE, Decimal(share)) if share > 0 else None


def _report(turn: Turn, position: Position, exits: Exits, rule: ExitRule) -> None:
    """Report an exit whose inputs are not known, once; the others are watched on."""
    if (position.id, rule.id) in turn.state.unknown_exits:
        return
    if rule.id in position.exits_fired:
        return
    _not_known(turn, position, exits, rule, {})
    turn.note(
        Declined(
            at_ms=turn.now_ms,
            symbol=position.symbol,
            rule=rule.id,
            by=NOT_KNOWN,
            position_id=position.id,
        )
    )


def _not_known(
    turn: Turn,
    position: Position,
    exits: Exits,
    rule: ExitRule,
    inputs: dict[str, Value],
) -> None:
    turn.decide(
        Verdict.NOT_KNOWN,
        section="exits",
        rule=rule.id,
        place=rule.place,
        symbol=position.symbol,
        inputs=inputs,
        position_id=position.id,
        rulebook=turn.other(exits.rulebook),
    )


def follow(turn: Turn) -> None:
    """Free and sell what this turn decided to let leave, and did not follow up yet."""
    records = turn.outcome.records
    while turn.followed < len(records):
        record = records[turn.followed]
        turn.followed += 1
        if isinstance(record, Leaving):
            free_and_sell(turn, record.position_id)


def free_and_sell(turn: Turn, position_id: str) -> None:
    """Cancel what a leaving position still has at the venue, then sell.

    Called again whenever one of its orders is over, until nothing is locked.
    """
    leaving = turn.state.leaving.get(position_id)
    if leaving is None:
        return
    live = turn.state.orders_of(position_id)
    for order in live:
        clear(turn, order)
    if not live and exit_key(position_id) not in turn.state.waiting:
        _sell(turn, leaving)


def exit_key(position_id: str) -> str:
    """Return the key under which a position's sale waits."""
    return f"exit:{position_id}"


def _sell(turn: Turn, leaving: Leaving) -> None:
    position = turn.state.positions[leaving.position_id]
    if position.held <= ZERO:
        close(turn, position, leaving.rule)
        return
    pursue(
        turn,
        Proposal(
            key=exit_key(position.id),
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

    Sold out, or down to dust: it closes. Leaving: the sale follows. Otherwise its
    take-profits rest again, sized to what is held.
    """
    position = turn.state.positions.get(position_id)
    if position is None:
        return
    live = turn.state.orders_of(position_id)
    if position.bought and not live and is_dust(turn, position):
        close(turn, position, rule)
    elif position.leaving:
        free_and_sell(turn, position_id)
    elif position.bought and not live:
        arm(turn, position)


def rest_key(position_id: str, rule: str) -> str:
    """Return the key under which a position's resting exit waits."""
    return f"rest:{position_id}:{rule}"


def arm(turn: Turn, position: Position) -> None:
    """Put the resting exits of a position into the venue's book."""
    for exits in turn.bench.exits_of(position):
        for rule in exits.rules:
            if rule.rest is not None and rule.id not in position.exits_fired:
                _rest(turn, position, exits, rule)


def _rest(turn: Turn, position: Position, exits: Exits, rule: ExitRule) -> None:
    price = turn.bench.view.price(position.symbol)
    if price is None:
        return
    market = turn.state.markets[position.symbol]
    view = view_position(
        position, market, price=price, at_ms=turn.now_ms, peak_price=price
    )
    share = _share(turn, position, exits, rule, view)
    if share is None:
        _not_known(turn, position, exits, rule, {})  # the watched exits stand
        return
    pursue(
        turn,
        Proposal(
            key=rest_key(position.id, rule.id),
            symbol=position.symbol,
            purpose=Purpose.TAKE_PROFIT,
            rule=rule.id,
            position_id=position.id,
            quote_amount=ZERO,
            amount=position.held * share,
            confidence=None,
            attempt=1,
            since_ms=turn.now_ms,
        ),
    )
