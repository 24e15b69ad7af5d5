"""What happens to the account's orders, until cancelled; gaps are told, never hidden.

A stream does not repeat itself: after each interruption, and whenever a frame is
missing or cannot be read, the engine is told that there was a gap, and asks.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from quorate import OrderReport, Tell, exact

from .execution_frames import Executions, Sequence, read_exactly
from .figures import Refusals
from .line import Line
from .opening import refuses_key
from .pacing import Outages, Recovered, Refused, Timing, first_end, keep_on, refusal
from .reports import order_report, venue_trade
from .wire import Unclear

if TYPE_CHECKING:
    from .venue import CcxtVenue

POLL_MS = 15_000
"""How often the engine is made to ask where nothing is streamed."""
BEAT_MS = 250
HOLE_MS = 500
HOLE_S = 0.2
"""How long a frame may be late before it counts as lost."""
GAPS_APART_MS = 5_000
ANSWER_MS = 15_000
ANSWER_S = 5.0
SETTLE_MS = 3_000
MOST_DIGITS = 15
"""A float keeps so many digits of a decimal, and gives them back as they were."""


async def follow(venue: CcxtVenue, tell: Tell) -> None:
    """Tell what happens to the account's orders until cancelled."""
    timing, outages = Timing(venue), Outages("orders", tell, greets=True)
    run = stream_for(venue)

    async def attempt(recovered: Recovered) -> str:
        return await run(OrderDesk(venue, timing, outages, tell), recovered)

    await keep_on(venue, timing, outages, attempt)


class OrderDesk:
    """What order streams share: where they tell, and how they say what they missed."""

    def __init__(
        self, venue: CcxtVenue, timing: Timing, outages: Outages, tell: Tell
    ) -> None:
        self.venue = venue
        self.timing = timing
        self.outages = outages
        self.tell = tell
        self.refusals = Refusals("orders")
        self._missed = ""
        self._gap_ms = timing.elapsed_ms() - GAPS_APART_MS

    def missed(self, why: str) -> None:
        """Something was missed: the engine is to ask, though not all the time."""
        self.refusals.note("executions", why)
        self._missed = why

    def admit(self) -> None:
        """Tell of what was missed, unless that was told a moment ago."""
        now_ms = self.timing.elapsed_ms()
        if self._missed and now_ms - self._gap_ms >= GAPS_APART_MS:
            self._gap_ms = now_ms
            self.outages.pass_over(self._missed)
            self._missed = ""


Run = Callable[[OrderDesk, Recovered], Coroutine[Any, Any, str]]


def stream_for(venue: CcxtVenue) -> Run:
    """Return how orders are followed, by the settings and what ccxt can do."""
    if venue.settings.get("feed") == "polling":
        return polled
    if venue.adapter.raw_frames:
        return kraken_stream
    return unified_stream if venue.exchange.has.get("watchOrders") else polled


async def polled(desk: OrderDesk, recovered: Recovered) -> str:
    """Have the engine ask for its orders, again and again."""
    recovered()
    while True:
        await desk.timing.sleep(POLL_MS, 0.2)
        desk.outages.again("orders are asked for, not streamed")


class KrakenExecutions:
    """One connection's frames of the executions channel, merged and told."""

    def __init__(self, desk: OrderDesk, executions: Executions) -> None:
        self._desk = desk
        self._executions = executions
        self._sequence = Sequence()
        self._heard_ms = desk.timing.elapsed_ms()
        self.subscribed = False
        self.refused = ""

    def take(self, frame: dict[str, Any]) -> bool:
        """Take a frame; return False for one that is not about orders."""
        self._heard_ms = self._desk.timing.elapsed_ms()
        if frame.get("channel") == "executions":
            self._sequence.take(frame.get("sequence"), self._heard_ms)
            data = frame.get("data")
            for item in data if isinstance(data, list) else [data]:
                self._execution(item)
        elif frame.get("method") == "subscribe":
            self.subscribed = frame.get("success") is True
            self.refused = "" if self.subscribed else str(frame.get("error"))
        else:
            return frame.get("channel") in ("heartbeat", "status")
        return True

    def _execution(self, item: Any) -> None:
        try:
            report = self._executions.take(item if isinstance(item, dict) else {})
        except ValueError as error:
            self._desk.missed(f"an execution could not be read: {error}")
            return
        if report is not None:
            self._desk.tell(report)

    async def watch(self) -> str:
        """Look for silence and missing frames; return why nothing more is believed."""
        desk, timing = self._desk, self._desk.timing
        while True:
            now_ms = timing.elapsed_ms()
            lost = self._sequence.holes(now_ms - timing.span_ms(HOLE_MS, HOLE_S))
            if lost:
                desk.missed(f"{lost} frames are missing")
            desk.admit()
            silent_ms = now_ms - self._heard_ms
            if silent_ms > timing.silent_after_ms:
                return f"nothing came for {silent_ms // 1000} s"
            await timing.sleep(BEAT_MS, 0.02)

    async def answered(self) -> str:
        """Wait for the answer to the subscription; return "answered", or why not."""
        timing, waited = self._desk.timing, 0.0
        limit_s = timing.wall_s(ANSWER_MS, ANSWER_S)
        while not self.subscribed and not self.refused and waited < limit_s:
            await timing.sleep(0)
            waited += timing.wall_s(0)
        if self.refused:
            return refusal(f"executions: {self.refused}")
        return "answered" if self.subscribed else "the subscription was not answered"


