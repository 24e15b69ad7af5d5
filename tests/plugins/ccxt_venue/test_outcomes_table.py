"""Every private call x every broken reply, through real ccxt over a real socket.

What is expected is written down by the kind of reply, not read from the plugin: an
order is taken with an id, refused by a code on the list, and unknown otherwise; a
question is answered or it raises ``NoAnswer``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest

from quorate import Accepted, CancelOutcome, NoAnswer, Order, Refused, Unknown

loopback = import_module("loopback").loopback
orders = import_module("venue_orders")

Fault = dict[str, Any]

MOST_SECONDS = 30
PACE = 600
"""Exchange time runs fast, so that the call counters have always room."""
SHORT_MS = 200
"""How long ccxt waits for a reply that never comes."""

STATUSES = (
    *(400, 401, 403, 404, 405, 407, 408, 409, 418, 422, 429),
    *(500, 501, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 530),
)
BROKEN: list[Fault] = [
    *({"kind": "http", "value": status, "after": True} for status in STATUSES),
    {"kind": "http", "value": 502, "after": False},
    {"kind": "http", "value": 200, "after": True},
    {"kind": "reply_lost"},
    {"kind": "reply_lost", "after": False},
    {"kind": "reply_late", "value": SHORT_MS * 2 * PACE},
    {"kind": "delay_before", "value": SHORT_MS * 2 * PACE},
    {"kind": "close"},
    {"kind": "close", "after": False},
    {"kind": "close_mid_body"},
    {"kind": "empty"},
    {"kind": "html"},
    {"kind": "garbage"},
    {"kind": "truncated"},
]
"""Replies that say nothing, whatever was asked."""

UNCLEAR_ERRORS = (
    ["EService:Unavailable"],
    ["EService:Busy"],
    ["EService:Timeout"],
    ["EGeneral:Internal error"],
    ["EDatabase:Internal error"],
    ["EOrder:Never seen before"],
    ["EWhatever:New"],
    ["WGeneral:A warning"],
    ["EOrder:Insufficient funds", "EService:Busy"],
    ["EGeneral:Invalid arguments:cl_ord_id"],
    ["EOrder:Duplicate client order id"],
    ["eorder:insufficient funds"],
    ["?"],
)
"""Errors that do not prove that nothing came of an order."""

REFUSALS = (
    ["EOrder:Insufficient funds"],
    ["EOrder:Order minimum not met"],
    ["EOrder:Cost minimum not met"],
    ["EOrder:Tick size check failed"],
    ["EOrder:Post only order"],
    ["EOrder:Orders limit exceeded"],
    ["EOrder:Rate limit exceeded"],
    ["EOrder:Domain rate limit exceeded"],
    ["EOrder:Invalid price"],
    ["EOrder:Invalid price:XXBTZUSD price can only be specified up to 1 decimals."],
    ["EGeneral:Invalid arguments:volume minimum not met"],
    ["EGeneral:Invalid arguments:volume"],
    ["EGeneral:Invalid arguments"],
    ["EGeneral:Permission denied"],
    ["EGeneral:Temporary lockout"],
    ["EAPI:Invalid key"],
    ["EAPI:Invalid signature"],
    ["EAPI:Invalid nonce"],
    ["EAPI:Rate limit exceeded"],
    ["EService: Throttled: 1795382204"],
    ["EService:Market in post_only mode"],
    ["EService:Market in cancel_only mode"],
    ["EService:Deadline elapsed"],
    ["EQuery:Unknown asset pair"],
    ["EAccount:Invalid permissions"],
    ["EOrder:Insufficient funds", "EOrder:Order minimum not met"],
)
"""Errors after which no order exists."""

CANCEL_REFUSALS = (
    ["EOrder:Unknown order"],
    ["EGeneral:Invalid arguments"],
    ["EGeneral:Permission denied"],
    ["EAPI:Invalid key"],
    ["EAPI:Invalid nonce"],
    ["EAPI:Rate limit exceeded"],
)


def named(fault: Fault) -> str:
    value = fault.get("value", "")
    told = "+".join(value) if isinstance(value, list) else str(value)
    before = "" if fault.get("after", True) else "before"
    return "-".join(filter(None, (fault["kind"], told, before)))


def errors(lists: Any) -> list[Fault]:
    return [{"kind": "error", "value": list(each), "after": False} for each in lists]


ANY_ERROR = errors((*UNCLEAR_ERRORS, *REFUSALS))


@dataclass
class Bench:
    """An exchange and a venue that stay open from case to case."""

    runner: asyncio.Runner
    exchange: Any
    venue: Any

    def run(self, work: Any) -> Any:
        return self.runner.run(asyncio.wait_for(work, MOST_SECONDS))

    async def struck(self, at: str, fault: Fault, work: Any) -> Any:
        """Do ``work`` while replies at one call are broken, as often as it asks."""
        patient = fault["kind"] not in ("reply_lost", "reply_late", "delay_before")
        self.venue.exchange.timeout = 10_000 if patient else SHORT_MS
        self.exchange.faults.add([{"at": at, **fault}])
        try:
            return await work
        finally:
            fired = self.exchange.faults.as_list()[-1]["fired"]
            self.exchange.faults.clear()
            self.venue.exchange.timeout = 10_000
            assert fired, "the fault never struck: the case shows nothing"

    def placed(self, client_id: str) -> list[dict[str, Any]]:
        """Return the orders that the exchange has under one of our ids."""
        told = self.exchange.ledger()["orders"]
        listed = told.values() if isinstance(told, dict) else told
        return [one for one in listed if one["cl_ord_id"] == client_id]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def start() -> Bench:
            held = {"USD": Decimal(10**9), "BTC": Decimal(1000)}
            served = loopback(pace=PACE, balances=held)
            exchange = await stack.enter_async_context(served)
            venue = await stack.enter_async_context(orders.on_loopback(exchange))
            return Bench(runner, exchange, venue)

        try:
            yield runner.run(start())
        finally:
            runner.run(stack.aclose())


# Sending


@pytest.mark.parametrize("fault", [*BROKEN, {"kind": "no_txid"}], ids=named)
def test_order_without_a_clear_answer_is_unknown(bench: Bench, fault: Fault) -> None:
    intent = orders.intent()
    answer = bench.run(bench.struck("AddOrder", fault, bench.venue.send(intent)))
    assert isinstance(answer, Unknown)
    assert answer.client_id == intent.client_id
    assert answer.why


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("code", UNCLEAR_ERRORS, ids="+".join)
def test_order_with_an_error_off_the_list_is_unknown(
    bench: Bench, code: list[str], after: bool
) -> None:
    fault = {"kind": "error", "value": code, "after": after}
    answer = bench.run(
        bench.struck("AddOrder", fault, bench.venue.send(orders.intent()))
    )
    assert isinstance(answer, Unknown)


@pytest.mark.parametrize("code", REFUSALS, ids="+".join)
def test_order_with_errors_on_the_list_is_refused(
    bench: Bench, code: list[str]
) -> None:
    intent = orders.intent()
    [fault] = errors([code])
    answer = bench.run(bench.struck("AddOrder", fault, bench.venue.send(intent)))
    assert isinstance(answer, Refused)
    assert answer.errors == tuple(code)
    assert bench.placed(intent.client_id) == []


@pytest.mark.parametrize("kind", ["odd_descr", ""])
def test_order_with_an_id_in_the_reply_is_accepted(bench: Bench, kind: str) -> None:
    intent = orders.intent()
    work = bench.venue.send(intent)
    answer = bench.run(bench.struck("AddOrder", {"kind": kind}, work) if kind else work)
    assert isinstance(answer, Accepted)
    [order] = bench.placed(intent.client_id)
    assert answer.venue_id == order["txid"]


# Cancelling


async def cancelled(bench: Bench, fault: Fault | None) -> Any:
    intent = orders.intent()
    accepted = await bench.venue.send(intent)
    assert isinstance(accepted, Accepted)
    order = Order(intent=intent, venue_id=accepted.venue_id)
    work = bench.venue.cancel(order)
    return await (bench.struck("CancelOrder", fault, work) if fault else work)


NO_DUPLICATES = [each for each in UNCLEAR_ERRORS if "cl_ord_id" not in each[0]]
"""That an id is wrong says nothing doubtful of a cancel."""


@pytest.mark.parametrize("fault", [*BROKEN, *errors(NO_DUPLICATES)], ids=named)
def test_cancel_without_a_clear_answer_is_unknown(bench: Bench, fault: Fault) -> None:
    reply = bench.run(cancelled(bench, fault))
    assert reply.outcome is CancelOutcome.UNKNOWN
    assert reply.errors


@pytest.mark.parametrize("code", CANCEL_REFUSALS, ids="+".join)
def test_cancel_with_errors_on_the_list_is_refused(
    bench: Bench, code: list[str]
) -> None:
    [fault] = errors([code])
    reply = bench.run(cancelled(bench, fault))
    assert (reply.outcome, reply.errors) == (CancelOutcome.REFUSED, tuple(code))


@pytest.mark.parametrize("kind", ["odd_descr", "no_txid", ""])
def test_cancel_that_was_counted_is_taken(bench: Bench, kind: str) -> None:
    reply = bench.run(cancelled(bench, {"kind": kind} if kind else None))
    assert reply.outcome is CancelOutcome.TAKEN


# Asking

ASKED = ("OpenOrders", "ClosedOrders", "QueryOrders", "TradesHistory")
QUESTIONS = {
    "find-OpenOrders": "OpenOrders",
    "find-ClosedOrders": "ClosedOrders",
    "find-QueryOrders": "QueryOrders",
    "find-TradesHistory": "TradesHistory",
    "open_orders": "OpenOrders",
    "trades": "TradesHistory",
    "balances": "BalanceEx",
    "rights": "GetApiKeyInfo",
    "fees": "TradeVolume",
}


async def answer_to(bench: Bench, question: str) -> Any:
    """Ask; an order that is found is one that was filled."""
    venue = bench.venue
    if question.startswith("find"):
        intent = orders.at_market()
        accepted = await venue.send(intent)
        assert isinstance(accepted, Accepted)
        by_id = question == "find-QueryOrders"
        return venue.find(intent, accepted.venue_id if by_id else "")
    if question == "trades":
        return venue.trades(0)
    return venue.markets() if question == "fees" else getattr(venue, question)()


async def asked(bench: Bench, question: str, fault: Fault) -> Any:
    work = await answer_to(bench, question)
    return await bench.struck(QUESTIONS[question], fault, work)


@pytest.mark.parametrize("fault", [*BROKEN, *ANY_ERROR], ids=named)
@pytest.mark.parametrize("question", QUESTIONS)
def test_question_without_a_clear_answer_is_not_answered(
    bench: Bench, question: str, fault: Fault
) -> None:
    with pytest.raises(NoAnswer, match="kraken"):
        bench.run(asked(bench, question, fault))


@pytest.mark.parametrize("kind", ["no_txid", "odd_descr"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_question_is_answered_whatever_a_new_order_looks_like(
    bench: Bench, question: str, kind: str
) -> None:
    assert bench.run(asked(bench, question, {"kind": kind})) is not None
