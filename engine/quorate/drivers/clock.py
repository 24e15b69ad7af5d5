"""The clock of a live run: the venue's time, carried on by the monotonic clock.

A computer's own time may jump; the monotonic clock does not. The venue's time is what
its deadlines, candles and counters go by.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

_SECOND_MS = 1000


@dataclass(slots=True)
class LiveClock:
    """The venue's time since it was told at ``venue_ms``.

    ``pace`` says how many times faster than the wall clock the venue's time runs: 1,
    except in rehearsals against an exchange on this machine.
    """

    venue_ms: int
    pace: float = 1.0
    read: Callable[[], float] = monotonic
    _begin_s: float = field(init=False)
    _least_ms: int = 0

    def __post_init__(self) -> None:
        self._begin_s = self.read()

    def now_ms(self) -> int:
        """Return the venue's time now, UTC milliseconds."""
        passed_ms = int((self.read() - self._begin_s) * self.pace * 1000)
        return max(self._least_ms, self.venue_ms + passed_ms)

    def wall_s(self, duration_ms: float) -> float:
        """Return how many seconds of the wall clock a duration of the venue's takes."""
        return max(0.0, duration_ms / _SECOND_MS / self.pace)

    def ahead_ms(self, told_ms: int) -> int:
        """Return by how much this clock is ahead of what the venue tells now."""
        return self.now_ms() - told_ms

    def set(self, venue_ms: int) -> None:
        """Take over the venue's time; never back, so that records stay in order.

        A clock that was ahead stands still until the venue's time has come up to it:
        one that stayed ahead would take silence for evidence too early.
        """
        self._least_ms = self.now_ms()
        self.venue_ms, self._begin_s = venue_ms, self.read()
