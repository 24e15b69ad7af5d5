"""The cost of one entry: through the engine, and as bare as an honest one can be.

Both send the same order with the same ccxt over the same loopback wire to an exchange
in a process of its own, in turns. Bare is ccxt's ``create_order`` after one durable
SQLite commit of the intent. The engine's is everything from a closed candle, its
columns known, to the venue's answer in the journal: entry and vetoes, coordination,
every check, decisions and intent durable, the venue's lane, its reading of the raw
answer, and a second commit for that. The bare one has its answer only in memory, so
the ratio is that of the time until the answer is in hand; what comes after it is shown
apart, and so is each piece of the engine's road.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import ccxt.async_support as ccxt_async

from quorate import Accepted, Bar, Ended, Keys
from quorate.contract.records import Started
from quorate.drivers.clock import LiveClock
from quorate.drivers.live import LiveDriver, Note
from quorate.drivers.live_run import LiveSetup, open_live_venue
from quorate.drivers.run import ask_limits
from quorate.flow.events import Candle, Outcome
from quorate.host.host import open_host
from quorate.journal.journal import Journal
from quorate.rulebook.rulebook import gather_sources, read_rulebook

ROOT = Path(__file__).parents[1]
SYMBOL = "BTC/USD"
PACE = 200
"""Exchange seconds in a second: its order counter must not stop the measurement."""

BUSY = 0.5
"""Load average above which others take part of what is measured."""

ANSWERED = "until the answer"
BELOW = 0.9
"""The price that is bid, against the market's: IOC orders that trade nothing."""


@dataclass(slots=True)
class Sure:
    """A market of which every voter is sure; the votes are counted all the same."""

    driver: LiveDriver
    price_now: float

    def price(self, _symbol: str) -> float:
        """Return the price that is bid."""
        return self.price_now

    def peak(self, _symbol: str, _since_ms: int) -> float:
        """Return the same price."""
        return self.price_now

    def column(self, symbol: str, name: str) -> float | None:
        """Return what the columns say, and a confidence above every threshold."""
        known = {"confidence": 0.9, "close": self.price_now, "data_age": 0.0}
        return known.get(name, self.driver.view.lanes[symbol].value(name))

    def stretch_ms(self, _symbol: str) -> int:
        """Return a stretch of its own for each candle."""
        return self.driver.now_ms()

    def shadow_stretch_ms(self, _symbol: str) -> int:
        """Return a stretch of its own for each candle."""
        return self.driver.now_ms()

    def scores(self, symbol: str) -> dict[str, float]:
        """Return what was voted."""
        return self.driver.view.lanes[symbol].scores()

    def stale(self, _symbol: str) -> str:
        """Return that the prices are those of now."""
        return ""


Moment = tuple[float, float]
"""Seconds of the wall clock and of this process's CPU."""


def now() -> Moment:
    """Return the moment."""
    return perf_counter(), process_time()


def between(begin: Moment, end: Moment) -> Moment:
    """Return what passed."""
    return end[0] - begin[0], end[1] - begin[1]


class Bare:
    """ccxt alone, after one durable commit."""

    def __init__(self, exchange: Any, path: Path, price: float) -> None:
        self.exchange, self.price, self.number = exchange, price, 0
        self.database = sqlite3.connect(path, isolation_level=None)
        self.database.execute("PRAGMA journal_mode=WAL")
        self.database.execute("PRAGMA synchronous=FULL")
        self.database.execute("CREATE TABLE intents (id TEXT, body TEXT)")

    async def enter(self) -> dict[str, Moment]:
        """Record the intent and send the order; return what each piece took."""
        begin = now()
        self.number += 1
        client_id = f"bare-{self.number}"
        self.database.execute("BEGIN")
        self.database.execute("INSERT INTO intents VALUES (?, ?)", (client_id, "{}"))
        self.database.execute("COMMIT")
        recorded = now()
        params = {"clientOrderId": client_id, "timeInForce": "IOC"}
        order = await self.exchange.create_order(
            SYMBOL, "limit", "buy", 0.01, self.price, params
        )
        end = now()
        assert order["id"]
        return {
            "record": between(begin, recorded),
            "send": between(recorded, end),
            ANSWERED: between(begin, end),
        }


