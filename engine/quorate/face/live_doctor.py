"""Look at everything live trading rests on, part by part, and never stop at the first.

A part that cannot be looked at is a finding; the others are looked at all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from time import time
from typing import TypeVar

from quorate.contract.live import Keys
from quorate.drivers.control import pending_wish
from quorate.drivers.live_run import LiveSetup
from quorate.drivers.preflight import entry_sizes, look
from quorate.drivers.secrecy import guarded
from quorate.drivers.upkeep import SHUTDOWN
from quorate.errors import JournalError, QuorateError
from quorate.face import live_findings as judge
from quorate.face import text
from quorate.face.live_findings import Finding, Level
from quorate.face.live_journal import live_journal, read_live
from quorate.face.live_plan import LiveWish, keys_of, live_setup, of_account, of_keys
from quorate.face.workspace import Workspace
from quorate.flow.state import State
from quorate.journal.journal import Journal
from quorate.values.mode import Mode
from quorate.values.trade import OrderStatus

_T = TypeVar("_T")

ASK_AT_MOST_S = 60.0
_DAY_MS = 86_400_000


@dataclass(slots=True)
class Examination:
    """What was found so far."""

    workspace: Workspace
    journal: Path | None = None
    findings: list[Finding] = field(default_factory=list)

    def examine(self) -> list[Finding]:
        """Look at everything; return the findings in the order they were made."""
        self._try("workspace", lambda: live_journal(self.workspace))
        if not self.workspace.exchange:
            return self.findings
        self.findings += judge.of_hosts(self.workspace.exchange)
        keys = self._try("keys", lambda: keys_of(self.workspace))
        if keys is not None:
            self.findings += of_keys(self.workspace)
        wish = LiveWish()
        setup = self._try(
            "rulebook", lambda: live_setup(self.workspace, wish, keys or Keys("", ""))
        )
        if setup is not None:
            rules = sum(setup.rulebook.counts().values())
            told = f"{setup.rulebook.digest}: {text.plural(rules, 'rule')}"
            self._found(Level.OK, "rulebook", told)
            self.findings += judge.of_plugins(setup.host)
            with closing(setup.host):
                self._ask(setup, keys)
        self._journal()
        return self.findings

    def _ask(self, setup: LiveSetup, keys: Keys | None) -> None:
        if keys is not None:
            with guarded(keys):
                self._try("exchange", lambda: self._account(setup))

    def _try(self, subject: str, work: Callable[[], _T]) -> _T | None:
        """Return what the work gives, None when it failed, which is then a finding."""
        try:
            return work()
        except QuorateError as error:
            self._found(Level.ERROR, subject, str(error))
        except TimeoutError:
            told = f"no answer within {ASK_AT_MOST_S:g} s"
            self._found(Level.ERROR, subject, told, "see whether it can be reached")
        return None

    def _found(self, level: Level, subject: str, told: str, advice: str = "") -> None:
        self.findings.append(Finding(level, subject, told, advice))

    def _account(self, setup: LiveSetup) -> None:
        try:
            account = asyncio.run(asyncio.wait_for(look(setup), ASK_AT_MOST_S))
        except JournalError as error:  # a run is alive: what it uses cannot be asked
            self._found(Level.WARNING, "exchange", f"not asked: {error}")
            return
        self._found(Level.OK, "exchange", f"{setup.name}, account {account.account}")
        self.findings += of_account(setup, account, entry_sizes(setup, account))
        told = text.plural(len(account.orders), "open order")
        self._found(Level.OK, "orders", f"the account has {told}")

    def _journal(self) -> None:
        journal = self.journal or live_journal(self.workspace)
        self.findings.append(judge.of_disk(journal.parent))
        if not journal.is_file():
            self._found(Level.OK, "journal", f"{journal}: none yet")
            return
        self._try("journal", lambda: self._read(journal))

    def _read(self, journal: Path) -> None:
        with Journal.open(journal, read_only=True) as kept:
            damage = kept.damage()
            if damage:
                self._found(
                    Level.ERROR,
                    "journal",
                    f"{journal} is damaged: {damage[0]}",
                    "stop the run, keep the file, restore a copy",
                )
                return
        alive = "a run writes it now" if Journal.is_written(journal) else "no run alive"
        live = read_live(journal)
        if live is None:
            self._found(Level.OK, "journal", f"{journal}: sound, empty, {alive}")
            return
        last = text.moment(live.state.now_ms)
        told = f"{journal}: sound, run {live.state.run}, {alive}, last record {last}"
        self._found(Level.OK, "journal", told)
        self.findings += _of_state(live.state, int(time() * 1000))
        wish = pending_wish(journal)
        if wish is not None:
            told = f"{wish.mode} was asked for ({wish.why}) and not yet taken by a run"
            self._found(Level.WARNING, "mode", told)


def _of_state(state: State, now_ms: int) -> Iterator[Finding]:
    """Judge what the journal leads to: the mode, and orders without an answer."""
    if state.mode is Mode.ACTIVE or state.mode_why == SHUTDOWN:
        yield Finding(Level.OK, "mode", "active")
    else:
        yield Finding(
            Level.WARNING,
            "mode",
            f"{state.mode} since {text.time(state.mode_since_ms)}: {state.mode_why}",
            "see why, then `quorate resume`",
        )
    doubtful = [
        one for one in state.live.values() if one.status is not OrderStatus.OPEN
    ]
    if doubtful:
        ids = ", ".join(one.intent.client_id for one in doubtful)
        yield Finding(
            Level.WARNING,
            "orders",
            f"{text.plural(len(doubtful), 'order')} without an answer: {ids}",
            "a run asks for them when it starts; see `quorate reconcile`",
        )
    for symbol, stop in state.stopped.items():
        if stop.until_ms > now_ms:
            forever = stop.until_ms - now_ms > 365 * _DAY_MS
            until = "" if forever else f" until {text.time(stop.until_ms)}"
            told = f"entries are stopped{until}: {stop.why}"
            yield Finding(Level.WARNING, symbol, told)
