"""The exchange without its wire: one account, its orders, and the market of the tapes.

No socket, no asyncio and no clock of its own: the same calls at the same moments always
give the same answers.

Assumed, for want of a document: the text for a client id in use, the reasons of orders
that the exchange cancels, how fees are rounded (once for an order, half up), that an
order keeps the fees of its arrival, that ClosedOrders looks at the time of closing, and
that an amended order is as young as its amendment. Balances are not rounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from quorate import Candles, VenueError, exact

from . import executions, fees
from .account import (
    DEMO_KEY,
    DEMO_SECRET,
    TOKEN_LASTS_MS,
    TRADING,
    ApiKey,
    Token,
)
from .clock import Clock
from .counters import TIERS, Counters
from .executions import Event
from .history import History
from .ledger import Ledger
from .market import Liquidity, MarketTape
from .matching import MatchingEngine
from .orders import BookOrder
from .pairs import Listing, altname, code_of, list_pairs
from .public import Public
from .refusal import KrakenError, refused
from .trading import Trading

__all__ = ["Core", "KrakenError", "Options"]

_ZERO = Decimal(0)
_FILLS_KEPT = 1000


@dataclass(kw_only=True)
class Options:
    """What an exchange is made of.

    ``balances`` are by currency, whichever name it has. ``start_ms`` is exchange time
    when it opens, None for now; ``start_row`` the row of the tapes shown then.
    ``permissions`` and ``addresses`` are those of ``key``; ``keys`` are further ones.
    ``volume_30d`` is what the account traded before, in US dollars, for its fees.
    ``hidden_minimums`` are smallest amounts by symbol, above those that are told.
    """

    tapes: tuple[Candles, ...]
    pace: float = 1.0
    balances: Mapping[str, Decimal] = field(
        default_factory=lambda: {"USD": Decimal(10_000), "BTC": Decimal(1)}
    )
    tier: str = "intermediate"
    seed: int = 1
    start_ms: int | None = None
    start_row: int | None = None
    key: str = DEMO_KEY
    secret: str = DEMO_SECRET
    permissions: tuple[str, ...] = TRADING
    addresses: tuple[str, ...] = ("127.0.0.1",)
    keys: tuple[ApiKey, ...] = ()
    liquidity: Liquidity = field(default_factory=Liquidity)
    volume_30d: Decimal = _ZERO
    hidden_minimums: Mapping[str, Decimal] = field(default_factory=dict)


class Core:
    """The exchange. ``keys`` are those of its one account, by their public part."""

    def __init__(self, options: Options, clock: Clock | None = None) -> None:
        self.options = options
        self.clock = clock or Clock(options.start_ms, options.pace)
        self.pairs: Listing = list_pairs(options.tapes)
        self.market = MarketTape(
            options.tapes,
            self.pairs,
            self.clock,
            options.liquidity,
            options.start_row,
        )
        self.ledger = Ledger(_opening(options.balances))
        first = ApiKey(
            key=options.key,
            secret=options.secret,
            permissions=options.permissions,
            addresses=options.addresses,
        )
        self.keys = {one.key: one for one in (first, *options.keys)}
        self.nonces: dict[str, int] = {}
        self.listeners: list[Callable[[Event], None]] = []
        self.counters = Counters(TIERS[options.tier])
        self.engine = MatchingEngine(
            self.market, self.ledger, self._tell, options.seed, self.clock.now_ms()
        )
        self.trading = Trading(
            self.engine, self.counters, self.pairs, self._rates, self._tell
        )
        self.trading.hidden_minimums.update(options.hidden_minimums)
        self.history = History(self.engine, self.pairs, self._volume)
        self._public = Public(self.market, self.pairs, self.trading.mode)
        self._refused: list[Event] = []
        self._tokens: dict[str, Token] = {}
        self._fills: deque[Event] = deque(maxlen=_FILLS_KEPT)
        self._traded: deque[tuple[int, Decimal]] = deque()
        self._traded_sum = _ZERO

    @property
    def secrets(self) -> dict[str, str]:
        """The secret of each key, for ``signing.verify``."""
        return {name: one.secret for name, one in self.keys.items()}

    @property
    def _token_lasts_ms(self) -> int:
        # A client counts these minutes on its own clock, however fast ours is.
        return int(TOKEN_LASTS_MS * self.clock.pace)

    @property
    def threshold(self) -> Decimal:
        """The limit of the matching engine's counter."""
        return self.counters.tier.threshold

    def advance(self) -> None:
        """Let the market run to now: match, expire, and act for a dead man."""
        self.engine.run(self.clock.now_ms())

    def public(self, method: str, query: Mapping[str, str]) -> object:
        """Return the result of /0/public/<method>.

        Raises:
            KrakenError: the method or an argument is not one.
        """
        self.advance()
        return self._public.ask(method, query)

    def private(self, method: str, form: Mapping[str, Any], key: str) -> object:
        """Return the result of /0/private/<method>, asked for by ``key``.

        Raises:
            KrakenError: it is refused.
        """
        self.advance()
        now_ms = self.clock.now_ms()
        try:
            self.keys[key].require(method)
            self.counters.query(method, key, now_ms)
            return self._ask(method, form, key, now_ms)
        except KrakenError as error:
            told = {name: str(value) for name, value in form.items() if name != "nonce"}
            self._refused.append(
                {
                    "at_ms": now_ms,
                    "method": method,
                    "form": told,
                    "errors": list(error.errors),
                }
            )
            raise

    def session(self, token: str) -> str:
        """Return the key that a websocket token was given to.

        Raises:
            KrakenError: there is no such token, or it is too old to connect with.
        """
        now_ms, found = self.clock.now_ms(), self._tokens.get(token)
        if found is None or found.until_ms < now_ms:
            raise refused("ESession:Invalid session")
        # A token does not grow old while it is used.
        self._tokens[token] = Token(found.key, now_ms + self._token_lasts_ms)
        return found.key

    def counter(self, symbol: str) -> Decimal:
        """Return the matching engine's counter of a symbol."""
        return self.counters.read(symbol, self.clock.now_ms())

    def open_executions(self) -> list[Event]:
        """Return all open orders, in the words of the channel ``executions``."""
        return [
            executions.full(order, "new", order.opened_ms)
            for order in self.engine.open.values()
        ]

    def recent_trades(self, count: int = 50) -> list[Event]:
        """Return the last fills as they were told, oldest first."""
        return list(self._fills)[-count:]

    def wallet(self) -> list[Event]:
        """Return the balances, in the words of the channel ``balances``."""
        return [
            {
                "asset": code,
                "asset_class": "currency",
                "balance": much,
                "wallets": [{"type": "spot", "id": "main", "balance": much}],
            }
            for code, much in sorted(self.ledger.balances.items())
        ]

    def force_price(self, symbol: str, price: Decimal) -> None:
        """Let the price of a symbol jump now; the tape goes on from there."""
        self.advance()
        self.market.force(symbol, price)

    def set_status(self, symbol: str, status: str) -> None:
        """Set the mode of a market: online, cancel_only, post_only and so on."""
        self.trading.status[symbol] = status

    def forget_open_orders(self, txids: Collection[str] | None = None) -> list[str]:
        """Lose open orders as a crash does, all when ``txids`` is None; return which.

        Nobody is told, and no query knows them any more; their trades stay.
        """
        self.advance()
        lost = [
            order
            for order in self.engine.open.values()
            if txids is None or order.txid in txids
        ]
        for order in lost:
            self.engine.forget(order)
        return [order.txid for order in lost]

    def ledger_dict(self) -> Event:
        """Return all that the exchange knows of its account, for an audit."""
        now_ms = self.clock.now_ms()
        return {
            "at_ms": now_ms,
            "orders": [_as_dict(order) for order in self.engine.orders.values()],
            "trades": [
                {name: _plain(getattr(trade, name)) for name in trade.__slots__}
                for trade in self.ledger.trades
            ],
            "deposits": {c: str(much) for c, much in self.ledger.deposits.items()},
            "balances": {c: str(much) for c, much in self.ledger.balances.items()},
            "held": {c: str(self.ledger.held(c)) for c in self.ledger.balances},
            "refused": list(self._refused),
            "counters": self.counters.as_dict(now_ms),
            "fees": {
                "maker": str(self._rates().maker),
                "taker": str(self._rates().taker),
            },
        }

    def _ask(
        self, method: str, form: Mapping[str, Any], key: str, now_ms: int
    ) -> object:
        match method:
            case "AddOrder":
                return self.trading.add(form, now_ms)
            case "AmendOrder":
                return self.trading.amend(form, now_ms)
            case "CancelOrder":
                return self.trading.cancel(form, now_ms)
            case "CancelAll":
                return self.trading.cancel_all(now_ms)
            case "CancelAllOrdersAfter":
                return self.trading.cancel_all_after(form, now_ms)
            case "GetWebSocketsToken":
                return self._new_token(key, now_ms)
            case "GetApiKeyInfo":
                return self.keys[key].describe(self.nonces.get(key, 0), now_ms)
        return self._look(method, form)

    def _look(self, method: str, form: Mapping[str, Any]) -> object:
        match method:
            case "Balance":
                return self.history.balance()
            case "BalanceEx":
                return self.history.balances()
            case "OpenOrders":
                return self.history.open_orders(form)
            case "ClosedOrders":
                return self.history.closed_orders(form)
            case "QueryOrders":
                return self.history.query_orders(form)
            case "TradesHistory":
                return self.history.trades(form)
            case "QueryTrades":
                return self.history.query_trades(form)
            case "TradeVolume":
                return self.history.volume(form)
        raise refused("EGeneral:Unknown method")

    def _new_token(self, key: str, now_ms: int) -> Event:
        token = "".join(self.engine.new_id("W") for _ in range(2)).replace("-", "")
        self._tokens[token] = Token(key, now_ms + self._token_lasts_ms)
        return {"token": token, "expires": TOKEN_LASTS_MS // 1000}

    def _tell(self, event: Event) -> None:
        if event.get("exec_type") == "trade":
            self._fills.append(event)
            self._count_volume()
        for listener in list(self.listeners):
            listener(event)

    def _count_volume(self) -> None:
        trade = self.ledger.trades[-1]
        quote = trade.symbol.partition("/")[2]
        dollars = trade.cost
        if f"{quote}/USD" in self.market.tracks:
            dollars *= self.market.price(f"{quote}/USD")
        self._traded.append((trade.at_ms, dollars))
        self._traded_sum += dollars

    def _volume(self) -> Decimal:
        """Return the volume of the last 30 days in US dollars.

        Money other than dollars counts as dollars: rates of exchange are not kept.
        """
        since_ms = self.clock.now_ms() - fees.WINDOW_MS
        while self._traded and self._traded[0][0] < since_ms:
            self._traded_sum -= self._traded.popleft()[1]
        return self.options.volume_30d + self._traded_sum

    def _rates(self) -> fees.Rates:
        return fees.rates(self._volume())


def _opening(balances: Mapping[str, Decimal]) -> dict[str, Decimal]:
    opening: dict[str, Decimal] = {}
    for name, given in balances.items():
        much = exact(given)
        if much < 0:
            raise VenueError(f"a balance cannot be below 0, {name} was {given}")
        opening[code_of(name)] = opening.get(code_of(name), _ZERO) + much
    return opening


def _as_dict(order: BookOrder) -> Event:
    return {
        "txid": order.txid,
        "cl_ord_id": order.cl_ord_id,
        "userref": order.userref,
        "symbol": order.pair.symbol,
        "altname": altname(order.pair.base) + altname(order.pair.quote),
        "side": order.side,
        "order_type": order.order_type,
        "amount": str(order.amount),
        "limit_price": None if order.limit is None else str(order.limit),
        "time_in_force": order.time_in_force,
        "status": order.status,
        "reason": order.reason,
        "opened_ms": order.opened_ms,
        "closed_ms": order.closed_ms,
        "filled": str(order.filled),
        "cost": str(order.cost),
        "fee": str(order.fee),
        "trades": list(order.trades),
    }


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Decimal) else value
