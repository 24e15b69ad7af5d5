"""What must hold of a live run at its end, from the exchange's side of the wire.

The names are those of the invariants that an order path has to keep: I1 an order is
placed once, I2 every order is known, I3 fills are exact, I7 what is held is covered
and nothing is oversold, I8 nothing is guessed, I9 a crash changes nothing, I14 in the
end everything is known. I1, I2, I4 and I8 are also watched while the world goes on.
"""

from __future__ import annotations

from collections import Counter
from importlib import import_module
from typing import Any

from quorate import Closed, OrderStatus
from quorate.drivers.reconcile import compare
from quorate.flow.flow import Flow
from quorate.flow.state import State

rules_of = import_module("live_rules")


def audit(world: Any) -> None:
    """Check everything that must hold once the world has been quiet for a while."""
    records = list(world.journal.records())
    state = fold(world, records)
    _orders(world, state)
    _fills(world, state)
    _covered(world, state)
    _recovers(world, state, records)


def fold(world: Any, records: list[Any]) -> State:
    """Return the state that the journal alone makes."""
    flow = Flow(world.rules, rules_of.own_host(), rules_of.View(world))
    flow.recover(records)
    return flow.state


def _orders(world: Any, state: State) -> None:
    for client_id, times in world.exchange.accepted.items():
        assert times == 1, f"I1: {client_id} was accepted {times} times"
        assert client_id in world.intended, f"I2: {client_id} has no intent"
        assert client_id not in world.not_placed, f"I8: {client_id} was given up"
    doubtful = [
        client_id
        for client_id, order in state.live.items()
        if order.status is not OrderStatus.OPEN or order.cancel_asked
    ]
    assert not doubtful, f"I14: it is not known what became of {doubtful}"
    opened = {placed.venue_id for placed in world.open_orders()}
    live = {order.venue_id for order in state.live.values()}
    assert opened == live, f"I3: open are {opened}, known are {live}"


def _fills(world: Any, state: State) -> None:
    booked = Counter(one.fill.trade_id for one in world.booked())
    traded = Counter(one.fill.trade_id for one in world.exchange.trades)
    assert booked == traded, f"I3: booked {booked - traded}, missed {traded - booked}"
    ours = {name: total for name, total in state.balances.items() if total}
    theirs = {name: total for name, total in world.exchange.balances.items() if total}
    assert ours == theirs, f"I3: {ours} in the journal, {theirs} at the exchange"


def _covered(world: Any, state: State) -> None:
    for refused in world.exchange.refused:
        assert "Insufficient" not in refused.errors[0], f"I7: oversold, {refused}"
    for position in state.positions.values():
        orders = state.orders_of(position.id)
        resting = sum(one.remaining for one in orders if one.intent.side == "sell")
        waits = any(
            one.proposal.position_id == position.id for one in state.waiting.values()
        )
        covered = resting == position.held or waits
        assert covered, f"I7: {resting} of {position.held} of {position.id} is covered"
        symbol = position.symbol
        assert position.held <= world.held(symbol), f"I7: {position.id} is not there"


def _recovers(world: Any, state: State, records: list[Any]) -> None:
    live = world.driver.flow.state
    assert state == live, "I9: the journal makes another state than the run has"
    found = compare(state, world.snapshot(state))
    assert not found.units, f"I9: a recovery would still write {found.units}"
    assert not world.driver.alarms, f"alarms: {world.driver.alarms}"
    assert records == list(world.journal.records())


def trades(world: Any) -> list[tuple[Any, ...]]:
    """Return what was traded and what it made, without ids and times."""
    return [
        (
            one.trade.symbol,
            one.trade.exit_rule,
            one.trade.amount,
            one.trade.cost_quote,
            one.trade.proceeds_quote,
            one.trade.fee_quote,
            one.trade.profit_quote,
            one.trade.dust,
        )
        for one in world.journal.records()
        if isinstance(one, Closed)
    ]


def end_state(world: Any) -> tuple[Any, ...]:
    """Return where a run ended, without ids and times."""
    state = world.driver.flow.state
    held = [
        (one.symbol, one.held, one.cost_quote, one.exits_fired, one.leaving)
        for one in state.positions.values()
    ]
    resting = [
        (one.intent.side, one.intent.purpose, one.remaining, one.intent.limit_price)
        for one in state.live.values()
    ]
    return trades(world), sorted(state.balances.items()), held, resting