class Engine:
    """The engine's whole road of one entry."""

    def __init__(self, driver: LiveDriver) -> None:
        self.driver = driver
        self.written: list[Moment] = []
        self._write, driver.write = driver.write, self.write

    def write(self, outcome: Outcome, bars: Sequence[Bar]) -> None:
        """Make an outcome durable, and note when that began and when it was done."""
        self.written.append(now())
        self._write(outcome, bars)
        self.written.append(now())

    async def enter(self) -> dict[str, Moment]:
        """Decide at a candle's close, and take the venue's answer."""
        driver = self.driver
        self.written.clear()
        begin = now()
        driver.take([Candle(SYMBOL, driver.now_ms())])
        (sent,) = driver._tasks
        await sent
        answered = now()
        (answer,) = driver._answers.popleft()
        driver.take([answer])
        end = now()
        assert isinstance(answer, Accepted), answer
        decided, recorded, taken, kept = self.written
        self.settle(answer.client_id)
        return {
            "decide": between(begin, decided),
            "record": between(decided, recorded),
            "send": between(recorded, answered),
            ANSWERED: between(begin, answered),
            "take the answer": between(answered, taken),
            "record it": between(taken, kept),
            "until that is durable": between(begin, end),
        }

    def settle(self, client_id: str) -> None:
        """Let the order be over, outside of what is measured."""
        at_ms = self.driver.now_ms()
        self.driver.take([Ended(at_ms=at_ms, client_id=client_id, reason="cancelled")])


async def open_engine(
    told: dict[str, Any], keys: Keys, folder: Path
) -> tuple[LiveDriver, Any]:
    """Return a driver and its venue, with candles to vote on."""
    host = open_host(None, installed=False)
    sources, _ = gather_sources(
        ROOT / "rules", settings=[("use_ioc", "true")], relative_to=ROOT
    )
    rulebook = read_rulebook(sources, host.facts, host.functions).rulebook
    assert rulebook is not None
    settings = {"name": "kraken", "pace": PACE, "ccxt": {"urls": {"api": told["urls"]}}}
    setup = LiveSetup(
        rulebook=rulebook,
        host=host,
        name="kraken",
        tier="pro",
        settings=settings,
        symbols=(SYMBOL,),
        keys=keys,
    )
    venue = open_live_venue(setup)
    await venue.open([SYMBOL], keys)
    journal = Journal.create(folder / "engine.sqlite")

    def write(outcome: Outcome, bars: Sequence[Bar]) -> None:
        journal.write(
            outcome.records,
            outcome.decisions,
            cursor="0",
            rulebook=rulebook.digest,
            candles=bars,
        )

    driver = LiveDriver(
        rulebook=rulebook,
        host=host,
        venue=venue,
        clock=LiveClock(await venue.clock_ms(), PACE),
        write=write,
        on_note=tell,
    )
    for holder, names in venue.send_path():
        driver.pins.add(holder, *names)
    lane = driver.add_symbol(SYMBOL)
    for bar in await venue.bars(SYMBOL, 0):
        lane.add(bar)
    assert lane.price is not None
    driver.flow.bench.view = Sure(driver, lane.price * BELOW)
    markets = await venue.markets()
    balances = await venue.balances()
    driver.take(
        [
            Started(
                at_ms=driver.now_ms(),
                run="bench000",
                venue="kraken",
                rulebook=rulebook.digest,
                source="bench",
                markets=tuple(markets.values()),
                balances=tuple(balances.items()),
                limits=ask_limits(host, "pro"),
                order_deadline_ms=60_000,
            )
        ]
    )
    return driver, venue


