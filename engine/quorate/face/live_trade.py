"""Run a live plan to its end: signals, what is shown, and what is left."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic, time
from typing import NoReturn

from quorate.drivers.acceptance import accepted_rules
from quorate.drivers.control import Wish, mark_taken, pending_wish
from quorate.drivers.live import LiveDriver, Note
from quorate.drivers.live_run import Calls, Finished, LiveSetup, run_live
from quorate.drivers.reconcile import Reconciliation
from quorate.drivers.reloading import Gather
from quorate.drivers.secrecy import clean_loop, redact
from quorate.errors import WorkspaceError
from quorate.face.live_status import LiveLines, LiveStatus, LogToNotes
from quorate.face.live_words import waiting_line
from quorate.face.quiet import host_unlogged
from quorate.journal.journal import Journal

TELL_EVERY_S = 0.25
ONE_WISH_S = 1.0
"""Signals this close together are one: shells and wrappers send them twice."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
STOPPING = (
    "stopping: no more entries, those that rest are cancelled; due exits still "
    "leave, protective orders stay; once more ends at once (the journal is safe)"
)


@dataclass(slots=True)
class LiveTrade:
    """One live run and what shows it.

    ``end_at_once`` ends the process: every write to the journal is whole before a
    signal is looked at, and the next start asks for what was on its way. ``gather``
    reads the rule files again, None when edits are not taken up.
    """

    setup: LiveSetup
    journal: Path
    show: LiveStatus | LiveLines
    end_at_once: Callable[[LiveTrade], NoReturn]
    gather: Gather | None = None
    _wish: Wish | None = None
    _asked_s: float = 0.0
    _driver: LiveDriver | None = None

    def run(self) -> Finished:
        """Trade until a signal asks for the end.

        Raises:
            QuorateError: the run could not start, or could not go on.
        """
        begin = Journal.open if self.journal.is_file() else Journal.create
        with begin(self.journal) as journal, self._logged():
            page = self.show.shown() if isinstance(self.show, LiveStatus) else None
            with page or nullcontext():
                return asyncio.run(self._run(journal))

    @property
    def trouble(self) -> str:
        """Why what is known of the account's orders may be old, "" when it is not."""
        driver = self.show.driver
        return "" if driver is None else driver.streams.get("orders", "")

    @property
    def left(self) -> Finished | None:
        """What is open as far as is known, None before the run has started."""
        if self.show.driver is None:
            return None
        state = self.show.driver.flow.state
        return Finished(
            run=state.run,
            positions=tuple(one for one in state.positions.values() if one.bought),
            orders=tuple(state.live.values()),
        )

    async def _run(self, journal: Journal) -> Finished:
        loop = asyncio.get_running_loop()
        clean_loop(loop)
        stop = asyncio.Event()
        calls = Calls(
            note=self.show.note,
            prepared=self._prepared,
            started=self._started,
            reconciled=self._reconciled,
            wish=self._asked,
            taken=self._taken,
            gather=self.gather,
            accepted=partial(accepted_rules, self.journal),
        )
        telling = asyncio.create_task(self._tell())
        for one in _SIGNALS:
            loop.add_signal_handler(one, self._signalled, stop)
        try:
            return await run_live(self.setup, journal, stop, calls)
        finally:
            gc.unfreeze()
            telling.cancel()
            if isinstance(self.show, LiveLines):
                self.show.tell()
            for one in _SIGNALS:
                loop.remove_signal_handler(one)

    def _signalled(self, stop: asyncio.Event) -> None:
        if stop.is_set():
            if monotonic() - self._asked_s > ONE_WISH_S:
                if isinstance(self.show, LiveStatus):
                    self.show.hide()
                self.end_at_once(self)
            return
        self._asked_s = monotonic()
        self._note("warning", STOPPING)
        if self._driver is not None:
            orders = list(self._driver.flow.state.live.values())
            self._note("info", waiting_line(orders))
        stop.set()

    async def _tell(self) -> None:
        while isinstance(self.show, LiveLines):
            self.show.tell()
            await asyncio.sleep(TELL_EVERY_S)

    def _asked(self) -> Wish | None:
        self._wish = pending_wish(self.journal)
        return self._wish

    def _taken(self) -> None:
        if self._wish is None:
            return
        try:
            mark_taken(self.journal, self._wish)
        except WorkspaceError as error:
            self._note("warning", str(error))

    def _prepared(self, driver: LiveDriver) -> None:
        self._driver = driver

    def _started(self, driver: LiveDriver) -> None:
        """Spare the collector what stays for the whole run.

        It would go through all markets, rules and modules again and again, and nothing
        could leave meanwhile: a fifth of a second for 500 symbols.
        """
        self.show.started(driver)
        gc.collect()
        gc.freeze()

    def _reconciled(self, found: Reconciliation) -> None:
        for one in found.differences:
            self._note(
                "warning" if one.wrong else "info",
                f"{one.of}: the journal says {one.journal}, "
                f"the exchange {one.exchange}: {one.done}",
            )
        if not found.differences:
            self._note("info", "the journal and the exchange agree")

    def _note(self, level: str, told: str) -> None:
        self.show.note(Note(self._now_ms(), level, redact(told)))

    def _now_ms(self) -> int:
        """Return the venue's time; before it is known, that of this computer."""
        return int(time() * 1000) if self._driver is None else self._driver.now_ms()

    @contextmanager
    def _logged(self) -> Iterator[None]:
        """Let what is logged stand on the page instead of tearing it."""
        root = logging.getLogger()
        before = list(root.handlers)
        if isinstance(self.show, LiveStatus):
            root.handlers[:] = [LogToNotes(self.show.note, self._now_ms)]
        try:
            with host_unlogged():  # its records are notes
                yield
        finally:
            root.handlers[:] = before
