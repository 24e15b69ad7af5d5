"""Put one tape run together: venue, symbols, journal, driver; new or going on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from quorate.contract.records import Started
from quorate.contract.venue import SimulatedVenue
from quorate.drivers.reloading import kept_book
from quorate.drivers.tape import TapeDriver
from quorate.drivers.tape_file import content_hash, fill_gaps, read_tapes
from quorate.drivers.tape_name import split_source
from quorate.errors import JournalError, VenueError
from quorate.flow.events import Outcome
from quorate.host.host import Host
from quorate.journal.journal import Journal
from quorate.rulebook.rulebook import Rulebook
from quorate.values.market import Candles
from quorate.values.rates import RateLimits

TRADED_DIGITS = 5

IN_QUOTE = "+volume-in-quote"

UNITS_IN_A_COMMIT = 2000
"""A tape can be read again, so its units are committed in groups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeSetup:
    """What a tape run is made of.

    Before ``from_ms`` nothing is decided: those candles are only looked back on.
    """

    rulebook: Rulebook
    host: Host
    venue: str
    tier: str
    settings: Mapping[str, Any]
    sources: Sequence[str]
    from_ms: int = 0


Progress = Callable[[int, int, int], None]
"""Is told where a run is: now, begin and end, UTC ms."""

Follow = Callable[[TapeDriver], Callable[[], None]]
"""Makes what a run calls between steps, to take edited rules up."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run leaves: how far it came and how many candles that was."""

    run: str
    candles: int
    from_ms: int
    until_ms: int


def load_tapes(
    sources: Sequence[str], *, volume_in: str = "base"
) -> tuple[list[Candles], str]:
    """Return the tapes on full grids, and what names them: files and content hashes.

    ``volume_in`` says which currency the files count volume in, "base" or "quote".
    """
    tapes = [fill_gaps(candles) for candles in read_tapes(sources)]
    if volume_in == "quote":
        tapes = [replace(one, volume=one.volume / one.close) for one in tapes]
    names = []
    for source in sources:
        _, path = split_source(source)
        counted = IN_QUOTE if volume_in == "quote" else ""
        names.append(f"{quote(path.name)}@{content_hash(path)[:12]}{counted}")
    return tapes, " ".join(names)


def named_tapes(source: str) -> list[tuple[str, str, str]]:
    """Return file name, hash and ``volume_in`` of each tape that a run names."""
    found = []
    for named in source.split(" "):
        name, _, digest = named.rpartition("@")
        volume_in = "quote" if digest.endswith(IN_QUOTE) else "base"
        found.append((unquote(name), digest.removesuffix(IN_QUOTE), volume_in))
    return found


def run_tape(
    setup: TapeSetup,
    tapes: Sequence[Candles],
    source: str,
    journal: Journal,
    *,
    walk: bool = False,
    progress: Progress | None = None,
    stop_after: int | None = None,
    follow: Follow | None = None,
) -> Finished:
    """Run the tapes into the journal, from its beginning or from where it stops.

    ``progress`` is told (now, begin, end) in ms; ``stop_after`` ends the run early,
    after so many steps; ``follow`` makes what takes edited rules up meanwhile.

    Raises:
        JournalError: the journal holds another run.
        VenueError: the venue is not known, or a symbol cannot be traded there.
    """
    venue, limits = open_venue(setup)
    rulebook = setup.rulebook
    journal.keep_rulebook(rulebook.digest, rulebook.sources.as_texts())
    driver = TapeDriver(
        rulebook=rulebook,
        host=setup.host,
        venue=venue,
        tapes=tapes,
        write=_writer(journal),
        walk=walk,
        from_ms=setup.from_ms,
    )
    driver.prepare()
    started = _started(setup, venue, tapes, source, limits)
    _begin(driver, journal, started)
    begin_ms, end_ms = driver.span_ms
    if stop_after is not None:
        any(not driver.step() for _ in range(stop_after))
    else:
        driver.run(_between(driver, progress, follow))
    journal.commit()
    return Finished(
        run=started.run,
        candles=sum(len(candles) for candles in tapes),
        from_ms=begin_ms,
        until_ms=end_ms,
    )


def _between(
    driver: TapeDriver, progress: Progress | None, follow: Follow | None
) -> Callable[[int], None]:
    """Return what is done between steps, now and then."""
    begin_ms, end_ms = driver.span_ms
    look = None if follow is None else follow(driver)

    def between(now_ms: int) -> None:
        if progress is not None:
            progress(now_ms, begin_ms, end_ms)
        if look is not None:
            look()

    return between


