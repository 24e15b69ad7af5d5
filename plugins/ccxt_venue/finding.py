"""Look for orders and trades: what is not clearly answered is not believed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from quorate import Intent, NoAnswer, OrderReport, VenueTrade

from .adapter import Lookup
from .reports import order_report, venue_trade, with_fills
from .wire import Unclear

if TYPE_CHECKING:
    from .venue import CcxtVenue

MOST_PAGES = 100
"""More pages of history than this are not read in one go."""
_BEFORE_MS = 60_000
"""How long before an intent was made its order is looked for: clocks differ."""


async def find(venue: CcxtVenue, intent: Intent, venue_id: str) -> OrderReport | None:
    """Return an order, with its fills, None when it clearly is not there."""
    order = await _by_id(venue, intent, venue_id) if venue_id else None
    if order is None:
        order = await _LOOKUPS[venue.adapter.lookup](venue, intent)
    if order is None:
        return None
    report = _ours(venue, intent, venue_id, order)
    if not report.filled and not report.open:
        return with_fills(report, ())
    if not report.filled:
        return report
    since_ms = min(intent.made_ms, _opened_ms(order)) - _BEFORE_MS
    return with_fills(report, await trades(venue, since_ms, report.symbol))


async def open_orders(venue: CcxtVenue) -> list[OrderReport]:
    """Return every open order of the account."""
    params = dict(venue.adapter.open_params)
    call = partial(venue.exchange.fetch_open_orders, params=params)
    told, _ = await venue.ask("open orders", call)
    at_ms = venue.clock.now_ms()
    return [order_report(each, venue.adapter, at_ms) for each in told]


async def trades(venue: CcxtVenue, since_ms: int, symbol: str = "") -> list[VenueTrade]:
    """Return the account's trades from ``since_ms`` on, oldest first, each once."""
    adapter, found = venue.adapter, dict[str, VenueTrade]()
    symbols: list[str | None] = [None]
    if adapter.trades_need_symbol:
        symbols = [symbol] if symbol else list(venue.rules)
    for each in symbols:
        read = _by_offset if adapter.page_param else _by_time
        for trade in await read(venue, since_ms, each):
            found[trade.fill.trade_id] = trade
    recent = [trade for trade in found.values() if trade.at_ms >= since_ms]
    return sorted(recent, key=lambda trade: (trade.at_ms, trade.fill.trade_id))


async def _by_id(
    venue: CcxtVenue, intent: Intent, venue_id: str
) -> Mapping[str, Any] | None:
    symbol = venue.name_of(intent)
    return await _one(venue, partial(venue.exchange.fetch_order, venue_id, symbol))


async def _direct(venue: CcxtVenue, intent: Intent) -> Mapping[str, Any] | None:
    """Ask for the one order by our id."""
    symbol = venue.name_of(intent)
    params = {venue.adapter.lookup_param: intent.client_id}
    return await _one(venue, partial(venue.exchange.fetch_order, "", symbol, params))


async def _one(venue: CcxtVenue, call: Any) -> Mapping[str, Any] | None:
    """Return an order, None when the codes of the reply say that there is none."""
    try:
        told, _ = await venue.ask("an order", call)
    except Unclear as unclear:
        if venue.adapter.not_found.have_all(unclear.codes):
            return None
        raise
    if not isinstance(told, Mapping):
        raise Unclear("what was told is no order")
    return told


async def _filtered(venue: CcxtVenue, intent: Intent) -> Mapping[str, Any] | None:
    """Ask for open orders with our id, then for closed ones.

    In this order: an order that is over between the two is in the second.
    """
    ours, exchange = intent.client_id, venue.exchange
    params: dict[str, Any] = {venue.adapter.lookup_param: ours}
    for call in (exchange.fetch_open_orders, exchange.fetch_closed_orders):
        seen = 0
        for _ in range(MOST_PAGES):
            page = params | ({venue.adapter.page_param: seen} if seen else {})
            told, body = await venue.ask("an order", partial(call, params=page))
            order = _with_client_id(venue, told, intent)
            if order is not None:
                return order
            listed, count = venue.adapter.read_page(body)
            seen += listed
            # Where the filter is not heeded, there is more to look through.
            if not listed or seen >= count:
                break
        else:
            raise Unclear(f"{MOST_PAGES} pages of orders do not have {ours}")
    return None


