"""A world in which a live run can be crashed anywhere: time, wire, stream, journal.

Everything happens at a moment of a queue, in an order that the seed alone decides. The
wire outlives whoever sent on it. Every random draw is keyed by what it is about, so
that leaving one fault out does not change the others.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b
from importlib import import_module
from itertools import count
from typing import Any

from quorate import Ended, Filled, Intended, OrderReport, Record
from quorate.drivers.snapshot import Snapshot
from quorate.flow.events import Outcome
from quorate.flow.state import State
from quorate.journal.journal import Journal

model = import_module("exchange_model")

START_MS = 1_700_000_040_000
WIRE_MS = 100
RESTART_MS = 3_000
ZERO = Decimal(0)


class CrashedError(Exception):
    """The process ends here; what was not committed is gone."""


@dataclass(frozen=True)
class Faults:
    """How likely each fault is, for each thing that it can befall."""

    request_lost: float = 0
    request_late: float = 0
    reply_lost: float = 0
    reply_late: float = 0
    frame_late: float = 0
    frame_twice: float = 0
    silent: float = 0
    gap: float = 0
    crash: float = 0
    amnesia: float = 0


@dataclass
class World:
    """Exchange, wire and journal, and the process that trades with them."""

    seed: int = 0
    faults: Faults = Faults()
    crashes: frozenset[int] = frozenset()
    bugs: frozenset[str] = frozenset()
    split: Callable[[Any], Decimal] | None = None
    symbols: tuple[str, ...] = ("BTC/USD",)
    now_ms: int = START_MS
    points: int = 0
    crashed: int = 0
    gap_until_ms: int = 0
    confidence: float = 0.0
    healed: bool = False
    intended: set[str] = field(default_factory=set)
    not_placed: set[str] = field(default_factory=set)
    tally: Counter[str] = field(default_factory=Counter)
    log: list[str] = field(default_factory=list)
    driver: Any = None
    rules: Any = None

    def __post_init__(self) -> None:
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self.exchange = model.Exchange(
            markets={symbol: model.market(symbol) for symbol in self.symbols},
            balances={"USD": Decimal(10_000), "BTC": ZERO, "ETH": ZERO},
            prices=dict.fromkeys(self.symbols, Decimal(100)),
            split=self.split or self._split,
            tell=self._told,
            keeps_deadlines="no_deadline" not in self.bugs,
        )
        self.journal = Journal.create(None)
        self.start = import_module("live_process").start
        self.rules = self.rules or import_module("live_rules").own_rules()
        self.at(0, self._begin)

    def draw(self, *key: object) -> float:
        """Return a number from 0 up to 1 that depends on the seed and the key alone."""
        text = repr((self.seed, *key)).encode()
        return int.from_bytes(blake2b(text, digest_size=7).digest()) / (1 << 56)

    def strikes(self, fault: str, *key: object) -> bool:
        """Return whether a fault befalls something."""
        likely: float = getattr(self.faults, fault)
        hit = not self.healed and self.draw(fault, *key) < likely
        self.tally[fault] += hit
        return hit

    def _split(self, placed: Any) -> Decimal:
        drawn = self.draw("split", placed.venue_id, placed.matches)
        return (
            Decimal(0) if drawn < 0.2 else Decimal("0.4") if drawn < 0.5 else Decimal(1)
        )

    def at(self, in_ms: int, do: Callable[[], None]) -> None:
        """Let something happen later."""
        heapq.heappush(self._queue, (self.now_ms + in_ms, next(self._order), do))

    def run(self, until: Callable[[], bool], at_most_ms: int) -> bool:
        """Let things happen until something holds; return whether it did in time."""
        end_ms = self.now_ms + at_most_ms
        while not until():
            if not self._queue or self._queue[0][0] > end_ms:
                self.now_ms = end_ms
                return until()
            self.now_ms, _, do = heapq.heappop(self._queue)
            try:
                do()
            except CrashedError as where:
                self._crash(str(where))
        return True

    def rest(self, for_ms: int) -> None:
        """Let time pass."""
        self.run(lambda: False, for_ms)

    # The process

    def _begin(self) -> None:
        self.driver = None
        self.driver = self.start(self)

    def kill(self) -> None:
        """End the process from outside; it starts again a little later."""
        self._crash("killed")

    def _crash(self, where: str) -> None:
        self.crashed += 1
        self.log.append(f"{self.now_ms} crash {where}")
        self.driver = None
        self.at(RESTART_MS, self._begin)

    def point(self, where: str) -> None:
        """Pass a point at which the process may crash."""
        self.points += 1
        struck = self.strikes("crash", self.points)
        if self.points in self.crashes or struck:
            raise CrashedError(where)

    def commit(self, outcome: Outcome, rulebook: str) -> None:
        """Make an outcome durable."""
        self.journal.write(
            outcome.records, outcome.decisions, cursor="", rulebook=rulebook
        )
        for record in outcome.records:
            self.log.append(f"{self.now_ms} {record}")
            self._audit_record(record)

    def _audit_record(self, record: Record) -> None:
        if isinstance(record, Intended):
            assert record.intent.client_id not in self.intended
            self.intended.add(record.intent.client_id)
        elif isinstance(record, Ended) and record.reason == "not_placed":
            placed = self.exchange.accepted[record.client_id]
            assert not placed, f"I8: {record.client_id} was placed all the same"
            self.not_placed.add(record.client_id)

    # The wire

    def request(
        self,
        what: str,
        key: tuple[object, ...],
        do: Callable[[], Any],
        answer: Callable[[Any], None],
    ) -> None:
        """Carry a request to the exchange, and its reply to the process that asked."""
        asker, alive = self.driver, True
        if self.strikes("request_lost", what, *key):
            return
        late = self.strikes("request_late", what, *key)
        delay_ms = int(4_000 + 8_000 * self.draw("delay", what, *key)) if late else 0

        def arrive() -> None:
            reply = do()
            if self.strikes("reply_lost", what, *key):
                return
            late = self.strikes("reply_late", what, *key)
            self.at(WIRE_MS + (6_000 if late else 0), lambda: back(reply))

        def back(reply: Any) -> None:
            if alive and self.driver is asker and asker is not None:
                answer(reply)

        self.at(WIRE_MS + delay_ms, arrive)

    def place(self, intent: Any) -> Any:
        """Place an order at the exchange; the auditor stands at its door."""
        assert intent.client_id in self.intended, (
            f"I2: {intent.client_id} came before its intent was durable"
        )
        reply = self.exchange.place(intent, self.now_ms)
        self.log.append(f"{self.now_ms} at the exchange: {reply}")
        self._audit_exchange(intent)
        return reply

    def _audit_exchange(self, intent: Any) -> None:
        once = self.exchange.accepted[intent.client_id]
        assert once <= 1, f"I1: {intent.client_id} was accepted {once} times"
        late = once and intent.client_id in self.not_placed
        assert not late, f"I8: {intent.client_id} came after it was given up"
        spent = self.exchange.balances[self.exchange.markets[intent.symbol].base] * 100
        for placed in self.exchange.open():
            if placed.intent.symbol == intent.symbol and placed.intent.side == "buy":
                spent += placed.remaining * 100
        assert spent <= 3_000, f"I4: {spent} in {intent.symbol}"

    def _told(self, report: OrderReport) -> None:
        """Carry what the order stream says, unless it is interrupted."""
        if self.now_ms < self.gap_until_ms:
            self.tally["frame_lost"] += 1
            return
        key = (report.venue_id, report.filled, report.open)
        times = 2 if self.strikes("frame_twice", *key) else 1
        for number in range(times):
            late = self.strikes("frame_late", *key, number)
            self.at(3_000 if late else WIRE_MS // 2, lambda: self._frame(report))

    def _frame(self, report: OrderReport) -> None:
        if self.driver is not None and self.now_ms >= self.gap_until_ms:
            self.driver.report(report)

    def interrupt(self, for_ms: int) -> None:
        """Interrupt the order stream; what it would say meanwhile is lost."""
        self.gap_until_ms = self.now_ms + for_ms
        self.at(for_ms, self._resume)

    def _resume(self) -> None:
        if self.driver is not None:
            self.driver.gap_over()

    def move(self, price: object, *symbols: str) -> None:
        """Set the price, and let what rests trade."""
        for symbol in symbols or self.symbols:
            self.exchange.prices[symbol] = Decimal(str(price))
        self.exchange.trade(self.now_ms)

    def snapshot(self, state: State) -> Snapshot:
        """Return what the exchange says of everything now."""
        exchange, now_ms = self.exchange, self.now_ms
        since_ms = state.now_ms - 60_000
        from_ms = min([since_ms, *(o.intent.made_ms for o in state.live.values())])
        return Snapshot(
            asked_ms=now_ms,
            at_ms=now_ms,
            open_orders=tuple(
                exchange.report(one, now_ms, *one.fills) for one in exchange.open()
            ),
            found={
                client_id: exchange.find(client_id, order.venue_id, now_ms)
                for client_id, order in state.live.items()
                if not self.strikes("silent", "snapshot", client_id, now_ms)
            },
            trades=tuple(one for one in exchange.trades if one.at_ms >= from_ms),
            trades_since_ms=since_ms,
            balances=dict(exchange.balances),
            markets=exchange.markets,
        )

    def booked(self) -> list[Filled]:
        """Return every fill that the journal has booked."""
        return [one for one in self.journal.records() if isinstance(one, Filled)]

    def held(self, symbol: str = "BTC/USD") -> Decimal:
        """Return what the exchange says is held."""
        balance: Decimal = self.exchange.balances[symbol.split("/", maxsplit=1)[0]]
        return balance

    def open_orders(self) -> Sequence[Any]:
        """Return what is open at the exchange."""
        opened: Iterable[Any] = self.exchange.open()
        return list(opened)
