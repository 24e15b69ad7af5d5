"""Ask the assistants: fill the context of rules with the facts they mention.

Only the facts that a rule mentions are computed. A fact whose assistant fails is not
known, and the failure is put down to its plugin.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from operator import attrgetter
from types import SimpleNamespace
from typing import Any, Protocol

from quorate.contract.decisions import Value
from quorate.contract.views import Desk, FaultView, OrderView, PositionView
from quorate.contract.vocabulary import Fact, Moves, Stage
from quorate.host.find import describe
from quorate.host.host import Host
from quorate.rulebook.compile_function import fuse
from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.rules import Formula
from quorate.values.numbers import exact as exactly


class MarketDesk(Desk, Protocol):
    """A desk that also reads all params, and columns of the last closed candle."""

    def params(self, *, exact: bool) -> Mapping[str, Any]:
        """Return every param's value; numbers as Decimal if ``exact``, else float."""

    def column(self, name: str) -> float | None:
        """Return a market column's value at the last closed candle."""


@dataclass(slots=True)
class Moment:
    """The views that facts are computed from at one moment; None where none is."""

    desk: MarketDesk
    order: OrderView | None = None
    position: PositionView | None = None
    fault: FaultView | None = None


Read = Callable[[Moment], Any]


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of one section, fused to one function.

    ``rules`` are the rules of the section, also those without a condition; ``keys``
    names each condition, bit by bit: (rule, part of the rule).
    """

    rules: tuple[Any, ...]
    keys: tuple[tuple[Any, str], ...]
    evaluate: Callable[[Any], tuple[int, Sequence[tuple[int, Exception]]]]
    reads: tuple[str, ...]
    exact: bool


@dataclass(slots=True)
class Answers:
    """Where each name of a rulebook gets its value from."""

    rulebook: Rulebook
    host: Host
    _reads: dict[str, Read] = field(default_factory=dict)

    def conditions(
        self, rules: Iterable[Any], parts: Sequence[str], *, exact: bool
    ) -> Conditions:
        """Fuse the conditions found in ``parts`` of ``rules``, in their order."""
        section = tuple(rules)
        keys, pairs, reads = [], [], dict[str, None]()
        for rule in section:
            for part in parts:
                formula: Formula | None = getattr(rule, part)
                if formula is not None:
                    keys.append((rule, part))
                    pairs.append((f"{rule.id}.{part}", formula.expression))
                    reads.update(dict.fromkeys(formula.expression.reads))
        return Conditions(
            rules=section,
            keys=tuple(keys),
            evaluate=fuse(pairs, exact=exact),
            reads=tuple(reads),
            exact=exact,
        )

    def context(self, names: Iterable[str], moment: Moment, *, exact: bool) -> Any:
        """Return an object with a value for each name, None for what is not known."""
        convert, kept = (as_exact, _EXACT) if exact else (as_float, _FLOAT)
        params = moment.desk.params(exact=exact)
        reads = self._reads
        context = SimpleNamespace()
        values = context.__dict__
        for name in names:
            if name in params:
                values[name] = params[name]
                continue
            value = (reads.get(name) or self._source(name))(moment)
            values[name] = value if type(value) in kept else convert(value)
        return context

    def value(self, formula: Formula, moment: Moment) -> Any:
        """Evaluate one formula at a moment; raises as ``Formula.evaluate`` does."""
        names = formula.expression.reads
        return formula.evaluate(self.context(names, moment, exact=formula.exact))

    def inputs(self, formula: Formula | None, context: object) -> dict[str, Value]:
        """Return the names a formula read and their values, for the record."""
        if formula is None:
            return {}
        return {name: getattr(context, name, None) for name in formula.expression.reads}

    def _source(self, name: str) -> Read:
        read = self._make_source(name)
        self._reads[name] = read
        return read

    def _make_source(self, name: str) -> Read:
        fact = self.rulebook.facts.get(name)
        if fact is None or fact.stage in (Stage.MARKET, Stage.QUORUM):
            return lambda moment: moment.desk.column(name)
        return self._guarded(fact, _VIEWS[fact.stage])

    def _guarded(self, fact: Fact, view: Callable[[Moment], Any]) -> Read:
        owner = self.host.owners[fact.name]
        plugin, compute = self.host.plugins[owner], fact.compute
        where = f"fact {fact.name}"

        def read(moment: Moment) -> Any:
            seen = view(moment)
            if seen is None or plugin.fault:
                return None
            try:
                value = compute(seen)
            except Exception as error:  # noqa: BLE001 - a fact may fail in any way
                self.host.blame(owner, where, describe(error))
                return None
            if plugin.rows:
                self.host.settle(owner, where)
            return value

        return read

    def moves(self, names: Iterable[str]) -> frozenset[Moves]:
        """Return what can change the named values besides the rulebook's own params."""
        found = set()
        for name in names:
            if name in self.rulebook.params.by_name:
                continue
            fact = self.rulebook.facts.get(name)
            if fact is None or fact.stage is not Stage.ACCOUNT:
                found.add(Moves.MARKET)
            else:
                found.add(fact.moves)
        return frozenset(found)


_VIEWS: Mapping[Stage, Callable[[Moment], Any]] = {
    Stage.ACCOUNT: attrgetter("desk"),
    Stage.ORDER: attrgetter("order"),
    Stage.POSITION: attrgetter("position"),
    Stage.FAULT: attrgetter("fault"),
}


_EXACT = frozenset((Decimal, bool, str, type(None)))
_FLOAT = frozenset((float, bool, str, type(None)))
"""The types that need no conversion, where numbers are exact and where they are not."""


def as_exact(value: Any) -> Any:
    """Return a number as a Decimal, None when it is not finite; the rest as it is."""
    kind = type(value)
    if kind in _EXACT:
        return value
    if kind is int:
        return Decimal(value)
    try:
        return exactly(float(value)) if math.isfinite(value) else None
    except (TypeError, ValueError):
        return None  # a fact that gives neither number nor flag nor text


def as_float(value: Any) -> Any:
    """Return a number as a float; flags, texts, None and arrays as they are."""
    kind = type(value)
    return float(value) if kind is Decimal or kind is int else value
