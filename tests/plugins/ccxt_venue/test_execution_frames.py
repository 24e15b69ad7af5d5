"""Frames of executions, in any order and number, add up to the truth or to less."""

from __future__ import annotations

import json
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate import Liquidity, OrderReport, Side

part = import_module("venue_orders").part
frames = part("execution_frames")
Executions, Sequence, read_exactly = (
    frames.Executions,
    frames.Sequence,
    frames.read_exactly,
)

Item = dict[str, Any]


def moment(second: int) -> str:
    return f"2026-01-02T03:04:{second:02}.123456Z"


def merged() -> Any:
    return Executions(lambda asset: {"XBT": "BTC"}.get(asset, asset))


def pending(order: str = "O1", **more: Any) -> Item:
    return {
        "order_id": order,
        "cl_ord_id": f"1a2b3c4d-{order[1:]}",
        "exec_type": "pending_new",
        "order_status": "pending_new",
        "symbol": "BTC/USD",
        "side": "buy",
        "order_qty": Decimal("0.30"),
        "cum_qty": Decimal(0),
        "timestamp": moment(1),
        **more,
    }


def new(order: str = "O1") -> Item:
    kind = {"exec_type": "new", "order_status": "new"}
    return {"order_id": order, "timestamp": moment(2), **kind}


def trade(number: int, amount: str, cum: str, order: str = "O1", **more: Any) -> Item:
    return {
        "order_id": order,
        "exec_type": "trade",
        "order_status": "partially_filled",
        "exec_id": f"T{order[1:]}-{number}",
        "symbol": "BTC/USD",
        "side": "buy",
        "last_qty": Decimal(amount),
        "last_price": Decimal("50000.1"),
        "liquidity_ind": "t",
        "fees": [{"asset": "USD", "qty": Decimal("0.0400001")}],
        "cum_qty": Decimal(cum),
        "timestamp": moment(3 + number),
        **more,
    }


def over(kind: str, cum: str, order: str = "O1") -> Item:
    ended = {"exec_type": kind, "order_status": kind, "timestamp": moment(40)}
    return {"order_id": order, "cum_qty": Decimal(cum), **ended}


def test_the_parts_of_an_order_are_told_as_one() -> None:
    one = merged()
    first = one.take(pending())
    assert (first.client_id, first.side, first.open) == ("1a2b3c4d-1", Side.BUY, True)
    assert one.take(new()) is None  # nothing that was not known
    part_one = one.take(trade(1, "0.1", "0.1"))
    assert part_one.open
    last = one.take(trade(2, "0.2", "0.3"))
    # A fill does not end an order, though it fills it, and whatever it says.
    told = merged().take(trade(1, "0.3", "0.3", order_status="filled"))
    assert (told.open, told.reason) == (True, "")
    assert (last.open, last.filled) == (True, Decimal("0.3"))
    ended = one.take(over("filled", "0.3"))
    assert (ended.open, ended.reason, ended.symbol) == (False, "filled", "BTC/USD")
    assert ended.client_id == "1a2b3c4d-1"
    assert [fill.trade_id for fill in ended.fills] == ["T1-1", "T1-2"]
    assert ended.fills[0].liquidity is Liquidity.TAKER
    assert ended.fills[0].fee == Decimal("0.0400001")


def test_a_partly_filled_ioc_is_cancelled_with_its_fill() -> None:
    one = merged()
    one.take(pending())
    one.take(trade(1, "0.1", "0.1", liquidity_ind="m"))
    ended = one.take(over("canceled", "0.1"))
    assert (ended.reason, ended.filled) == ("cancelled", Decimal("0.1"))
    assert ended.fills[0].liquidity is Liquidity.MAKER


def test_the_end_of_an_order_is_final_though_older_frames_come_after_it() -> None:
    one = merged()
    one.take(pending())
    ended = one.take(over("filled", "0.3"))
    assert (ended.open, ended.filled, ended.fills) == (False, Decimal("0.3"), ())
    late = one.take(trade(1, "0.3", "0.3"))
    assert (late.open, late.reason, len(late.fills)) == (False, "filled", 1)
    assert one.take(new()) is None
    assert one.take(pending()) is None


