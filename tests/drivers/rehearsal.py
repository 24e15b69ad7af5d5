"""A live run and its exchange in one process: real parts from the rules to the wire.

``rehearsal`` opens a loopback exchange whose prices stand still until a test moves
them, and a workspace of eager rules; ``Rehearsal.trading`` runs ``run_live`` beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from tests.drivers.killed_runs import differences_of, fold
from tests.loopback import Loopback, loopback

from quorate import Bar, Candles, Keys, ModeSet, Record
from quorate.drivers.control import Wish, mark_taken, pending_wish
from quorate.drivers.live import LiveDriver, Note
from quorate.drivers.live_run import Calls, Finished, LiveSetup, run_live
from quorate.drivers.reconcile import Reconciliation
from quorate.drivers.reloading import Gather
from quorate.flow.state import State
from quorate.host.host import open_host
from quorate.journal.journal import Journal
from quorate.rulebook.rulebook import Rulebook, gather_sources, read_rulebook
from quorate.values.mode import Mode
from quorate.values.trade import Order, Purpose

ROOT = Path(__file__).parents[2]
PACE = 60
PATIENCE_S = 20.0
BTC, ETH = "BTC/USD", "ETH/USD"
PRICES = {BTC: 50_000.0, ETH: 2_500.0}

EAGER: Mapping[str, str] = {
    "max_age": "7d",
    "cool_down": "0s",
    "losses_pause": "0s",
    "refusals_pause": "0s",
    "entry_share": "5%",
    "entry_reach": "0.5%",
    "entry_patience": "1h",
    "max_positions": "2",
}
"""Params with which an entry is wanted at every candle, and stays until it leaves."""

SETTINGS: Mapping[str, Any] = {
    "name": "kraken",
    "tier": "pro",
    "pace": PACE,
    # Wide, for a busy machine: at this pace 30 s are half a second of the wall.
    "deadline": 30_000,
    "clock_margin": 2_000,
    "stale_after": 600_000,
    "feed": "websocket",
}


def flat(symbol: str, price: float) -> Candles:
    """Return a thousand minutes at one price."""
    minutes = 1_000
    column = np.full(minutes, price)
    return Candles(
        symbol=symbol,
        timeframe_ms=60_000,
        time_ms=1_740_960_000_000 + 60_000 * np.arange(minutes, dtype=np.int64),
        open=column,
        high=column,
        low=column,
        close=column,
        volume=np.full(minutes, 1_000.0),
        stale=np.zeros(minutes, dtype=np.bool_),
    )


@cache
def eager_rules(settings: tuple[tuple[str, str], ...] = ()) -> Rulebook:
    """Return the default rules, made to enter whenever the price is not high."""
    entry = b"close < 50500 and risk_approved"
    wanted = b"confidence > min_confidence and risk_approved"
    sources, _ = gather_sources(ROOT / "rules", relative_to=ROOT)
    assert any(wanted in text for _, text in sources.rules)
    eager = tuple((path, text.replace(wanted, entry)) for path, text in sources.rules)
    turned = tuple((dict(EAGER) | dict(settings)).items())
    sources = replace(sources, rules=eager, settings=turned)
    host = open_host(None, installed=False)
    reading = read_rulebook(sources, host.facts, host.functions)
    assert reading.rulebook is not None, reading.errors
    return reading.rulebook


@dataclass
class Run:
    """One live run in this process, as its face sees it."""

    path: Path
    stop: asyncio.Event
    notes: list[Note] = field(default_factory=list)
    found: list[Reconciliation] = field(default_factory=list)
    begun: LiveDriver | None = None
    task: asyncio.Task[Finished] | None = None

    @property
    def driver(self) -> LiveDriver:
        """The driver, once the run has started."""
        assert self.begun is not None
        return self.begun

    @property
    def venue(self) -> Any:
        """The ccxt venue."""
        return self.driver.venue

    @property
    def state(self) -> State:
        """What the run believes."""
        return self.driver.flow.state

    def holds(self, symbol: str = BTC) -> bool:
        """Return whether a symbol is held, with a take-profit in the venue's book."""
        return any(order.intent.symbol == symbol for order in self.resting())

    def told(self, level: str = "") -> list[str]:
        """Return the texts of the notes so far, of one level when one is given."""
        return [note.text for note in self.notes if level in ("", note.level)]

    def live(self, purpose: Purpose | None = None) -> list[Order]:
        """Return the live orders, of one purpose when one is given."""
        orders = self.state.live.values()
        return [one for one in orders if purpose in (None, one.intent.purpose)]

    def order(self, client_id: str) -> Order:
        """Return an order that the run knows."""
        order = self.state.order(client_id)
        assert order is not None
        return order

    def candle(self, symbol: str = BTC) -> None:
        """Tell the next candle at once: an entry may be wanted at it."""
        lane = self.driver.view.lanes[symbol]
        price = lane.price or 0.0
        self.driver.tell(
            Bar(
                symbol=symbol,
                open_ms=lane.closed_ms,
                open=price,
                high=price,
                low=price,
                close=price,
                volume=1.0,
            )
        )

    def resting(self, purpose: Purpose = Purpose.TAKE_PROFIT) -> list[Order]:
        """Return the live orders of a purpose that the venue has accepted."""
        return [order for order in self.live(purpose) if order.venue_id]

    async def until(self, true: Callable[[], object], what: str = "") -> None:
        """Wait until something is true; the run must not end meanwhile."""
        assert self.task is not None
        until_s = monotonic() + PATIENCE_S
        while not true():
            if self.task.done():
                self.task.result()
                raise AssertionError(f"the run ended before {what}: {self.told()}")
            assert monotonic() < until_s, f"never {what}: {self.told()}"
            await asyncio.sleep(0.01)

    async def end(self) -> Finished:
        """Stop the run in order."""
        assert self.task is not None
        self.stop.set()
        return await asyncio.wait_for(self.task, PATIENCE_S)

    async def failed(self) -> BaseException:
        """Wait for the run to end by itself, and return its error."""
        assert self.task is not None
        await asyncio.wait([self.task], timeout=PATIENCE_S)
        assert self.task.done(), self.told()
        error = self.task.exception()
        assert error is not None
        return error

    async def kill(self) -> None:
        """End the run where it is."""
        assert self.task is not None
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@dataclass
class Rehearsal:
    """An exchange, and what a run that trades there is made of."""

    exchange: Loopback
    folder: Path
    symbols: tuple[str, ...] = (BTC,)
    settings: dict[str, Any] = field(default_factory=lambda: dict(SETTINGS))
    params: dict[str, str] = field(default_factory=dict)
    timeout_ms: int = 3_000
    gather: Gather | None = None
    accepted: str = ""

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.folder / "live.sqlite"

    def setup(self, **changes: Any) -> LiveSetup:
        """Return what ``run_live`` needs; its host is the caller's to close."""
        given: dict[str, Any] = {
            "rulebook": eager_rules(tuple(self.params.items())),
            "host": open_host(None, installed=False),
            "name": "kraken",
            "tier": "pro",
            "settings": {
                **self.settings,
                "symbols": self.symbols,
                "ccxt": {"urls": self.exchange.ccxt_urls, "timeout": self.timeout_ms},
            },
            "symbols": self.symbols,
            "keys": Keys(self.exchange.key, self.exchange.secret),
        }
        return LiveSetup(**given | changes)

    @asynccontextmanager
    async def trading(
        self, *, started: bool = True, journal: Journal | None = None, **changes: Any
    ) -> AsyncIterator[Run]:
        """Trade while the body runs; the run that is still there is then killed."""
        setup = self.setup(**changes)
        run = Run(self.journal, asyncio.Event())
        opened = journal or open_journal(self.journal)
        try:
            run.task = asyncio.create_task(
                run_live(setup, opened, run.stop, self._calls(run))
            )
            if started:
                await run.until(lambda: run.begun is not None, "started")
            yield run
        finally:
            if run.task is not None:
                await run.kill()
            opened.close()
            setup.host.close()

    def _calls(self, run: Run) -> Calls:
        seen: list[Wish] = []

        def wish() -> Wish | None:
            asked = pending_wish(self.journal)
            seen[:] = [asked] if asked else []
            return asked

        def began(driver: LiveDriver) -> None:
            run.begun = driver

        return Calls(
            note=run.notes.append,
            started=began,
            reconciled=run.found.append,
            wish=wish,
            taken=lambda: mark_taken(self.journal, seen[0]),
            gather=self.gather,
            accepted=lambda: self.accepted,
        )

    def records(self) -> list[Record]:
        """Return the journal's records."""
        with Journal.open(self.journal, read_only=True) as journal:
            return list(journal.records())

    def differences(self) -> list[str]:
        """Return in what the exchange's books and the journal differ."""
        return differences_of(self.exchange.ledger(), self.records())

    def state(self) -> State:
        """Return the state that the journal comes to."""
        return fold(self.records())

    def price(self, symbol: str, price: float) -> None:
        """Let a price jump."""
        self.exchange.core.force_price(symbol, Decimal(str(price)))

    def place(self, symbol: str, price: str, client_id: str = "") -> str:
        """Place an order as a person would, beside the run; return its id."""
        form = {
            "pair": symbol,
            "type": "buy",
            "ordertype": "limit",
            "volume": "0.01",
            "price": price,
        }
        form |= {"cl_ord_id": client_id} if client_id else {}
        core = self.exchange.core
        return str(core.private("AddOrder", form, self.exchange.key)["txid"][0])

    def open_orders(self) -> list[dict[str, Any]]:
        """Return the orders that are open at the exchange."""
        orders = self.exchange.ledger()["orders"]
        return [order for order in orders if order["status"] == "open"]

    def sent(self) -> list[str]:
        """Return the client ids of the orders that came over the wire, in order."""
        return [one["form"]["cl_ord_id"] for one in self.exchange.requests("AddOrder")]

    def modes(self) -> list[tuple[Mode, str]]:
        """Return the modes of the journal with their reasons."""
        return [
            (record.mode, record.why)
            for record in self.records()
            if isinstance(record, ModeSet)
        ]


def open_journal(path: Path) -> Journal:
    """Return the journal to go on with, a new one when there is none."""
    return Journal.open(path) if path.exists() else Journal.create(path)


@asynccontextmanager
async def rehearsal(
    folder: Path,
    *,
    symbols: Sequence[str] = (BTC,),
    params: Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
    **exchange: Any,
) -> AsyncIterator[Rehearsal]:
    """Open an exchange with prices that stand still, and a place for a journal."""
    tapes = [flat(symbol, price) for symbol, price in PRICES.items()]
    given = {"balances": {"USD": Decimal(10_000)}, "pace": PACE, **exchange}
    async with loopback(tapes=tapes, **given) as opened:
        yield Rehearsal(
            opened,
            folder,
            tuple(symbols),
            {**SETTINGS, **(settings or {})},
            dict(params or {}),
        )
