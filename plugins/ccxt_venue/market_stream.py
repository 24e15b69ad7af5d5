"""Ticks and closed candles until cancelled: over a websocket, or by polling REST."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from quorate import Bar, NoAnswer, Tell, VenueError

from .candle_grid import closed_bars
from .figures import MINUTE_MS, Refusals, read_bar
from .kraken_market import KrakenFrames, subscriptions
from .line import Line
from .market_desk import MarketDesk, settle_ms
from .pacing import Outages, Recovered, Timing, first_end, keep_on, refusal

if TYPE_CHECKING:
    from .venue import CcxtVenue

BEAT_MS = 250
"""How often minutes are closed and silence is looked for."""
POLL_MS = 2_000
ANSWER_MS = 15_000
ANSWER_S = 5.0
"""How long the answer to a subscription is waited for."""
CLERKS = 3
"""REST questions about candles that are under way at once."""
MOST_PAGES = 20

Source = Callable[["CcxtVenue", MarketDesk], Coroutine[Any, Any, str]]
"""Brings market data to a desk until it breaks, and returns why."""


async def watch(venue: CcxtVenue, tell: Tell) -> None:
    """Tell ticks and closed candles of the venue's symbols until cancelled."""
    timing = Timing(venue)
    desk = MarketDesk(timing, venue.rules, tell)
    for symbol, told_ms in venue.bars_until.items():
        desk.start_at(symbol, told_ms)
    source = source_for(venue)

    async def attempt(recovered: Recovered) -> str:
        desk.begin()
        clerks = (_ask_candles(venue, desk) for _ in range(CLERKS))
        watched = _watchman(desk, recovered)
        return await first_end(
            source(venue, desk), watched, _ask_prices(venue, desk), *clerks
        )

    await keep_on(venue, timing, Outages("market", tell, greets=False), attempt)


def source_for(venue: CcxtVenue) -> Source:
    """Return where market data comes from, by the settings and what ccxt can do."""
    feed = venue.settings.get("feed") or "websocket"
    if feed not in ("websocket", "polling"):
        raise VenueError(f"exchange.feed: websocket or polling, was {feed!r}")
    has = venue.exchange.has
    if feed == "polling" or not (has.get("watchTickers") or has.get("watchTicker")):
        return polled
    return kraken_stream if venue.adapter.raw_frames else unified_stream


async def kraken_stream(venue: CcxtVenue, desk: MarketDesk) -> str:
    """Bring market data from Kraken's raw frames."""
    exchange, symbols = venue.exchange, list(desk.grids)
    url = exchange.urls["api"]["ws"]["publicV2"]
    frames = KrakenFrames(desk, symbols)
    line = Line(exchange, url, frames.take, desk.refusals)

    async def answered() -> str:
        waited = 0.0
        limit_s = desk.timing.wall_s(ANSWER_MS, ANSWER_S)
        while frames.missing and not frames.refused and waited < limit_s:
            await desk.timing.sleep(0)
            waited += desk.timing.wall_s(0)
        if frames.refused:
            return refusal(f"not subscribed: {', '.join(frames.refused[:3])}")
        return "answered" if not frames.missing else "subscriptions were not answered"

    try:
        line.dial(subscriptions(symbols))
        why = await first_end(answered(), line.broken())
        if why != "answered":
            return why
        desk.live()
        return await line.broken()
    finally:
        await line.hang_up()


async def unified_stream(venue: CcxtVenue, desk: MarketDesk) -> str:
    """Bring market data from what ccxt makes of any exchange's streams."""
    exchange, symbols, has = venue.exchange, list(desk.grids), venue.exchange.has
    calls: list[Callable[[], Awaitable[Any]]]
    if has.get("watchTickers"):
        calls = [partial(exchange.watch_tickers, symbols)]
    else:
        calls = [partial(exchange.watch_ticker, each) for each in symbols]
    if has.get("watchBidsAsks"):
        calls.append(partial(exchange.watch_bids_asks, symbols))
    tickers = UnifiedTickers(exchange, desk)
    parts = [_follow_tickers(call, tickers, desk) for call in calls]
    candles = bool(has.get("watchOHLCV"))
    if candles:
        parts += [_follow_candles(exchange, each, desk) for each in symbols]
    desk.live(candles=False)
    return await first_end(*parts, _read_tickers(tickers, desk, candles=candles))


class UnifiedTickers:
    """The tickers that ccxt keeps; ``read`` gives the desk those that are new.

    ccxt wakes for one symbol; what comes in the same moment for another is only kept.
    """

    def __init__(self, exchange: Any, desk: MarketDesk) -> None:
        self._exchange = exchange
        self._desk = desk
        self._seen = {key: told for key, told in self._kept()}

    def _kept(self) -> Iterator[tuple[tuple[str, str], Any]]:
        for store in ("tickers", "bidsasks"):
            kept = getattr(self._exchange, store, None) or {}
            for symbol in self._desk.grids:
                if symbol in kept:
                    yield (store, symbol), kept[symbol]

    def read(self) -> None:
        """Give the desk every ticker that was not there before."""
        for key, told in self._kept():
            if self._seen.get(key) is not told:
                self._seen[key] = told
                figures = (told.get(name) for name in ("last", "bid", "ask"))
                self._desk.quote(key[1], told.get("timestamp"), *figures)


