"""Orders of a live run over the loopback exchange: real ccxt, journal and rules."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from tests.drivers.rehearsal import BTC, ETH, Rehearsal, Run, rehearsal
from tests.loopback import in_a_loop, part

from quorate import CancelAsked, Ended, ErrorSeen, Filled, Found, Intended, Unknown
from quorate.values.trade import OrderStatus, Purpose


@pytest.fixture(autouse=True)
def _own_account_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


async def settled(run: Run) -> None:
    """Wait until nothing is on its way."""
    await run.until(
        lambda: run.driver.idle and not run.live(Purpose.ENTRY), "nothing on its way"
    )


def protected(run: Run, positions: int) -> bool:
    """Return whether so many positions have a take-profit in the book."""
    return len(run.resting()) >= positions


def refusals(world: Rehearsal) -> dict[str, list[str]]:
    """Return the errors of the orders that the exchange refused."""
    refused = world.exchange.ledger()["refused"]
    return {
        one["form"]["cl_ord_id"]: one["errors"]
        for one in refused
        if one["method"] == "AddOrder"
    }


async def agreed(world: Rehearsal, run: Run) -> None:
    """End the run, and see that its journal is the exchange's ledger."""
    await run.end()
    assert world.differences() == []


@in_a_loop
async def test_a_trade_from_entry_to_close_is_in_both_books(tmp_path: Path) -> None:
    async with rehearsal(tmp_path) as world, world.trading() as run:
        await run.until(run.holds, "protected")
        world.price(BTC, 51_000)
        await run.until(lambda: not run.state.positions, "closed")
        await settled(run)
        finished = await run.end()
        assert (finished.positions, finished.orders) == ((), ())
        assert world.differences() == []
        sides = {trade["side"] for trade in world.exchange.ledger()["trades"]}
        assert sides == {"buy", "sell"}
        assert any("closed by" in told for told in run.told("info"))
        assert not run.told("alarm")


@in_a_loop
async def test_a_stop_frees_what_rests_before_it_sells(tmp_path: Path) -> None:
    async with rehearsal(tmp_path) as world, world.trading() as run:
        await run.until(run.holds, "protected")
        rest = run.resting()[0]
        world.price(BTC, 48_000)
        await run.until(lambda: len(run.state.positions) != 1 or run.live(), "leaving")
        await run.until(lambda: rest.intent.position_id not in run.state.positions)
        world.price(BTC, 51_000)
        await settled(run)
        await agreed(world, run)
        asked = [one for one in world.records() if isinstance(one, CancelAsked)]
        assert rest.intent.client_id in {one.client_id for one in asked}


@in_a_loop
async def test_a_refusal_is_retried_as_the_error_rules_say(tmp_path: Path) -> None:
    busy = {"at": "AddOrder", "kind": "error", "value": "EOrder:Rate limit exceeded"}
    async with (
        rehearsal(tmp_path, faults=[{**busy, "times": 1}]) as world,
        world.trading() as run,
    ):
        await run.until(run.holds, "protected")
        await agreed(world, run)
    records = world.records()
    errors = [one for one in records if isinstance(one, ErrorSeen)]
    assert [one.rule for one in errors] == ["engine-rate-limit"]
    entries = [
        one.intent
        for one in records
        if isinstance(one, Intended) and one.intent.purpose is Purpose.ENTRY
    ]
    assert [one.attempt for one in entries] == [1, 2]
    assert entries[0].client_id != entries[1].client_id
    assert entries[0].root_id == entries[1].root_id


@in_a_loop
async def test_a_lost_reply_counts_in_full_until_the_order_is_found(
    tmp_path: Path,
) -> None:
    lost = {"at": "AddOrder", "kind": "close", "times": 1}
    deaf = {"at": "*Orders", "kind": "http", "value": 502}
    settings = {"feed": "polling"}
    async with (
        rehearsal(tmp_path, settings=settings, faults=[lost, deaf]) as world,
        world.trading() as run,
    ):
        await run.until(
            lambda: OrderStatus.UNKNOWN in {one.status for one in run.live()}, "unknown"
        )
        order = run.live()[0]
        desk = run.driver.flow.bench.desk(BTC, run.driver.now_ms())
        cost = order.intent.amount * (order.intent.limit_price or Decimal(0))
        assert cost > 0
        assert desk.free("USD") <= 10_000 - cost
        world.exchange.faults.clear()
        await run.until(run.holds, "adopted and protected")
        await agreed(world, run)
    assert sum(isinstance(one, Unknown) for one in world.records()) == 1
    assert world.sent().count(order.intent.client_id) == 1


