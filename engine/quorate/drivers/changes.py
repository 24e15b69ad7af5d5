"""What differs between two runs over the same market: decisions, orders, trades.

Ids count what a run has done so far, so one order more would rename all that follow.
A decision is therefore known by its moment, its symbol, its rule, and the position it
is about, and a position by the moment at which it is first spoken of. Of several that
are alike in all of these, the first is compared with the first.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from operator import attrgetter
from typing import TypeVar

from quorate.contract.decisions import Decision, Value, Verdict
from quorate.values.numbers import ZERO
from quorate.values.trade import Intent, Trade

Key = tuple[Hashable, ...]
T = TypeVar("T")


class Kind(StrEnum):
    """How something differs: only before, only after, otherwise, in size alone.

    A decision is CHANGED when its verdict is another, and RESIZED when only what
    follows from it is (an amount, a kind of order). An order is CHANGED when it is sent
    otherwise, as at another price; a trade when it left by another rule or at another
    moment. Both are RESIZED when only amounts differ.
    """

    GONE = "gone"
    NEW = "new"
    CHANGED = "changed"
    RESIZED = "resized"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionChange:
    """One decision that differs; None stands where a run did not take it.

    ``first`` marks the first of its symbol: later ones may only follow from it.
    """

    kind: Kind
    before: Decision | None
    after: Decision | None
    first: bool = False

    @property
    def decision(self) -> Decision:
        """The decision as it is after, or as it was when it is gone."""
        found = self.after or self.before
        assert found is not None
        return found

    @property
    def plain(self) -> bool:
        """Whether it may only go along with another: an order passes, in its way.

        The first change of a symbol never does.
        """
        if self.first:
            return False
        one = self.decision
        sent = one.section == "orders" or one.verdict is Verdict.PASSED
        return self.kind is Kind.RESIZED or (sent and self.kind is not Kind.CHANGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChange:
    """One order that differs; None stands where a run did not send it."""

    kind: Kind
    before: Intent | None
    after: Intent | None

    @property
    def intent(self) -> Intent:
        """The order as it is after, or as it was when it is gone."""
        found = self.after or self.before
        assert found is not None
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeChange:
    """One closed trade that differs; None stands where a run did not make it."""

    kind: Kind
    before: Trade | None
    after: Trade | None

    @property
    def trade(self) -> Trade:
        """The trade as it is after, or as it was when it is gone."""
        found = self.after or self.before
        assert found is not None
        return found

    @property
    def profit_quote(self) -> Decimal:
        """What the change adds to net profit, in quote currency."""
        before = self.before.profit_quote if self.before else ZERO
        return (self.after.profit_quote if self.after else ZERO) - before


@dataclass(slots=True)
class RuleCounts:
    """How often one rule decided, before and after, and how often that differs.

    ``place`` is where the rule stands, ``file:line``, after if it decided then.
    """

    before: int = 0
    after: int = 0
    place: str = ""
    differing: Counter[Kind] = field(default_factory=Counter)


@dataclass(slots=True)
class DecisionChanges:
    """What differs in the decisions of two runs.

    ``rules`` counts by section and rule, in the order in which they first decided.
    ``first`` has the first change of each symbol. ``listed`` are the first changes
    that are not ``plain``, or all of them; ``total`` is how many there are.
    ``other_inputs`` counts those that said the same on other inputs, which is no
    change.
    """

    rules: dict[tuple[str, str], RuleCounts] = field(default_factory=dict)
    first: dict[str, DecisionChange] = field(default_factory=dict)
    listed: list[DecisionChange] = field(default_factory=list)
    total: int = 0
    other_inputs: int = 0


def compare_decisions(
    before: Iterable[Decision], after: Iterable[Decision], *, most: int | None = None
) -> DecisionChanges:
    """Return what differs; both come in the order of time, and are read only once.

    ``most`` is how many changes are listed, plain ones left out; None lists them all.
    """
    found = DecisionChanges()
    for old, new in _moments(before, after):
        _compare_moment(found, old, new, most)
    return found


def compare_orders(
    before: Iterable[Intent], after: Iterable[Intent]
) -> list[OrderChange]:
    """Return the orders that differ, in the order of time."""
    found = [
        OrderChange(kind=kind, before=left, after=right)
        for left, right in _paired(_orders(before), _orders(after))
        if (kind := _order_kind(left, right)) is not None
    ]
    return sorted(found, key=lambda change: change.intent.made_ms)


def compare_trades(
    before: Iterable[Trade], after: Iterable[Trade]
) -> list[TradeChange]:
    """Return the trades that differ, in the order in which they were opened."""
    old, new = list(before), list(after)
    pairs = _paired(
        [((trade.symbol, trade.opened_ms), trade) for trade in old],
        [((trade.symbol, trade.opened_ms), trade) for trade in new],
    )
    found = [
        TradeChange(kind=kind, before=left, after=right)
        for left, right in pairs
        if (kind := _trade_kind(left, right)) is not None
    ]
    return sorted(found, key=lambda change: change.trade.opened_ms)


@dataclass(slots=True)
class _Known:
    """Gives the decisions of one run a name that does not count."""

    _since: dict[str, int] = field(default_factory=dict)

    def key(self, decision: Decision) -> Key:
        """Return what a decision is known by within its moment."""
        name = decision.position_id
        since_ms = self._since.setdefault(name, decision.at_ms) if name else None
        return decision.symbol, decision.section, decision.rule, since_ms


Keyed = list[tuple[Key, Decision]]


def _moments(
    before: Iterable[Decision], after: Iterable[Decision]
) -> Iterator[tuple[Keyed, Keyed]]:
    """Yield what both runs decided at each moment at which one of them did."""
    streams = [_by_moment(before), _by_moment(after)]
    old, new = (next(stream, None) for stream in streams)
    while old is not None or new is not None:
        at_ms = min(one[0] for one in (old, new) if one is not None)
        here = [one[1] if one and one[0] == at_ms else [] for one in (old, new)]
        yield here[0], here[1]
        old = next(streams[0], None) if old and old[0] == at_ms else old
        new = next(streams[1], None) if new and new[0] == at_ms else new


def _by_moment(decisions: Iterable[Decision]) -> Iterator[tuple[int, Keyed]]:
    known = _Known()
    for at_ms, group in groupby(decisions, key=attrgetter("at_ms")):
        yield at_ms, [(known.key(decision), decision) for decision in group]


def _compare_moment(
    found: DecisionChanges, old: Keyed, new: Keyed, most: int | None
) -> None:
    for left, right in _paired(old, new):
        one = right or left
        assert one is not None
        counts = found.rules.setdefault((one.section, one.rule), RuleCounts())
        counts.before += left is not None
        counts.after += right is not None
        counts.place = one.place if right or not counts.after else counts.place
        kind = _decision_kind(left, right)
        if kind is None:
            assert left is not None
            assert right is not None
            found.other_inputs += not alike(left.inputs, right.inputs)
            continue
        counts.differing[kind] += 1
        first = one.symbol not in found.first
        change = DecisionChange(kind=kind, before=left, after=right, first=first)
        found.first.setdefault(one.symbol, change)
        found.total += 1
        if most is None or (len(found.listed) < most and not change.plain):
            found.listed.append(change)


def _paired(
    old: Sequence[tuple[Key, T]], new: Sequence[tuple[Key, T]]
) -> Iterator[tuple[T | None, T | None]]:
    """Pair what has the same key, first with first; None stands for what is missing."""
    places: dict[Key, deque[int]] = {}
    for place, (key, _) in enumerate(new):
        places.setdefault(key, deque()).append(place)
    for key, item in old:
        same = places.get(key)
        yield item, (new[same.popleft()][1] if same else None)
    for place in sorted(place for left in places.values() for place in left):
        yield None, new[place][1]


def _decision_kind(left: Decision | None, right: Decision | None) -> Kind | None:
    if left is None or right is None:
        return Kind.NEW if left is None else Kind.GONE
    if left.verdict is not right.verdict:
        return Kind.CHANGED
    return None if alike(left.effect, right.effect) else Kind.RESIZED


def _orders(intents: Iterable[Intent]) -> list[tuple[Key, Intent]]:
    """Return orders with what they are known by."""
    since_ms: dict[str, int] = {}
    return [
        (
            (
                intent.made_ms,
                intent.symbol,
                intent.purpose,
                intent.rule,
                since_ms.setdefault(intent.position_id, intent.made_ms),
            ),
            intent,
        )
        for intent in intents
    ]


def _order_kind(left: Intent | None, right: Intent | None) -> Kind | None:
    if left is None or right is None:
        return Kind.NEW if left is None else Kind.GONE
    if any(getattr(left, name) != getattr(right, name) for name in _HOW):
        return Kind.CHANGED
    return None if left.amount == right.amount else Kind.RESIZED


_HOW = (
    "side",
    "type",
    "time_in_force",
    "post_only",
    "limit_price",
    "max_attempts",
    "cancel_after_ms",
)
"""What makes an order another one, its amount apart."""


def _trade_kind(left: Trade | None, right: Trade | None) -> Kind | None:
    if left is None or right is None:
        return Kind.NEW if left is None else Kind.GONE
    if (left.rule, left.exit_rule, left.closed_ms) != (
        right.rule,
        right.exit_rule,
        right.closed_ms,
    ):
        return Kind.CHANGED
    same = (left.amount, left.profit_quote) == (right.amount, right.profit_quote)
    return None if same else Kind.RESIZED


def alike(left: Mapping[str, Value], right: Mapping[str, Value]) -> bool:
    """Return whether two records of values say the same; not a number equals itself."""
    if left.keys() != right.keys():
        return False
    return all(_same(value, right[name]) for name, value in left.items())


def _same(left: Value, right: Value) -> bool:
    nothing = left != left and right != right  # noqa: PLR0124 - NaN is not itself
    return left == right or nothing
