"""Load: many symbols ticking, many open positions, one core.

Prices of 500 symbols come at 1,000 ticks a second for a while, 1,000 positions are
open, and some of the prices make a position leave. What is measured is the time from
the moment a price is known to the moment its exit order is durable in the journal and
handed to the venue. The minute closes in the middle, with 500 candles to decide on.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import random
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
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
    Leaving,
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
BUSY = 0.5
"""Load average above which others take part of what is measured."""


@dataclass(slots=True)
class Seen:
    """When what became known, by position: seconds of the wall clock."""

    told: dict[str, float] = field(default_factory=dict)
    decided: dict[str, float] = field(default_factory=dict)
    durable: dict[str, float] = field(default_factory=dict)
    sent: dict[str, float] = field(default_factory=dict)

    def delays_ms(self, moments: dict[str, float]) -> list[float]:
        """Return how long after its price a moment came, shortest first."""
        return sorted(
            (moments[one] - told_s) * 1e3
            for one, told_s in self.told.items()
            if one in moments
        )


class Wire:
    """A venue at hand: takes every order at once and fills it at its price."""

    name = "wire"
    has_deadline = False

    def __init__(self, seen: Seen) -> None:
        self.driver: LiveDriver
        self.seen = seen

    async def send(self, intent: Intent) -> Accepted | Refused | Unknown:
        """Take an order and fill it a moment later."""
        self.seen.sent.setdefault(intent.position_id, perf_counter())
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


def open_driver(
    journal: Journal, symbols: Sequence[str], positions: int, seen: Seen
) -> LiveDriver:
    """Return a driver with its positions open and its candles known."""
    host = open_host(None, installed=False)
    sources, _ = gather_sources(ROOT / "rules", relative_to=ROOT)
    rulebook = read_rulebook(sources, host.facts, host.functions).rulebook
    assert rulebook is not None
    wire = Wire(seen)

    def write(outcome: Outcome, bars: Sequence[Bar]) -> None:
        leaving = [one for one in outcome.records if isinstance(one, Leaving)]
        seen.decided.update((one.position_id, perf_counter()) for one in leaving)
        journal.write(
            outcome.records,
            outcome.decisions,
            cursor="0",
            rulebook=rulebook.digest,
            candles=bars,
        )
        seen.durable.update((one.position_id, perf_counter()) for one in leaving)

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
    for number in range(positions):
        buy(driver, symbols[number % len(symbols)])
    return driver


def buy(driver: LiveDriver, symbol: str) -> None:
    """Let there be one more position; nothing of it is measured."""
    state = driver.flow.state
    for record in bought(state.positions_made + 1, symbol, driver.now_ms()):
        state.apply(record)


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
    driver: LiveDriver, symbols: Sequence[str], args: argparse.Namespace, seen: Seen
) -> int:
    """Tell ticks at an even pace; return how many symbols had to leave."""
    walk, leaving = random.Random(7), dict[str, tuple[str, ...]]()
    held_in = driver.flow.state.held_in
    begin_s, number, left, minute_ms = perf_counter(), 0, 0, minute_of(driver)
    while (passed_s := perf_counter() - begin_s) < args.seconds:
        for _ in range(int(passed_s * args.ticks) - number):
            number += 1
            symbol = symbols[number % len(symbols)]
            last = 100 + walk.random() / 10
            fell = (driver.view.lanes[symbol].price or 0) < 99  # a moment ago
            if not fell and symbol not in leaving and left < passed_s * args.exits:
                left += 1
                leaving[symbol] = tuple(held_in.get(symbol, ()))
                seen.told.update(dict.fromkeys(leaving[symbol], perf_counter()))
            if symbol in leaving:
                last = 97.0  # below the stop
            at_ms = driver.now_ms()
            driver.tell(Tick(at_ms=at_ms, symbol=symbol, last=last, bid=last, ask=last))
        if minute_of(driver) != minute_ms:
            for symbol in symbols:
                price = driver.view.lanes[symbol].price or 100.0
                driver.tell(bar(symbol, minute_ms, price))
            minute_ms = minute_of(driver)
        await asyncio.sleep(0.0005)
        for symbol in [one for one in leaving if not held_in.get(one)]:
            for _ in leaving.pop(symbol):
                buy(driver, symbol)
    return left


def minute_of(driver: LiveDriver) -> int:
    """Return when the minute of now began."""
    return driver.now_ms() // MINUTE_MS * MINUTE_MS


async def measure(args: argparse.Namespace) -> None:
    """Run the load and print what was seen."""
    symbols = [f"S{number}/USD" for number in range(args.symbols)]
    seen = Seen()
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal.create(Path(folder) / "load.sqlite")
        with journal:
            driver = open_driver(journal, symbols, args.positions, seen)
            gc.collect()
            gc.freeze()  # as a live run does when it has started
            work = asyncio.create_task(driver.work())
            begin_s, begin_cpu_s = perf_counter(), process_time()
            left = await feed(driver, symbols, args, seen)
            await asyncio.sleep(1)
            wall_s, cpu_s = perf_counter() - begin_s, process_time() - begin_cpu_s
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work
    lost = sum(one not in seen.sent for one in seen.told)
    held = sum(one in driver.flow.state.positions for one in seen.told)
    print(
        f"{len(symbols)} symbols, {args.positions} positions, {args.ticks} ticks/s for "
        f"{args.seconds:g} s\n  {len(seen.told)} positions in {left} symbols had to "
        f"leave, {lost} did not, {held} are still held"
    )
    print(f"  from a price until, in ms {'p50':>9} {'p90':>7} {'p99':>7} {'most':>7}")
    for text, moments in (
        ("it is decided to leave", seen.decided),
        ("that is durable", seen.durable),
        ("the order is sent", seen.sent),
    ):
        delays = seen.delays_ms(moments)
        at = [min(len(delays) - 1, int(p * len(delays))) for p in (0.5, 0.9, 0.99, 1)]
        print(f"  {text:27}", *(f"{delays[one]:7.2f}" for one in at))
    print(f"  one core was busy for {cpu_s / wall_s:.0%} of the time")


def main() -> None:
    """Read the size of the load and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--positions", type=int, default=1000)
    parser.add_argument("--ticks", type=int, default=1000, help="a second")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--exits", type=float, default=8, help="symbols a second")
    args = parser.parse_args()
    load = os.getloadavg()[0]
    if load > BUSY:
        print(f"warning: the machine is busy (load {load:.1f}): do not trust figures")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    asyncio.run(measure(args))


if __name__ == "__main__":
    main()
