"""The log of a rehearsal: one line for each order, fill and end of an order."""

from __future__ import annotations

from importlib import import_module
from typing import Any

lo = import_module("loopback")


def opened(tell: Any) -> Any:
    given = {"tapes": list(lo.demo()), "tell": tell}
    return lo.kraken_exchange().exchange("", given)


def test_each_thing_that_happens_is_a_line() -> None:
    lines: list[str] = []
    exchange = opened(lines.append)
    core, key = exchange.core, exchange.keys.key
    form = {"pair": "BTC/USD", "type": "buy", "volume": "0.01"}
    core.private("AddOrder", {**form, "ordertype": "market"}, key)
    low = {**form, "ordertype": "limit", "price": "20000", "cl_ord_id": "1a2b3c4d-5"}
    txid = core.private("AddOrder", low, key)["txid"][0]
    core.private("CancelOrder", {"txid": txid}, key)
    assert [line.split()[1] for line in lines] == ["order", "fill", "order", "canceled"]
    assert lines[2].endswith(f"buy  0.01 BTC/USD @ 20000  {txid} (1a2b3c4d-5)")
    assert lines[3].endswith(f"{txid}: User requested")


def test_a_log_that_nobody_reads_loses_no_order() -> None:
    def broken(line: str) -> None:
        raise BrokenPipeError(line)

    exchange = opened(broken)
    form = {"pair": "BTC/USD", "type": "buy", "ordertype": "market", "volume": "0.01"}
    placed = exchange.core.private("AddOrder", form, exchange.keys.key)
    assert placed["txid"]
