"""What a report adds to what is known, and what it does not."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from quorate import Ended, OrderType, Refused, Side, VenueTrade
from quorate.drivers.settling import settle, vanished

books = import_module("order_books")
fill, report = books.fill, books.report
BEFORE = (books.intended(), books.accepted())
PART = (*BEFORE, books.filled("T1", 4))
OVER = (*PART, Ended(at_ms=books.START_MS, client_id="r-1", reason="cancelled"))
NEVER = (
    books.intended(),
    Ended(at_ms=books.START_MS, client_id="r-1", reason="not_placed"),
)

CASES: dict[str, tuple[Sequence[Any], Any, list[str], bool]] = {
    "an acceptance": (
        [books.intended()],
        report(filled=0),
        ["Accepted V1"],
        False,
    ),
    "the same again": (BEFORE, report(filled=0), [], False),
    "a fill before the acceptance": (
        [books.intended()],
        report(fill("T1", 4), filled=4),
        ["Accepted V1", "Filled T1"],
        False,
    ),
    "a fill without an id of the venue": (
        [books.intended()],
        report(fill("T1", 4), venue_id=""),
        ["Filled T1"],
        False,
    ),
    "a fill that is known": (PART, report(fill("T1", 4), filled=4), [], False),
    "a fill twice in one report": (
        BEFORE,
        report(fill("T1", 4), fill("T1", 4), filled=4),
        ["Filled T1"],
        False,
    ),
    "more filled than fills are told": (BEFORE, report(filled=4), [], True),
    "the last fill": (
        PART,
        report(fill("T2", 6), filled=10),
        ["Filled T2", "Ended filled"],
        False,
    ),
    "all at once": (
        [books.intended()],
        report(fill("T1", 10), filled=10, reason="filled"),
        ["Accepted V1", "Filled T1", "Ended filled"],
        False,
    ),
    "a cancel with all fills": (
        PART,
        report(filled=4, reason="cancelled"),
        ["Ended cancelled"],
        False,
    ),
    "a cancel of which a fill is missing": (
        PART,
        report(filled=7, reason="cancelled"),
        [],
        True,
    ),
    "a cancel that tells the missing fill": (
        PART,
        report(fill("T1", 4), fill("T2", 3), filled=7, reason="cancelled"),
        ["Filled T2", "Ended cancelled"],
        False,
    ),
    "an end that does not say how much was filled": (
        BEFORE,
        report(reason="expired"),
        [],
        True,
    ),
    "an end without a fill": (
        BEFORE,
        report(filled=0, reason="expired"),
        ["Ended expired"],
        False,
    ),
    "a report that is older than what is known": (PART, report(filled=0), [], False),
    "an older fill": (
        PART,
        report(fill("T0", 2), filled=2),
        ["Filled T0"],
        False,
    ),
    "by the venue's id alone": (
        BEFORE,
        report(fill("T1", 4), client_id="", filled=4),
        ["Filled T1"],
        False,
    ),
    "a late fill": (
        OVER,
        report(fill("T2", 3), filled=7, reason="cancelled"),
        ["Filled T2"],
        False,
    ),
    "an end that was known, with more filled": (
        OVER,
        report(filled=7, reason="cancelled"),
        [],
        True,
    ),
    "an open order that was known to be over": (OVER, report(filled=2), [], False),
}


@pytest.mark.parametrize("case", CASES)
def test_a_report_adds_what_is_not_known(case: str) -> None:
    records, told, wanted, ask = CASES[case]
    settled = settle(books.state_of(*records), told, books.START_MS + 200)
    assert settled.ours
    assert settled.client_id == "r-1"
    assert books.names(settled.answers) == wanted
    assert settled.ask is ask
    assert not settled.alarm
    assert {one.at_ms for one in settled.answers} <= {books.START_MS + 200}


ALARMS: dict[str, tuple[Sequence[Any], Any, list[str], str]] = {
    "more than was ordered": (
        PART,
        report(fill("T2", 7), filled=11),
        [],
        "does not fit",
    ),
    "more than was filled in all": (
        PART,
        report(fill("T2", 3), filled=4, reason="cancelled"),
        ["Ended cancelled"],
        "does not fit",
    ),
    "a fill of nothing": (BEFORE, report(fill("T1", 0), filled=0), [], "does not fit"),
    "less in all than is booked": (
        PART,
        report(filled=2, reason="cancelled"),
        [],
        "4 is booked",
    ),
    "open, though never placed": (NEVER, report(filled=0), [], "never placed"),
    "open, though refused": (
        (
            books.intended(),
            Refused(at_ms=books.START_MS, client_id="r-1", errors=("no",)),
        ),
        report(filled=0),
        [],
        "never placed",
    ),
}


@pytest.mark.parametrize("case", ALARMS)
def test_what_cannot_be_true_is_told_and_not_booked(case: str) -> None:
    records, told, wanted, alarm = ALARMS[case]
    settled = settle(books.state_of(*records), told, books.START_MS + 200)
    assert books.names(settled.answers) == wanted
    assert alarm in settled.alarm


@pytest.mark.parametrize(
    "told",
    [
        {"venue_id": "V9"},
        {"symbol": "ETH/USD"},
        {"side": Side.SELL},
        {"amount": Decimal(9)},
    ],
    ids=lambda told: next(iter(told)),
)
def test_another_order_under_our_id_is_not_ours(told: dict[str, Any]) -> None:
    state = books.state_of(*BEFORE)
    settled = settle(state, report(fill("T1", 4), filled=4, **told), 0)
    assert not settled.ours
    assert not settled.answers
    assert "r-1" in settled.alarm


def test_a_market_order_may_be_sized_otherwise() -> None:
    changes = {"type": OrderType.MARKET, "limit_price": None}
    state = books.state_of(books.intended(**changes))
    told = report(fill("T1", 10), amount=Decimal(1000), filled=10, reason="filled")
    assert books.names(settle(state, told, 0).answers)[-1] == "Ended filled"


def test_orders_of_others_are_not_ours() -> None:
    settled = settle(books.state_of(*BEFORE), report(client_id="x-1", venue_id="V9"), 0)
    assert not settled.ours
    assert not settled.ask


def test_an_order_without_our_id_may_be_one_that_has_no_other_yet() -> None:
    state = books.state_of(books.intended())
    assert settle(state, report(client_id=""), 0).ask
    assert not settle(state, report(client_id="", symbol="ETH/USD"), 0).ask


def test_an_order_that_is_forgotten_is_ours_and_changes_nothing() -> None:
    state = books.state_of(*OVER)
    state.finished.clear()
    state.booked.clear()
    settled = settle(state, report(fill("T1", 4), filled=4, reason="cancelled"), 0)
    assert settled.ours
    assert not settled.answers
    assert not settled.alarm
    assert settle(state, report(filled=4), 0).alarm
    assert not settle(state, report(client_id="r-2", venue_id=""), 0).ours


def test_an_order_that_vanished_ends_after_the_fills_that_trades_tell_of() -> None:
    ended = Ended(at_ms=books.START_MS + 9, client_id="r-1", reason="cancelled")

    def trade(trade_id: str, amount: int, venue_id: str = "V1") -> VenueTrade:
        return VenueTrade(
            at_ms=books.START_MS,
            venue_id=venue_id,
            symbol="BTC/USD",
            side=Side.BUY,
            fill=fill(trade_id, amount),
        )

    state, known = books.state_of(*PART), trade("T1", 4)
    assert vanished(state, ended, []) == (ended,)
    told = vanished(state, ended, [known, trade("T2", 3), trade("T3", 9, "V3")])
    assert books.names(told) == ["Filled T2", "Ended cancelled"]
    told = vanished(state, ended, [known, trade("T2", 6)])
    assert books.names(told) == ["Filled T2", "Ended filled"]


@given(
    amounts=some.lists(some.integers(1, 5), min_size=1, max_size=6),
    told=some.data(),
)
def test_any_order_of_reports_comes_to_the_same_end(
    amounts: list[int], told: some.DataObject
) -> None:
    """Fills once each, an end once, and only when everything is known."""
    fills = [fill(f"T{number}", amount) for number, amount in enumerate(amounts)]
    total = sum(amounts)
    size = total + told.draw(some.integers(0, 3))
    reason = "filled" if size == total else "cancelled"
    events = [report(filled=0)]
    for number, one in enumerate(fills):
        events.append(report(one, filled=sum(amounts[: number + 1])))
    events.append(report(filled=total, reason=reason))
    events += told.draw(some.lists(some.sampled_from(events), max_size=6))
    events = told.draw(some.permutations(events))
    state = books.state_of(books.intended(amount=Decimal(size)))
    answers: list[Any] = []
    for event in [*events, report(*fills, filled=total, reason=reason)]:
        settled = settle(state, event, books.START_MS)
        assert not settled.alarm
        for answer in settled.answers:
            state.apply(answer)
        answers += settled.answers
        order = state.order("r-1")
        assert order is not None
        assert order.filled <= total
        assert order.live or order.filled == total
    words = books.names(answers)
    assert sorted(words) == sorted(
        ["Accepted V1", *(f"Filled {one.trade_id}" for one in fills), f"Ended {reason}"]
    )
    assert not state.live
