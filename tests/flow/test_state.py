"""The state is the fold of the records, and no answer makes it inconsistent."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from importlib import import_module
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from quorate import (
    Accepted,
    CancelRefused,
    Closed,
    Ended,
    Filled,
    Intended,
    Refused,
    Side,
    Unknown,
)
from quorate.flow.events import Candle, Event, Look, Send, Wake, WakeAt
from quorate.values.numbers import floor_to

hand_driven = import_module("hand_driven")
ZERO = Decimal(0)
SYMBOLS = ("BTC/USD", "ETH/USD")
ERRORS = (
    "EOrder:Rate limit exceeded",
    "EOrder:Insufficient funds",
    "EGeneral:Invalid arguments:volume minimum not met",
    "EAPI:Invalid nonce",
    "EGeneral:Temporary lockout",
    "EService:Deadline elapsed",
    "EFuture:Something",
)


class AnyAnswers(RuleBasedStateMachine):
    """Markets that move anyhow, and a venue that answers anyhow: late, twice, never.

    The venue is honest in one thing: it fills no order beyond its amount.
    """

    def __init__(self) -> None:
        super().__init__()
        self.hand = hand_driven.Hand(
            settings={"max_positions_here": "2", "cool_down": "0s", "max_losses": "50"}
        )
        self.said: list[Event] = []
        self.bought: dict[str, Decimal] = defaultdict(Decimal)
        self.sold: dict[str, Decimal] = defaultdict(Decimal)
        self.orders: list[str] = []
        self.trades = 0
        for symbol in SYMBOLS:
            self.see(symbol, Candle, 100.0, 0.9)

    def take(self, event: Event) -> None:
        self.hand.take(event)
        self.said.append(event)
        sent = [a for a in self.hand.actions if isinstance(a, Send)]
        self.orders = [action.intent.client_id for action in sent]

    def see(self, symbol: str, kind: Any, price: float, confidence: float) -> None:
        view = self.hand.view
        view.seen.setdefault(symbol, []).append((view.now_ms, price))
        if kind is Candle:
            columns = {"close": price, "confidence": confidence, "data_age": 0.0}
            view.columns[symbol] = columns
            view.stretches[symbol] = view.now_ms if confidence > 0.75 else 0
        self.take(kind(symbol, view.now_ms))

    @rule(
        symbol=st.sampled_from(SYMBOLS),
        kind=st.sampled_from([Candle, Look]),
        price=st.sampled_from([80.0, 97.0, 99.0, 100.0, 101.4, 103.0, 140.0]),
        confidence=st.sampled_from([0.2, 0.8, 0.95]),
        later_ms=st.sampled_from([0, 1, 1000, 30_000, 60_000, 14_400_000]),
    )
    def market(
        self, symbol: str, kind: Any, price: float, confidence: float, later_ms: int
    ) -> None:
        self.hand.view.now_ms += later_ms
        self.see(symbol, kind, price, confidence)

    @rule()
    def wake(self) -> None:
        wakes = [a.at_ms for a in self.hand.actions if isinstance(a, WakeAt)]
        ahead = [at_ms for at_ms in wakes if at_ms > self.hand.view.now_ms]
        if ahead:
            self.hand.view.now_ms = min(ahead)
            self.take(Wake(min(ahead)))

    @precondition(lambda self: self.orders)
    @rule(
        data=st.data(),
        share=st.sampled_from(["0.01", "0.5", "1", "1"]),
        price=st.sampled_from(["99", "100", "101.5"]),
        in_base=st.booleans(),
    )
    def fill(self, data: st.DataObject, share: str, price: str, in_base: bool) -> None:
        client_id = data.draw(st.sampled_from(self.orders[-4:]))
        order = self.hand.state.order(client_id)
        assert order is not None
        step = self.hand.state.markets[order.intent.symbol].amount_step
        amount = floor_to(order.remaining * Decimal(share), step)
        over = not order.live and order.intent.position_id not in (
            self.hand.state.positions
        )
        if amount <= 0 or (over and order.intent.side is Side.SELL):
            return  # what is sold after all was closed is nobody's any more
        buying = order.intent.side is Side.BUY
        held = self.hand.state.sellable(order.intent.position_id)
        if not order.live and not buying and amount > held:
            return  # the venue sold it twice: no engine can undo that
        self.trades += 1
        more = {"fee_in": "base"} if in_base and buying else {}
        number = int(client_id.removeprefix("r-"))
        filled = self.hand.fill(number, amount, price, trade=self.trades, **more)
        (self.bought if buying else self.sold)[order.intent.position_id] += amount
        self.take(filled)

    @precondition(lambda self: self.orders)
    @rule(
        data=st.data(),
        kind=st.sampled_from(["accept", "end", "refuse", "unknown", "stay"]),
        error=st.sampled_from(ERRORS),
    )
    def answer(self, data: st.DataObject, kind: str, error: str) -> None:
        client_id = data.draw(st.sampled_from(self.orders[-6:]))
        now_ms = self.hand.view.now_ms
        order = self.hand.state.order(client_id)
        assert order is not None
        reason = "cancelled" if order.remaining else "filled"
        answers: dict[str, Event] = {
            "accept": Accepted(at_ms=now_ms, client_id=client_id, venue_id=client_id),
            "end": Ended(at_ms=now_ms, client_id=client_id, reason=reason),
            "refuse": Refused(at_ms=now_ms, client_id=client_id, errors=(error,)),
            "unknown": Unknown(at_ms=now_ms, client_id=client_id, why="no answer"),
            "stay": CancelRefused(at_ms=now_ms, client_id=client_id, errors=(error,)),
        }
        self.take(answers[kind])

    @precondition(lambda self: self.said)
    @rule(data=st.data())
    def said_again(self, data: st.DataObject) -> None:
        event = data.draw(st.sampled_from(self.said[-6:]))
        kinds = Accepted | Refused | Unknown | Filled | Ended
        if isinstance(event, kinds):
            again = self.hand.flow.handle(event)
            self.hand.records += again.records
            assert not [a for a in again.actions if isinstance(a, Send)] or (
                isinstance(event, Refused)
            )

    @invariant()
    def positions_are_the_sum_of_their_fills(self) -> None:
        for position in self.hand.state.positions.values():
            bought = position.bought
            closed = sum(
                (
                    record.trade.amount
                    for record in self.hand.records
                    if isinstance(record, Closed)
                    and record.trade.position_id == position.id
                ),
                ZERO,
            )
            assert bought + closed == self.bought[position.id]
            if not closed:
                assert position.sold == self.sold[position.id]
            assert position.held >= 0

    @invariant()
    def money_adds_up(self) -> None:
        balances = {"USD": Decimal(10000), "BTC": Decimal(1), "ETH": ZERO}
        intents = {
            record.intent.client_id: record.intent
            for record in self.hand.records
            if isinstance(record, Intended)
        }
        for record in self.hand.records:
            if not isinstance(record, Filled):
                continue
            fill, intent = record.fill, intents[record.client_id]
            sign = 1 if intent.side is Side.BUY else -1
            balances[intent.symbol[:3]] += sign * fill.amount
            balances["USD"] -= sign * fill.cost_quote
            balances[fill.fee_currency] -= fill.fee
        known = self.hand.state.balances
        for currency, amount in balances.items():
            assert known.get(currency, ZERO) == amount
            desk = self.hand.flow.bench.desk("BTC/USD", self.hand.view.now_ms)
            assert desk.free(currency) <= desk.total(currency)

    @invariant()
    def sales_are_covered_and_leavings_go_on(self) -> None:
        self.hand.sales_are_covered()
        self.hand.leavings_go_on()

    @invariant()
    def nothing_waits_for_what_is_gone(self) -> None:
        state = self.hand.state
        assert state.hesitant <= state.positions.keys()
        assert state.leaving.keys() <= state.positions.keys()
        for delayed in state.waiting.values():
            proposal = delayed.proposal
            if proposal.purpose != "entry":
                assert proposal.position_id in state.positions

    def teardown(self) -> None:
        assert self.hand.folded() == self.hand.state


TestAnyAnswers = AnyAnswers.TestCase
TestAnyAnswers.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
