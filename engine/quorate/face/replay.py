"""Decide what a journal recorded once more, under other rules, and compare."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from quorate.contract.records import Started
from quorate.drivers.changes import compare_decisions
from quorate.drivers.redecide import Redecided, redecide
from quorate.drivers.rerun import run_again, told_otherwise
from quorate.drivers.run import TapeSetup
from quorate.errors import JournalError
from quorate.face import text
from quorate.face.kept import Keeper
from quorate.face.replay_effect import Effect, Side, measure_effect
from quorate.face.replay_ground import Ground, Recorded, find_ground, read_recorded
from quorate.face.report import consumed_ms, quotes_of
from quorate.face.results import result_of
from quorate.face.workspace import Workspace
from quorate.host.host import Host
from quorate.journal.journal import Journal
from quorate.rulebook.rulebook import Rulebook, Sources
from quorate.values.timeframes import NEVER_MS

Progress = Callable[[int, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayWish:
    """What was asked for: which journal, under which rules, how much is listed.

    ``rules`` None are those of the workspace; ``recorded`` asks for the rules that the
    journal itself keeps. ``most`` is how many changes are listed, None for all.
    """

    journal: Path
    rules: Path | None = None
    overlays: tuple[Path, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    recorded: bool = False
    sources: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What came of deciding again.

    ``rulebooks`` are the hashes of the recorded rules, ``rulebook`` that of the others.
    ``until_ms`` is how far the runs are compared; ``candles`` is what each ran over.
    ``redecided`` are a live run's decisions, each decided again on its own inputs.
    """

    journal: Path
    live: bool
    recorded: bool
    rulebooks: tuple[str, ...]
    rulebook: str
    source: str
    from_ms: int
    until_ms: int
    candles: int
    synthetic: bool
    notes: tuple[str, ...]
    effect: Effect
    redecided: Redecided | None = None

    @property
    def differs(self) -> bool:
        """Whether the other rules change anything."""
        otherwise = self.redecided is not None and self.redecided.total > 0
        return otherwise or self.effect.differs


def replay(
    workspace: Workspace, wish: ReplayWish, progress: Progress | None = None
) -> Replay:
    """Decide a journal's run again and compare.

    Raises:
        QuorateError: it cannot be run again; the message says what to do.
    """
    workspace = replace(workspace, without=(*workspace.without, *wish.without))
    with Journal.open(wish.journal, read_only=True) as journal:
        recorded = read_recorded(journal, wish.journal)
        host = workspace.host()
        if wish.recorded:
            rulebook = _last_rulebook(recorded, host)
        else:
            rulebook = _edited(workspace, wish).rulebook(host, wish.settings)
        ground = find_ground(workspace, recorded, wish.sources)
        again = _Again(workspace, ground, progress)
        return _compare(recorded, wish, again, (host, rulebook))


def _edited(workspace: Workspace, wish: ReplayWish) -> Workspace:
    laid = workspace.with_overlays(wish.overlays)
    return laid if wish.rules is None else replace(laid, rules=wish.rules)


def _last_rulebook(recorded: Recorded, host: Host) -> Rulebook:
    """Return the rulebook a run went on under last.

    Raises:
        JournalError: a tape run had several, or it cannot be read any more.
    """
    digest = recorded.rulebooks[-1]
    if not recorded.live and len(recorded.rulebooks) > 1:
        raise JournalError(
            f"{recorded.file}: its rules changed on the way "
            f"({' -> '.join(recorded.rulebooks)}), so no one rulebook gives it again; "
            "leave --recorded out to see what one rulebook would have changed"
        )
    kept = Keeper(recorded.journal, host).rules(digest)
    if kept.rulebook is None:
        raise JournalError(
            f"{recorded.file}: its rules {digest} cannot be used with the plugins of "
            f"now: {kept.why}"
        )
    return kept.rulebook


@dataclass(slots=True)
class _Again:
    """Runs a ground under one rulebook after the other; each with fresh plugins."""

    workspace: Workspace
    ground: Ground
    progress: Progress | None
    runs: int = 1
    done: int = 0

    def run(self, host: Host, rulebook: Rulebook) -> Journal:
        """Run to the end of the candles; return the journal."""
        ground = self.ground
        setup = TapeSetup(
            rulebook=rulebook,
            host=host,
            venue=ground.venue,
            tier=self.workspace.tier,
            settings=ground.settings,
            sources=(),
            from_ms=ground.from_ms,
        )
        journal = run_again(
            setup,
            ground.tapes,
            ground.source,
            progress=None if self.progress is None else self._show,
        )
        self.done += 1
        return journal

    def _show(self, now_ms: int, begin_ms: int, end_ms: int) -> None:
        """Show the runs one after the other as one."""
        assert self.progress is not None
        span_ms = end_ms - begin_ms
        self.progress(
            now_ms + self.done * span_ms, begin_ms, begin_ms + self.runs * span_ms
        )