async def _follow_tickers(
    call: Callable[[], Awaitable[Any]], tickers: UnifiedTickers, desk: MarketDesk
) -> str:
    while True:
        await call()
        desk.heard()
        tickers.read()


async def _read_tickers(
    tickers: UnifiedTickers, desk: MarketDesk, *, candles: bool
) -> str:
    """Read what ccxt kept; count candles as streamed once all symbols have spoken."""
    live = not candles
    while True:
        tickers.read()
        if not live and all(quote.heard_ms >= 0 for quote in desk.quotes.values()):
            live = True
            desk.live()
        await desk.timing.sleep(BEAT_MS)


async def _follow_candles(exchange: Any, symbol: str, desk: MarketDesk) -> str:
    while True:
        rows = await exchange.watch_ohlcv(symbol, "1m")
        desk.heard()
        for row in rows:
            desk.candle(symbol, row)


async def polled(venue: CcxtVenue, desk: MarketDesk) -> str:
    """Bring prices by asking for them; candles are asked for when a minute is over."""
    desk.live(candles=False)
    while True:
        try:
            found = await _tickers(venue, list(desk.grids), desk)
        except NoAnswer as error:
            # One answer less is no interruption; prices grow stale without any.
            desk.refusals.note("answer", str(error))
            found = []
        for symbol, told, _ in found:
            desk.heard()
            desk.quote(symbol, None, told.get("last"), told.get("bid"), told.get("ask"))
        await desk.timing.sleep(POLL_MS, 0.1)


async def _tickers(
    venue: CcxtVenue, symbols: list[str], desk: MarketDesk
) -> list[tuple[str, Any, int]]:
    """Return what REST says of symbols' prices, and when it was asked."""
    exchange, asked_ms = venue.exchange, desk.timing.now_ms()
    if exchange.has.get("fetchTickers"):
        call = partial(exchange.fetch_tickers, symbols)
        told, _ = await venue.ask("prices", call, exact=False)
        return [(each, told[each], asked_ms) for each in symbols if each in told]
    found = []
    for symbol in symbols:
        asked_ms = desk.timing.now_ms()
        call = partial(exchange.fetch_ticker, symbol)
        told, _ = await venue.ask("a price", call, exact=False)
        found.append((symbol, told, asked_ms))
    return found


async def _watchman(desk: MarketDesk, recovered: Recovered) -> str:
    """Close minutes, look for silence, and say when all is whole."""
    whole = False
    while True:
        desk.close_minutes()
        why = desk.stale()
        if why:
            return why
        if not whole and desk.whole:
            whole = True
            recovered()
        await desk.timing.sleep(BEAT_MS, 0.02)


async def _ask_candles(venue: CcxtVenue, desk: MarketDesk) -> str:
    """Ask REST for candles, one symbol after the other; again until it answers."""
    exchange = venue.exchange
    while True:
        symbol = await desk.wanted.get()
        asked_ms, since_ms = desk.timing.now_ms(), desk.since_ms(symbol)
        call = partial(exchange.fetch_ohlcv, symbol, "1m", since_ms)
        try:
            rows, _ = await venue.ask(f"candles of {symbol}", call, exact=False)
        except NoAnswer as error:
            desk.refusals.note("answer", str(error))
            await desk.timing.sleep(1_000, 0.2)
            desk.wanted.put_nowait(symbol)
            continue
        desk.fill(symbol, rows, asked_ms)
        desk.served(symbol)


async def _ask_prices(venue: CcxtVenue, desk: MarketDesk) -> str:
    """Ask REST for the prices of symbols that have been quiet."""
    while True:
        symbols = desk.quiet()
        if symbols:
            try:
                found = await _tickers(venue, symbols, desk)
            except NoAnswer as error:
                desk.refusals.note("answer", str(error))
                found = []
            for symbol, told, asked_ms in found:
                last, bid, ask = (told.get(name) for name in ("last", "bid", "ask"))
                desk.probed(symbol, last, bid, ask, asked_ms)
        await desk.timing.sleep(BEAT_MS)


async def bars(venue: CcxtVenue, symbol: str, since_ms: int) -> list[Bar]:
    """Return closed one-minute candles from ``since_ms`` on, as far as REST has them.

    Raises:
        NoAnswer: they cannot be told.
    """
    timing, refusals = Timing(venue), Refusals("market data")
    found: dict[int, Bar] = {}
    since = since_ms
    for _ in range(MOST_PAGES):
        asked_ms = timing.now_ms()
        call = partial(venue.exchange.fetch_ohlcv, symbol, "1m", since)
        rows, _body = await venue.ask(f"candles of {symbol}", call, exact=False)
        page = []
        for row in rows:
            try:
                page.append(read_bar(symbol, row))
            except ValueError as error:
                refusals.note("candle", f"{symbol}: {error}")
        settled_ms = settle_ms(timing)
        closed = closed_bars(page, asked_ms, settled_ms)
        fresh = [bar for bar in closed if bar.open_ms >= since]
        found |= {bar.open_ms: bar for bar in fresh}
        if not fresh or fresh[-1].open_ms + 2 * MINUTE_MS > asked_ms - settled_ms:
            break
        since = fresh[-1].open_ms + MINUTE_MS
    ordered = [found[open_ms] for open_ms in sorted(found)]
    from_ms = -(-since_ms // MINUTE_MS) * MINUTE_MS
    until_ms = ordered[-1].open_ms + MINUTE_MS if ordered else from_ms
    venue.bars_until[symbol] = until_ms
    return ordered
