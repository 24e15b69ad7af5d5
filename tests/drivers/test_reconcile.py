"""What a comparison with the exchange finds, and what it does about it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from quorate import Ended, Market, OrderReport, Side, Stopped, Unknown, VenueTrade
from quorate.drivers.doubting import MARGIN_MS
from quorate.drivers.reconcile import Reconciliation, compare
from quorate.drivers.snapshot import Snapshot
from quorate.flow.state import State
from quorate.values.timeframes import NEVER_MS

books = import_module("order_books")
model = import_module("exchange_model")
fill, report = books.fill, books.report
START_MS, DEADLINE_MS = books.START_MS, books.DEADLINE_MS
LATE_MS = DEADLINE_MS + MARGIN_MS + 1
MARKETS = {symbol: model.market(symbol) for symbol in ("BTC/USD", "ETH/USD")}
CANCELLED = Ended(at_ms=START_MS, client_id="r-1", reason="cancelled")
HELD = (books.intended(), books.accepted(), books.filled("T1", 4), CANCELLED)


def seen(*, asked_ms: int = LATE_MS, **told: Any) -> Snapshot:
    """Return a snapshot of an account that nothing has happened to."""
    totals = {"USD": Decimal(10_000)} | told.pop("balances", {})
    base: dict[str, Any] = {
        "asked_ms": asked_ms,
        "at_ms": asked_ms + 500,
        "balances": {name: Decimal(str(total)) for name, total in totals.items()},
        "markets": MARKETS,
    }
    return Snapshot(**base | told)


def trade(one: Any, venue_id: str = "V9", **told: Any) -> VenueTrade:
    base: dict[str, Any] = {
        "at_ms": START_MS + 50,
        "venue_id": venue_id,
        "symbol": "BTC/USD",
        "side": Side.BUY,
        "fill": one,
    }
    return VenueTrade(**base | told)


def words(found: Reconciliation) -> list[list[str]]:
    """Return each unit's events as words."""
    return [
        [
            f"{type(one).__name__} {getattr(one, 'symbol', '')}".strip()
            if not hasattr(one, "client_id")
            else books.names([one])[0]
            for one in unit
        ]
        for unit in found.units
    ]


def apply(state: State, found: Reconciliation) -> None:
    for unit in found.units:
        for record in unit:
            state.apply(record)  # type: ignore[arg-type]


def done(found: Reconciliation) -> list[tuple[str, str, str]]:
    return [(one.what, one.about, one.done) for one in found.differences]


def after(bought: object, price: object = 100) -> dict[str, Decimal]:
    """Return the balances after a purchase."""
    amount, cost = Decimal(str(bought)), Decimal(str(bought)) * Decimal(str(price))
    return {"USD": 10_000 - cost * (1 + model.FEE), "BTC": amount}


def test_where_nothing_differs_nothing_is_done() -> None:
    state = books.state_of(books.intended(), books.accepted())
    opened = report(filled=0)
    found = compare(state, seen(found={"r-1": opened}, open_orders=(opened,)))
    assert found == Reconciliation((), ())


def test_an_order_that_is_found_is_brought_up_to_date() -> None:
    told = report(fill("T1", 10), filled=10, reason="filled")
    state = books.state_of(books.intended())
    found = compare(state, seen(found={"r-1": told}, balances=after(10)))
    assert words(found) == [["Accepted V1", "Filled T1", "Ended filled"]]
    assert done(found) == [("order", "r-1", "settled")]


def test_an_order_is_given_up_only_by_a_query_asked_late_enough() -> None:
    state = books.state_of(books.intended())
    early = compare(state, seen(asked_ms=LATE_MS - 1, found={"r-1": None}))
    assert words(early) == [["Unknown"]]
    assert early.waits == ("r-1",)
    apply(state, early)
    assert not compare(state, seen(asked_ms=LATE_MS - 1, found={"r-1": None})).units
    late = compare(state, seen(found={"r-1": None}))
    assert words(late) == [["Ended not_placed"]]
    assert not late.waits


