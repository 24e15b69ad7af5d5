"""When an order is in doubt, and when silence proves something."""

from __future__ import annotations

from importlib import import_module
from itertools import pairwise

from quorate import CancelAsked, Order, TimeInForce, Unknown
from quorate.drivers import doubting
from quorate.drivers.doubting import Doubts, doubtful, gone, not_placed, wants_cancel
from quorate.flow.state import State

books = import_module("order_books")
START_MS, DEADLINE_MS = books.START_MS, books.DEADLINE_MS
CERTAIN_MS = DEADLINE_MS + doubting.MARGIN_MS
UNKNOWN = Unknown(at_ms=START_MS, client_id="r-1", why="timeout")
CAREFUL_MS = START_MS + doubting.CAREFUL_MS


def ids(orders: list[Order]) -> list[str]:
    return [order.intent.client_id for order in orders]


def ended(state: State, doubts: Doubts) -> str:
    record = gone(state, "r-1", CAREFUL_MS * 2, doubts)
    return "" if record is None else record.reason


def test_a_query_asked_before_the_deadline_has_passed_proves_nothing() -> None:
    state, doubts = books.state_of(books.intended(), UNKNOWN), Doubts()
    for asked_ms in (START_MS, DEADLINE_MS + 1, CERTAIN_MS):
        doubts.absent("r-1", asked_ms)
        assert not ended(state, doubts)
    doubts.absent("r-1", CERTAIN_MS + 1)
    assert ended(state, doubts) == "not_placed"


def test_what_the_venue_has_told_of_was_placed() -> None:
    for record in (books.accepted(), books.filled("T1", 4)):
        state = books.state_of(books.intended(), record)
        assert not_placed(state, "r-1", CAREFUL_MS) is None
    assert not_placed(books.state_of(), "r-1", CAREFUL_MS) is None
    assert not_placed(books.state_of(books.intended()), "r-1", CAREFUL_MS) is not None


def test_without_a_deadline_it_takes_a_cancel_and_two_late_queries() -> None:
    state = books.state_of(books.intended(deadline_ms=0), UNKNOWN)
    order, doubts = state.live["r-1"], Doubts()
    assert not wants_cancel(order, doubts, CAREFUL_MS)
    assert wants_cancel(order, doubts, CAREFUL_MS + 1)
    for asked_ms in (CAREFUL_MS - 5, CAREFUL_MS + 1, CAREFUL_MS + 40_000):
        doubts.absent("r-1", asked_ms)
        assert not ended(state, doubts), "no cancel was answered"
    doubts.cancelled("r-1", CAREFUL_MS + 50_000)
    assert not wants_cancel(order, doubts, CAREFUL_MS + 50_001)
    assert not ended(state, doubts), "both queries were asked before the cancel"
    doubts.absent("r-1", CAREFUL_MS + 51_000)
    doubts.absent("r-1", CAREFUL_MS + 51_000 + doubting.APART_MS - 1)
    assert not ended(state, doubts), "too close together"
    doubts.absent("r-1", CAREFUL_MS + 51_000 + doubting.APART_MS)
    assert ended(state, doubts) == "not_placed"


def test_an_order_that_was_accepted_is_over_after_two_late_queries() -> None:
    state = books.state_of(books.intended(), books.accepted())
    doubts, late_ms = Doubts(), START_MS + doubting.LAG_MS + 1
    doubts.absent("r-1", START_MS + 1)
    doubts.absent("r-1", late_ms)
    assert not ended(state, doubts)
    doubts.told("r-1")
    doubts.absent("r-1", late_ms + doubting.APART_MS)
    assert not ended(state, doubts), "it was found in between"
    doubts.absent("r-1", late_ms + 2 * doubting.APART_MS)
    assert ended(state, doubts) == "cancelled"


def test_an_order_is_in_doubt_for_a_reason() -> None:
    late_ms = START_MS + doubting.GRACE_MS
    sent, opened = books.intended(), books.accepted()
    cancel = CancelAsked(at_ms=START_MS, client_id="r-1", why="stop")
    passing = books.intended(time_in_force=TimeInForce.IOC)
    for records in ([sent], [sent, opened, cancel], [passing, opened]):
        state = books.state_of(*records)
        assert not doubtful(state, late_ms - 1)
        assert ids(doubtful(state, late_ms)) == ["r-1"]
    state = books.state_of(sent, opened)
    assert not doubtful(state, late_ms * 2), "it rests, as it should"
    assert doubtful(books.state_of(sent, UNKNOWN), START_MS)


def test_questions_come_further_and_further_apart_but_once_when_it_counts() -> None:
    state, doubts = books.state_of(books.intended(), UNKNOWN), Doubts()
    asked = []
    for now_ms in range(START_MS, START_MS + 120_000, 100):
        if doubtful(state, now_ms, doubts):
            doubts.asked("r-1", now_ms)
            asked.append(now_ms - START_MS)
    assert CERTAIN_MS == START_MS + 7_000
    assert asked[:5] == [0, 1_000, 3_000, 7_000, 7_100]
    gaps = [later - sooner for sooner, later in pairwise(asked[4:])]
    assert gaps == sorted(gaps)
    assert max(gaps) <= doubting.LONGEST_WAIT_MS
    assert not doubts.may_ask("r-1", START_MS + asked[-1] + 1)


def test_a_cancel_that_may_be_lost_is_sent_again_after_a_while() -> None:
    at_ms, doubts = START_MS + 1_000, Doubts()
    cancel = CancelAsked(at_ms=at_ms, client_id="r-1", why="stop")
    order = books.state_of(books.intended(), books.accepted(), cancel).live["r-1"]
    assert not wants_cancel(order, doubts, at_ms + doubting.APART_MS - 1)
    assert wants_cancel(order, doubts, at_ms + doubting.APART_MS)
    doubts.cancelled("r-1", at_ms + doubting.APART_MS)
    assert not wants_cancel(order, doubts, at_ms + doubting.APART_MS + 1)


def test_what_is_over_is_forgotten() -> None:
    doubts = Doubts()
    doubts.asked("r-1", START_MS)
    later_ms = START_MS + 2 * doubting.LONGEST_WAIT_MS
    doubts.forget(books.state_of(books.intended()), later_ms + 1)
    assert doubts.orders
    doubts.forget(books.state_of(), later_ms)
    assert doubts.orders, "it may be asked for again, after its pause"
    doubts.forget(books.state_of(), later_ms + 1)
    assert not doubts.orders