async def _scanned(venue: CcxtVenue, intent: Intent) -> Mapping[str, Any] | None:
    """Read through open orders, then through those that are over."""
    ours, exchange, symbol = intent.client_id, venue.exchange, venue.name_of(intent)
    since_ms = intent.made_ms - _BEFORE_MS
    params, limit = dict(venue.adapter.open_params), venue.adapter.page_size
    call = partial(exchange.fetch_open_orders, symbol, params=params)
    told, _ = await venue.ask("open orders", call)
    order = _with_client_id(venue, told, intent)
    if order is not None:
        return order
    for history in _histories(exchange):
        call = partial(history, symbol, since_ms, limit)
        told, _ = await venue.ask("past orders", call)
        order = _with_client_id(venue, told, intent)
        if order is not None:
            return order
        if len(told) >= limit:
            raise Unclear(f"more than {limit} past orders: {ours} may be among others")
    return None


def _histories(exchange: Any) -> list[Any]:
    """Return the calls that together tell of every order that is over."""
    has = exchange.has
    if has.get("fetchOrders") is True:
        return [exchange.fetch_orders]
    if has.get("fetchCanceledAndClosedOrders") is True:
        return [exchange.fetch_canceled_and_closed_orders]
    if has.get("fetchClosedOrders") is True:
        calls = [exchange.fetch_closed_orders]
        if has.get("fetchCanceledOrders") is True:
            calls.append(exchange.fetch_canceled_orders)
        return calls
    raise Unclear("this exchange does not tell of past orders")


_LOOKUPS = {Lookup.FILTER: _filtered, Lookup.DIRECT: _direct, Lookup.SCAN: _scanned}


_OLDER_MS = 120_000
"""By how much an order may seem older than its intent: clocks differ."""


def _with_client_id(
    venue: CcxtVenue, told: list[Mapping[str, Any]], intent: Intent
) -> Mapping[str, Any] | None:
    """Return the order with our id; one that was there before its intent is another.

    Some exchanges let an id be used again once its order is over.
    """
    at_ms, ours = venue.clock.now_ms(), intent.client_id
    oldest_ms = intent.made_ms - int(_OLDER_MS * float(venue.settings.get("pace") or 1))
    for each in told:
        if order_report(each, venue.adapter, at_ms).client_id != ours:
            continue
        opened_ms = _opened_ms(each)
        if not opened_ms or opened_ms >= oldest_ms:
            return each
    return None


def _ours(
    venue: CcxtVenue, intent: Intent, venue_id: str, order: Mapping[str, Any]
) -> OrderReport:
    """Return the report of the order that was asked for, and of no other.

    Raises:
        Unclear: another order was told.
    """
    report = order_report(order, venue.adapter, venue.clock.now_ms(), intent.symbol)
    if venue_id and report.venue_id != venue_id:
        raise Unclear(f"asked for order {venue_id}, was told of {report.venue_id}")
    if report.client_id not in ("", intent.client_id):
        raise Unclear(f"asked for {intent.client_id}, was told of {report.client_id}")
    return report


def _opened_ms(order: Mapping[str, Any]) -> int:
    at_ms = order.get("timestamp")
    return at_ms if isinstance(at_ms, int) else 0


async def _by_offset(
    venue: CcxtVenue, since_ms: int, symbol: str | None
) -> list[VenueTrade]:
    """Read trades page by page; one that is new meanwhile only repeats another."""
    found: dict[str, VenueTrade] = {}
    exchange, seen = venue.exchange, 0
    # The moment given is left out by the exchange, and to the second.
    since = max(0, since_ms - 1000)
    for _ in range(MOST_PAGES):
        params = {venue.adapter.page_param: seen} if seen else {}
        call = partial(exchange.fetch_my_trades, symbol, since, None, params)
        told, body = await venue.ask("trades", call)
        for trade in told:
            if trade.get("symbol") not in exchange.markets:
                continue  # of a market that is gone: ccxt cannot read it any more
            read = venue_trade(trade, venue.adapter)
            found[read.fill.trade_id] = read
        listed, count = venue.adapter.read_page(body)
        seen += listed
        if not listed or seen >= count:
            return list(found.values())
    raise NoAnswer(f"more than {MOST_PAGES} pages of trades since {since_ms}")


async def _by_time(
    venue: CcxtVenue, since_ms: int, symbol: str | None
) -> list[VenueTrade]:
    """Read trades forward in time, until a page is not full."""
    found: dict[str, VenueTrade] = {}
    limit, since = venue.adapter.page_size, since_ms
    for _ in range(MOST_PAGES):
        call = partial(venue.exchange.fetch_my_trades, symbol, since, limit)
        told, _ = await venue.ask("trades", call)
        page = {each["id"]: venue_trade(each, venue.adapter) for each in told}
        fresh = page.keys() - found.keys()
        found |= page
        if len(told) < limit:
            return list(found.values())
        if not fresh:
            break
        since = max(trade.at_ms for trade in page.values())
    raise NoAnswer(f"more trades since {since_ms} than can be read")
