"""A line of text for each thing that happens to an order: the log of a rehearsal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def log_line(event: Mapping[str, Any]) -> str:
    """Return what an event of ``executions`` says, "" for what is not worth a line."""
    kind = event.get("exec_type")
    at = str(event.get("timestamp", ""))[11:23]
    order = event.get("order_id", "")
    if kind == "pending_new":
        price = event.get("limit_price", "market")
        told = f"order  {_what(event, 'order_qty')} @ {price}"
        ours = event.get("cl_ord_id")
        return f"{at}  {told}  {order}" + (f" ({ours})" if ours else "")
    if kind == "trade":
        fees = " ".join(f"{fee['qty']} {fee['asset']}" for fee in event["fees"])
        role = "maker" if event["liquidity_ind"] == "m" else "taker"
        told = f"fill   {_what(event, 'last_qty')} @ {event['last_price']}"
        return f"{at}  {told}  {order} ({role}, fee {fees})"
    if kind in ("canceled", "expired"):
        why = event.get("reason")
        return f"{at}  {kind:<6} {order}" + (f": {why}" if why else "")
    return ""


def _what(event: Mapping[str, Any], amount: str) -> str:
    return f"{event['side']:<4} {event[amount]} {event['symbol']}"
