"""Read the road of a symbol out of a journal and, where they are found, its candles."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from quorate.contract.decisions import Decision, Verdict
from quorate.contract.records import Record
from quorate.drivers.reloading import kept_book
from quorate.errors import JournalError, QuorateError, TapeError, WorkspaceError
from quorate.face.funnel import (
    Fate,
    Fates,
    Funnel,
    Level,
    candle_levels,
    entry_level,
    journal_levels,
)
from quorate.face.funnel_candles import CandleCount, Miss, count_candles, spells
from quorate.face.replay_ground import Recorded, find_ground, read_recorded
from quorate.face.workspace import Workspace
from quorate.host.host import Host
from quorate.journal.journal import Journal
from quorate.rulebook.rulebook import Rulebook
from quorate.values.market import Candles

FOR_EVER_MS = 1 << 62


def why_not(
    workspace: Workspace,
    journal: Journal,
    file: Path,
    symbol: str,
    span: tuple[int, int],
    sources: Sequence[str] = (),
) -> Funnel:
    """Return the road from the candles of a symbol to its trades.

    ``span`` is the time asked about, from and before, UTC ms; candles count by their
    close. ``sources`` say where the tapes of the run are now.

    Raises:
        QuorateError: the journal does not trade the symbol, or holds no run.
    """
    recorded = read_recorded(journal, file)
    traded = [market.symbol for market in recorded.markets]
    if symbol not in traded:
        known = ", ".join(traded) or "nothing"
        raise QuorateError(f"this journal does not trade {symbol!r}; it trades {known}")
    records = list(journal.records())
    decisions = [
        row.decision
        for row in journal.decisions(symbol=symbol, from_ms=span[0], until_ms=span[1])
        if _of_entry(row.decision)
    ]
    levels, misses, notes = _candles(
        (workspace, recorded, sources), symbol, records, decisions, span
    )
    return Funnel(
        symbol=symbol,
        from_ms=max(span[0], records[0].at_ms),
        until_ms=min(span[1], max(one.at_ms for one in records)),
        levels=(*levels, *journal_levels(_fates(journal, symbol, span, records))),
        misses=misses,
        notes=notes,
    )


def _of_entry(decision: Decision) -> bool:
    """Return whether a decision is a candle's: proposed, or declined without an id."""
    if decision.verdict is Verdict.FIRED:
        return decision.section == "entry"
    return decision.verdict is Verdict.DECLINED and not decision.position_id


def _fates(
    journal: Journal, symbol: str, span: tuple[int, int], records: Sequence[Record]
) -> list[Fate]:
    """Return what became of each entry that was proposed in the time."""
    fates = Fates()
    for row in journal.decisions(symbol=symbol):
        one = row.decision
        proposed = one.verdict is Verdict.FIRED and one.section == "entry"
        if proposed and span[0] <= one.at_ms < span[1]:
            fates.propose(one.position_id)
        else:
            fates.decide(one)
    for record in records:
        fates.record(record)
    return fates.every


def _candles(
    where: tuple[Workspace, Recorded, Sequence[str]],
    symbol: str,
    records: Sequence[Record],
    decisions: list[Decision],
    span: tuple[int, int],
) -> tuple[list[Level], tuple[Miss, ...], tuple[str, ...]]:
    """Return the levels before the proposed entries; without candles, what is known."""
    workspace, recorded, sources = where
    host = workspace.host()
    try:
        ground = find_ground(workspace, recorded, sources)
        tape = next(one for one in ground.tapes if one.symbol == symbol)
        counted = _count(tape, records, recorded.journal, host, span)
    except (TapeError, JournalError, WorkspaceError, StopIteration) as error:
        told = str(error) or f"no candles of {symbol} were kept"
        note = f"candles are not counted: {told}"
        return [entry_level(decisions)], (), (note,)
    misses = sorted(counted.misses.values(), key=lambda one: -one.failed)
    return candle_levels(counted, decisions), tuple(misses), ground.notes


def _count(
    tape: Candles,
    records: Sequence[Record],
    journal: Journal,
    host: Host,
    span: tuple[int, int],
) -> CandleCount:
    @cache
    def rulebook_of(digest: str) -> Rulebook:
        return kept_book(journal, host, digest).rulebook

    # Nothing was decided before the run began, and nothing after its last record.
    began_ms = records[0].at_ms
    asked = max(span[0], began_ms), span[1]
    return count_candles(tape, spells(records), rulebook_of, host, asked)
