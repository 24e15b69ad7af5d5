"""The road of one trade, in order: the only module that knows it.

``handle`` takes one event and returns what is to be recorded and done. It does no
I/O, reads no clock and draws no random number; a driver records the outcome first
and acts on it afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from quorate.contract.records import (
    ModeSet,
    PluginFault,
    Record,
    Resumed,
    RulesChanged,
    Started,
)
from quorate.flow.answering import answered, resume, take_up_funds
from quorate.flow.book import Book
from quorate.flow.changing import change_rules
from quorate.flow.clearing import clear_due, due
from quorate.flow.entering import asks_approval, enter, stopped
from quorate.flow.events import (
    Candle,
    Event,
    Look,
    MarketView,
    Notice,
    Outcome,
    Wake,
    WakeAt,
)
from quorate.flow.leaving import follow, settle, watch
from quorate.flow.pursuing import give_up
from quorate.flow.shadowing import shadow_entry, shadow_exits, shadow_switches
from quorate.flow.state import State
from quorate.flow.switching import switch_after, switch_at_candle
from quorate.flow.turn import Bench, Turn, remember
from quorate.host.host import Host
from quorate.rulebook.rulebook import Rulebook
from quorate.values.mode import Mode


class Flow:
    """The engine between two drivers' calls: a state, a rulebook, its assistants."""

    def __init__(self, rulebook: Rulebook, host: Host, view: MarketView) -> None:
        self.bench = Bench(Book(rulebook, host), host, view)
        self._faults: list[tuple[str, str, str, bool]] = []
        host.on_fault = lambda *fault: self._faults.append(fault)

    @property
    def state(self) -> State:
        """What is true now."""
        return self.bench.state

    def handle(self, event: Event) -> Outcome:
        """Take one event the whole way: orders first, exits before entries."""
        turn = Turn(self.bench, event.at_ms)
        if isinstance(event, Candle | Look):
            shadow_exits(turn, event.symbol)
        if isinstance(event, Candle):
            watch(turn, event.symbol, candle=True)
            follow(turn)  # exits before entries
            switch_at_candle(turn, event.symbol)
            if not stopped(turn, event.symbol):
                shadow_entry(turn, event.symbol)
            enter(turn, event.symbol)
        elif isinstance(event, Look):
            watch(turn, event.symbol, candle=False)
        elif isinstance(event, Wake):
            self._wake(turn)
        elif isinstance(event, Notice):
            self._notice(turn, event)
        else:
            answered(turn, event)
        follow(turn)
        take_up_funds(turn)
        follow(turn)
        switch_after(turn)
        shadow_switches(turn)
        self._record_faults(turn)
        return turn.outcome

    def change_rules(self, book: Book, at_ms: int) -> Outcome:
        """Decide by another rulebook from now on: the swap between two events."""
        turn = Turn(self.bench, at_ms)
        change_rules(turn, book)
        follow(turn)
        self._record_faults(turn)
        return turn.outcome

    def handle_all(self, events: Iterable[Event]) -> Outcome:
        """Take events as one unit, such as a fill and the end of its order."""
        whole = Outcome()
        for event in events:
            outcome = self.handle(event)
            whole.records += outcome.records
            whole.decisions += outcome.decisions
            whole.actions += outcome.actions
        return whole

    def _notice(self, turn: Turn, notice: Notice) -> None:
        """Record what the driver found; do what a change of mode asks for."""
        turn.note(notice)
        if not isinstance(notice, ModeSet):
            return
        clear_due(turn)
        if notice.mode is Mode.HALTED:
            return
        for position in list(turn.state.positions.values()):
            settle(turn, position.id, position.rule)  # take-profits may rest again

    def _wake(self, turn: Turn) -> None:
        """Cancel what has rested too long; take up what has waited long enough."""
        clear_due(turn)
        for key, delayed in list(turn.state.waiting.items()):
            if delayed.until_ms > turn.now_ms:
                continue
            if delayed.for_funds:
                turn.note(Resumed(at_ms=turn.now_ms, key=key, given_up=True))
                give_up(turn, delayed.proposal, delayed.why)
            else:
                resume(turn, key)

    def _record_faults(self, turn: Turn) -> None:
        faults, self._faults = self._faults, []
        for plugin, where, error, off in faults:
            turn.note(
                PluginFault(
                    at_ms=turn.now_ms, plugin=plugin, where=where, error=error, off=off
                )
            )
        self._faults.clear()

    def recover(
        self,
        records: Iterable[Record],
        kept_book: Callable[[str], Book | None] | None = None,
    ) -> list[WakeAt]:
        """Fold a journal's records; return the moments to be woken at.

        ``kept_book`` returns the rulebook with a hash, None for one that cannot be used
        any more: each record is folded under the rules of its time, and positions keep
        the exits they were opened with. What was sent and not answered is the driver's
        to settle with the venue.
        """
        for record in records:
            if kept_book is not None and isinstance(record, Started | RulesChanged):
                self._use(record.rulebook, kept_book)
            self.state.apply(record)
            remember(self.bench, record)
            if isinstance(record, PluginFault) and record.off:
                plugin = self.bench.host.plugins.get(record.plugin)
                if plugin is not None:
                    plugin.fault = f"switched off before: {record.error}"
        self._faults.clear()  # the journal has them
        return list(self._wakes())

    def _use(self, digest: str, kept_book: Callable[[str], Book | None]) -> None:
        if digest != self.bench.rulebook.digest:
            book = kept_book(digest)
            if book is not None:
                self.bench.use(book)

    def _wakes(self) -> Iterable[WakeAt]:
        yield from map(WakeAt, due(self.state))
        for delayed in self.state.waiting.values():
            yield WakeAt(delayed.until_ms)

    def standing_veto(self, symbol: str) -> str:
        """Return what declines every candidate until a record lifts it, or "".

        It is a veto, or the mode. While it stands, a candle of a stretch that it has
        already declined has nothing to decide and nothing to record: a driver may pass
        over it.
        """
        bench, state = self.bench, self.state
        if state.mode is not Mode.ACTIVE:
            return str(state.mode)
        for name in (symbol, "*"):
            stop = state.stopped.get(name)
            if stop is not None and state.now_ms < stop.until_ms:
                return ""  # it comes before the vetoes, and time alone lifts it
        if not all(asks_approval(rule) for rule in bench.rulebook.entry):
            return ""
        found = bench.held_vetoes(bench.desk(symbol, self.state.now_ms))
        for bit in found.held:
            if bit in bench.book.steady:
                return str(bench.book.vetoes.keys[bit][0].id)
        return ""
