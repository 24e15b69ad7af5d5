"""Public methods: assets, pairs and market data, in the shapes of REST."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from itertools import islice

from .clock import MINUTE_MS, SECOND_MS, rfc3339
from .market import DAY, MarketTape
from .pairs import Listing, Pair, altname, asset_id, code_of, is_money
from .refusal import invalid, refused

Query = Mapping[str, str]
Result = dict[str, object]

_INTERVALS = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
_DEEPEST = 500
_MOST_TRADES = 1000
_NANO = 1_000_000


class Public:
    """The answers to /0/public/<method>."""

    def __init__(
        self, market: MarketTape, pairs: Listing, mode: Callable[[str], str]
    ) -> None:
        self._market = market
        self._pairs = pairs
        self._mode = mode
        self._methods: dict[str, Callable[[Query], object]] = {
            "Time": self._time,
            "SystemStatus": self._status,
            "Assets": self._assets,
            "AssetPairs": self._asset_pairs,
            "Ticker": self._tickers,
            "OHLC": self._candles,
            "Depth": self._depth,
            "Trades": self._trades,
        }

    def ask(self, method: str, query: Query) -> object:
        """Return the result of a method.

        Raises:
            KrakenError: no such method, asset or pair, or a bad argument.
        """
        answer = self._methods.get(method)
        if answer is None:
            raise refused("EGeneral:Unknown method")
        return answer(query)

    def _time(self, _query: Query) -> Result:
        now_ms = self._market.clock.now_ms()
        told = f"{rfc3339(now_ms)[:19]} +0000"
        return {"unixtime": now_ms // SECOND_MS, "rfc1123": told}

    def _status(self, _query: Query) -> Result:
        now = rfc3339(self._market.clock.now_ms())[:19]
        return {"status": "online", "timestamp": f"{now}Z"}

    def _assets(self, query: Query) -> Result:
        codes = self._pairs.currencies()
        if query.get("asset"):
            names = query["asset"].split(",")
            unknown = [name for name in names if code_of(name) not in codes]
            if unknown:
                raise refused("EQuery:Unknown asset")
            codes = [code_of(name) for name in names]
        return {
            asset_id(code): {
                "aclass": "currency",
                "altname": altname(code),
                "decimals": 4 if is_money(code) else 10,
                "display_decimals": 2 if is_money(code) else 5,
                "status": "enabled",
            }
            for code in codes
        }

    def _asset_pairs(self, query: Query) -> Result:
        pairs = list(self._pairs.by_symbol.values())
        if query.get("pair"):
            pairs = [self._find(name) for name in query["pair"].split(",")]
        return {pair.id: pair.describe(self._mode(pair.symbol)) for pair in pairs}

    def _tickers(self, query: Query) -> Result:
        if query.get("pair"):
            pairs = [self._traded(name) for name in query["pair"].split(",")]
        else:
            pairs = [self._traded(symbol) for symbol in self._market.symbols]
        return {pair.id: self._ticker(pair) for pair in pairs}

    def _ticker(self, pair: Pair) -> Result:
        symbol, now_ms = pair.symbol, self._market.clock.now_ms()
        ticker = self._market.ticker(symbol)
        since_midnight = now_ms // MINUTE_MS % DAY + 1
        today = self._market.day(symbol, since_midnight)
        day = self._market.day(symbol, DAY)
        latest = self._market.trades(symbol, now_ms - 2 * MINUTE_MS)
        amount = latest[-1].amount if latest else Decimal(0)

        def price(value: Decimal) -> str:
            return f"{value:.{pair.price_decimals}f}"

        return {
            "a": _quote(price(Decimal(ticker["ask"])), Decimal(ticker["ask_qty"])),
            "b": _quote(price(Decimal(ticker["bid"])), Decimal(ticker["bid_qty"])),
            "c": [price(Decimal(ticker["last"])), f"{amount:.8f}"],
            "v": [f"{today.volume:.8f}", f"{day.volume:.8f}"],
            "p": [price(today.vwap), price(day.vwap)],
            "t": [today.trades, day.trades],
            "l": [price(today.low), price(day.low)],
            "h": [price(today.high), price(day.high)],
            "o": price(today.open),
        }

    def _candles(self, query: Query) -> Result:
        pair = self._traded(query.get("pair", ""))
        interval = _whole(query, "interval", 1)
        if interval not in _INTERVALS:
            raise invalid("interval")
        since_ms = _whole(query, "since", 0) * SECOND_MS
        bars = self._market.bars(pair.symbol, interval, since_ms)

        def price(value: Decimal) -> str:
            return f"{value:.{pair.price_decimals}f}"

        rows = [
            [
                bar.open_ms // SECOND_MS,
                *map(price, (bar.open, bar.high, bar.low, bar.close, bar.vwap)),
                f"{bar.volume:.8f}",
                bar.trades,
            ]
            for bar in bars
        ]
        span_ms = interval * MINUTE_MS
        closed_ms = (self._market.clock.now_ms() // span_ms - 1) * span_ms
        return {pair.id: rows, "last": closed_ms // SECOND_MS}

    def _depth(self, query: Query) -> Result:
        pair = self._traded(query.get("pair", ""))
        count = _whole(query, "count", 100)
        if not 1 <= count <= _DEEPEST:
            raise invalid("count")
        now_s = self._market.clock.now_ms() // SECOND_MS
        book = self._market.book(pair.symbol, count)
        sides = {
            side: [
                [f"{price:.{pair.price_decimals}f}", f"{amount:.8f}", now_s]
                for price, amount in book[side]
            ]
            for side in ("asks", "bids")
        }
        return {pair.id: sides}

    def _trades(self, query: Query) -> Result:
        pair = self._traded(query.get("pair", ""))
        count = _whole(query, "count", _MOST_TRADES)
        if not 1 <= count <= _MOST_TRADES:
            raise invalid("count")
        since = _whole(query, "since", 0)
        # Nanoseconds as ``last`` gives them, or seconds.
        since_ms = since // _NANO if since > 10**14 else since * SECOND_MS
        trades = self._market.trades(pair.symbol, since_ms)
        chosen = list(islice(trades, count)) if since else trades[-count:]
        rows = [
            [
                f"{trade.price:.{max(5, pair.price_decimals)}f}",
                f"{trade.amount:.8f}",
                trade.at_ms / SECOND_MS,
                trade.side[0],
                "l",
                "",
                trade.number,
            ]
            for trade in chosen
        ]
        last_ms = chosen[-1].at_ms if chosen else since_ms
        return {pair.id: rows, "last": str(last_ms * _NANO)}

    def _find(self, name: str) -> Pair:
        pair = self._pairs.find(name)
        if pair is None:
            raise refused("EQuery:Unknown asset pair")
        return pair

    def _traded(self, name: str) -> Pair:
        """Return a pair that has a market here."""
        pair = self._find(name)
        if pair.symbol not in self._market.tracks:
            raise refused("EService:Unavailable")
        return pair


def _quote(price: str, amount: Decimal) -> list[str]:
    return [price, str(int(amount)), f"{amount:.3f}"]


def _whole(query: Query, name: str, default: int) -> int:
    given = query.get(name, "")
    if not given:
        return default
    try:
        return int(Decimal(given))
    except (ArithmeticError, ValueError):
        raise invalid(name) from None