def _writer(journal: Journal) -> Callable[[Outcome, str, str], None]:
    def write(outcome: Outcome, cursor: str, rulebook: str) -> None:
        journal.write(
            outcome.records, outcome.decisions, cursor=cursor, rulebook=rulebook
        )

    return write


def _begin(driver: TapeDriver, journal: Journal, started: Started) -> None:
    """Start the run, or go on where its journal ends."""
    cursor = journal.cursor()
    if not cursor:
        driver.start(started)
        return
    records = list(journal.records())
    _same_run(records[0], started)
    host = driver.host
    driver.resume(records, cursor, lambda one: kept_book(journal, host, one))


def ask_limits(host: Host, tier: str) -> RateLimits | None:
    """Return the rate limits of an account's tier, None when no plugin knows it.

    Raises:
        VenueError: the plugin that was asked failed.
    """
    answer = host.ask_first("rate_limits", tier=tier)
    if answer is None:
        return None
    if answer.error or not isinstance(answer.value, RateLimits):
        raise VenueError(
            f"plugin {answer.plugin} could not tell the rate limits of tier "
            f"{tier!r}: {answer.error or 'it returned something else'}"
        )
    return answer.value


def open_venue(setup: TapeSetup) -> tuple[SimulatedVenue, RateLimits | None]:
    """Return the venue the workspace names, and the rate limits of its account.

    Raises:
        VenueError: no plugin knows it, or its plugin failed.
    """
    limits = ask_limits(setup.host, setup.tier)
    answer = setup.host.ask_first(
        "venue", name=setup.venue, settings=setup.settings, limits=limits
    )
    if answer is None:
        raise VenueError(
            f"no plugin opens the venue {setup.venue!r}; see `quorate plugins`"
        )
    if answer.error:
        raise VenueError(f"the venue {setup.venue!r} did not open: {answer.error}")
    venue: SimulatedVenue = answer.value
    return venue, limits


def _started(
    setup: TapeSetup,
    venue: SimulatedVenue,
    tapes: Sequence[Candles],
    source: str,
    limits: RateLimits | None,
) -> Started:
    symbols = [candles.symbol for candles in tapes]
    markets = venue.open_markets(symbols)
    named = []
    aliases = {alias.match: alias.means for alias in setup.rulebook.symbols}
    for symbol in symbols:
        answer = setup.host.ask_first("map_symbol", symbol=symbol, aliases=aliases)
        market = markets[symbol]
        if answer is not None and isinstance(answer.value, str) and not answer.error:
            market = replace(market, venue_symbol=answer.value)
        named.append(market)
    currencies = sorted({name for m in named for name in (m.base, m.quote)})
    balances = venue.open_balances(currencies)
    return Started(
        at_ms=max(setup.from_ms, min(int(one.time_ms[0]) for one in tapes)),
        run=_run_id(setup, source),
        venue=setup.venue,
        rulebook=setup.rulebook.digest,
        source=source,
        markets=tuple(named),
        balances=tuple(sorted(balances.items())),
        limits=limits,
    )


def _run_id(setup: TapeSetup, source: str) -> str:
    """Return what names a run: 5 digits for what it trades and how, 3 for its plugins.

    Another plugin decides otherwise, but a stopped run may go on with it.
    """
    made_of = f"{source} {setup.rulebook.digest} {setup.venue} {setup.settings!r}"
    first, second = (
        hashlib.sha256(text.encode()).hexdigest()
        for text in (made_of, setup.host.identity())
    )
    return first[:TRADED_DIGITS] + second[:3]


def _same_run(before: object, now: Started) -> None:
    if not isinstance(before, Started):
        raise JournalError("the journal does not begin with a run")
    for name, told in (
        ("source", "the tape"),
        ("rulebook", "the rulebook"),
        ("venue", "the venue"),
        ("run", "quorate.yaml"),
    ):
        length = TRADED_DIGITS if name == "run" else None
        if getattr(before, name)[:length] != getattr(now, name)[:length]:
            raise JournalError(
                f"the journal's run cannot go on: {told} has changed since; "
                f"begin a new journal"
            )


def journal_path(folder: Path, sources: Sequence[str], stamp: str) -> Path:
    """Return the path of a new run's journal: its first tape's name and a stamp."""
    _, first = split_source(sources[0])
    stem = first.name.split(".")[0]
    more = f"+{len(sources) - 1}" if len(sources) > 1 else ""
    return folder / f"{stem}{more}-{stamp}.sqlite"
