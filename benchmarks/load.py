"""Load: many symbols ticking, many open positions, one core.

Prices of 500 symbols come at 1,000 ticks a second for a while, 1,000 positions are
open, and some of the prices make a position leave. What is measured is the time from
the moment a price is known to the moment its exit order is durable in the journal and
handed to the venue. The minute closes in the middle, with 500 candles to decide on.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from time import perf_counter, process_time

from quorate import (
    Accepted,
    Bar,
    CancelOutcome,
    CancelReply,
    Ended,
    Fill,
    Filled,
    Intended,
    Intent,
    Liquidity,
    Market,
    Order,
    OrderReport,
    OrderType,
    Purpose,
    Refused,
    Side,
    Started,
    Tick,
    TimeInForce,
    Unknown,
)
from quorate.drivers.clock import LiveClock
from quorate.drivers.live import LiveDriver, Note
from quorate.drivers.run import ask_limits
from quorate.flow.events import Outcome
from quorate.host.host import open_host
from quorate.journal.journal import Journal
from quorate.rulebook.rulebook import gather_sources, read_rulebook
from quorate.values.timeframes import MINUTE_MS

ROOT = Path(__file__).parents[1]
ONE = Decimal(1)
PRICE = Decimal(100)


class Wire:
    """A venue at hand: takes every order at once and fills it at its price."""

    name = "wire"
    has_deadline = False

    def __init__(self) -> None:
        self.driver: LiveDriver
        self.sent: dict[str, float] = {}

    async def send(self, intent: Intent) -> Accepted | Refused | Unknown:
        """Take an order and fill it a moment later."""
        self.sent[intent.symbol] = perf_counter()
        self.driver.tell(
            OrderReport(
                at_ms=0,
                client_id=intent.client_id,
                venue_id=f"v{intent.client_id}",
                open=False,
                reason="filled",
                filled=intent.amount,
                fills=(fill(f"t{intent.client_id}", intent.amount),),
            )
        )
        return Accepted(
            at_ms=0, client_id=intent.client_id, venue_id=f"v{intent.client_id}"
        )

    async def cancel(self, order: Order) -> CancelReply:
        """Cancel at once."""
        client_id = order.intent.client_id
        self.driver.tell(
            OrderReport(
                at_ms=0,
                client_id=client_id,
                venue_id=order.venue_id,
                open=False,
                reason="cancelled",
                filled=order.filled,
            )
        )
        return CancelReply(outcome=CancelOutcome.TAKEN)


def fill(trade_id: str, amount: Decimal) -> Fill:
    """Return a fill at the price that everything was bought at."""
    return Fill(
        trade_id=trade_id,
        price=PRICE,
        amount=amount,
        fee=PRICE * amount * Decimal("0.004"),
        fee_currency="USD",
        liquidity=Liquidity.TAKER,
    )


def market(symbol: str) -> Market:
    """Return the market rules of a symbol."""
    return Market(
        symbol=symbol,
        base=symbol.split("/", maxsplit=1)[0],
        quote="USD",
        venue_symbol=symbol,
        price_step=Decimal("0.01"),
        amount_step=Decimal("0.0001"),
        min_amount=Decimal("0.001"),
        min_cost=ONE,
        maker_fee=Decimal("0.0025"),
        taker_fee=Decimal("0.004"),
    )


def bought(number: int, symbol: str, at_ms: int) -> list[Intended | Filled | Ended]:
    """Return how one position came to be."""
    client_id = f"load-{number}"
    intent = Intent(
        client_id=client_id,
        root_id=client_id,
        symbol=symbol,
        venue_symbol=symbol,
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        amount=ONE,
        limit_price=PRICE,
        reference_price=PRICE,
        purpose=Purpose.ENTRY,
        rule="quorum",
        attempt=1,
        max_attempts=1,
        cancel_after_ms=0,
        position_id=f"p{number}",
        made_ms=at_ms,
    )
    return [
        Intended(at_ms=at_ms, intent=intent),
        Filled(at_ms=at_ms, client_id=client_id, fill=fill(f"t{number}", ONE)),
        Ended(at_ms=at_ms, client_id=client_id, reason="filled"),
    ]


def open_driver(journal: Journal, symbols: Sequence[str], positions: int) -> LiveDriver:
    """Return a driver with its positions open and its candles known."""
    host = open_host(None, installed=False)
    sources, _ = gather_sources(ROOT / "rules", relative_to=ROOT)
    rulebook = read_rulebook(sources, host.facts, host.functions).rulebook
    assert rulebook is not None
    wire = Wire()

    def write(outcome: Outcome, bars: Sequence[Bar]) -> None:
        journal.write(
            outcome.records,
            outcome.decisions,
            cursor="0",
            rulebook=rulebook.digest,
            candles=bars,
        )

    def note(note: Note) -> None:
        if note.level != "info":
            print(note.text)

    # Half a minute before a minute's end, so that the candles close in the middle.
    begin_ms = 1_700_000_000_000 // MINUTE_MS * MINUTE_MS + MINUTE_MS // 2
    driver = LiveDriver(
        rulebook=rulebook,
        host=host,
        venue=wire,  # type: ignore[arg-type]
        clock=LiveClock(begin_ms),
        write=write,
        on_note=note,
    )
    wire.driver = driver
    started = Started(
        at_ms=begin_ms,
        run="load0000",
        venue="wire",
        rulebook=rulebook.digest,
        source="load",
        markets=tuple(map(market, symbols)),
        balances=(("USD", Decimal(10**7)),),
        limits=ask_limits(host, "pro"),
    )
    driver.take([started])
    walk = random.Random(5)
    for symbol in symbols:
        lane = driver.add_symbol(symbol)
        first_ms = begin_ms // MINUTE_MS * MINUTE_MS - 720 * MINUTE_MS
        for minute in range(720):
            price = 100 + walk.gauss(0, 0.05)
            lane.add(bar(symbol, first_ms + minute * MINUTE_MS, price))
        lane.restate()
        lane.see(Tick(at_ms=begin_ms, symbol=symbol, last=100, bid=99.99, ask=100.01))
    for number in range(1, positions + 1):
        symbol = symbols[number % len(symbols)]
        for record in bought(number, symbol, begin_ms):
            driver.flow.state.apply(record)
    return driver


def bar(symbol: str, open_ms: int, price: float) -> Bar:
    """Return a candle that stood at one price."""
    return Bar(
        symbol=symbol,
        open_ms=open_ms,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=1.0,
    )


async def feed(
    driver: LiveDriver, symbols: Sequence[str], seconds: float, ticks: int, exits: float
) -> dict[str, float]:
    """Tell ticks at an even pace; return when each leaving symbol's price was told."""
    walk, told = random.Random(7), dict[str, float]()
    begin_s, number, minute_ms = perf_counter(), 0, driver.now_ms() // MINUTE_MS
    while (passed_s := perf_counter() - begin_s) < seconds:
        for _ in range(int(passed_s * ticks) - number):
            number += 1
            symbol = symbols[number % len(symbols)]
            last = 100 + walk.random() / 10
            if symbol not in told and walk.random() < exits:
                last = 97.0  # below the stop
                told[symbol] = perf_counter()
            elif symbol in told:
                last = 97.0
            at_ms = driver.now_ms()
            driver.tell(Tick(at_ms=at_ms, symbol=symbol, last=last, bid=last, ask=last))
        if driver.now_ms() // MINUTE_MS != minute_ms:
            open_ms = minute_ms * MINUTE_MS
            minute_ms = driver.now_ms() // MINUTE_MS
            for symbol in symbols:
                price = driver.view.lanes[symbol].price or 100.0
                driver.tell(bar(symbol, open_ms, price))
        await asyncio.sleep(0.0005)
    return told


