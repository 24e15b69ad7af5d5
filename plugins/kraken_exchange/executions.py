"""What happens to orders, in the words of the websocket channel ``executions``.

Shapes: docs.kraken.com/api/docs/websocket-v2/executions. Only ``pending_new`` and a
snapshot tell everything; ``new`` and the last event of an order have no symbol.
"""

from __future__ import annotations

from decimal import Decimal

from .clock import rfc3339
from .ledger import LedgerTrade
from .orders import BookOrder

Event = dict[str, object]


def full(order: BookOrder, exec_type: str, at_ms: int) -> Event:
    """Return everything about an order."""
    event = _part(order, exec_type, at_ms) | {
        "symbol": order.pair.symbol,
        "side": order.side,
        "order_type": order.order_type,
        "order_qty": order.amount,
        "time_in_force": order.time_in_force,
        "limit_price_type": "static",
        "fee_ccy_pref": order.flags.partition(",")[0],
        "post_only": order.post_only,
        **_sums(order),
    }
    if order.limit is not None:
        event["limit_price"] = order.limit
    if order.cl_ord_id:
        event["cl_ord_id"] = order.cl_ord_id
    return event


def new(order: BookOrder, at_ms: int) -> Event:
    """Return that the order is in the book, or on its way through it."""
    return _part(order, "new", at_ms)


def traded(order: BookOrder, trade: LedgerTrade) -> Event:
    """Return one execution; a filled order is told by an event of its own."""
    return _part(order, "trade", trade.at_ms) | {
        "order_status": "partially_filled",
        "exec_id": trade.txid,
        "trade_id": trade.number,
        "symbol": order.pair.symbol,
        "side": order.side,
        "order_type": order.order_type,
        "order_qty": order.amount,
        "last_qty": trade.amount,
        "last_price": trade.price,
        "liquidity_ind": "m" if trade.maker else "t",
        "cost": trade.cost,
        "fees": [{"asset": trade.fee_currency, "qty": trade.fee}],
        **_sums(order),
    }


def ended(order: BookOrder) -> Event:
    """Return that an order is over: filled, canceled or expired."""
    exec_type = "filled" if order.status == "closed" else order.status
    event = _part(order, exec_type, order.closed_ms) | _sums(order)
    if order.reason:
        event |= {"cancel_reason": order.reason, "reason": order.reason}
    return event


def balance(
    trade: LedgerTrade, currency: str, change: Decimal, after: Decimal
) -> Event:
    """Return what a trade did to one balance, as the channel ``balances`` tells it."""
    fee = trade.fee if currency == trade.fee_currency else Decimal(0)
    return {
        "asset": currency,
        "asset_class": "currency",
        "ledger_id": f"L{trade.txid[1:]}",
        "ref_id": trade.txid,
        "timestamp": rfc3339(trade.at_ms),
        "type": "trade",
        "subtype": "",
        "category": "trade",
        "wallet_type": "spot",
        "wallet_id": "main",
        "amount": change + fee,
        "fee": fee,
        "balance": after,
    }


def _part(order: BookOrder, exec_type: str, at_ms: int) -> Event:
    return {
        "order_id": order.txid,
        "order_userref": order.userref or 0,
        "exec_type": exec_type,
        "order_status": _status(order, exec_type),
        "timestamp": rfc3339(at_ms),
    }


def _status(order: BookOrder, exec_type: str) -> str:
    if exec_type == "pending_new":
        return exec_type
    if order.status == "closed":
        return "filled"
    if not order.open:
        return order.status
    return "partially_filled" if order.filled else "new"


def _sums(order: BookOrder) -> Event:
    dollars = order.fee if order.fee_currency in ("USD", "USDT", "USDC") else Decimal(0)
    return {
        "cum_qty": order.filled,
        "cum_cost": order.cost,
        "avg_price": round(order.average, 10),
        "fee_usd_equiv": dollars,
    }
