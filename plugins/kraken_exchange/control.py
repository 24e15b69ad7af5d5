"""The control endpoints: faults, the ledger, the wire tap. No part of Kraken."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from aiohttp import web

from quorate import VenueError

if TYPE_CHECKING:
    from .server import KrakenExchange

STATUSES = ("online", "cancel_only", "post_only", "limit_only", "reduce_only")
"""What a pair can be (docs.kraken.com: AssetPairs, status)."""

_HIGHEST = Decimal("1e9")


def control_routes(exchange: KrakenExchange) -> list[web.RouteDef]:
    """Return the routes under ``/control``."""
    control = Control(exchange)
    return [
        web.get("/control/ledger", control.ledger),
        web.get("/control/requests", control.requests),
        web.get("/control/clock", control.clock),
        web.get("/control/defects", control.defects),
        web.get("/control/faults", control.faults),
        web.post("/control/faults", control.add_faults),
        web.delete("/control/faults", control.clear_faults),
        web.post("/control/price", control.price),
        web.post("/control/status", control.status),
        web.post("/control/restart", control.restart),
    ]


class Control:
    """What a test or a rehearsal may ask of the exchange, and do to it."""

    def __init__(self, exchange: KrakenExchange) -> None:
        self._exchange = exchange

    async def ledger(self, _request: web.Request) -> web.Response:
        """Return the ledger."""
        return _json(self._exchange.ledger())

    async def requests(self, request: web.Request) -> web.Response:
        """Return private requests, those numbered above ``?since=`` only."""
        try:
            since = int(request.query.get("since", "0"))
        except ValueError:
            return _refused("since must be a whole number")
        return _json(self._exchange.calls.tap.as_list(since))

    async def clock(self, _request: web.Request) -> web.Response:
        """Return the exchange's time and pace."""
        clock = self._exchange.core.clock
        return _json({"now_ms": clock.now_ms(), "pace": clock.pace})

    async def defects(self, _request: web.Request) -> web.Response:
        """Return where the exchange itself has failed: nothing, if all is well."""
        return _json(self._exchange.calls.defects)

    async def faults(self, _request: web.Request) -> web.Response:
        """Return the faults in force, with how often each was met and struck."""
        return _json(self._exchange.faults.as_list())

    async def add_faults(self, request: web.Request) -> web.Response:
        """Put a fault, or a list of them, in force."""
        said = await _said(request)
        try:
            self._exchange.faults.add([said] if isinstance(said, dict) else said)
        except VenueError as error:
            return _refused(str(error))
        return _json(self._exchange.faults.as_list())

    async def clear_faults(self, _request: web.Request) -> web.Response:
        """Let nothing go wrong any more."""
        self._exchange.faults.clear()
        return _json([])

    async def price(self, request: web.Request) -> web.Response:
        """Move the price of a symbol: ``{"symbol": "BTC/USD", "price": "84000"}``."""
        said = await _said(request)
        try:
            symbol, price = str(said["symbol"]), Decimal(str(said["price"]))
        except (KeyError, TypeError, ArithmeticError):
            symbol, price = "", Decimal(0)
        core = self._exchange.core
        if symbol not in core.market.symbols or not 0 < price < _HIGHEST:
            return _refused("give a symbol that is traded here, and a price above 0")
        core.force_price(symbol, price)
        return _json({"symbol": symbol, "price": price})

    async def status(self, request: web.Request) -> web.Response:
        """Set a pair's status: ``{"symbol": "BTC/USD", "status": "post_only"}``."""
        said = await _said(request)
        try:
            symbol, status = str(said["symbol"]), str(said["status"])
        except (KeyError, TypeError):
            symbol, status = "", ""
        core = self._exchange.core
        if symbol not in core.market.symbols or status not in STATUSES:
            return _refused(
                f"give a symbol that is traded here, and one of {', '.join(STATUSES)}"
            )
        core.set_status(symbol, status)
        return _json({"symbol": symbol, "status": status})

    async def restart(self, request: web.Request) -> web.Response:
        """Close every connection; open orders are lost unless ``{"forget": false}``."""
        said = await _said(request) if request.can_read_body else {}
        forget = not isinstance(said, dict) or said.get("forget", True) is not False
        self._exchange.calls.restart(forget=forget)
        return _json({"forgot_open_orders": forget})


async def _said(request: web.Request) -> Any:
    try:
        return json.loads(await request.read(), parse_float=Decimal)
    except ValueError:
        return None


def _json(value: Any) -> web.Response:
    return web.Response(
        text=json.dumps(value, default=str), content_type="application/json"
    )


def _refused(why: str) -> web.Response:
    return web.Response(
        text=json.dumps({"error": why}), status=400, content_type="application/json"
    )
