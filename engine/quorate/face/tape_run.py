"""Paper trading on recorded candles: put a run together, run it, find it again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from quorate.contract.records import Started
from quorate.drivers.acceptance import accepted_rules
from quorate.drivers.demo_tape import demo_tapes
from quorate.drivers.reloading import Gather, Reloader
from quorate.drivers.reloads import TapeReloads
from quorate.drivers.run import (
    UNITS_IN_A_COMMIT,
    Finished,
    Progress,
    TapeSetup,
    journal_path,
    load_tapes,
    named_tapes,
    open_venue,
    run_tape,
)
from quorate.drivers.tape import TapeDriver
from quorate.drivers.tape_file import content_hash
from quorate.drivers.tape_name import split_source
from quorate.errors import JournalError, TapeError, WorkspaceError
from quorate.face.workspace import Workspace
from quorate.host.host import Host
from quorate.journal.journal import Journal
from quorate.rulebook.diagnostics import did_you_mean
from quorate.rulebook.rulebook import Rulebook, Sources, read_rulebook
from quorate.values.market import Candles

MOST_OF_A_CURRENCY = Decimal(10**15)
"""More than any account holds of anything: what is above was mistyped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for on the command line.

    ``go_on`` is the journal of a stopped run; then the tapes and rules are its own.
    """

    sources: tuple[str, ...] = ()
    overlays: tuple[Path, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    balances: tuple[tuple[str, str], ...] = ()
    without: tuple[str, ...] = ()
    journal: Path | None = None
    go_on: Path | None = None
    walk: bool = False
    volume_in: str = "base"
    reload: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run that is ready to start: everything is read and checked.

    ``gather`` reads the rule files again, None when edits are not taken up.
    """

    setup: TapeSetup
    tapes: Sequence[Candles]
    source: str
    journal: Path
    goes_on: bool
    walk: bool
    gather: Gather | None = None

    @property
    def synthetic(self) -> bool:
        """Whether a bundled demo tape is used: its prices are made up."""
        return is_synthetic(self.setup.sources)

    def run(self, progress: Progress | None) -> tuple[Finished, float]:
        """Run to the end of the tape; return what came of it and the seconds it took.

        When this is interrupted, all that was decided so far is in the journal.
        """
        with self._open() as journal:
            begin = perf_counter()
            finished = run_tape(
                self.setup,
                self.tapes,
                self.source,
                journal,
                walk=self.walk,
                progress=progress,
                follow=None if self.gather is None else partial(self._follow, journal),
            )
            return finished, perf_counter() - begin

    def _follow(self, journal: Journal, driver: TapeDriver) -> Callable[[], None]:
        """Return what takes edited rules up, called between two steps."""
        assert self.gather is not None
        active = driver.flow.bench.rulebook
        reloader = Reloader(self.gather, self.setup.host, active)
        accepted = partial(accepted_rules, self.journal)
        return TapeReloads(driver, reloader, journal, accepted).look_when_due

    def _open(self) -> Journal:
        if self.goes_on:
            return Journal.open(self.journal, commit_every=UNITS_IN_A_COMMIT)
        folder = self.journal.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorkspaceError(
                f"{folder}: the journal's folder cannot be made: {error.strerror}; "
                f"say another file with --journal"
            ) from None
        return Journal.create(self.journal, commit_every=UNITS_IN_A_COMMIT)


def plan(workspace: Workspace, wish: Wish) -> Plan:
    """Read and check everything that a run needs; nothing is written yet.

    Raises:
        QuorateError: something cannot be used; the message says what to do.
    """
    workspace = replace(workspace, without=(*workspace.without, *wish.without))
    workspace = workspace.with_overlays(wish.overlays)
    host = workspace.host()
    volume_in = wish.volume_in
    if wish.go_on is not None:
        sources, rulebook, volume_in = _recorded(
            workspace, host, wish.go_on, wish.sources
        )
    else:
        sources = wish.sources or tuple(str(path) for path in demo_tapes())
        rulebook = workspace.rulebook(host, wish.settings)
    tapes, source = load_tapes(sources, volume_in=volume_in)
    setup = TapeSetup(
        rulebook=rulebook,
        host=host,
        venue=workspace.venue,
        tier=workspace.tier,
        settings=_with_balances(workspace.settings, wish.balances),
        sources=sources,
    )
    open_venue(setup)  # what is wrong with it is said before a journal is made
    journal = wish.go_on or wish.journal or _new_journal(workspace.journals, sources)
    return Plan(
        setup=setup,
        tapes=tapes,
        source=source,
        journal=journal,
        goes_on=wish.go_on is not None,
        walk=wish.walk,
        gather=workspace.gatherer(wish.settings) if wish.reload else None,
    )