def test_without_a_deadline_nothing_is_given_up_at_the_start() -> None:
    state = books.state_of(books.intended(deadline_ms=0))
    found = compare(state, seen(asked_ms=LATE_MS * 2, found={"r-1": None}))
    assert words(found) == [["Unknown"]]


def test_an_order_that_could_not_be_asked_for_waits() -> None:
    state = books.state_of(books.intended())
    found = compare(state, seen(balances=after(10)))
    assert words(found) == [["Unknown"]], "its balances may be explained later"
    assert found.waits == ("r-1",)
    made_later = books.state_of(books.intended(made_ms=LATE_MS))
    assert not compare(made_later, seen()).units


def test_trades_tell_of_an_order_that_could_not_be_asked_for() -> None:
    state = books.state_of(books.intended(), books.accepted())
    found = compare(
        state, seen(trades=(trade(fill("T1", 10), "V1"),), balances=after(10))
    )
    assert words(found) == [["Filled T1", "Ended filled"]]


def test_an_accepted_order_that_is_not_found_quarantines_its_symbol() -> None:
    state = books.state_of(books.intended(), books.accepted())
    found = compare(state, seen(found={"r-1": None}))
    assert words(found) == [["Stopped BTC/USD"]]
    assert found.waits == ("r-1",)
    apply(state, found)
    assert not compare(state, seen(found={"r-1": None})).units
    state.apply(replace(CANCELLED, at_ms=LATE_MS))
    assert words(compare(state, seen())) == [["Released BTC/USD"]]


def test_an_order_of_others_is_recorded_once_and_quarantines_its_symbol() -> None:
    state = books.state_of()
    other = report(client_id="", venue_id="V9", symbol="BTC/USD", side=Side.SELL)
    found = compare(state, seen(open_orders=(other,)))
    assert words(found) == [["Found BTC/USD", "Stopped BTC/USD"]]
    assert done(found) == [("order", "V9", "quarantined")]
    stop = found.units[0][1]
    assert isinstance(stop, Stopped)
    assert stop.until_ms == NEVER_MS
    assert stop.why == "reconcile: order V9 is not in the journal"
    apply(state, found)
    assert not compare(state, seen(open_orders=(other,))).units
    assert words(compare(state, seen())) == [["Released BTC/USD"]]
    state.stopped.clear()  # a person releases it; the order is still there
    assert not compare(state, seen(open_orders=(other,))).units


def test_what_is_found_elsewhere_is_noted_only() -> None:
    other = report(client_id="", venue_id="V9", symbol="SOL/USD")
    found = compare(books.state_of(), seen(open_orders=(other,)))
    assert words(found) == [["Found SOL/USD"]]
    assert done(found) == [("order", "V9", "noted")]


def test_an_open_order_that_the_journal_has_ended_is_quarantined() -> None:
    state = books.state_of(*HELD)
    opened = report(filled=4, symbol="BTC/USD")
    found = compare(state, seen(open_orders=(opened,), balances=after(4)))
    assert ["Found BTC/USD", "Stopped BTC/USD"] in words(found)
    just_now = replace(CANCELLED, at_ms=LATE_MS)
    state = books.state_of(*HELD[:3], just_now)
    told = report(filled=4, symbol="BTC/USD")
    assert not compare(state, seen(open_orders=(told,), balances=after(4))).units


def test_two_orders_under_one_id_are_told_apart() -> None:
    state = books.state_of(books.intended())
    first, second = report(filled=0), report(filled=0, venue_id="V2", symbol="BTC/USD")
    snapshot = seen(found={"r-1": first}, open_orders=(first, second))
    found = compare(state, snapshot)
    assert ["Found BTC/USD", "Stopped BTC/USD"] in words(found)
    assert ["Accepted V1"] in words(found)


