"""Why no trade: from the candles of a symbol to its trades, and what the rest became.

Each level is the sum of its parts, and the part that went on is the next level.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from quorate.contract.decisions import Decision, Verdict
from quorate.contract.records import (
    Closed,
    Delayed,
    Ended,
    ErrorSeen,
    Filled,
    Intended,
    Record,
    Refused,
)
from quorate.face.funnel_candles import CandleCount, Miss
from quorate.values.trade import Purpose

UNDER_WAY = "an entry was under way, or had just been decided"
_REFUSING = (Verdict.REFUSED, Verdict.DECLINED, Verdict.NOT_KNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """How many of a level became what; ``by`` is the rule, ``place`` its file:line.

    ``on`` says that they went on to the next level.
    """

    what: str
    count: int
    by: str = ""
    place: str = ""
    on: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One step of the road: how many came to it, and what became of them."""

    name: str
    parts: tuple[Part, ...]

    @property
    def count(self) -> int:
        """How many came to it."""
        return sum(part.count for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """The whole road of a symbol in a time, UTC ms; ``misses`` are of other candles."""

    symbol: str
    from_ms: int
    until_ms: int
    levels: tuple[Level, ...]
    misses: tuple[Miss, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Fate:
    """What became of one proposed entry, by what the journal says of it."""

    sent: bool = False
    filled: bool = False
    stopped_by: tuple[str, str, str] = ("", "", "")
    ended: str = ""
    error_rule: str | None = None
    exit_rule: str = ""


@dataclass(slots=True)
class Fates:
    """The fates of the entries of one symbol, in the order they were proposed.

    A position's id is used again by the next proposal when nothing was sent.
    """

    every: list[Fate] = field(default_factory=list)
    by_position: dict[str, Fate] = field(default_factory=dict)
    _orders: dict[str, str] = field(default_factory=dict)

    def propose(self, position_id: str) -> None:
        """Begin to follow an entry."""
        fate = self.by_position[position_id] = Fate()
        self.every.append(fate)

    def decide(self, decision: Decision) -> None:
        """Note what kept an entry that was proposed from being sent."""
        fate = self.by_position.get(decision.position_id)
        if fate is None or fate.sent or decision.section == "exits":
            return
        what = {Verdict.DELAYED: "waited in vain"}.get(decision.verdict, "refused")
        if decision.verdict in (*_REFUSING, Verdict.DELAYED):
            fate.stopped_by = (what, decision.rule, decision.place)

    def record(self, record: Record) -> None:
        """Note what became of an entry's orders and of its position."""
        if isinstance(record, Intended) and record.intent.purpose is Purpose.ENTRY:
            fate = self.by_position.get(record.intent.position_id)
            if fate is not None:
                fate.sent, fate.ended = True, ""
                self._orders[record.intent.client_id] = record.intent.position_id
        elif isinstance(record, Closed):
            fate = self.by_position.get(record.trade.position_id)
            if fate is not None:
                fate.exit_rule = record.trade.exit_rule
        elif isinstance(record, Filled | Refused | Ended | ErrorSeen):
            self._order(record)
        elif isinstance(record, Delayed):
            fate = self.by_position.get(record.proposal.position_id)
            if fate is not None and not fate.sent:
                fate.stopped_by = ("waited in vain", record.why, "")

    def _order(self, record: Filled | Refused | Ended | ErrorSeen) -> None:
        fate = self.by_position.get(self._orders.get(record.client_id, ""))
        if fate is None:
            return
        if isinstance(record, Filled):
            fate.filled = True
        elif isinstance(record, Ended):
            fate.ended = record.reason
        elif isinstance(record, ErrorSeen):
            fate.error_rule = record.rule
        else:
            fate.ended = "refused"


def journal_levels(fates: Iterable[Fate]) -> list[Level]:
    """Return the levels from the proposed entries on."""
    proposed = Counter[tuple[str, str, str, bool]]()
    sent = Counter[tuple[str, str, str, bool]]()
    bought = Counter[tuple[str, str, str, bool]]()
    for fate in fates:
        what, by, place = fate.stopped_by
        if not fate.sent:
            proposed[what or "undecided at the end", by, place, False] += 1
            continue
        proposed["sent", "", "", True] += 1
        if not fate.filled:
            rule = (fate.error_rule or "no rule") if fate.ended == "refused" else ""
            told = fate.ended or "still open"
            sent[f"{told} by the venue" if rule else told, rule, "", False] += 1
            continue
        sent["bought", "", "", True] += 1
        open_still = "" if fate.exit_rule else "still open"
        bought[open_still or "closed", fate.exit_rule, "", False] += 1
    return [
        Level(name="entries proposed", parts=_parts(proposed)),
        Level(name="entries sent", parts=_parts(sent)),
        Level(name="positions opened", parts=_parts(bought)),
    ]


def _parts(counts: Counter[tuple[str, str, str, bool]]) -> tuple[Part, ...]:
    ordered = sorted(counts.items(), key=lambda one: (not one[0][3], -one[1], one[0]))
    return tuple(
        Part(what=what, by=by, place=place, on=on, count=count)
        for (what, by, place, on), count in ordered
    )


def entry_level(decisions: Iterable[Decision]) -> Level:
    """Return what was decided of candidates, once for each stretch of candles."""
    counts = Counter[tuple[str, str, str, bool]]()
    for decision in decisions:
        counts[_of(decision)] += 1
    return Level(name="candidates decided on", parts=_parts(counts))


def candle_levels(counted: CandleCount, decisions: list[Decision]) -> list[Level]:
    """Return the levels of candles: all, and the candidates by what became of them.

    A decline is said once and stands for the candidates that follow without a gap,
    also for those behind a proposal: another reason would have been said.
    """
    rows = _rows(counted, decisions)
    counts = Counter[tuple[str, str, str, bool]]()
    standing: tuple[str, str, str, bool] | None = None
    before = -2
    for row in sorted({*counted.candidate.nonzero()[0].tolist(), *rows}):
        if row != before + 1:
            standing = None
        before = row
        decided = rows.get(row)
        if decided is not None:
            counts[_of(decided)] += 1
            if decided.verdict is not Verdict.FIRED:
                standing = _of(decided)
        else:
            counts[standing or (UNDER_WAY, "", "", False)] += 1
    candidates = Level(name="candidate candles", parts=_parts(counts))
    known = int(counted.known.sum())
    every = int(counted.inside.sum())
    other = max(0, known - candidates.count)
    parts = (
        Part(what="candidates for an entry", count=candidates.count, on=True),
        Part(what="no entry's market condition held", count=other),
        Part(
            what="before every vote was known", count=every - other - candidates.count
        ),
    )
    return [Level(name="candles", parts=parts), candidates]


def _of(decision: Decision) -> tuple[str, str, str, bool]:
    if decision.verdict is Verdict.FIRED:
        return "proposed", decision.rule, decision.place, True
    return "declined", decision.rule, decision.place, False


def _rows(counted: CandleCount, decisions: list[Decision]) -> dict[int, Decision]:
    """Return the decision on each candle that one was made on: the first of it."""
    found: dict[int, Decision] = {}
    for decision in decisions:
        row = int(counted.close_ms.searchsorted(decision.at_ms, side="right")) - 1
        if row >= 0:
            found.setdefault(row, decision)
    return found
