"""A rulebook made ready for the flow: conditions fused, and the exits of positions.

Everything that depends on the rules alone is made here, aside, so that a running flow
takes another rulebook up by changing one reference.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

from quorate.contract.vocabulary import Moves
from quorate.flow.shadows import Shadows, shadows_of
from quorate.host.host import Host
from quorate.rulebook.cross import formulas
from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.rules import ExitRule
from quorate.rulebook.terms import Expression
from quorate.stages.answers import Answers, Conditions
from quorate.values.trade import OrderType, Side


@dataclass(frozen=True, slots=True, eq=False)
class Exits:
    """Exits of one rulebook that a position may leave by, in their order.

    They are evaluated with the params of that rulebook. ``watched`` are their
    conditions.
    """

    rulebook: Rulebook
    answers: Answers
    rules: tuple[ExitRule, ...]
    watched: Conditions

    def expressions(self) -> Iterable[Expression]:
        """Yield every expression of these exits."""
        for rule in self.rules:
            for formula in formulas(rule):
                yield formula.expression


def exit_named(groups: Sequence[Exits], name: str) -> tuple[Exits, ExitRule] | None:
    """Return an exit of a position and where it stands, None when it has none.

    A reallocation leaves like the first market exit.
    """
    every = [(exits, rule) for exits in groups for rule in exits.rules]
    for exits, rule in every:
        if rule.id == name:
            return exits, rule
    watched = [one for one in every if one[1].when is not None]
    at_market = [one for one in watched if one[1].how.type is OrderType.MARKET]
    return next(iter(at_market or watched), None)


@dataclass(slots=True, eq=False)
class Book:
    """One rulebook with all its conditions compiled.

    ``steady`` are the vetoes, by bit, that can change only with a recorded event;
    ``switches_move`` says that some kill switch can change without one.
    """

    rulebook: Rulebook
    host: Host
    answers: Answers = field(init=False)
    entry: Conditions = field(init=False)
    vetoes: Conditions = field(init=False)
    steady: frozenset[int] = field(init=False)
    checks: Mapping[Side, Conditions] = field(init=False)
    orders: Conditions = field(init=False)
    exits: Exits = field(init=False)
    tuning: Conditions = field(init=False)
    switches: Conditions = field(init=False)
    switches_move: bool = field(init=False)
    shadows: Shadows = field(init=False)

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
        self.exits = self._exits(rules.exits)
        self.tuning = ask(rules.tuning, ["when", "until"], exact=True)
        self.switches = ask(rules.switches, ["when"], exact=True)
        moved_by = self.answers.moves(self.switches.reads)
        self.switches_move = not moved_by <= {Moves.STATE}
        self.shadows = shadows_of(rules, self.answers)

    def _exits(self, rules: Iterable[ExitRule]) -> Exits:
        chosen = tuple(rules)
        watched = self.answers.conditions(chosen, ["when"], exact=False)
        return Exits(self.rulebook, self.answers, chosen, watched)

    def exits_for_open(self) -> Exits:
        """Return the exits that positions opened under other rules leave by too."""
        return self._exits(rule for rule in self.rulebook.exits if rule.apply_open)

    def shadow_exits(self) -> Exits:
        """Return the exits by which no position leaves."""
        return self._exits(self.rulebook.shadows["exits"])

    def exits_without(self, names: Collection[str]) -> Exits:
        """Return the exits whose ids are not among ``names``."""
        return self._exits(rule for rule in self.rulebook.exits if rule.id not in names)

    def must_answer(self) -> None:
        """Evaluate every condition once, on nothing: none may do worse than not know.

        Raises:
            Exception: a compiled section is broken; the rulebook must not be used.
        """
        nothing = SimpleNamespace()
        every = (self.entry, self.vetoes, *self.checks.values(), self.orders)
        more = (self.exits.watched, self.tuning, self.switches)
        looked_at = self.shadows
        beside = (looked_at.entry, looked_at.vetoes, looked_at.orders, looked_at.exits)
        rest = (looked_at.tuning, looked_at.switches)
        for conditions in (*every, *more, *beside, *rest):
            conditions.evaluate(nothing)
