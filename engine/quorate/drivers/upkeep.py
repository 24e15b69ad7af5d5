"""What a live run does beside trading: hear wishes, keep the time, stay alive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic, time

from quorate.contract.live import LiveVenue
from quorate.contract.records import ModeSet, Released
from quorate.drivers.control import Wish
from quorate.drivers.live import LiveDriver
from quorate.errors import NoAnswer, VenueError
from quorate.flow.events import Event
from quorate.values.mode import Mode

SHUTDOWN = "the run was stopped"
"""Why a run that is stopped only reduces; the next start takes it back.

No rule and no switch can have a name like this.
"""

WISH_EVERY_MS = 200
BEAT_MS = 1_000
"""How often it is looked whether this computer slept or its clock was set."""

JUMPED_S = 2
CLOCK_EVERY_MS = 300_000
CLOCK_SHARE = 4
"""What part of the room for clock differences the clock may use up before it is set."""

SHORTEST_SWITCH_MS = 15_000
"""A dead man's switch that is shorter would fire at every hiccup of the network."""


@dataclass(slots=True)
class Upkeep:
    """The parts of a live run that decide nothing about trades.

    ``wish`` returns a mode that was asked for and not yet taken, ``taken`` is called
    when it is in the journal. ``switch_ms`` is how long the venue waits for a sign of
    life before it cancels every order, 0 for ever. ``wall_s`` reads this computer's
    clock.
    """

    driver: LiveDriver
    venue: LiveVenue
    wish: Callable[[], Wish | None]
    taken: Callable[[], None]
    switch_ms: int = 0
    margin_ms: int = 0
    wall_s: Callable[[], float] = time
    _last: Wish | None = None

    async def hear(self) -> None:
        """Take the modes that a person asks for."""
        while True:
            self.take_wish()
            await asyncio.sleep(WISH_EVERY_MS / 1000)

    def take_wish(self, *, stricter_only: bool = False) -> None:
        """Record a mode that was asked for, once, and say so.

        ``stricter_only`` leaves one that lets more be sent for later.

        Raises:
            JournalError: it could not be recorded.
        """
        driver, wish = self.driver, self.wish()
        if wish is None or wish == self._last:
            return  # one whose file cannot be marked is still taken once only
        state = driver.flow.state
        if stricter_only and state.mode.stricter_than(wish.mode):
            return
        # What a shutdown set is taken back by the next start, a person's word is not.
        same = state.mode is wish.mode and state.mode_why != SHUTDOWN
        now_ms, said = driver.now_ms(), list[Event]()
        if not same:
            why = f"{wish.why} (asked for)" if wish.why == SHUTDOWN else wish.why
            said.append(ModeSet(at_ms=now_ms, mode=wish.mode, why=why))
        if wish.mode is Mode.ACTIVE and state.stopped:
            said.append(Released(at_ms=now_ms, symbol="*", why=wish.why))
        if said:
            driver.take(said)
        self._last = wish
        self.taken()

    async def keep_time(self) -> None:
        """Keep the venue's time: a computer that slept comes back with another."""
        offset_s, asked_ms = self.wall_s() - monotonic(), self.driver.now_ms()
        while True:
            await asyncio.sleep(BEAT_MS / 1000)
            now_ms, now_s = self.driver.now_ms(), self.wall_s() - monotonic()
            jumped = abs(now_s - offset_s) > JUMPED_S
            if jumped or now_ms - asked_ms >= CLOCK_EVERY_MS:
                offset_s, asked_ms = now_s, now_ms
                await self._compare_clocks()

    async def _compare_clocks(self) -> None:
        clock = self.driver.clock
        try:
            told_ms = await self.venue.clock_ms()
        except NoAnswer:
            return
        ahead_ms = clock.ahead_ms(told_ms)
        if abs(ahead_ms) * CLOCK_SHARE <= self.margin_ms:
            return
        told = "ahead of" if ahead_ms > 0 else "behind"
        clock.set(told_ms)
        self.driver.note(
            "alarm" if abs(ahead_ms) > self.margin_ms else "info",
            f"the clock was {abs(ahead_ms) / 1000:.1f} s {told} the exchange's; it "
            "goes by the exchange's again",
        )

    async def stay_alive(self) -> None:
        """Keep the venue from cancelling everything, as long as this run is alive."""
        hold = must_hold(self.venue, self.switch_ms)
        self.driver.note(
            "warning",
            f"the dead man's switch is on: {self.switch_ms / 1000:g} s after the last "
            "sign of life the exchange cancels every order of the account, those that "
            "protect positions and those of others too",
        )
        while True:
            try:
                await hold(self.switch_ms)
            except NoAnswer as error:
                told = f"the dead man's switch could not be held off: {error}"
                self.driver.note("warning", told)
            await asyncio.sleep(self.driver.clock.wall_s(self.switch_ms / 3))

    async def let_go(self) -> None:
        """Switch the dead man's switch off, unless something is left to cancel."""
        if not self.switch_ms:
            return
        if self.driver.flow.state.live:
            self.driver.note(
                "warning",
                "the dead man's switch stays on: the exchange cancels what rests in "
                f"{self.switch_ms / 1000:g} s",
            )
            return
        try:
            await must_hold(self.venue, self.switch_ms)(0)
        except NoAnswer as error:
            told = f"the dead man's switch could not be switched off: {error}"
            self.driver.note("warning", told)


def must_hold(venue: LiveVenue, switch_ms: int) -> Callable[[int], Awaitable[None]]:
    """Return what keeps a venue's dead man's switch from being thrown.

    Raises:
        VenueError: it has none, or the time is too short to be kept.
    """
    if venue.hold_alive is None:
        raise VenueError(
            f"exchange.dead_man_switch: {venue.name} cannot cancel orders by itself, "
            "as far as is known; take the setting out"
        )
    if switch_ms < SHORTEST_SWITCH_MS:
        raise VenueError(
            f"exchange.dead_man_switch: {switch_ms / 1000:g}s is too short to be kept "
            f"over a network; at least {SHORTEST_SWITCH_MS / 1000:g}s, or 0 for none"
        )
    return venue.hold_alive
