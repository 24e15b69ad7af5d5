"""Private methods that only look: orders, trades, balances and fees of the account."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TypeVar

from . import fees
from .account import as_text
from .admission import Form, is_true, text
from .clock import SECOND_MS
from .ledger import LedgerTrade
from .matching import MatchingEngine
from .orders import BookOrder
from .pairs import Listing, Pair, asset_id, is_money
from .refusal import invalid, refused

PAGE = 50
_MOST_ASKED = 50
_NO_POSITION = "TKH2SE-M7IF5-CFI7LT"  # what Kraken gives for every trade on spot

T = TypeVar("T")
Result = dict[str, object]


class History:
    """What the account has and had."""

    def __init__(
        self, engine: MatchingEngine, pairs: Listing, volume: Callable[[], Decimal]
    ) -> None:
        self._engine = engine
        self._pairs = pairs
        self._volume = volume

    def balances(self) -> Result:
        """BalanceEx: balance and what orders hold, by Kraken's asset names."""
        ledger = self._engine.ledger
        told: Result = {}
        for code, balance in sorted(ledger.balances.items()):
            decimals = 4 if is_money(code) else 10
            told[asset_id(code)] = {
                "balance": as_text(balance, decimals),
                "hold_trade": as_text(ledger.held(code), decimals),
            }
        return told

    def balance(self) -> Result:
        """Balance: the same without what is held."""
        told = self.balances()
        return {
            name: entry["balance"]
            for name, entry in told.items()
            if isinstance(entry, Mapping)
        }

    def open_orders(self, form: Form) -> Result:
        """OpenOrders: newest first; with ``cl_ord_id`` or ``userref`` just those."""
        orders = self._chosen(reversed(self._engine.open.values()), form)
        return {"open": self._told(orders, form)}

    def closed_orders(self, form: Form) -> Result:
        """ClosedOrders: newest first, 50 a page, ``start`` exclusive, ``end`` not.

        Times are those of closing, or of opening as ``closetime`` says.
        """
        over = [o for o in self._known() if not o.open][::-1]
        which = text(form, "closetime")
        moment: Callable[[BookOrder], int] = (
            _opened_ms if which == "open" else _closed_ms
        )
        over.sort(key=lambda order: -moment(order))
        starts = self._bound(form, "start")
        chosen = _between(over, moment, starts, self._bound(form, "end"))
        chosen = self._chosen(chosen, form)
        page = _page(chosen, form)
        return {"closed": self._told(page, form), "count": len(chosen)}

    def query_orders(self, form: Form) -> Result:
        """QueryOrders: up to 50 orders by txid, those that are not there left out.

        Raises:
            KrakenError: no txid is given, or none of them is an order.
        """
        names = [name.strip() for name in text(form, "txid").split(",")]
        if names == [""] or len(names) > _MOST_ASKED:
            raise invalid("txid")
        known = {order.txid: order for order in self._known()}
        orders = [known[name] for name in names if name in known]
        if not orders:
            raise refused("EOrder:Unknown order")
        return self._told(self._chosen(orders, form), form)

    def trades(self, form: Form) -> Result:
        """TradesHistory: newest first, 50 a page, ``start`` exclusive, ``end`` not."""
        trades = list(reversed(self._engine.ledger.trades))
        starts, ends = self._bound(form, "start"), self._bound(form, "end")
        chosen = _between(trades, _traded_ms, starts, ends)
        told = {trade.txid: self._trade(trade) for trade in _page(chosen, form)}
        return {"trades": told, "count": len(chosen)}

    def query_trades(self, form: Form) -> Result:
        """QueryTrades: trades by txid.

        Raises:
            KrakenError: one of them is not there.
        """
        known = {trade.txid: trade for trade in self._engine.ledger.trades}
        names = [name.strip() for name in text(form, "txid").split(",")]
        if any(name not in known for name in names):
            raise refused("EQuery:Invalid trade")
        return {name: self._trade(known[name]) for name in names}

    def volume(self, form: Form) -> Result:
        """TradeVolume: the volume of 30 days, and the fees of the pairs asked for.

        Raises:
            KrakenError: a pair is not there.
        """
        volume = self._volume()
        told: Result = {"currency": "ZUSD", "volume": f"{volume:.4f}"}
        names = list(filter(None, text(form, "pair").split(",")))
        pairs = [self._pair(name) for name in names]
        if pairs:
            for field, side in (("fees", "taker"), ("fees_maker", "maker")):
                told[field] = {pair.id: fees.describe(side, volume) for pair in pairs}
        return told

    def _pair(self, name: str) -> Pair:
        pair = self._pairs.find(name)
        if pair is None:
            raise refused("EQuery:Unknown asset pair")
        return pair

    def _known(self) -> Iterable[BookOrder]:
        return (o for o in self._engine.orders.values() if o.status != "forgotten")

    def _chosen(self, orders: Iterable[BookOrder], form: Form) -> list[BookOrder]:
        cl_ord_id, userref = text(form, "cl_ord_id"), text(form, "userref")
        return [
            order
            for order in orders
            if (not cl_ord_id or order.cl_ord_id == cl_ord_id)
            and (not userref or str(order.userref) == userref)
        ]

    def _told(self, orders: Iterable[BookOrder], form: Form) -> Result:
        with_trades = is_true(form, "trades")
        return {o.txid: o.as_rest(o.trades if with_trades else None) for o in orders}

    def _trade(self, trade: LedgerTrade) -> Result:
        pair = self._pairs.by_symbol[trade.symbol]
        in_base = trade.fee_currency == pair.base
        return {
            "ordertxid": trade.order_txid,
            "postxid": _NO_POSITION,
            "pair": pair.id,
            "aclass": "forex",
            "time": trade.at_ms / SECOND_MS,
            "type": trade.side,
            "ordertype": trade.order_type,
            "price": f"{trade.price:.{max(5, pair.price_decimals)}f}",
            "cost": f"{trade.cost:.{pair.cost_decimals}f}",
            "fee": f"{trade.fee:.{8 if in_base else pair.cost_decimals}f}",
            "vol": f"{trade.amount:.8f}",
            "margin": "0.00000",
            "leverage": "0",
            "misc": "",
            "trade_id": trade.number,
            "maker": trade.maker,
        }

    def _bound(self, form: Form, name: str) -> int | None:
        """Return a bound in milliseconds: seconds, or the id of an order or trade."""
        given = text(form, name)
        if not given:
            return None
        if given in self._engine.orders:
            return _closed_ms(self._engine.orders[given])
        for trade in self._engine.ledger.trades:
            if trade.txid == given:
                return trade.at_ms
        try:
            return int(Decimal(given) * SECOND_MS)
        except (ArithmeticError, ValueError):
            raise invalid(name) from None


def _opened_ms(order: BookOrder) -> int:
    return order.opened_ms


def _closed_ms(order: BookOrder) -> int:
    return order.closed_ms


def _traded_ms(trade: LedgerTrade) -> int:
    return trade.at_ms


def _between(
    items: Iterable[T],
    moment: Callable[[T], int],
    start_ms: int | None,
    end_ms: int | None,
) -> list[T]:
    return [
        item
        for item in items
        if (start_ms is None or moment(item) > start_ms)
        and (end_ms is None or moment(item) <= end_ms)
    ]


def _page(items: Sequence[T], form: Form) -> Sequence[T]:
    offset = text(form, "ofs") or "0"
    if not offset.isdecimal():
        raise invalid("ofs")
    return items[int(offset) : int(offset) + PAGE]
