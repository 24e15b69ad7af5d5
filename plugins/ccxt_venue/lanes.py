"""Lanes: who may use the wire next, and how much the exchange lets us ask.

A strict nonce lets one request be on the wire at a time; when two are, the second may
arrive first, and the exchange refuses the other. Waiting is by urgency, then in the
order of coming, and never longer than a request is patient.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum

from quorate import RateCounter

LONGEST_QUEUE = 500
"""More requests than this do not wait: nothing would come of them in time."""


class Urgency(IntEnum):
    """What goes first: what protects, then what enters, then what only asks."""

    PROTECT = 0
    ENTER = 1
    ASK = 2


class NoTurn(Exception):  # noqa: N818 - what happened, not what was done wrong
    """A request did not come to its turn in time; nothing of it was sent."""


@dataclass(slots=True)
class Budget:
    """What may be asked without being refused for it: a counter that decays.

    ``limit`` is where the exchange refuses, ``decay`` in points a second of its time.
    """

    limit: Decimal
    decay: Decimal
    now_ms: Callable[[], int]
    counter: RateCounter = field(init=False)

    def __post_init__(self) -> None:
        """Begin with nothing counted."""
        self.counter = RateCounter(self.decay)

    def wait_ms(self, cost: Decimal) -> int:
        """Return how long until ``cost`` fits; a cost above the limit fits alone."""
        if not cost:
            return 0
        return self.counter.wait_ms(min(cost, self.limit), self.limit, self.now_ms())

    def spend(self, cost: Decimal) -> None:
        """Count a request that leaves."""
        self.counter.add(cost, self.now_ms())

    def settle(self, cost: Decimal, took_ms: int) -> None:
        """Take back what decayed while a request was away.

        When it came to the exchange is not known: its counter may have begun to decay
        as late as now.
        """
        if cost:
            decayed = min(cost, self.decay * took_ms / 1000)
            self.counter.add(decayed, self.now_ms())

    def exhaust(self) -> None:
        """Believe the exchange, which refused for the rate, that nothing is left."""
        now_ms = self.now_ms()
        self.counter.add(
            max(Decimal(0), self.limit - self.counter.read(now_ms)), now_ms
        )


@dataclass(slots=True, order=True)
class _Waiting:
    urgency: int
    number: int
    cost: Decimal = field(compare=False)
    turn: asyncio.Future[None] = field(compare=False)


class Lane:
    """Lets ``width`` requests onto the wire at a time, the most urgent first.

    ``pace`` is how many times faster than the wall clock the budget's time runs.
    """

    def __init__(self, width: int, budget: Budget, pace: float = 1) -> None:
        self.budget = budget
        self._width = width
        self._pace = pace
        self._on_the_wire = 0
        self._waiting: list[_Waiting] = []
        self._came = 0
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def turn(
        self, urgency: Urgency, cost: Decimal, patience_s: float
    ) -> AsyncIterator[None]:
        """Wait for a turn, hold it while the body runs.

        Raises:
            NoTurn: it did not come within ``patience_s``, or too many wait already.
        """
        if not self._at_once(cost):
            await self._wait(urgency, cost, patience_s)
        left_ms = self.budget.now_ms()
        try:
            yield
        finally:
            self.budget.settle(cost, self.budget.now_ms() - left_ms)
            self._on_the_wire -= 1
            self._let_on()

    def _at_once(self, cost: Decimal) -> bool:
        """Take a turn that nobody waits for; return False when there is none."""
        free = not self._waiting and self._on_the_wire < self._width
        if not free or self.budget.wait_ms(cost):
            return False
        self._take(cost)
        return True

    def _take(self, cost: Decimal) -> None:
        self._on_the_wire += 1
        self.budget.spend(cost)

    async def _wait(self, urgency: Urgency, cost: Decimal, patience_s: float) -> None:
        if len(self._waiting) >= LONGEST_QUEUE:
            raise NoTurn(f"{LONGEST_QUEUE} requests wait already")
        turn = asyncio.get_running_loop().create_future()
        self._came += 1
        waiting = _Waiting(urgency, self._came, cost, turn)
        self._waiting.append(waiting)
        self._let_on()
        try:
            async with asyncio.timeout(patience_s):
                await turn
        except TimeoutError:
            self._give_up(waiting)
            raise NoTurn(f"no turn within {patience_s:g} s") from None
        except asyncio.CancelledError:
            self._give_up(waiting)
            raise

    def _give_up(self, waiting: _Waiting) -> None:
        if waiting in self._waiting:
            self._waiting.remove(waiting)
        elif waiting.turn.done() and not waiting.turn.cancelled():
            self._on_the_wire -= 1  # the turn came just as its owner left
        self._let_on()

    def _let_on(self) -> None:
        """Give turns to those that may go; come back when the budget allows more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting and self._on_the_wire < self._width:
            waits = {one.number: self.budget.wait_ms(one.cost) for one in self._waiting}
            ready = [one for one in self._waiting if not waits[one.number]]
            if not ready:
                self._come_back(min(waits.values()))
                return
            first = min(ready)
            self._waiting.remove(first)
            if first.turn.done():
                continue  # its owner left and is about to say so
            self._take(first.cost)
            first.turn.set_result(None)

    def _come_back(self, wait_ms: int) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(wait_ms / 1000 / self._pace, self._let_on)