def _compare(
    recorded: Recorded,
    wish: ReplayWish,
    again: _Again,
    edited: tuple[Host, Rulebook],
) -> Replay:
    host, rulebook = edited
    baseline, notes = _baseline(recorded, wish, again)
    after = again.run(host, rulebook)
    notes += _setup_notes(recorded, wish, after, rulebook)
    if baseline is None:
        until_ms = _until(recorded, after)
        before = Side(journal=recorded.journal, until_ms=until_ms)
    else:
        until_ms = NEVER_MS if recorded.live else _until(recorded, baseline)
        before = Side(journal=baseline, until_ms=until_ms)
        kept = Side(journal=recorded.journal, until_ms=until_ms)
        notes += (_at_exchange if recorded.live else _reproduction)(kept, before)
    if until_ms != NEVER_MS:
        notes.append(f"compared up to {text.moment(until_ms)}, where the journal ends")
    tapes = again.ground.tapes
    end_ms = max(int(candles.close_ms[-1]) for candles in tapes)
    return Replay(
        journal=recorded.file,
        live=recorded.live,
        recorded=wish.recorded,
        rulebooks=recorded.rulebooks,
        rulebook=rulebook.digest,
        source=recorded.started.source,
        from_ms=recorded.started.at_ms,
        until_ms=min(until_ms, end_ms),
        candles=sum(len(candles) for candles in tapes),
        synthetic=again.ground.synthetic,
        notes=(*again.ground.notes, *notes),
        effect=measure_effect(
            before, Side(journal=after, until_ms=until_ms), most=wish.most
        ),
        redecided=_redecided(recorded, wish, edited) if recorded.live else None,
    )


def _baseline(
    recorded: Recorded, wish: ReplayWish, again: _Again
) -> tuple[Journal | None, list[str]]:
    """Run under the recorded rules; None when the journal itself is to be compared.

    Raises:
        JournalError: the rules of a live run cannot be used any more.
    """
    if wish.recorded and not recorded.live:
        return None, []
    notes = []
    if len(recorded.rulebooks) > 1:
        changed = f"the rules changed on the way ({' -> '.join(recorded.rulebooks)})"
        if not recorded.live:
            return None, [
                f"{changed}: what was recorded is compared with one rulebook from the "
                "beginning to the end"
            ]
        notes = [
            f"{changed}: each decision is held against the rules it was taken under; "
            "the run again is under the last of them from the beginning to the end"
        ]
    host = again.workspace.host()
    kept = Keeper(recorded.journal, host).rules(recorded.rulebooks[-1])
    if kept.rulebook is None and not recorded.live:
        return None, [
            f"the recorded rules cannot be used with the plugins of now ({kept.why}): "
            "what was recorded is compared, so that the plugins count as well"
        ]
    again.runs = 2
    rulebook = kept.rulebook or _last_rulebook(recorded, host)
    return again.run(host, rulebook), notes


def _redecided(
    recorded: Recorded, wish: ReplayWish, edited: tuple[Host, Rulebook]
) -> Redecided:
    """Decide what a live run decided again, decision by decision."""
    host, rulebook = edited
    keeper = Keeper(recorded.journal, host)
    return redecide(
        recorded.journal.decisions(),
        lambda digest: keeper.rules(digest).rulebook,
        rulebook,
        most=wish.most,
    )


def _until(recorded: Recorded, run: Journal) -> int:
    """Return up to when a tape's journal is compared with a run to the tape's end.

    One that was stopped may have its last moment in part.
    """
    cursor = recorded.journal.cursor()
    return NEVER_MS if cursor == run.cursor() else consumed_ms(cursor)


def _reproduction(kept: Side, again: Side) -> Iterator[str]:
    """Yield a note when the recorded rules do not give the journal any more."""
    found = compare_decisions(kept.decisions(), again.decisions(), most=0)
    differing = found.total + found.other_inputs
    if differing:
        yield (
            f"the recorded rules do not give this journal here: "
            f"{text.plural(differing, 'decision')} differ, because plugins, "
            "quorate.yaml or quorate are others than then; so two runs of now are "
            "compared, one under each rulebook"
        )


def _at_exchange(kept: Side, again: Side) -> Iterator[str]:
    """Yield how near the run again comes to what the exchange did."""
    real, paper = kept.tally(), again.tally()
    for currency in quotes_of(real):
        made = [
            f"{text.plural(result.trades, 'trade')}, "
            f"{text.money(result.profit, currency, signed=True)}"
            for result in (
                result_of(currency, tally, tally.state.now_ms)
                for tally in (real, paper)
            )
        ]
        yield (
            f"at the exchange the recorded rules made {made[0]}; run again they make "
            f"{made[1]}"
        )


def _setup_notes(
    recorded: Recorded, wish: ReplayWish, run: Journal, rulebook: Rulebook
) -> Iterator[str]:
    """Yield what else than the rules is not as it was recorded."""
    now = next(run.records())
    assert isinstance(now, Started)
    if not recorded.live:
        for name in told_otherwise(recorded.started, now):
            yield f"the {name} of now are not the recorded ones"
    if wish.recorded or recorded.rulebooks[-1] == rulebook.digest:
        return
    try:
        texts = recorded.journal.rulebook(recorded.rulebooks[-1])
    except JournalError:
        return  # without its text nobody knows what it was laid out with
    then, said = Sources.from_texts(texts), rulebook.sources
    for name, value in then.settings:
        if (name, value) not in said.settings:
            yield f"the recorded run was given --set {name}={value}, this one is not"
    if len(then.overlays) > len(said.overlays):
        yield "the recorded run had overlays that this one has not"