async def kraken_stream(desk: OrderDesk, recovered: Recovered) -> str:
    """Follow orders by Kraken's raw frames, with a new token for each connection."""
    exchange, venue = desk.venue.exchange, desk.venue
    frames = KrakenExecutions(desk, Executions(venue.symbols.currency))
    params = {
        "channel": "executions",
        "token": await _token(venue),
        "snap_orders": True,
        # Past trades are for the engine to ask for: of an order that is over long ago
        # they do not say so.
        "snap_trades": False,
    }
    url = exchange.urls["api"]["ws"]["privateV2"]
    line = Line(exchange, url, frames.take, desk.refusals, read_exactly)
    try:
        line.dial([{"method": "subscribe", "params": params}])
        why = await first_end(frames.answered(), line.broken())
        if why != "answered":
            return why
        recovered()
        return await first_end(line.broken(), frames.watch())
    finally:
        await line.hang_up()


async def _token(venue: CcxtVenue) -> str:
    """Return a token for a connection; each lasts 15 minutes until it is used.

    Raises:
        NoAnswer: none was given.
    """
    call = venue.exchange.privatePostGetWebSocketsToken
    told, _ = await venue.ask("a token for its streams", call)
    result = told.get("result")
    token = result.get("token") if isinstance(result, dict) else None
    if not isinstance(token, str) or not token:
        raise Unclear(f"{venue.name}: no token for its streams was told")
    return token


async def unified_stream(desk: OrderDesk, recovered: Recovered) -> str:
    """Follow orders by what ccxt makes of any exchange's streams: hints, no more."""
    exchange = desk.venue.exchange
    parts = [_follow(desk, exchange.watch_orders, hint_of_order)]
    if exchange.has.get("watchMyTrades"):
        parts.append(_follow(desk, exchange.watch_my_trades, hint_of_trade))

    async def settled() -> str:
        # ccxt does not say when it is subscribed; a refusal comes before this.
        await desk.timing.sleep(SETTLE_MS, 1)
        recovered()
        while True:
            await desk.timing.sleep(BEAT_MS)
            desk.admit()

    return await first_end(*parts, settled())


Hint = Callable[[OrderDesk, Any], OrderReport]


async def _follow(desk: OrderDesk, watch: Callable[[], Any], hint: Hint) -> str:
    while True:
        try:
            told = await watch()
        except Exception as error:
            if refuses_key(error):
                raise Refused(str(error)) from None
            raise
        for each in told:
            try:
                desk.tell(hint(desk, each))
            except (Unclear, ValueError, TypeError, KeyError) as error:
                desk.missed(f"an order could not be read: {error}")


def hint_of_order(desk: OrderDesk, order: dict[str, Any]) -> OrderReport:
    """Return the report of an order in ccxt's shape.

    Raises:
        Unclear: a part of it is missing.
        ValueError: a figure of it is not exact.
    """
    _must_be_exact(order, ("amount", "filled"))
    # Where exact figures stand in a REST reply, a stream has other names.
    plain = replace(desk.venue.adapter, order_fields={})
    return order_report(order, plain, desk.timing.now_ms())


def hint_of_trade(desk: OrderDesk, trade: dict[str, Any]) -> OrderReport:
    """Return the report of an order that had a fill, in ccxt's shape.

    Raises:
        Unclear: a part of it is missing.
        ValueError: a figure of it is not exact.
    """
    fee = trade.get("fee")
    _must_be_exact(trade, ("price", "amount"))
    _must_be_exact(fee if isinstance(fee, dict) else {}, ("cost",))
    read = venue_trade(trade, replace(desk.venue.adapter, trade_fields={}))
    return OrderReport(
        at_ms=read.at_ms,
        client_id="",
        venue_id=read.venue_id,
        symbol=read.symbol,
        side=read.side,
        fills=(read.fill,),
    )


def _must_be_exact(told: dict[str, Any], names: tuple[str, ...]) -> None:
    """Refuse figures that may have lost a digit on their way through a float."""
    for name in names:
        value = told.get(name)
        if isinstance(value, float):
            digits: tuple[int, ...] = exact(value).normalize().as_tuple().digits
            if len(digits) > MOST_DIGITS:
                raise ValueError(f"{name} has more digits than are kept")
            told[name] = Decimal(repr(value))
