"""One turn of the flow: the event at hand, and what has followed from it so far.

The bench is what stays from turn to turn: state, rulebook, plugins, market view.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from quorate.contract.decisions import Decision, Value, Verdict
from quorate.contract.records import (
    Declined,
    Learned,
    PluginFault,
    Record,
    Shadowed,
)
from quorate.flow.book import Book, Exits
from quorate.flow.desk import FlowDesk
from quorate.flow.events import Action, MarketView, Outcome
from quorate.flow.state import State
from quorate.host.host import Host
from quorate.rulebook.diagnostics import Span
from quorate.rulebook.params import ParamValue
from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.terms import Expression
from quorate.stages.answers import Moment, as_float
from quorate.values.trade import Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The vetoes that hold at one moment, by bit, and those that are not known.

    ``context`` has the values they were evaluated on.
    """

    version: int
    at_ms: int
    held: tuple[int, ...]
    unknown: tuple[int, ...]
    context: object


@dataclass(slots=True)
class Bench:
    """What every turn works with. ``view`` is moved along by the driver.

    ``book`` is the rulebook of now. Open positions keep the exits of the rulebook they
    were opened under: ``kept`` has those, by hash. ``switched`` has the version and the
    moment at which a symbol's kill switches were looked at last.
    """

    book: Book
    host: Host
    view: MarketView
    state: State = field(default_factory=State)
    kept: dict[str, Book] = field(default_factory=dict)
    switched: dict[str, tuple[int, int]] = field(default_factory=dict)
    _params: dict[tuple[str, str], dict[str, ParamValue]] = field(default_factory=dict)
    _floats: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    _params_turns: int = 0
    _held: dict[str, Held] = field(default_factory=dict)
    _exits: dict[str, tuple[Exits, ...]] = field(default_factory=dict)

    @property
    def rulebook(self) -> Rulebook:
        """The rulebook of now."""
        return self.book.rulebook

    def use(self, book: Book) -> None:
        """Take another rulebook up; open positions keep the exits they have."""
        before = self.book
        opened = {one.rulebook for one in self.state.positions.values()}
        kept = {**self.kept, before.rulebook.digest: before}
        self.book = book
        self.kept = {
            digest: one
            for digest, one in kept.items()
            if digest in opened and digest != book.rulebook.digest
        }
        for known in (self._params, self._floats, self._held, self._exits):
            known.clear()
        self.switched.clear()

    def keep(self, book: Book) -> None:
        """Let the positions that were opened under another rulebook keep its exits."""
        self.kept[book.rulebook.digest] = book
        self._exits.clear()

    def kept_expressions(self) -> list[Expression]:
        """Return what the kept exits read, for columns that the rules of now lack."""
        return [one for book in self.kept.values() for one in book.exits.expressions()]

    def exits_of(self, position: Position) -> tuple[Exits, ...]:
        """Return what a position leaves by, group by group, the first that holds.

        Under the rulebook it was opened with: its exits. Else first those of the
        rulebook of now that apply to open positions, then those it was opened with,
        unless one of the same name came before.
        """
        digest = position.rulebook
        if digest not in self._exits:
            opening = self.kept.get(digest)
            if opening is None:
                self._exits[digest] = (self.book.exits,)
            else:
                first = self.book.exits_for_open()
                names = {rule.id for rule in first.rules}
                rest = opening.exits_without(names)
                self._exits[digest] = (first, rest) if names else (rest,)
        return self._exits[digest]

    def params(
        self, symbol: str, rulebook: Rulebook | None = None
    ) -> dict[str, ParamValue]:
        """Return every param's value for a symbol, tuning included.

        Those of the rulebook of now, or of the one that is named.
        """
        if self.state.turns != self._params_turns:
            self._params.clear()
            self._floats.clear()
            self._params_turns = self.state.turns
        book = rulebook or self.rulebook
        key = (book.digest, symbol)
        found = self._params.get(key)
        if found is None:
            found = book.params.effective(symbol, self.state.tuned)
            self._params[key] = found
        return found

    def float_params(
        self, symbol: str, rulebook: Rulebook | None = None
    ) -> dict[str, Any]:
        """Return every param's value for a symbol, the numbers as floats."""
        params = self.params(symbol, rulebook)
        key = ((rulebook or self.rulebook).digest, symbol)
        found = self._floats.get(key)
        if found is None:
            found = {name: as_float(value) for name, value in params.items()}
            self._floats[key] = found
        return found

    def desk(
        self, symbol: str, now_ms: int, rulebook: Rulebook | None = None
    ) -> FlowDesk:
        """Return the desk of a symbol at a moment, with the params of a rulebook."""
        return FlowDesk(self, symbol, now_ms, rulebook)

    def held_vetoes(self, desk: FlowDesk) -> Held:
        """Return the vetoes that hold for a symbol at the desk's moment."""
        known = self._held.get(desk.symbol)
        version = self.state.version
        if known is None or (known.version, known.at_ms) != (version, desk.now_ms):
            known = self._held[desk.symbol] = self._hold(desk)
        return known

    def _hold(self, desk: FlowDesk) -> Held:
        answers, vetoes = self.book.answers, self.book.vetoes
        context = answers.context(vetoes.reads, Moment(desk), exact=False)
        mask, faults = vetoes.evaluate(context)
        return Held(
            version=self.state.version,
            at_ms=desk.now_ms,
            held=tuple(bit for bit in range(len(vetoes.keys)) if mask >> bit & 1),
            unknown=tuple(bit for bit, _ in faults),
            context=context,
        )

    def approval(self, desk: FlowDesk) -> bool | None:
        """Return whether no veto holds: False if one does, None if one is not known."""
        found = self.held_vetoes(desk)
        return False if found.held else None if found.unknown else True


