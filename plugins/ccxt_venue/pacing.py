"""Waiting in exchange time, and trying again: how streams stay alive."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quorate import Gap, NoAnswer, Tell

from .scrub import scrubbed
from .wire import Unclear

if TYPE_CHECKING:
    from .venue import CcxtVenue

log = logging.getLogger(__name__)

SHORTEST_S = 0.05
"""No timer of a stream is shorter in wall time, however fast exchange time runs."""

STALE_S = 1.0
SILENT_S = 3.0

SLOW_MS = 300_000
"""The pause after a refusal that only a person can cure."""

_FOR_A_PERSON = (
    *("invalid key", "invalid signature", "permission", "lockout"),
    *("not supported", "authentication"),
)

Recovered = Callable[[], None]
Attempt = Callable[[Recovered], Awaitable[str]]
"""Runs a stream until it breaks and returns why; says when it is whole again."""


class Refused(Exception):  # noqa: N818 - what happened, not what was done wrong
    """The exchange does not let us have a stream, and will not until told otherwise."""


def refusal(why: str) -> str:
    """Return why an exchange refused a stream, if it may be asked again soon.

    Raises:
        Refused: it will not think otherwise by itself.
    """
    if for_a_person(why):
        raise Refused(why)
    return why


class Timing:
    """Exchange time for streams: ``pace`` of its milliseconds pass in one of ours."""

    def __init__(self, venue: CcxtVenue) -> None:
        self.pace = float(venue.settings.get("pace") or 1)
        self._stale_after_ms = int(venue.settings.get("stale_after") or 30_000)
        self.now_ms = venue.clock.now_ms
        self.elapsed_ms = venue.clock.elapsed_ms
        self.unsure_ms = venue.clock.unsure_ms

    def wall_s(self, span_ms: float, least_s: float = SHORTEST_S) -> float:
        """Return how long a span of exchange time is on the wall clock."""
        return max(least_s, span_ms / 1000 / self.pace)

    def span_ms(self, span_ms: float, least_s: float = SHORTEST_S) -> int:
        """Return a span of exchange time that is not too short on the wall clock."""
        return round(max(span_ms, least_s * 1000 * self.pace))

    @property
    def stale_after_ms(self) -> int:
        """How long data may be silent; a wire needs a moment, however fast time is."""
        return self.span_ms(self._stale_after_ms, STALE_S)

    @property
    def silent_after_ms(self) -> int:
        """How long a connection may be silent; heartbeats come every second."""
        return self.span_ms(self._stale_after_ms, SILENT_S)

    async def sleep(self, span_ms: float, least_s: float = SHORTEST_S) -> None:
        """Wait for a span of exchange time."""
        await asyncio.sleep(self.wall_s(span_ms, least_s))


@dataclass(slots=True)
class Backoff:
    """Pauses that double up to a bound; by half at random, so that not all come back
    to an exchange at the same moment.
    """

    first_ms: float = 500
    most_ms: float = 60_000
    tries: int = 0

    def next_ms(self) -> float:
        """Return the next pause."""
        whole = min(self.most_ms, self.first_ms * 2 ** min(self.tries, 20))
        self.tries += 1
        return float(whole * random.uniform(0.5, 1))

    def reset(self) -> None:
        """Begin with short pauses again."""
        self.tries = 0


async def first_end(*parts: Coroutine[Any, Any, str]) -> str:
    """Run parts together until one ends; return what it said. None is left behind."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return next(task for task in tasks if task in done).result()


class Outages:
    """Tells when a stream is interrupted and when it goes on, each once.

    ``greets`` says that its beginning is told as well: what happened before it has to
    be asked for, as after an interruption.
    """

    def __init__(self, stream: str, tell: Tell, *, greets: bool) -> None:
        self._stream = stream
        self._tell = tell
        self._greets = greets
        self._why: str | None = None

    def begin(self, why: str) -> None:
        """The stream is interrupted; the same reason is not told again."""
        self._greets = False
        if why != self._why:
            self._why = why
            self._tell(Gap(stream=self._stream, over=False, why=why))

    def end(self) -> None:
        """The stream goes on."""
        if self._why is not None:
            self._tell(Gap(stream=self._stream, over=True, why=f"after: {self._why}"))
        elif self._greets:
            self._tell(Gap(stream=self._stream, over=True, why="connected"))
        self._why, self._greets = None, False

    def pass_over(self, why: str) -> None:
        """Something was missed, and the stream goes on at once."""
        self.begin(why)
        self.end()

    def again(self, why: str) -> None:
        """Whatever has happened until now has to be asked for."""
        self._tell(Gap(stream=self._stream, over=True, why=why))


async def keep_on(
    venue: CcxtVenue, timing: Timing, outages: Outages, attempt: Attempt
) -> None:
    """Attempt a stream again and again until cancelled; raises nothing else."""
    backoff = Backoff()

    def recovered() -> None:
        backoff.reset()
        outages.end()

    while True:
        slow = False
        try:
            why = await attempt(recovered)
        except Refused as refused:
            why, slow = str(refused), True
        except NoAnswer as no_answer:
            why, slow = str(no_answer), needs_a_person(no_answer)
        except Exception as error:  # whatever happens, a stream goes on
            if not type(error).__module__.startswith("ccxt"):  # ccxt's are the wire's
                log.warning("a stream of %s failed", venue.name, exc_info=error)
            why = f"{type(error).__name__}: {error}"
        outages.begin(scrubbed(why, venue.secrets))
        await timing.sleep(SLOW_MS if slow else backoff.next_ms(), 0.1)


def needs_a_person(error: NoAnswer) -> bool:
    """Return whether asking again soon is of no use, and may lock the account."""
    return for_a_person(" ".join(error.codes if isinstance(error, Unclear) else ()))


def for_a_person(errors: str) -> bool:
    """Return whether errors of an exchange are such that only a person can cure."""
    return any(word in errors.lower() for word in _FOR_A_PERSON)