@in_a_loop
async def test_an_order_that_came_too_late_is_ended_by_evidence_and_never_repeated(
    tmp_path: Path,
) -> None:
    late = {"at": "AddOrder", "kind": "delay_before", "value": 90_000, "times": 1}
    async with rehearsal(tmp_path, faults=[late]) as world:
        world.timeout_ms = 700
        async with world.trading() as run:
            await run.until(run.live, "an entry")
            first = run.live()[0].intent
            await run.until(lambda: first.client_id in run.state.finished, "given up")
            order = run.state.finished[first.client_id]
            assert order.end_reason == "not_placed"
            await run.until(run.holds, "another entry")
            # Only now does the first one come to the engine: it is refused there.
            await run.until(lambda: refusals(world).get(first.client_id), "refused")
            told = refusals(world)[first.client_id]
            assert told == ["EService:Deadline elapsed"]
            await agreed(world, run)
    assert world.sent().count(first.client_id) == 1


@in_a_loop
async def test_fills_that_race_a_cancel_are_all_booked(tmp_path: Path) -> None:
    slow = {"at": "CancelOrder", "kind": "delay_before", "value": 90_000, "times": 1}
    liquidity = part("market").Liquidity(depth=Decimal("0.002"))
    params = {"entry_patience": "20s", "entry_reach": "0.01%"}
    async with (
        rehearsal(tmp_path, params=params, liquidity=liquidity, faults=[slow]) as world,
        world.trading() as run,
    ):
        await run.until(lambda: run.live(Purpose.ENTRY), "an entry")
        client_id = run.live(Purpose.ENTRY)[0].intent.client_id
        await run.until(lambda: run.order(client_id).cancel_asked, "to be cancelled")
        order = run.order(client_id)
        assert 0 < order.filled < order.intent.amount
        # The market comes to it while the cancel is under way.
        world.price(BTC, 49_900)
        await run.until(lambda: client_id in run.state.finished, "over")
        await run.until(run.holds, "protected")
        held = run.state.positions[order.intent.position_id].held
        assert held == run.order(client_id).filled > order.filled
        await agreed(world, run)
    fills = [one for one in world.records() if isinstance(one, Filled)]
    assert len([one for one in fills if one.client_id == client_id]) >= 2


@in_a_loop
async def test_a_take_profit_that_a_restart_lost_rests_again(tmp_path: Path) -> None:
    async with rehearsal(tmp_path) as world, world.trading() as run:
        await run.until(run.holds, "protected")
        lost = run.resting()[0].intent
        world.exchange.exchange.calls.restart()
        assert not world.open_orders()
        await run.until(lambda: lost.client_id in run.state.finished, "missed")
        await run.until(run.holds, "protected again")
        again = run.resting()[0].intent
        assert (again.amount, again.position_id) == (lost.amount, lost.position_id)
        assert [one["cl_ord_id"] for one in world.open_orders()] == [again.client_id]
        await run.end()
    ended = {one.client_id: one for one in world.records() if isinstance(one, Ended)}
    assert ended[lost.client_id].reason == "cancelled"


@in_a_loop
async def test_an_order_of_somebody_else_stops_its_symbol_only(tmp_path: Path) -> None:
    async with rehearsal(tmp_path, symbols=(BTC, ETH)) as world:
        world.price(BTC, 51_000)
        world.price(ETH, 60_000)
        async with world.trading() as run:
            await run.until(lambda: run.driver.streams.get("orders") == "", "streamed")
            theirs = world.place(BTC, "30000", "by-hand")
            await run.until(lambda: BTC in run.state.stopped, "stopped")
            assert ("order", theirs) in run.state.found
            world.price(BTC, 50_000)
            world.price(ETH, 2_500)
            await run.until(lambda: run.holds(ETH), "the other entered")
            declined = lambda: [  # noqa: E731
                one for one in run.driver.recent if one.symbol == BTC
            ]
            await run.until(declined, "the candles looked at")
            await run.end()
            assert theirs in {one["txid"] for one in world.open_orders()}
    records = world.records()
    symbols = {one.intent.symbol for one in records if isinstance(one, Intended)}
    assert symbols == {ETH}
    assert [one.venue_id for one in records if isinstance(one, Found)] == [theirs]


@in_a_loop
async def test_tasks_do_not_add_up_over_many_orders(tmp_path: Path) -> None:
    params = {"max_positions": "50", "max_positions_here": "5", "entry_share": "2%"}
    async with rehearsal(tmp_path, params=params) as world, world.trading() as run:
        lane = run.driver.view.lanes[BTC]
        usual = 0
        for _ in range(12):
            world.price(BTC, 50_000)
            await run.until(lambda: lane.price == 50_000, "the price")
            for position in range(1, 6):
                run.candle()
                await run.until(partial(protected, run, position), "protected")
            world.price(BTC, 51_000)
            await run.until(lambda: not run.state.positions, "closed")
            await settled(run)
            usual = usual or len(asyncio.all_tasks())
        assert run.state.orders_made >= 120
        # Some come and go all the time: those of the wire, at both of its ends.
        await run.until(lambda: len(asyncio.all_tasks()) <= usual + 2, "as few tasks")
        await agreed(world, run)
