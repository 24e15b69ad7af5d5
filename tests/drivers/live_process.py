"""What the live driver does with the flow, without asyncio: one process in a world.

The parts are the real ones: flow, rules, plugins, journal, settling, doubting and
reconciling. ``bugs`` plants what engines are known to do wrong, to show that the world
would find it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

from quorate import (
    Accepted,
    CancelOutcome,
    CancelRefused,
    CancelReply,
    Ended,
    Filled,
    Intent,
    OrderReport,
    Refused,
    RulesChanged,
    Started,
    Unknown,
    VenueTrade,
)
from quorate.drivers.doubting import Doubts, doubtful, gone, wants_cancel
from quorate.drivers.reconcile import compare
from quorate.drivers.settling import settle, vanished
from quorate.flow.events import (
    Action,
    Cancel,
    Candle,
    Event,
    Look,
    Outcome,
    Send,
    Wake,
)
from quorate.flow.flow import Flow
from quorate.rulebook.rulebook import Rulebook

rules_of = import_module("live_rules")

DEADLINE_MS = 5_000
MARGIN_MS = 2_000
TIMEOUT_MS = 4_000
TICK_MS = 1_000
COMPARE_MS = 180_000
CANDLE_MS = 60_000


def start(world: Any, rules: Rulebook | None = None) -> Process:
    """Start a process: recover from the journal, or begin a new one."""
    process = Process(world, rules or world.rules)
    world.driver = process
    process.begin()
    return process


@dataclass
class Process:
    """One life of the engine, from its start to its crash."""

    world: Any
    rules: Rulebook
    flow: Flow = field(init=False)
    doubts: Doubts = field(default_factory=lambda: Doubts(margin_ms=MARGIN_MS))
    asked: set[str] = field(default_factory=set)
    ticks: int = 0
    alarms: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.flow = Flow(self.rules, rules_of.own_host(), rules_of.View(self.world))

    def has(self, bug: str) -> bool:
        return bug in self.world.bugs

    @property
    def now_ms(self) -> int:
        return int(self.world.now_ms)

    def begin(self) -> None:
        records = list(self.world.journal.records())
        if records:
            wakes = self.flow.recover(records)
            if self.has("assume_dead"):
                self._assume_dead()
            self.reconcile()
            for wake in wakes:
                self.act(wake)
        else:
            self.take([self._started()])
        if self.flow.state.rulebook != self.rules.digest:
            self.take([RulesChanged(at_ms=self.now_ms, rulebook=self.rules.digest)])
        self.tick()

    def _assume_dead(self) -> None:
        """Take what was not answered before a restart for not placed."""
        for client_id, order in list(self.flow.state.live.items()):
            if not order.venue_id:
                at_ms, reason = self.now_ms, "not_placed"
                self.take([Ended(at_ms=at_ms, client_id=client_id, reason=reason)])

    def _started(self) -> Started:
        limits = rules_of.own_host().ask_first("rate_limits", tier="pro")
        return Started(
            at_ms=self.now_ms,
            run="r",
            venue="model",
            rulebook=self.rules.digest,
            source="model",
            markets=tuple(self.world.exchange.markets.values()),
            balances=tuple(self.world.exchange.balances.items()),
            limits=None if limits is None else limits.value,
            order_deadline_ms=DEADLINE_MS,
        )

    def reconcile(self) -> None:
        found = compare(
            self.flow.state, self.world.snapshot(self.flow.state), MARGIN_MS
        )
        assert not found.refusal, found.refusal
        self.alarms += [
            str(one)
            for one in found.differences
            if one.done == "quarantined" and one.exchange != "no such order"
        ]
        for unit in found.units:
            self.take(unit)
        if not self.has("no_cancel_again"):
            for order in found.cancels:
                self.act(Cancel(order.intent.client_id))
        self.asked.update(self.flow.state.live)

    def take(self, events: Iterable[Event]) -> None:
        """Handle events as one unit: decide, make durable, act."""
        outcome = self.flow.handle_all(events)
        if not (outcome.records or outcome.decisions or outcome.actions):
            return
        self.world.point("before the commit")
        if self.has("send_first"):
            self._act_on(outcome)
            self.world.point("before the late commit")
        self._commit(outcome)
        self.world.point("after the commit")
        if not self.has("send_first"):
            self._act_on(outcome)

    def _commit(self, outcome: Outcome) -> None:
        digest = self.rules.digest
        if self.has("no_unit"):
            for record in outcome.records:
                self.world.commit(Outcome(records=[record]), digest)
                self.world.point("within the commit")
        elif outcome.records or outcome.decisions:
            self.world.commit(outcome, digest)

    def _act_on(self, outcome: Outcome) -> None:
        for action in outcome.actions:
            self.act(action)

    def act(self, action: Action) -> None:
        if isinstance(action, Send):
            self.world.point("before a send")
            self.send(action.intent)
            self.world.point("after a send")
        elif isinstance(action, Cancel):
            self.world.point("before a cancel")
            self.cancel(action.client_id)
            self.world.point("after a cancel")
        else:
            self._later(action.at_ms - self.now_ms, self._wake)

    def _later(self, in_ms: int, do: Any) -> None:
        def if_alive() -> None:
            if self.world.driver is self:
                do()

        self.world.at(max(0, in_ms), if_alive)

    def _wake(self) -> None:
        self.take([Wake(self.now_ms)])

    def send(self, intent: Intent, attempt: int = 1) -> None:
        """Send once; what is not answered in time is unknown."""
        client_id = intent.client_id
        answered: list[bool] = []

        def reply(answer: Accepted | Refused) -> None:
            if not answered:
                answered.append(True)
                self.take([replace(answer, at_ms=self.now_ms)])

        def timeout() -> None:
            if not answered:
                answered.append(True)
                self._silence(intent, attempt)

        self.world.request(
            "send", (client_id, attempt), lambda: self.world.place(intent), reply
        )
        self._later(TIMEOUT_MS, timeout)

    def _silence(self, intent: Intent, attempt: int) -> None:
        client_id, at_ms = intent.client_id, self.now_ms
        if self.has("blind_resend") and attempt < 3:
            self.send(intent, attempt + 1)
        elif self.has("fail_on_timeout"):
            errors = ("EService:Timeout",)
            self.take([Refused(at_ms=at_ms, client_id=client_id, errors=errors)])
        else:
            self.take([Unknown(at_ms=at_ms, client_id=client_id, why="timeout")])
            self.asked.add(client_id)

    def cancel(self, client_id: str) -> None:
        order = self.flow.state.order(client_id)
        if order is None or not order.live:
            return

        def reply(told: CancelReply) -> None:
            at_ms = self.now_ms
            self.doubts.cancelled(client_id, at_ms)
            self.asked.add(client_id)
            if told.outcome is CancelOutcome.REFUSED:
                refused = CancelRefused(
                    at_ms=at_ms, client_id=client_id, errors=told.errors
                )
                self.take([refused])
            elif self.has("trust_cancel"):
                ended = Ended(at_ms=at_ms, client_id=client_id, reason="cancelled")
                self.take([ended])

        self.world.request(
            "cancel",
            (client_id, self.now_ms),
            lambda: self.world.exchange.cancel(
                client_id, order.venue_id, self.world.now_ms
            ),
            reply,
        )

    def report(self, report: OrderReport) -> None:
        """Take what the order stream says."""
        self._settle(report)

    def _settle(self, report: OrderReport) -> None:
        if self.has("trust_cancel") and report.client_id not in self.flow.state.live:
            return  # over is over, it thinks
        settled = settle(self.flow.state, report, self.now_ms)
        if self.has("end_early") and not report.open and settled.ask:
            ended = Ended(
                at_ms=self.now_ms, client_id=settled.client_id, reason=report.reason
            )
            settled = replace(settled, answers=(*settled.answers, ended), ask=False)
        assert settled.ours, f"{report} is not known"
        if settled.alarm:
            self.alarms.append(settled.alarm)
        if settled.answers:
            self.take(settled.answers)
        elif self.has("no_dedupe"):
            self.take(self._again(report))
        if settled.ask and not self.has("never_ask"):
            self.asked.add(settled.client_id)

    def _again(self, report: OrderReport) -> list[Event]:
        """Book a fill that is known already: what an engine without memory does."""
        number = self.world.tally["again"] = self.world.tally["again"] + 1
        return [
            Filled(
                at_ms=self.now_ms,
                client_id=report.client_id,
                fill=replace(fill, trade_id=f"{fill.trade_id}/{number}"),
            )
            for fill in report.fills
        ]

    def gap_over(self) -> None:
        """Go on after an interruption of the stream: everything is in doubt."""
        if not self.has("ignore_gap"):
            self.asked.update(self.flow.state.live)

    def tick(self) -> None:
        """Do what is due every second."""
        self._later(TICK_MS, self.tick)
        self.ticks += 1
        state = self.flow.state
        for symbol, held in list(state.held_in.items()):
            if held:
                self.take([Look(symbol, self.now_ms)])
        if self.now_ms // CANDLE_MS != (self.now_ms - TICK_MS) // CANDLE_MS:
            for symbol in self.world.symbols:
                self.take([Candle(symbol, self.now_ms)])
        compares = not (self.has("never_ask") or self.has("ignore_gap"))
        if compares and self.ticks % (COMPARE_MS // TICK_MS) == 0:
            self.reconcile()
        self._ask_what_is_due()

    def _ask_what_is_due(self) -> None:
        state = self.flow.state
        self.asked &= state.live.keys()
        due = doubtful(state, self.now_ms, self.doubts)
        if self.has("never_ask") or self.has("ignore_gap"):
            due = []
        names = dict.fromkeys([*self.asked, *(one.intent.client_id for one in due)])
        self.asked.clear()
        self.doubts.forget(state, self.now_ms)
        for client_id in sorted(names):
            self.ask(client_id)

    def ask(self, client_id: str) -> None:
        """Ask the exchange for one order."""
        order, asked_ms = self.flow.state.order(client_id), self.now_ms
        assert order is not None
        self.doubts.asked(client_id, asked_ms)
        key = (client_id, asked_ms)
        if self.world.strikes("silent", *key):
            self.asked.add(client_id)
            return
        self.world.request(
            "find",
            key,
            lambda: self.world.exchange.find(
                client_id, order.venue_id, self.world.now_ms
            ),
            lambda report: self._found(client_id, asked_ms, report),
        )

    def _found(self, client_id: str, asked_ms: int, report: OrderReport | None) -> None:
        state, now_ms = self.flow.state, self.now_ms
        if report is not None:
            self.doubts.told(client_id)
            self._settle(report)
        else:
            self.doubts.absent(client_id, asked_ms)
            over = gone(state, client_id, now_ms, self.doubts)
            if self.has("early_not_found") and client_id in state.live:
                over = Ended(at_ms=now_ms, client_id=client_id, reason="not_placed")
            if over is not None and over.reason == "not_placed":
                self.take([over])
            elif over is not None:
                self._ask_for_fills(over)
        order = state.live.get(client_id)
        if order is None or self.has("no_cancel_again"):
            return
        if wants_cancel(order, self.doubts, now_ms):
            self.cancel(client_id)

    def _ask_for_fills(self, over: Ended) -> None:
        """Ask what an order traded that the exchange does not know any more."""

        def told(trades: list[VenueTrade]) -> None:
            if over.client_id in self.flow.state.live:
                self.take(vanished(self.flow.state, over, trades))

        key = (over.client_id, self.now_ms)
        trades = self.world.exchange.trades
        self.world.request("trades", key, lambda: list(trades), told)