@dataclass(slots=True)
class Turn:
    """One event being handled; collects what is to be recorded and done.

    ``mark`` is where the decisions about a candle's candidate begin, None while there
    is none; ``followed`` counts the records whose leavings were followed up.
    """

    bench: Bench
    now_ms: int
    outcome: Outcome = field(default_factory=Outcome)
    mark: int | None = None
    followed: int = 0

    @property
    def state(self) -> State:
        """The state, every record of this turn applied."""
        return self.bench.state

    def desk(self, symbol: str, rulebook: Rulebook | None = None) -> FlowDesk:
        """Return the desk of a symbol now, with the params of a rulebook."""
        return self.bench.desk(symbol, self.now_ms, rulebook)

    def other(self, rulebook: Rulebook) -> Rulebook | None:
        """Return a rulebook that is not that of now, None when it is."""
        return None if rulebook is self.bench.rulebook else rulebook

    def note(self, record: Record) -> None:
        """Record what happened: change the state, and let assistants remember it."""
        bench = self.bench
        bench.state.apply(record)
        self.outcome.records.append(record)
        remember(bench, record)
        if isinstance(record, Learned | PluginFault | Shadowed):
            return

        def given(_: str) -> dict[str, object]:
            symbol = symbol_of(bench.state, record)
            return {"record": record, "desk": bench.desk(symbol, self.now_ms)}

        for answer in bench.host.tell("learn", record, given):
            for lesson in answer.value or ():
                if isinstance(lesson, Learned):
                    self.note(lesson)

    def said_before(self, declined: Declined) -> bool:
        """Return whether a candidate was declined by the same rule in its stretch.

        Then the decisions since ``mark``, where the candidate was taken up, are
        dropped: a candidate is explained once, not at every candle.
        """
        if self.mark is None:
            return False  # not taken up by a candle: it waited, or was refused
        before = self.state.declined.get(declined.symbol)
        if before is None or replace(before, at_ms=declined.at_ms) != declined:
            return False
        del self.outcome.decisions[self.mark :]
        return True

    def act(self, action: Action) -> None:
        """Ask the driver to do something once the turn is recorded."""
        self.outcome.actions.append(action)

    def decide(
        self,
        verdict: Verdict,
        *,
        section: str,
        rule: str,
        place: Span | None,
        symbol: str,
        inputs: Mapping[str, Value] | None = None,
        effect: Mapping[str, Value] | None = None,
        client_id: str = "",
        position_id: str = "",
        rulebook: Rulebook | None = None,
    ) -> None:
        """Put a rule's answer on record; ``rulebook`` when it is not that of now."""
        self.outcome.decisions.append(
            Decision(
                at_ms=self.now_ms,
                symbol=symbol,
                section=section,
                rule=rule,
                place="" if place is None else f"{place.path}:{place.line}",
                verdict=verdict,
                inputs=inputs or {},
                effect=effect or {},
                client_id=client_id,
                position_id=position_id,
                rulebook="" if rulebook is None else rulebook.digest,
            )
        )


def remember(bench: Bench, record: Record) -> None:
    """Let every assistant fold a record into its memory; the same on replay.

    Of what shadow rules say none hears: it must not matter.
    """
    if isinstance(record, Shadowed):
        return
    state = bench.state
    desk = bench.desk(symbol_of(state, record), record.at_ms)
    told = bench.host.tell(
        "remember",
        record,
        lambda plugin: {
            "memory": state.memories.setdefault(plugin, {}),
            "record": record,
            "desk": desk,
        },
    )
    for _ in told:
        pass  # each answer is asked for in turn; a memory is all that is wanted


def symbol_of(state: State, record: Record) -> str:
    """Return the symbol a record is about; for none, the first one traded."""
    symbol = getattr(record, "symbol", None)
    if isinstance(symbol, str) and symbol in state.markets:
        return symbol
    intent = getattr(record, "intent", None)
    if intent is not None:
        return str(intent.symbol)
    client_id = getattr(record, "client_id", None)
    order = state.order(client_id) if client_id else None
    if order is not None:
        return order.intent.symbol
    trade = getattr(record, "trade", None)
    if trade is not None:
        return str(trade.symbol)
    return next(iter(state.markets), "")
