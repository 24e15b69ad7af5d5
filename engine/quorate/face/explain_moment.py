"""Why a symbol was bought, or not, at a moment: decisions, and what stood then."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import get_args

from quorate.contract.records import (
    Answer,
    CancelAsked,
    Closed,
    Declined,
    Intended,
    Record,
    Started,
)
from quorate.errors import QuorateError
from quorate.face import text
from quorate.face.explanation import Explanation, Step, Subject
from quorate.face.kept import Keeper, unread
from quorate.face.steps import order_line, step_of
from quorate.flow.state import State
from quorate.flow.turn import symbol_of
from quorate.host.host import Host
from quorate.journal.journal import Journal
from quorate.journal.rows import RecordedDecision
from quorate.values.trade import Market

SHOWN = 60
"""How many decisions of a long stretch are shown."""

_OF_A_SYMBOL = (Intended, Closed, CancelAsked, *get_args(Answer))


def explain_moment(
    journal: Journal,
    symbol: str,
    at_ms: int,
    *,
    until_ms: int | None = None,
    host: Host | None = None,
) -> Explanation:
    """Explain what was decided in a symbol from ``at_ms`` to before ``until_ms``.

    Without ``until_ms`` the stretch is that millisecond alone. When nothing was
    decided in it: what stood then, and the nearest decisions before and after.

    Raises:
        QuorateError: the journal does not trade that symbol.
    """
    until_ms = at_ms + 1 if until_ms is None else until_ms
    scene = _Scene(symbol, until_ms).watch(journal.records())
    if symbol not in scene.state.markets:
        known = ", ".join(scene.state.markets) or "nothing"
        raise QuorateError(f"this journal does not trade {symbol!r}; it trades {known}")
    found = list(journal.decisions(symbol=symbol, from_ms=at_ms, until_ms=until_ms))
    shown = found[:SHOWN] or list(_nearest(journal, symbol, at_ms))
    keeper = Keeper(journal, host)
    steps = tuple(_step(one, keeper) for one in shown)
    notes = [*_more(found), *unread(keeper, {one.rulebook: None for one in shown})]
    return Explanation(
        subject=Subject(
            kind="moment",
            name=f"{symbol}@{text.moment(at_ms)}",
            symbol=symbol,
            at_ms=at_ms,
            until_ms=until_ms,
        ),
        title=_title(symbol, at_ms, until_ms),
        summary=tuple([*_said(found, scene, at_ms), *scene.standing()]),
        steps=steps,
        notes=tuple(notes),
    )


def _title(symbol: str, at_ms: int, until_ms: int) -> str:
    span_ms = until_ms - at_ms
    length = f", for {text.duration(span_ms)}" if span_ms > 60_000 else ""
    return f"{symbol} at {text.moment(at_ms)}{length}"


def _step(recorded: RecordedDecision, keeper: Keeper) -> Step:
    step = step_of(recorded.decision, keeper.rules(recorded.rulebook))
    return replace(step, decision=f"d{recorded.seq}")


def _nearest(journal: Journal, symbol: str, at_ms: int) -> Iterator[RecordedDecision]:
    """Yield the last moment's decisions before a time, and the first one's after."""
    last = deque(journal.decisions(symbol=symbol, until_ms=at_ms), maxlen=SHOWN)
    yield from (one for one in last if one.decision.at_ms == last[-1].decision.at_ms)
    first_ms = None
    for one in journal.decisions(symbol=symbol, from_ms=at_ms):
        first_ms = one.decision.at_ms if first_ms is None else first_ms
        if one.decision.at_ms != first_ms:
            return
        yield one


def _more(found: list[RecordedDecision]) -> Iterator[str]:
    if len(found) > SHOWN:
        yield (
            f"{len(found) - SHOWN:,} more decisions in this stretch are not shown; "
            "ask for a shorter one"
        )


def _said(found: list[RecordedDecision], scene: _Scene, at_ms: int) -> Iterator[str]:
    """Yield whether something was decided, and what it means when nothing was."""
    if found:
        yield f"{text.plural(len(found), 'decision')} in this stretch:"
        return
    begin_ms, end_ms = scene.begin_ms, scene.end_ms
    if not begin_ms <= at_ms <= end_ms:
        yield (
            f"this is outside of the run, which goes from {text.moment(begin_ms)} "
            f"to {text.moment(end_ms)}"
        )
        return
    standing = scene.declined
    if standing is not None:
        yield (
            f"nothing new was decided; at {text.moment(standing.at_ms)} entry "
            f"{standing.rule} was declined by {standing.by}, which is said once in a "
            "stretch of candles: either that still stood, or the market part of no "
            "entry rule held any more"
        )
    else:
        yield (
            "nothing was decided: the market part of no entry rule held, or what it "
            "led to before was still under way; the nearest decisions are below"
        )


@dataclass(slots=True)
class _Scene:
    """The account as it stood at the end of a stretch."""

    symbol: str
    until_ms: int
    state: State = field(default_factory=State)
    declined: Declined | None = None
    begin_ms: int = 0
    end_ms: int = 0

    def watch(self, records: Iterable[Record]) -> _Scene:
        """Fold the records up to the stretch's end; note where the run ends."""
        for record in records:
            self.end_ms = max(self.end_ms, record.at_ms)
            if record.at_ms >= self.until_ms and self.state.markets:
                continue
            self.state.apply(record)
            self._note(record)
        return self

    def _note(self, record: Record) -> None:
        """Keep the decline that stands until the symbol's next record."""
        if isinstance(record, Started):
            self.begin_ms = self.begin_ms or record.at_ms
        elif isinstance(record, Declined) and record.symbol == self.symbol:
            self.declined = None if record.position_id else record
        elif (
            isinstance(record, _OF_A_SYMBOL)
            and symbol_of(self.state, record) == self.symbol
        ):
            self.declined = None

    def standing(self) -> Iterator[str]:
        """Yield what was open and live in the symbol, and what entries waited for."""
        for position in self.state.positions.values():
            if position.bought:
                yield _position_line(position.symbol, position.id, self.state)
        for order in self.state.live.values():
            if order.intent.symbol == self.symbol:
                line = order_line(order.intent)
                yield f"live order {order.intent.client_id}: {line}"
        for delayed in self.state.waiting.values():
            if delayed.proposal.symbol == self.symbol:
                until = text.moment(delayed.until_ms)
                yield f"an order waits until {until}: {delayed.why}"
        for stop in self.state.stopped.values():
            if stop.symbol in ("*", self.symbol) and stop.until_ms >= self.until_ms:
                until = text.moment(stop.until_ms)
                yield f"entries are stopped until {until} by {stop.why}"


def _position_line(symbol: str, position_id: str, state: State) -> str:
    position = state.positions[position_id]
    market: Market = state.markets[symbol]
    leaving = f", leaving by {position.leaving}" if position.leaving else ""
    return (
        f"open position {position.id}: {text.price(position.held)} {market.base} of "
        f"{symbol} since {text.moment(position.opened_ms)}, bought at "
        f"{text.price(position.entry_price)}{leaving}"
    )