def test_less_filled_at_the_end_than_before_is_told_not_hidden() -> None:
    one = merged()
    one.take(trade(1, "0.2", "0.2"))
    ended = one.take(over("canceled", "0.1"))
    assert ended.filled == Decimal("0.1")
    assert len(ended.fills) == 1
    late = one.take(trade(2, "0.1", "0.3"))
    assert (late.filled, len(late.fills)) == (Decimal("0.1"), 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"fees": []},
        {"fees": None},
        {"fees": [{"asset": "USD", "qty": 1}, {"asset": "KFEE", "qty": 1}]},
        {"fees": [{"asset": "USD"}]},
        {"liquidity_ind": "?"},
        {"last_price": None},
        {"exec_id": ""},
        {"exec_id": None},
    ],
)
def test_a_fill_that_is_not_all_there_is_left_out_but_not_its_amount(
    changes: Item,
) -> None:
    report = merged().take(trade(1, "0.1", "0.1", **changes))
    assert (report.filled, report.fills) == (Decimal("0.1"), ())


def test_fees_of_one_currency_are_added_and_go_by_its_common_name() -> None:
    fees = [{"asset": "XBT", "qty": Decimal("0.1")}, {"asset": "XBT", "qty": 0}]
    fill = merged().take(trade(1, "0.1", "0.1", fees=fees)).fills[0]
    assert (fill.fee, fill.fee_currency) == (Decimal("0.1"), "BTC")


@pytest.mark.parametrize(
    "changes",
    [
        {"order_id": ""},
        {"order_id": 7},
        {"last_qty": Decimal("NaN")},
        {"last_qty": Decimal("-1")},
        {"last_price": Decimal("1e300")},
        {"cum_qty": "much"},
        {"cum_qty": True},
        {"cum_qty": []},
        {"timestamp": "yesterday"},
        {"timestamp": "2026-01-02T03:04:05"},
    ],
)
def test_what_cannot_be_read_changes_nothing_and_says_so(changes: Item) -> None:
    one = merged()
    known = one.take(pending())
    with pytest.raises(ValueError, match=r"."):
        one.take(trade(1, "0.1", "0.1", **changes))
    assert one.take(over("canceled", "0")).fills == known.fills == ()


def test_figures_are_exact_as_they_stand_in_the_frame() -> None:
    text = (
        '{"data":[{"last_qty":0.10000000000000000001,"last_price":123456789.12345678}]}'
    )
    item = read_exactly(text)["data"][0]
    assert item["last_qty"] == Decimal("0.10000000000000000001")
    assert item["last_price"] == Decimal("123456789.12345678")
    for bad in ("NaN", "Infinity", "-Infinity"):
        with pytest.raises(ValueError, match="no number"):
            read_exactly(f'{{"last_qty":{bad}}}')


def test_orders_that_are_over_are_forgotten_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(frames, "REMEMBERED", 3)
    one = merged()
    one.take(pending("O1"))
    for number in range(2, 30):
        one.take(over("canceled", "0", f"O{number}"))
    # Still known by its own id.
    assert one.take(over("canceled", "0", "O1")).client_id == "1a2b3c4d-1"


def test_a_number_that_is_late_is_no_hole_and_one_that_is_lost_is() -> None:
    numbers = Sequence()
    for number in (1, 2, 4, 3, 5):
        numbers.take(Decimal(number), 100)
    assert numbers.holes(1_000) == 0
    numbers.take(8, 200)
    assert numbers.holes(200) == 0  # not yet
    assert numbers.holes(201) == 2
    assert numbers.holes(999) == 0  # told once
    numbers.take(8, 300)
    numbers.take(None, 300)
    assert numbers.holes(999) == 0


