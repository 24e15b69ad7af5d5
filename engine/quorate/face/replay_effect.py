"""What other rules would have changed: decisions by rule, trades, and net profit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from quorate.contract.decisions import Decision
from quorate.contract.records import Intended
from quorate.drivers.changes import (
    DecisionChanges,
    Kind,
    OrderChange,
    TradeChange,
    compare_decisions,
    compare_orders,
    compare_trades,
)
from quorate.face.figures import Result
from quorate.face.measuring import Tally
from quorate.face.report import quotes_of
from quorate.face.results import result_of
from quorate.journal.journal import Journal
from quorate.values.numbers import ZERO
from quorate.values.trade import Intent, Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of two runs that are compared, up to before ``until_ms``."""

    journal: Journal
    until_ms: int

    def decisions(self) -> Iterator[Decision]:
        """Yield the decisions in the order of time."""
        for row in self.journal.decisions(until_ms=self.until_ms):
            yield row.decision

    def intents(self) -> list[Intent]:
        """Return the orders in the order in which they were decided."""
        return [
            record.intent
            for record in self.journal.records()
            if isinstance(record, Intended) and record.at_ms < self.until_ms
        ]

    def tally(self) -> Tally:
        """Return what the records add up to."""
        records = self.journal.records()
        return Tally().add_all(one for one in records if one.at_ms < self.until_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyChange:
    """What came of one quote currency before and after, net of all fees."""

    before: Result
    after: Result

    @property
    def currency(self) -> str:
        """The quote currency."""
        return self.before.currency

    @property
    def profit(self) -> Decimal:
        """What the other rules add to net profit."""
        return self.after.profit - self.before.profit


@dataclass(frozen=True, slots=True, kw_only=True)
class KindOfTrades:
    """How many trades in one quote currency differ alike; what that does to profit."""

    currency: str
    kind: Kind
    trades: int
    profit: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Everything that differs between two runs.

    ``sent_before`` and ``sent_after`` count the orders of each purpose.
    ``open_before`` and ``open_after`` count the positions open at the end; what they
    will make is in no profit.
    """

    decisions: DecisionChanges
    orders: list[OrderChange]
    trades: list[TradeChange]
    money: tuple[MoneyChange, ...]
    kinds: tuple[KindOfTrades, ...]
    sent_before: Counter[Purpose]
    sent_after: Counter[Purpose]
    open_before: int
    open_after: int

    @property
    def differs(self) -> bool:
        """Whether any decision, order or trade differs."""
        return bool(self.decisions.total or self.orders or self.trades)


def measure_effect(before: Side, after: Side, *, most: int | None) -> Effect:
    """Compare two runs; ``most`` is how many decisions are listed, None for all."""
    old, new = before.tally(), after.tally()
    sent, sends = before.intents(), after.intents()
    end_ms = max(old.state.now_ms, new.state.now_ms)
    trades = compare_trades(old.trades, new.trades)
    return Effect(
        decisions=compare_decisions(before.decisions(), after.decisions(), most=most),
        orders=compare_orders(sent, sends),
        trades=trades,
        money=tuple(
            MoneyChange(
                before=result_of(currency, old, end_ms),
                after=result_of(currency, new, end_ms),
            )
            for currency in quotes_of(old)
        ),
        kinds=tuple(_kinds(trades, old)),
        sent_before=Counter(intent.purpose for intent in sent),
        sent_after=Counter(intent.purpose for intent in sends),
        open_before=_open(old),
        open_after=_open(new),
    )


def _kinds(trades: list[TradeChange], tally: Tally) -> Iterator[KindOfTrades]:
    for currency in quotes_of(tally):
        here = [
            change
            for change in trades
            if tally.market(change.trade.symbol).quote == currency
        ]
        for kind in Kind:
            alike = [change for change in here if change.kind is kind]
            if alike:
                yield KindOfTrades(
                    currency=currency,
                    kind=kind,
                    trades=len(alike),
                    profit=sum((change.profit_quote for change in alike), ZERO),
                )


def _open(tally: Tally) -> int:
    return sum(bool(one.bought) for one in tally.state.positions.values())
