"""One turn of the flow: the event at hand, and what has followed from it so far.

The bench is what stays from turn to turn: state, rulebook, plugins, market view.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from quorate.contract.decisions import Decision, Value, Verdict
from quorate.contract.records import Declined, Learned, PluginFault, Record
from quorate.contract.vocabulary import Moves
from quorate.flow.desk import FlowDesk
from quorate.flow.events import Action, MarketView, Outcome
from quorate.flow.state import State
from quorate.host.host import Host
from quorate.rulebook.diagnostics import Span
from quorate.rulebook.params import ParamValue
from quorate.rulebook.rulebook import Rulebook
from quorate.stages.answers import Answers, Conditions, Moment, as_float
from quorate.values.trade import Side


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

    ``steady`` are the vetoes, by bit, that can change only with a recorded event;
    ``switches_move`` says that some kill switch can change without one. ``switched``
    has the version and the moment at which a symbol's were looked at last.
    """

    rulebook: Rulebook
    host: Host
    view: MarketView
    state: State = field(default_factory=State)
    answers: Answers = field(init=False)
    entry: Conditions = field(init=False)
    vetoes: Conditions = field(init=False)
    steady: frozenset[int] = field(init=False)
    checks: Mapping[Side, Conditions] = field(init=False)
    orders: Conditions = field(init=False)
    exits: Conditions = field(init=False)
    tuning: Conditions = field(init=False)
    switches: Conditions = field(init=False)
    switches_move: bool = field(init=False)
    switched: dict[str, tuple[int, int]] = field(default_factory=dict)
    _params: dict[str, dict[str, ParamValue]] = field(default_factory=dict)
    _floats: dict[str, dict[str, Any]] = field(default_factory=dict)
    _params_turns: int = 0
    _held: dict[str, Held] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rules = self.rulebook
        self.answers = Answers(rules, self.host)
        ask = self.answers.conditions
        self.entry = ask(rules.entry, ["when"], exact=False)
        self.vetoes = ask(rules.votes, ["veto"], exact=False)
        self.steady = frozenset(
            bit
            for bit, (rule, _) in enumerate(self.vetoes.keys)
            if self.answers.moves(rule.veto.expression.reads) <= {Moves.STATE}
        )
        self.checks = {
            side: ask(
                [check for check in rules.checks if check.side in (None, side)],
                ["when", "require"],
                exact=True,
            )
            for side in Side
        }
        self.orders = ask(rules.orders, ["when"], exact=True)
        self.exits = ask(rules.exits, ["when"], exact=False)
        self.tuning = ask(rules.tuning, ["when", "until"], exact=True)
        self.switches = ask(rules.switches, ["when"], exact=True)
        moved_by = self.answers.moves(self.switches.reads)
        self.switches_move = not moved_by <= {Moves.STATE}

    def params(self, symbol: str) -> dict[str, ParamValue]:
        """Return every param's value for a symbol, tuning included."""
        if self.state.turns != self._params_turns:
            self._params.clear()
            self._floats.clear()
            self._params_turns = self.state.turns
        found = self._params.get(symbol)
        if found is None:
            found = self.rulebook.params.effective(symbol, self.state.tuned)
            self._params[symbol] = found
        return found

    def float_params(self, symbol: str) -> dict[str, Any]:
        """Return every param's value for a symbol, the numbers as floats."""
        params = self.params(symbol)
        found = self._floats.get(symbol)
        if found is None:
            found = {name: as_float(value) for name, value in params.items()}
            self._floats[symbol] = found
        return found

    def desk(self, symbol: str, now_ms: int) -> FlowDesk:
        """Return the desk of a symbol at a moment."""
        return FlowDesk(self, symbol, now_ms)

    def held_vetoes(self, desk: FlowDesk) -> Held:
        """Return the vetoes that hold for a symbol at the desk's moment."""
        known = self._held.get(desk.symbol)
        version = self.state.version
        if known is None or (known.version, known.at_ms) != (version, desk.now_ms):
            known = self._held[desk.symbol] = self._hold(desk)
        return known

    def _hold(self, desk: FlowDesk) -> Held:
        context = self.answers.context(self.vetoes.reads, Moment(desk), exact=False)
        mask, faults = self.vetoes.evaluate(context)
        return Held(
            version=self.state.version,
            at_ms=desk.now_ms,
            held=tuple(bit for bit in range(len(self.vetoes.keys)) if mask >> bit & 1),
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

    def desk(self, symbol: str) -> FlowDesk:
        """Return the desk of a symbol now."""
        return self.bench.desk(symbol, self.now_ms)

    def note(self, record: Record) -> None:
        """Record what happened: change the state, and let assistants remember it."""
        bench = self.bench
        bench.state.apply(record)
        self.outcome.records.append(record)
        remember(bench, record)
        if isinstance(record, Learned | PluginFault):
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
    ) -> None:
        """Put a rule's answer on record."""
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
            )
        )


def remember(bench: Bench, record: Record) -> None:
    """Let every assistant fold a record into its memory; the same on replay."""
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