def test_a_journal_older_than_the_exchange_is_refused() -> None:
    other = report(client_id="r-2", venue_id="V2", symbol="BTC/USD")
    found = compare(books.state_of(books.intended()), seen(open_orders=(other,)))
    assert "not the newest" in found.refusal


def test_a_trade_of_others_is_recorded_once() -> None:
    state = books.state_of()
    snapshot = seen(trades=(trade(fill("T9", 1)),), balances=after(1))
    found = compare(state, snapshot)
    assert words(found) == [["Found BTC/USD", "Stopped BTC/USD"], ["BalancesSeen"]]
    assert state.balances.get("BTC") is None
    apply(state, found)
    assert state.balances["BTC"] == 1
    assert not compare(state, snapshot).units
    assert words(compare(state, replace(snapshot, trades=()))) == [["Released BTC/USD"]]


def test_a_trade_from_before_the_window_is_nobodys_business() -> None:
    snapshot = seen(trades=(trade(fill("T9", 1)),), trades_since_ms=START_MS + 51)
    assert not compare(books.state_of(), snapshot).units


def test_a_trade_may_be_of_an_order_that_has_no_name_yet() -> None:
    state = books.state_of(
        books.intended(), Unknown(at_ms=START_MS, client_id="r-1", why="timeout")
    )
    found = compare(state, seen(trades=(trade(fill("T9", 1)),), balances=after(1)))
    assert not found.units
    assert ("trade", "T9", "waits") in done(found)


def test_a_late_fill_of_a_finished_order_is_booked() -> None:
    state = books.state_of(*HELD)
    late = trade(fill("T2", 3), "V1")
    found = compare(state, seen(trades=(late,), balances=after(7)))
    assert words(found) == [["Filled T2"]]
    too_much = trade(fill("T2", 7), "V1")
    found = compare(state, seen(trades=(too_much,), balances=after(11)))
    assert words(found) == [["Stopped BTC/USD"], ["BalancesSeen"]]


def test_what_the_fills_do_not_explain_is_adopted() -> None:
    state = books.state_of(*HELD)
    found = compare(state, seen(balances=after(4) | {"USD": 12_345, "BTC": 5}))
    assert words(found) == [["BalancesSeen"]]
    apply(state, found)
    assert state.balances == {"USD": 12_345, "BTC": 5}


def test_adopted_balances_allow_for_the_fills_that_follow() -> None:
    state = books.state_of(books.intended(), books.accepted())
    told = report(fill("T1", 10), filled=10, reason="filled")
    balances = after(10) | {"BTC": Decimal(11)}
    found = compare(state, seen(found={"r-1": told}, balances=balances))
    assert words(found) == [["BalancesSeen"], ["Filled T1", "Ended filled"]]
    apply(state, found)
    assert state.balances == balances


@pytest.mark.parametrize(("there", "covered"), [("3.9995", True), ("3.999", False)])
def test_a_position_that_is_not_there_is_quarantined(there: str, covered: bool) -> None:
    state = books.state_of(*HELD)
    snapshot = seen(balances=after(4) | {"BTC": Decimal(there)})
    found = compare(state, snapshot)
    stop = [] if covered else [["Stopped BTC/USD"]]
    assert words(found) == [*stop, ["BalancesSeen"]]
    apply(state, found)
    assert not compare(state, snapshot).units


def test_balances_are_not_compared_while_something_trades() -> None:
    found = compare(books.state_of(), seen(balances={"BTC": 3}, steady=False))
    assert not found.units
    assert found.differences


def test_changed_market_rules_are_adopted() -> None:
    state = books.state_of()
    changed = replace(
        MARKETS["BTC/USD"], min_amount=Decimal("0.02"), status="limit_only"
    )
    snapshot = seen(markets=MARKETS | {"BTC/USD": changed})
    found = compare(state, snapshot)
    assert words(found) == [["MarketsSeen"]]
    assert found.differences[0].exchange == "min amount 0.02, status limit_only"
    apply(state, found)
    assert state.markets["BTC/USD"] == changed
    assert not compare(state, snapshot).units