def test_a_first_frame_that_is_not_the_first_shows_a_hole() -> None:
    numbers = Sequence()
    numbers.take(3, 0)
    assert numbers.holes(1) == 2


def life(amounts: list[int], kind: str, order: str) -> list[Item]:
    """Return all frames of an order with these fills."""
    whole, cum = sum(amounts) + 1, 0
    told = [pending(order, order_qty=Decimal(whole)), new(order)]
    for number, amount in enumerate(amounts):
        cum += amount
        told.append(trade(number, str(amount), str(cum), order))
    return [*told, over(kind, str(cum), order)]


LIVES = st.lists(
    st.tuples(
        st.lists(st.integers(1, 9), max_size=4),
        st.sampled_from(["canceled", "expired"]),
    ),
    min_size=1,
    max_size=3,
)


def truth_of(items: list[Item]) -> dict[str, tuple[Decimal, list[str], str]]:
    truth: dict[str, tuple[Decimal, list[str], str]] = {}
    for item in items:
        filled, ids, reason = truth.get(item["order_id"], (Decimal(0), [], ""))
        if item["exec_type"] == "trade":
            filled, ids = filled + item["last_qty"], [*ids, item["exec_id"]]
        elif item["exec_type"] in ("canceled", "expired"):
            reason = "cancelled" if item["exec_type"] == "canceled" else "expired"
        truth[item["order_id"]] = (filled, ids, reason)
    return truth


@given(lives=LIVES, draw=st.data())
def test_reports_never_say_more_than_the_truth_and_say_all_when_all_came(
    lives: list[tuple[list[int], str]], draw: Any
) -> None:
    items = [
        item
        for number, (amounts, kind) in enumerate(lives)
        for item in life(amounts, kind, f"O{number}")
    ]
    truth = truth_of(items)
    copies = draw.draw(st.lists(st.integers(0, 2), min_size=len(items), max_size=99))
    wire = [
        item for item, times in zip(items, copies, strict=False) for _ in range(times)
    ]
    one, last = merged(), dict[str, OrderReport]()
    for item in draw.draw(st.permutations(wire)):
        # As it stands on the wire.
        text = json.dumps({"data": [item]}, default=float)
        report = one.take(read_exactly(text)["data"][0])
        if report is None:
            continue
        filled, ids, reason = truth[report.venue_id]
        told = [fill.trade_id for fill in report.fills]
        assert len(set(told)) == len(told)
        assert set(told) <= set(ids)
        assert report.filled is None or report.filled <= filled
        assert report.reason in ("", reason)
        before = last.get(report.venue_id)
        if before is not None:
            assert set(told) >= {fill.trade_id for fill in before.fills}
            assert before.open or not report.open
        last[report.venue_id] = report
    for venue_id, (filled, ids, reason) in truth.items():
        if all(item in wire for item in items if item["order_id"] == venue_id):
            whole = last[venue_id]
            told = [fill.trade_id for fill in whole.fills]
            assert (whole.filled, sorted(told), whole.reason) == (
                filled,
                sorted(ids),
                reason,
            )


@given(lives=LIVES, cut=st.integers(0, 30), draw=st.data())
def test_after_the_last_snapshot_nothing_is_wrong(
    lives: list[tuple[list[int], str]], cut: int, draw: Any
) -> None:
    amounts, kind = lives[0]
    items = life(amounts, kind, "O1")[: cut or None]
    kept = [item for item in items if draw.draw(st.booleans())]
    one = merged()
    for item in kept:
        one.take(item)
    filled, _, reason = truth_of(items).get("O1", (Decimal(0), [], ""))
    if reason:
        return  # a snapshot has open orders only
    whole = Decimal(sum(amounts) + 1)
    snapshot = pending(exec_type="new", order_qty=whole, cum_qty=filled)
    told = one.take(snapshot)
    if told is not None:
        assert (told.open, told.filled, told.amount) == (True, filled, whole)
        assert told.client_id == "1a2b3c4d-1"
    assert one.take(snapshot) is None
