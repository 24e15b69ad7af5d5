"""The venue: what the engine asks, answered through one ccxt exchange object."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from quorate import (
    Accepted,
    Bar,
    CancelReply,
    Intent,
    Keys,
    Market,
    NoAnswer,
    Order,
    OrderReport,
    Refused,
    Rights,
    Tell,
    Unknown,
    VenueError,
    VenueTrade,
)

from . import finding, sending
from .adapters import adapter_for
from .clock import ExchangeClock
from .lanes import Budget, Lane, NoTurn, Urgency
from .opening import open_exchange
from .outcomes import describe
from .reports import total_of
from .rules import Fees, fees_of, market_rules
from .scrub import forms_of, scrubbed
from .symbols import Symbols
from .wire import Errand, NotSent, Terms, Unclear, errand_now

log = logging.getLogger(__name__)

SETTLE_S = 12.0
"""How long closing waits for requests that are on the wire."""


class CcxtVenue:
    """A ``LiveVenue`` over ccxt.

    For the parts of this plugin: ``exchange`` is the ccxt.pro object (after ``open``),
    every request of which goes through a lane by itself; ``lane`` is the private one,
    ``public_lane`` the other; ``symbols`` turns spellings; ``clock`` is exchange time;
    ``rules`` are the markets by symbol; ``bars_until`` is up to when candles of each
    were given; ``secrets`` must never be said.
    """

    def __init__(self, name: str, settings: Mapping[str, Any], tier: str) -> None:
        self.name = name
        self.settings = settings
        self.adapter = adapter_for(name, settings.get("adapter") or {})
        self.has_deadline = self.adapter.has_deadline
        self.exchange: Any = None
        self.symbols = Symbols()
        self.secrets: tuple[str, ...] = ()
        self.rules: dict[str, Market] = {}
        self.bars_until: dict[str, int] = {}
        pace = float(settings.get("pace") or 1)
        if not pace > 0:
            raise VenueError(f"exchange.pace: must be above 0, was {pace}")
        self.clock = ExchangeClock(pace)
        # Not the exchange's time, which jumps when it is told.
        passed_ms, adapter = self.clock.elapsed_ms, self.adapter
        limit, decay = adapter.rest_budget(tier)
        width = 1 if adapter.strict_nonce else 4
        self.lane = Lane(width, Budget(limit, decay, passed_ms), pace)
        public = Budget(adapter.public_limit, adapter.public_decay, passed_ms)
        self.public_lane = Lane(4, public, pace)
        self._keys: Keys | None = None
        self._fees: dict[str, Fees] = {}
        self._under_way: set[asyncio.Task[Any]] = set()

    @property
    def account(self) -> str:
        """Name the account without giving the key away: a hash of the key."""
        if self._keys is None:
            return ""
        return hashlib.sha256(self._keys.key.encode()).hexdigest()[:12]

    @property
    def hold_alive(self) -> Callable[[int], Awaitable[None]] | None:
        """What holds off the exchange's dead man's switch, None where none is known."""
        return partial(sending.hold_alive, self) if self.adapter.dead_man else None

    def send_path(self) -> Sequence[tuple[object, tuple[str, ...]]]:
        """Return what an order passes here and in ccxt, down to the signature."""
        ours = ("send", "cancel", "run", "name_of")
        theirs = ("create_order", "cancel_order", "order_request", "request")
        wire = ("sign", "fetch2", "fetch", "on_rest_response", "nonce")
        there = (name for name in theirs if hasattr(self.exchange, name))
        return (self, ours), (self.exchange, (*there, *wire)), (sending, ("send",))

    async def open(self, symbols: Sequence[str], keys: Keys | None) -> None:
        """Connect, and learn the markets. Without ``keys`` only public data is asked.

        Raises:
            NoAnswer: the exchange cannot be reached.
            VenueError: a symbol is not traded there, or the settings cannot be used.
        """
        self._keys, self.secrets = keys, forms_of(keys)
        terms = Terms(self.adapter, self.lane, self.public_lane, self.clock.now_ms)
        self.exchange = open_exchange(self.adapter, self.settings, keys, terms)
        try:
            await self.clock_ms()
            configured = self.settings.get("symbols") or symbols
            await self._learn_markets(symbols, must=configured)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Let go of every connection, once what is on the wire has come back."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=SETTLE_S)
        for task in self._under_way:
            task.cancel()
        if self.exchange is not None:
            await self.exchange.close()

    async def clock_ms(self) -> int:
        """Return the exchange's time, UTC milliseconds."""
        if self.exchange.has.get("fetchTime"):
            asked = self.clock.elapsed_ms()
            told, _ = await self.ask("its time", self.exchange.fetch_time)
            if not isinstance(told, int):
                raise NoAnswer(f"{self.name}: its time is not clear")
            self.clock.learn(told, asked, self.clock.elapsed_ms())
            if not self.adapter.strict_nonce:
                # Its requests carry the time; a strict nonce may never go back.
                ahead_ms = self.exchange.milliseconds() - self.clock.now_ms()
                self.exchange.options["timeDifference"] = ahead_ms
        return self.clock.now_ms()

    async def markets(self) -> Mapping[str, Market]:
        """Return the market rules of each symbol, with the account's own fees."""
        await self._learn_markets(tuple(self.rules), must=())
        if self._keys is not None:
            self._fees = await self._account_fees()
            self._read_rules(tuple(self.rules), must=())
        return dict(self.rules)

    async def balances(self) -> Mapping[str, Decimal]:
        """Return what the account holds of each currency, locked included."""
        told, _ = await self.ask("balances", self.exchange.fetch_balance)
        names = [name for name in told["total"] if isinstance(told.get(name), Mapping)]
        return {name: total_of(told[name], name) for name in names}

    async def rights(self) -> Rights:
        """Return what the key may do, as far as the exchange tells."""
        if self.adapter.read_rights is None:
            return Rights(known=False)
        call = getattr(self.exchange, self.adapter.ask_rights)
        _, body = await self.ask("what the key may do", call)
        return self.adapter.read_rights(body)

    async def bars(self, symbol: str, since_ms: int) -> list[Bar]:
        """Return closed one-minute candles from ``since_ms`` on, as far as it has."""
        from . import streams  # noqa: PLC0415

        return await streams.bars(self, symbol, since_ms)

    async def watch(self, tell: Tell) -> None:
        """Tell ticks and closed candles of every symbol until cancelled."""
        from . import streams  # noqa: PLC0415

        await streams.watch(self, tell)

    async def follow(self, tell: Tell) -> None:
        """Tell what happens to the account's orders until cancelled."""
        from . import streams  # noqa: PLC0415

        await streams.follow(self, tell)

    async def send(self, intent: Intent) -> Accepted | Refused | Unknown:
        """Send an order, once, and say what came of it."""
        return await sending.send(self, intent)

    async def cancel(self, order: Order) -> CancelReply:
        """Ask for an order to be cancelled, once."""
        return await sending.cancel(self, order)

    async def find(self, intent: Intent, venue_id: str) -> OrderReport | None:
        """Return an order by our id, open or over, with all its fills if it is over.

        Raises:
            NoAnswer: it cannot be told.
        """
        try:
            return await finding.find(self, intent, venue_id)
        except NotSent as error:  # a market that is gone: nobody can be asked there
            raise NoAnswer(f"{self.name}: {intent.client_id}: {error}") from None

    async def open_orders(self) -> list[OrderReport]:
        """Return every open order of the account, others' included."""
        return await finding.open_orders(self)

    async def trades(self, since_ms: int) -> list[VenueTrade]:
        """Return the account's executions from ``since_ms`` on, oldest first."""
        return await finding.trades(self, since_ms)

    def name_of(self, intent: Intent) -> str:
        """Return the market an intent is for.

        Raises:
            NotSent: it is not among those opened, or two names mean two markets.
        """
        names = {intent.symbol, intent.venue_symbol}
        symbols = {self.symbols.ours(name) for name in names}
        if len(symbols) > 1 or not symbols <= self.rules.keys():
            named = f"{intent.symbol} ({intent.venue_symbol})"
            raise NotSent(f"{named} is no market that was opened")
        return str(symbols.pop())

    async def ask(
        self,
        what: str,
        call: Callable[[], Awaitable[Any]],
        *,
        exact: bool = True,
        urgency: Urgency = Urgency.ASK,
    ) -> tuple[Any, object]:
        """Ask the exchange; return what ccxt made of the reply, and the reply's body.

        A refusal for the rate is asked again, once, when the lane lets it.

        Raises:
            Unclear: nothing came, or what came is no answer.
        """
        for again in (True, False):
            errand = Errand(exact=exact, urgency=urgency)
            try:
                told = await self.run(errand, call)
            except Unclear as unclear:
                if again and self.adapter.rate_words.have_all(unclear.codes):
                    continue
                raise self._unclear(what, unclear, unclear.codes) from None
            except Exception as error:  # noqa: BLE001 - whatever ccxt raises, no answer came
                raise self._unclear(what, error) from None
            if not errand.replies:
                raise self._unclear(what, NotSent("nothing was asked"))
            return told, errand.replies[-1].body
        raise AssertionError("unreachable")

    async def run(self, errand: Errand, call: Callable[[], Awaitable[Any]]) -> Any:
        """Run a call of ccxt; what is on the wire outlives a cancelled caller."""

        async def go() -> Any:
            errand_now.set(errand)
            return await call()

        task = asyncio.create_task(go())
        self._under_way.add(task)
        task.add_done_callback(self._back)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not errand.sent:
                task.cancel()
            raise

    def _back(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # its caller may be gone; it was told what it could be

    def _unclear(
        self, what: str, error: Exception, codes: tuple[str, ...] = ()
    ) -> Unclear:
        why = str(error) if isinstance(error, Unclear | NoTurn) else describe(error)
        return Unclear(scrubbed(f"{self.name}: {what}: {why}", self.secrets), codes)

    async def _learn_markets(
        self, symbols: Sequence[str], *, must: Collection[str]
    ) -> None:
        """Read the markets anew; only those that ``must`` be there are missed."""
        load = self.exchange.load_markets
        await self.ask("its markets", lambda: load(True), exact=False)
        aliases = self.settings.get("aliases") or {}
        self.symbols = Symbols(self.exchange.markets.values(), aliases)
        self._read_rules(symbols, must)

    def _read_rules(self, symbols: Sequence[str], must: Collection[str]) -> None:
        rules: dict[str, Market] = {}
        for spelling in symbols:
            symbol = self.symbols.ours(spelling)
            if symbol is None and spelling not in must:
                continue  # taken off the market, and not for us to bring back
            if symbol is None:
                raise VenueError(f"{self.name} has no market {spelling}")
            market = self.exchange.markets[symbol]
            careful = (self.adapter.maker_fee, self.adapter.taker_fee)
            fees = self._fees.get(symbol, careful)
            mode = self.exchange.precisionMode
            rules[symbol] = market_rules(market, self.adapter, mode, fees)
        self.rules = rules

    async def _account_fees(self) -> dict[str, Fees]:
        """Return what the account pays in each market; what is not told, raises."""
        exchange, has = self.exchange, self.exchange.has
        if self.adapter.read_fees is not None:
            return await self._raw_fees(self.adapter.read_fees)
        if has.get("fetchTradingFees") is True:
            told, _ = await self.ask("fees", exchange.fetch_trading_fees)
            return {each: fees_of(told.get(each) or {}, each) for each in self.rules}
        if has.get("fetchTradingFee") is not True:
            log.warning("%s does not tell its fees: taken as the dearest", self.name)
            return {}
        fees: dict[str, Fees] = {}
        for symbol in self.rules:
            call = partial(exchange.fetch_trading_fee, symbol)
            told, _ = await self.ask("fees", call)
            fees[symbol] = fees_of(told, symbol)
        return fees

    async def _raw_fees(
        self, read: Callable[[object, str], Fees | None]
    ) -> dict[str, Fees]:
        ids = {each: str(self.exchange.market(each)["id"]) for each in self.rules}
        call = getattr(self.exchange, self.adapter.ask_fees)
        pairs = ",".join(ids.values())
        _, body = await self.ask("fees", lambda: call({"pair": pairs}))
        fees: dict[str, Fees] = {}
        for symbol, market_id in ids.items():
            told = read(body, market_id)
            if told is None:
                raise Unclear(f"{self.name}: no fees were told of {symbol}")
            fees[symbol] = told
        return fees
