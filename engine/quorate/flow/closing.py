"""Close positions: their result is final, net of both fees."""

from __future__ import annotations

from quorate.contract.records import Closed
from quorate.flow.turn import Turn
from quorate.values.numbers import ZERO
from quorate.values.trade import Position, Trade


def write_off(turn: Turn, position_id: str, rule: str) -> None:
    """Close a position whose remainder cannot be sold; what is left is dust."""
    position = turn.state.positions.get(position_id)
    if position is not None:
        close(turn, position, rule)


def is_dust(turn: Turn, position: Position) -> bool:
    """Return whether what is left of a position is less than the venue's step."""
    return position.held < turn.state.markets[position.symbol].amount_step


def close(turn: Turn, position: Position, rule: str) -> None:
    """Close a position: its result is final, net of both fees."""
    paid = position.cost_quote + position.entry_fee_quote
    received = position.proceeds_quote - position.exit_fee_quote
    profit = received - paid
    turn.note(
        Closed(
            at_ms=turn.now_ms,
            trade=Trade(
                position_id=position.id,
                symbol=position.symbol,
                rule=position.rule,
                exit_rule=rule,
                opened_ms=position.opened_ms,
                closed_ms=turn.now_ms,
                amount=position.bought,
                cost_quote=position.cost_quote,
                proceeds_quote=position.proceeds_quote,
                fee_quote=position.entry_fee_quote + position.exit_fee_quote,
                profit_quote=profit,
                profit_ratio=profit / paid if paid else ZERO,
                dust=max(ZERO, position.held),
            ),
        )
    )
