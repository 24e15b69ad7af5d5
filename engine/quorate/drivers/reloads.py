"""Take edited rules up while a run goes on, live or on a tape."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from quorate.contract.records import RulesHeld, RulesRefused
from quorate.drivers.live import LiveDriver
from quorate.drivers.reloading import Reloader, refusal
from quorate.drivers.tape import TapeDriver
from quorate.errors import TapeError
from quorate.flow.book import Book
from quorate.journal.journal import Journal

LOOK_EVERY_S = 1.0
"""How often the rule files are looked at; two looks alike make a change."""

TAPE_LOOK_EVERY_S = 0.5
"""The same for a tape, which is over soon."""

Accepted = Callable[[], str]
"""Returns the hash of the rules that a person has accepted last, "" for none."""


@dataclass(slots=True)
class LiveReloads:
    """Follows the rule files of a live run; reading and comparing are done aside."""

    driver: LiveDriver
    reloader: Reloader
    accepted: Accepted

    async def work(self) -> None:
        """Look until cancelled.

        Raises:
            JournalError: what was decided could not be made durable.
        """
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if not self.driver.closing:
                await self.look()

    async def look(self) -> None:
        """Look once, and do what is to be done."""
        reloader, driver = self.reloader, self.driver
        edited = await asyncio.to_thread(reloader.look)
        if edited is not None:
            judged = await asyncio.to_thread(reloader.judge, edited)
            await self._take(reloader.decide(judged, driver.now_ms()))
        book = reloader.accept(self.accepted())
        if book is not None:
            await self._take(book)

    async def _take(self, found: Book | RulesRefused | RulesHeld | None) -> None:
        if isinstance(found, Book):
            found = await self._swap(found)
        if found is not None:
            self.driver.take([found])

    async def _swap(self, book: Book) -> RulesRefused | None:
        try:
            await self.driver.change_rules(book)
        except TapeError as error:
            now_ms = self.driver.now_ms()
            return refusal(book.rulebook.digest, (str(error),), now_ms)
        self.reloader.took(book.rulebook)
        return None


@dataclass(slots=True)
class TapeReloads:
    """Follows the rule files of a run on a tape, between two of its steps."""

    driver: TapeDriver
    reloader: Reloader
    journal: Journal
    accepted: Accepted
    _looked_s: float = 0.0

    def look_when_due(self) -> None:
        """Look, unless that was done less than a moment ago."""
        now_s = monotonic()
        if now_s - self._looked_s >= TAPE_LOOK_EVERY_S:
            self._looked_s = now_s
            self.look()

    def look(self) -> None:
        """Look once, and do what is to be done.

        Raises:
            JournalError: what was decided could not be recorded.
        """
        reloader = self.reloader
        edited = reloader.look()
        if edited is not None:
            judged = reloader.judge(edited)
            self._take(reloader.decide(judged, self.driver.now_ms))
        book = reloader.accept(self.accepted())
        if book is not None:
            self._take(book)

    def _take(self, found: Book | RulesRefused | RulesHeld | None) -> None:
        if isinstance(found, Book):
            found = self._swap(found)
        if found is not None:
            self.driver.note(found)

    def _swap(self, book: Book) -> RulesRefused | None:
        rulebook = book.rulebook
        self.journal.keep_rulebook(rulebook.digest, rulebook.sources.as_texts())
        try:
            self.driver.change_rules(book)
        except TapeError as error:
            return refusal(rulebook.digest, (str(error),), self.driver.now_ms)
        self.reloader.took(rulebook)
        return None