def is_synthetic(sources: Sequence[str]) -> bool:
    """Return whether a bundled demo tape is among the tapes: its prices are made up."""
    demo = {path.resolve() for path in demo_tapes()}
    return any(split_source(source)[1].resolve() in demo for source in sources)


def must_know_plugins(workspace: Workspace, names: Sequence[str]) -> None:
    """Refuse names of plugins that do not exist.

    Raises:
        WorkspaceError: a name is not that of a plugin.
    """
    known = workspace.host().plugins if names else {}
    for name in names:
        if name not in known:
            near = did_you_mean(name, known)
            advice = f"did you mean {near!r}?" if near else "see `quorate plugins`"
            raise WorkspaceError(f"there is no plugin {name!r}; {advice}")


def newest_journal(workspace: Workspace) -> Path:
    """Return the journal of the workspace that was written last.

    Raises:
        JournalError: there is none.
    """
    found = list(workspace.journals.glob("*.sqlite"))
    if not found:
        raise JournalError(
            f"{workspace.journals}: there is no journal yet; `quorate run` makes one"
        )
    return max(found, key=lambda path: (path.stat().st_mtime_ns, path.name))


def _with_balances(
    settings: Any, balances: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Return the venue's settings with the opening balances that were asked for."""
    opening = dict(settings.get("balances", {}))
    for currency, text in balances:
        try:
            amount = Decimal(text)
        except InvalidOperation:
            amount = Decimal("NaN")
        if not amount.is_finite() or not 0 <= amount <= MOST_OF_A_CURRENCY:
            raise WorkspaceError(
                f"--balance {currency}={text}: the amount must be a number from 0 to "
                f"{MOST_OF_A_CURRENCY:f}"
            )
        opening[currency.upper()] = amount
    return {**settings, "balances": opening} if balances else dict(settings)


def _new_journal(folder: Path, sources: Sequence[str]) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    path = journal_path(folder, sources, stamp)
    number = 1
    while path.exists():
        number += 1
        path = journal_path(folder, sources, f"{stamp}-{number}")
    return path


def _recorded(
    workspace: Workspace, host: Host, journal_file: Path, given: Sequence[str]
) -> tuple[tuple[str, ...], Rulebook, str]:
    """Return the tapes, the rulebook and ``volume_in`` a stopped run began with."""
    with Journal.open(journal_file, read_only=True) as journal:
        started = next(iter(journal.records()), None)
        if not isinstance(started, Started):
            raise JournalError(f"{journal_file}: no run has begun in it; begin anew")
        texts = journal.rulebook(started.rulebook)
    reading = read_rulebook(Sources.from_texts(texts), host.facts, host.functions)
    if reading.rulebook is None:
        raise JournalError(
            f"{journal_file}: its rules cannot be used with the plugins of now: "
            f"{reading.errors[0].concise()}"
        )
    sources = tuple(given) or tuple(find_tapes(workspace, journal_file, started))
    return sources, reading.rulebook, named_tapes(started.source)[0][2]


def find_tapes(
    workspace: Workspace, journal_file: Path, started: Started
) -> Iterator[str]:
    """Yield the tapes a run names, found by name and content hash."""
    demo = [path.parent for path in demo_tapes()[:1]]
    folders = [*demo, Path(), workspace.root, journal_file.parent]
    tapes = named_tapes(started.source)
    for (name, digest, _), market in zip(tapes, started.markets, strict=True):
        for folder in folders:
            path = folder / name
            if path.is_file() and content_hash(path).startswith(digest):
                yield f"{market.symbol}={path}"
                break
        else:
            raise TapeError(
                f"{name}: the tape of this run is not here; say where with --tape PATH"
            )