def test_a_market_that_is_gone_is_quarantined_while_it_is_used() -> None:
    markets: dict[str, Market] = {"ETH/USD": MARKETS["ETH/USD"]}
    assert not compare(books.state_of(), seen(markets=markets)).units
    state = books.state_of(*HELD)
    found = compare(state, seen(markets=markets, balances=after(4)))
    assert words(found) == [["Stopped BTC/USD"]]


def test_only_its_own_stops_are_released() -> None:
    stop = Stopped(at_ms=START_MS, symbol="BTC/USD", until_ms=NEVER_MS, why="losses")
    assert not compare(books.state_of(stop), seen()).units


def test_a_cancel_that_may_not_have_left_is_sent_again() -> None:
    asked = books.state_of(books.intended(), books.accepted())
    asked.live["r-1"] = replace(asked.live["r-1"], cancel_asked="stop")
    found = compare(asked, seen(found={"r-1": report(filled=0)}))
    assert [order.intent.client_id for order in found.cancels] == ["r-1"]
    assert not found.units


def _journal(told: some.DataObject, number: int) -> list[Any]:
    """Draw what the journal knows of an order."""
    records: list[Any] = [books.intended(number)]
    stage = told.draw(some.integers(0, 5))
    name = f"r-{number}"
    if stage == 1:
        records.append(Unknown(at_ms=START_MS, client_id=name, why="timeout"))
    if stage >= 2:
        records.append(books.accepted(number))
    if stage >= 3:
        records.append(books.filled(f"T{number}a", 4, number))
    if stage >= 4:
        records.append(replace(CANCELLED, client_id=name))
    return records


def _told(told: some.DataObject, number: int) -> tuple[OrderReport | None, list[Any]]:
    """Draw what the exchange says of an order, and the trades it lists of it."""
    parts = told.draw(some.integers(0, 2))
    fills = [fill(f"T{number}{part}", 4) for part in "ab"[:parts]]
    lists = [trade(one, f"V{number}") for one in fills if told.draw(some.booleans())]
    if told.draw(some.booleans()):
        return None, lists
    more: dict[str, Any] = told.draw(
        some.sampled_from([{}, {"reason": "cancelled"}, {"reason": "filled"}])
    )
    total = told.draw(some.sampled_from([None, 4 * parts, 8]))
    names = {"client_id": f"r-{number}", "venue_id": f"V{number}"}
    return report(*fills, filled=total, symbol="BTC/USD", **names, **more), lists


@given(told=some.data())
def test_a_second_comparison_has_nothing_left_to_do(told: some.DataObject) -> None:
    records, found, opened, trades = [], {}, [], []
    for number in range(1, told.draw(some.integers(1, 4)) + 1):
        records += _journal(told, number)
        answer, lists = _told(told, number)
        trades += lists
        if told.draw(some.booleans()):
            found[f"r-{number}"] = answer
        if answer is not None and answer.open and told.draw(some.booleans()):
            opened.append(answer)
    if told.draw(some.booleans()):
        opened.append(report(client_id="", venue_id="V9", symbol="BTC/USD"))
    if told.draw(some.booleans()):
        trades.append(trade(fill("T9", 1), "V8"))
    totals = some.sampled_from([0, 3, 4, 8, 10_000])
    snapshot = seen(
        asked_ms=told.draw(some.sampled_from([START_MS + 1, LATE_MS])),
        found=found,
        open_orders=tuple(opened),
        trades=tuple(trades),
        balances={name: told.draw(totals) for name in ("USD", "BTC")},
        steady=told.draw(some.booleans()),
    )
    state = books.state_of(*records)
    first = compare(state, snapshot)
    apply(state, first)
    second = compare(state, snapshot)
    assert not second.units, f"after {first.units}"
    assert set(second.waits) <= set(first.waits)