async def measure(args: argparse.Namespace) -> None:
    """Run the load and print what was seen."""
    symbols = [f"S{number}/USD" for number in range(args.symbols)]
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal.create(Path(folder) / "load.sqlite")
        with journal:
            driver = open_driver(journal, symbols, args.positions)
            wire = driver.venue
            assert isinstance(wire, Wire)
            work = asyncio.create_task(driver.work())
            begin_s, begin_cpu_s = perf_counter(), process_time()
            told = await feed(driver, symbols, args.seconds, args.ticks, args.exits)
            await asyncio.sleep(1)
            wall_s, cpu_s = perf_counter() - begin_s, process_time() - begin_cpu_s
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work
    delays = sorted((wire.sent[s] - told[s]) * 1e3 for s in told if s in wire.sent)
    lost = len(told) - len(delays)
    held = {p.symbol for p in driver.flow.state.positions.values() if p.held}
    print(
        f"{len(symbols)} symbols, {args.positions} positions, {args.ticks} ticks/s for "
        f"{args.seconds} s: {len(told)} symbols had to leave, {lost} did not, "
        f"{len(held & set(told))} still held"
    )
    for share in (0.5, 0.9, 0.99, 1.0):
        at = min(len(delays) - 1, int(share * len(delays)))
        print(f"  price to order, p{share * 100:g}: {delays[at]:.2f} ms")
    print(f"  one core was busy for {cpu_s / wall_s:.0%} of the time")


def main() -> None:
    """Read the size of the load and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--positions", type=int, default=1000)
    parser.add_argument("--ticks", type=int, default=1000, help="a second")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--exits", type=float, default=0.002, help="share of ticks")
    args = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    asyncio.run(measure(args))


if __name__ == "__main__":
    main()
