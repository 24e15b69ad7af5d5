"""What a journal's run can be run again on: its tapes, or the candles it kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quorate.contract.records import MarketsSeen, Record, RulesChanged, Started
from quorate.drivers.rerun import as_recorded, kept_tapes
from quorate.drivers.run import load_tapes, named_tapes
from quorate.errors import JournalError, TapeError, WorkspaceError
from quorate.face import text
from quorate.face.tape_run import find_tapes, is_synthetic
from quorate.face.workspace import Workspace
from quorate.journal.journal import Journal
from quorate.values.market import Candles
from quorate.values.trade import Market

_DIGEST = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What a journal says of its run: how it began, and under which rules it went on.

    ``markets`` are as they were seen last.
    """

    journal: Journal
    file: Path
    started: Started
    rulebooks: tuple[str, ...]
    markets: tuple[Market, ...]

    @property
    def live(self) -> bool:
        """Whether it traded at an exchange, and not on a tape that has a hash."""
        tapes = named_tapes(self.started.source)
        return not all(_DIGEST.fullmatch(digest) for _, digest, _ in tapes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Candles to run on, and the account and venue to run with, from ``from_ms`` on.

    ``notes`` tell what is not as it was recorded.
    """

    tapes: Sequence[Candles]
    source: str
    from_ms: int
    venue: str
    settings: Mapping[str, Any]
    synthetic: bool = False
    notes: tuple[str, ...] = ()


def read_recorded(journal: Journal, file: Path) -> Recorded:
    """Return what a journal says of its run.

    Raises:
        JournalError: no run has begun in it.
    """
    records = journal.records()
    started = next(records, None)
    if not isinstance(started, Started):
        raise JournalError(f"{file}: no run has begun in it, so nothing was decided")
    rulebooks = {started.rulebook: None}
    markets = {market.symbol: market for market in started.markets}
    for record in records:
        _follow(record, rulebooks, markets)
    return Recorded(
        journal=journal,
        file=file,
        started=started,
        rulebooks=tuple(rulebooks),
        markets=tuple(markets.values()),
    )


def _follow(
    record: Record, rulebooks: dict[str, None], markets: dict[str, Market]
) -> None:
    if isinstance(record, RulesChanged):
        rulebooks[record.rulebook] = None
    elif isinstance(record, MarketsSeen):
        markets.update((market.symbol, market) for market in record.markets)


def find_ground(
    workspace: Workspace, recorded: Recorded, sources: Sequence[str]
) -> Ground:
    """Return what a run is run again on; ``sources`` say where its tapes are now.

    Raises:
        TapeError: a tape is not found, or is another.
        JournalError: a live run kept no candles.
        WorkspaceError: the run was made at another venue than the workspace has.
    """
    if recorded.live:
        if sources:
            raise WorkspaceError(
                f"{recorded.file} is the journal of a live run, which keeps its own "
                "candles; leave --tape out"
            )
        return _kept(workspace, recorded)
    return _taped(workspace, recorded, sources)


def _taped(workspace: Workspace, recorded: Recorded, sources: Sequence[str]) -> Ground:
    started = recorded.started
    if started.venue != workspace.venue:
        raise WorkspaceError(
            f"the run was made at the venue {started.venue!r}, quorate.yaml names "
            f"{workspace.venue!r}; name {started.venue!r} there to decide it again"
        )
    named = named_tapes(started.source)
    paths = tuple(sources) or tuple(find_tapes(workspace, recorded.file, started))
    tapes, source = load_tapes(paths, volume_in=named[0][2])
    if [digest for _, digest, _ in named_tapes(source)] != [one[1] for one in named]:
        told = ", ".join(f"{name} ({digest})" for name, digest, _ in named)
        raise TapeError(
            f"these are not the tapes of this run, which are {told}, by content; "
            "give those, in that order"
        )
    return Ground(
        tapes=tapes,
        source=started.source,
        from_ms=started.at_ms,
        venue=started.venue,
        settings=as_recorded(workspace.settings, started, recorded.markets),
        synthetic=is_synthetic(paths),
    )


def _kept(workspace: Workspace, recorded: Recorded) -> Ground:
    started = recorded.started
    known = {market.symbol for market in recorded.markets}
    bars = (bar for bar in recorded.journal.candles() if bar.symbol in known)
    tapes = kept_tapes(bars)
    if not tapes or all(int(one.close_ms[-1]) <= started.at_ms for one in tapes):
        raise JournalError(
            f"{recorded.file}: no candle closed in it since the run began, so there is "
            "nothing to decide again"
        )
    traded = {candles.symbol for candles in tapes}
    markets = [market for market in recorded.markets if market.symbol in traded]
    return Ground(
        tapes=tapes,
        source=started.source,
        from_ms=started.at_ms,
        venue=workspace.venue,
        settings=as_recorded(workspace.settings, started, markets),
        notes=tuple(_paper_notes(workspace, tapes)),
    )


def _paper_notes(workspace: Workspace, tapes: Iterable[Candles]) -> Iterator[str]:
    yield (
        f"trades and profit are those of two runs at the venue {workspace.venue!r} on "
        "the recorded candles, one under each rulebook, with the fees and market rules "
        "seen last"
    )
    for candles in tapes:
        stale = int(candles.stale.sum())
        if stale:
            yield (
                f"{candles.symbol}: {text.plural(stale, 'minute')} without a recorded "
                "trade stay flat"
            )
