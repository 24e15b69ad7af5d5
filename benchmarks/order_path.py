"""The cost of one entry: through the engine, and as bare as an honest one can be.

Both send the same order with the same ccxt over the same loopback wire to an exchange
in a process of its own, in turns. Bare is ccxt's ``create_order`` after one durable
SQLite commit of the intent. The engine's is everything from a closed candle, its
columns known, to the venue's answer in the journal: entry and vetoes, coordination,
every check, decisions and intent durable, the venue's lane, its reading of the raw
answer, and a second commit for that.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import ccxt.async_support as ccxt_async

from quorate import Bar, Ended, Keys
from quorate.contract.records import Started
from quorate.drivers.clock import LiveClock
from quorate.drivers.live import LiveDriver
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

    def scores(self, symbol: str) -> dict[str, float]:
        """Return what was voted."""
        return self.driver.view.lanes[symbol].scores()

    def stale(self, _symbol: str) -> str:
        """Return that the prices are those of now."""
        return ""


@dataclass(slots=True)
class Taken:
    """Seconds of the wall clock and of the CPU, one for each order."""

    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)

    async def measure(self, work: Callable[[], Any]) -> Any:
        """Do one order and note what it took."""
        begin_s, begin_cpu_s = perf_counter(), process_time()
        result = await work()
        self.wall_s.append(perf_counter() - begin_s)
        self.cpu_s.append(process_time() - begin_cpu_s)
        return result


class Bare:
    """ccxt alone, after one durable commit."""

    def __init__(self, exchange: Any, path: Path, price: float) -> None:
        self.exchange, self.price, self.number = exchange, price, 0
        self.database = sqlite3.connect(path, isolation_level=None)
        self.database.execute("PRAGMA journal_mode=WAL")
        self.database.execute("PRAGMA synchronous=FULL")
        self.database.execute("CREATE TABLE intents (id TEXT, body TEXT)")

    async def enter(self) -> None:
        """Record the intent and send the order."""
        self.number += 1
        client_id = f"bare-{self.number}"
        self.database.execute("BEGIN")
        self.database.execute("INSERT INTO intents VALUES (?, ?)", (client_id, "{}"))
        self.database.execute("COMMIT")
        params = {"clientOrderId": client_id, "timeInForce": "IOC"}
        order = await self.exchange.create_order(
            SYMBOL, "limit", "buy", 0.01, self.price, params
        )
        assert order["id"]


class Engine:
    """The engine's whole road of one entry."""

    def __init__(self, driver: LiveDriver) -> None:
        self.driver, self.client_id = driver, ""

    async def enter(self) -> None:
        """Decide at a candle's close, and wait for the venue's answer."""
        driver = self.driver
        driver.take([Candle(SYMBOL, driver.now_ms())])
        (sent,) = driver._tasks
        await sent
        (answer,) = driver._answers.popleft()
        driver.take([answer])
        self.client_id = answer.client_id
        order = driver.flow.state.order(self.client_id)
        assert order is not None
        assert order.venue_id, order

    def settle(self) -> None:
        """Let the order be over, outside of what is measured."""
        ended = Ended(
            at_ms=self.driver.now_ms(), client_id=self.client_id, reason="cancelled"
        )
        self.driver.take([ended])


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
        on_note=lambda note: None,
    )
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


async def compare(told: dict[str, Any], rounds: int) -> None:
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
            took = {"bare": Taken(), "engine": Taken()}
            for number in range(rounds):
                for which in ("bare", "engine") if number % 2 else ("engine", "bare"):
                    await asyncio.sleep(0.003)  # both draw their nonces from the clock
                    if which == "bare":
                        await took[which].measure(bare.enter)
                    else:
                        await took[which].measure(engine.enter)
                        engine.settle()
        finally:
            await exchange.close()
            await venue.close()
    show(took, rounds)


def show(took: dict[str, Taken], rounds: int) -> None:
    """Print the figures and their ratios; the first tenth warmed up."""
    print(f"one entry, {rounds} of each in turns")
    skip = rounds // 10
    figures: dict[str, tuple[float, float, float]] = {}
    for name, taken in took.items():
        wall, cpu = sorted(taken.wall_s[skip:]), taken.cpu_s[skip:]
        p99 = wall[int(0.99 * (len(wall) - 1))]
        figures[name] = median(wall) * 1e3, p99 * 1e3, median(cpu) * 1e3
        p50, p99, cpu_ms = figures[name]
        print(f"  {name:7} {p50:6.2f} ms p50  {p99:6.2f} ms p99  {cpu_ms:5.2f} ms CPU")
    ratios = [figures["engine"][i] / figures["bare"][i] for i in range(3)]
    print(
        f"  ratio   {ratios[0]:6.2f}x p50  {ratios[1]:6.2f}x p99  {ratios[2]:5.2f}x CPU"
    )


def main() -> None:
    """Start an exchange and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    args = parser.parse_args()
    command = [sys.executable, "-m", "quorate", "exchange", "--json", "--port", "0"]
    command += ["--pace", str(PACE), "--tier", "pro", "--for", "600s"]
    command += ["--balance", "USD=1000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            asyncio.run(compare(json.loads(server.stdout.readline()), args.rounds))
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
