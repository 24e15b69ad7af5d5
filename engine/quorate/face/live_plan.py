"""Put a live run together: everything is read, asked and judged; nothing is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from quorate.drivers.control import Wish, pending_wish
from quorate.drivers.keys import load_keys, warning_of
from quorate.drivers.live_run import LiveSetup
from quorate.drivers.preflight import Account, entry_sizes, look
from quorate.drivers.reloading import Gather, kept_book
from quorate.errors import JournalError, RulebookError, WorkspaceError
from quorate.face import live_findings as judge
from quorate.face.live_findings import Finding, Level, plugin_line
from quorate.face.live_journal import live_journal, read_live
from quorate.face.quiet import host_unlogged
from quorate.face.workspace import Workspace
from quorate.flow.state import State
from quorate.journal.journal import Journal

if TYPE_CHECKING:
    from quorate.contract.live import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveWish:
    """What was asked for on the command line."""

    overlays: tuple[Path, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    without: tuple[str, ...] = ()
    journal: Path | None = None
    unverified_key: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePlan:
    """A live run that is ready to start.

    ``before`` is what the journal holds, None for a new one; ``findings`` are all that
    was judged, good and bad; ``sizes`` what an entry would spend; ``gather`` reads the
    rule files again.
    """

    setup: LiveSetup
    journal: Path
    before: State | None
    wish: Wish | None
    account: Account
    sizes: dict[str, Decimal]
    gather: Gather
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What keeps the run from starting."""
        return tuple(one for one in self.findings if one.level is Level.ERROR)


def live_setup(workspace: Workspace, wish: LiveWish, keys: Keys) -> LiveSetup:
    """Return what a live run is made of: accepted plugins, rulebook, settings.

    Its host is to be closed in the end.

    Raises:
        QuorateError: something cannot be used; the message says what to do.
    """
    workspace = replace(workspace, without=(*workspace.without, *wish.without))
    workspace = workspace.with_overlays(wish.overlays)
    with host_unlogged():  # what a plugin is not asked for is a finding
        host = workspace.host(live=True)
    exchange = workspace.exchange
    try:
        rulebook = workspace.rulebook(host, wish.settings)
    except RulebookError as error:
        refused = [
            f"\n{plugin_line(one)}" for one in host.plugins.values() if one.fault
        ]
        host.close()
        raise RulebookError(f"{error}{''.join(refused)}") from None
    return LiveSetup(
        rulebook=rulebook,
        host=host,
        name=exchange["name"],
        tier=exchange["tier"],
        settings=exchange,
        symbols=exchange["symbols"],
        keys=keys,
    )


def keys_of(workspace: Workspace) -> Keys:
    """Return the keys that the workspace says where to find.

    Raises:
        WorkspaceError: it does not say, or they cannot be used.
    """
    reference = str(workspace.exchange.get("keys", ""))
    if not reference:
        raise WorkspaceError(
            "quorate.yaml does not say where the keys of the account are: add, under "
            "`exchange`, `keys: file:PATH` (or env:NAME, or keyring:NAME)"
        )
    return load_keys(reference, workspace.root)


async def plan_live(
    workspace: Workspace, wish: LiveWish, setup: LiveSetup, journal: Path
) -> LivePlan:
    """Ask the exchange about the account, and judge all that is known.

    Raises:
        QuorateError: it does not answer, or the journal cannot be used.
    """
    kept = read_live(journal)
    account = await look(setup)
    sizes = entry_sizes(setup, account)
    return LivePlan(
        setup=setup,
        journal=journal,
        before=kept.state if kept else None,
        wish=pending_wish(journal),
        account=account,
        sizes=sizes,
        gather=workspace.with_overlays(wish.overlays).gatherer(wish.settings),
        findings=_excused(
            [
                *of_keys(workspace),
                *of_account(setup, account, sizes),
                *judge.of_hosts(setup.settings),
                judge.of_disk(journal.parent),
                *judge.of_plugins(setup.host),
                *of_rules(setup, journal, kept.state if kept else None),
            ],
            unverified_key=wish.unverified_key,
        ),
    )


def of_rules(setup: LiveSetup, journal: Path, before: State | None) -> list[Finding]:
    """Judge what the rules permit that those of the last run refused."""
    if before is None or before.rulebook == setup.rulebook.digest:
        return []
    from quorate.rulebook.comparing import compare  # noqa: PLC0415 - only when needed

    try:
        with Journal.open(journal, read_only=True) as kept:
            last = kept_book(kept, setup.host, before.rulebook).rulebook
    except JournalError as error:
        return [Finding(Level.WARNING, "rules", str(error))]
    loosened = compare(last, setup.rulebook).loosened
    told = f"not those of the last run, {before.rulebook}"
    if not loosened:
        return [Finding(Level.OK, "rules", told)]
    lines = "; ".join(change.line() for change in loosened)
    return [Finding(Level.WARNING, "rules", f"{told}, and permit more: {lines}")]


def must_be_free(journal: Path) -> None:
    """Refuse a journal that another run writes, before anything is asked.

    Raises:
        JournalError: it is being written.
    """
    if Journal.is_written(journal):
        raise JournalError(
            f"{journal} is being written by another run: one run trades an account. "
            f"Stop that run first (Ctrl-C there), or see it with `quorate report`"
        )


def journal_of(workspace: Workspace, wish: LiveWish) -> Path:
    """Return the journal that the run goes on with, or begins.

    Raises:
        WorkspaceError: quorate.yaml names no exchange.
    """
    named = live_journal(workspace)  # says what is missing, whatever is asked for
    return wish.journal or named


def of_keys(workspace: Workspace) -> list[Finding]:
    """Judge where the keys are kept; they have been read."""
    reference = str(workspace.exchange.get("keys", ""))
    warning = warning_of(reference)
    if warning:
        return [Finding(Level.WARNING, "keys", f"{reference}: {warning}")]
    return [Finding(Level.OK, "keys", reference)]


def of_account(
    setup: LiveSetup, account: Account, sizes: dict[str, Decimal]
) -> list[Finding]:
    """Judge everything that the exchange said."""
    return [
        *judge.of_rights(account.rights),
        judge.of_clock(account, float(setup.settings["pace"])),
        *judge.of_markets(account, sizes),
        *judge.of_fees(setup, account),
        judge.of_tier(setup, account),
    ]


def _excused(
    findings: Sequence[Finding], *, unverified_key: bool
) -> tuple[Finding, ...]:
    """Return the findings; what the user has looked at by hand is a warning only."""
    return tuple(
        replace(one, level=Level.WARNING, advice="you said that you have seen to it")
        if unverified_key and one.subject == "rights" and "does not say" in one.told
        else one
        for one in findings
    )
