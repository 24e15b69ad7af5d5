"""Exits: what a position looks like at a price, and which exit rule holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from quorate.contract.decisions import Value
from quorate.contract.views import PositionView
from quorate.rulebook.rules import ExitRule
from quorate.stages.answers import Answers, Conditions, MarketDesk, Moment
from quorate.values.market import Floats, Times
from quorate.values.trade import Market, Position


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitFound:
    """The first exit rule that holds for a position, and the inputs it used."""

    rule: ExitRule
    inputs: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was found: an exit or none, and the rules whose inputs are not known."""

    found: ExitFound | None
    unknown: tuple[ExitRule, ...]


def view_position(
    position: Position,
    market: Market,
    *,
    price: float | Floats,
    at_ms: int | Times,
    peak_price: float | Floats,
) -> PositionView:
    """Return the position at a price, or at many prices at once."""
    return PositionView(
        price=price,
        at_ms=at_ms,
        peak_price=peak_price,
        opened_ms=position.opened_ms,
        entry_price=float(position.entry_price),
        unit_cost=float(position.unit_cost),
        held=float(position.held),
        maker_fee=float(market.maker_fee),
        taker_fee=float(market.taker_fee),
    )


def look(
    answers: Answers,
    exits: Conditions,
    position: Position,
    desk: MarketDesk,
    view: PositionView,
) -> Look:
    """Return the first watched exit that holds and has not sold its share yet."""
    if not exits.keys:
        return Look(found=None, unknown=())
    context = answers.context(exits.reads, Moment(desk, position=view), exact=False)
    mask, faults = exits.evaluate(context)
    found = None
    for bit, (rule, _) in enumerate(exits.keys):
        if mask >> bit & 1 and rule.id not in position.exits_fired:
            found = ExitFound(rule=rule, inputs=answers.inputs(rule.when, context))
            break
    return Look(found=found, unknown=tuple(exits.keys[bit][0] for bit, _ in faults))