def tell(note: Note) -> None:
    """Print what a person should know."""
    if note.level != "info":
        print(f"  {note.level}: {note.text}")


async def compare(told: dict[str, Any], rounds: int, seconds: float) -> None:
    """Send orders in turns and print what they took."""
    keys = Keys(told["key"], told["secret"])
    exchange = ccxt_async.kraken(
        {"apiKey": keys.key, "secret": keys.secret, "enableRateLimit": False}
    )
    urls = {"api": told["urls"]}
    exchange.urls = exchange.deep_extend(exchange.urls, urls)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        driver, venue = await open_engine(told, keys, folder)
        try:
            await exchange.load_markets()
            price = round(driver.flow.bench.view.price(SYMBOL) or 0, 1)
            bare, engine = Bare(exchange, folder / "bare.sqlite", price), Engine(driver)
            took: dict[str, list[dict[str, Moment]]] = {"bare": [], "engine": []}
            enter = {"bare": bare.enter, "engine": engine.enter}
            until_s = perf_counter() + seconds
            for number in range(rounds):
                if perf_counter() > until_s:
                    print(f"  stopped after {seconds:g} s")
                    break
                for which in ("bare", "engine") if number % 2 else ("engine", "bare"):
                    await asyncio.sleep(0.003)  # both draw their nonces from the clock
                    took[which].append(await enter[which]())
        finally:
            await exchange.close()
            await venue.close()
    show(took)


def show(took: dict[str, list[dict[str, Moment]]]) -> None:
    """Print the figures and their ratios; the first tenth warmed up."""
    print(f"one entry, {len(took['engine'])} of each in turns, in ms")
    print(f"  {'':30} {'p50':>6} {'p99':>6} {'CPU p50':>8}")
    figures: dict[str, tuple[float, float, float]] = {}
    for name, orders in took.items():
        for piece in orders[0]:
            spans = [order[piece] for order in orders[len(orders) // 10 :]]
            wall = sorted(wall_s for wall_s, _ in spans)
            p50, p99 = median(wall) * 1e3, wall[int(0.99 * (len(wall) - 1))] * 1e3
            cpu = median(cpu_s for _, cpu_s in spans) * 1e3
            figures[f"{name}: {piece}"] = p50, p99, cpu
            print(f"  {name + ': ' + piece:30} {p50:6.2f} {p99:6.2f} {cpu:8.2f}")
    bare = figures[f"bare: {ANSWERED}"]
    for piece in (ANSWERED, "until that is durable"):
        p50, p99, cpu = (
            ours / theirs
            for ours, theirs in zip(figures[f"engine: {piece}"], bare, strict=True)
        )
        print(f"  {'ratio, ' + piece:30} {p50:5.2f}x {p99:5.2f}x {cpu:7.2f}x")


def cores() -> tuple[int, int]:
    """Return a core for the exchange and one for us; the same one if there is but one.

    Two processes that are moved about between cores measure the moving.
    """
    there = sorted(os.sched_getaffinity(0))
    return there[0], there[-1]


def warn() -> None:
    """Say that others use the machine: what is measured then is partly they."""
    load = os.getloadavg()[0]
    if load > BUSY:
        print(f"warning: the machine is busy (load {load:.1f}): do not trust figures")


def main() -> None:
    """Start an exchange and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=50, help="at most")
    args = parser.parse_args()
    warn()
    command = [sys.executable, "-m", "quorate", "exchange", "--json", "--port", "0"]
    command += ["--pace", str(PACE), "--tier", "pro", "--for", "600s"]
    command += ["--balance", "USD=1000000"]
    theirs, ours = cores()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            os.sched_setaffinity(server.pid, {theirs})
            os.sched_setaffinity(0, {ours})
            assert server.stdout is not None
            told = json.loads(server.stdout.readline())
            asyncio.run(compare(told, args.rounds, args.seconds))
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
