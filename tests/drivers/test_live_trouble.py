"""What ends a live run, what only pauses it, and that nothing is sent after the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import time
from typing import Any

import pytest
from tests.drivers.rehearsal import BTC, open_journal, rehearsal
from tests.loopback import in_a_loop

from quorate import Ended, Intended
from quorate.contract.live import LiveVenue
from quorate.drivers import live_run, parts, upkeep
from quorate.drivers.live_run import LiveSetup, open_live_venue
from quorate.errors import JournalError, QuorateError, VenueError
from quorate.values.mode import Mode

MINUTE_S = 1.0
"""How long a minute of the exchange is on the wall here."""


@pytest.fixture(autouse=True)
def _own_account_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@in_a_loop
async def test_a_silent_market_pauses_entries_until_it_is_whole_again(
    tmp_path: Path,
) -> None:
    settings = {"stale_after": 30_000}
    async with rehearsal(tmp_path, settings=settings) as world:
        world.price(BTC, 51_000)
        async with world.trading() as run:
            lane = run.driver.view.lanes[BTC]
            await run.until(lambda: not lane.interrupted, "prices")
            world.exchange.faults.add(
                [
                    {"at": "ws:*", "kind": "ws_drop"},
                    {"at": "public/*", "kind": "http", "value": 502},
                ]
            )
            await run.until(lambda: lane.interrupted, "stale")
            assert run.driver.view.stale(BTC) == "stale-market"
            world.price(BTC, 50_000)
            closed_ms = lane.closed_ms
            run.candle()
            await run.until(lambda: lane.closed_ms > closed_ms, "a candle")
            await asyncio.sleep(MINUTE_S)
            assert not world.sent()
            warned = [told for told in run.told("warning") if "market stream" in told]
            assert warned
            world.exchange.faults.clear()
            await run.until(lambda: not lane.interrupted, "prices again")
            await run.until(run.holds, "entered")
            await run.end()
        assert world.differences() == []


@in_a_loop
async def test_a_polled_feed_tells_nobody_that_it_asks(tmp_path: Path) -> None:
    async with rehearsal(tmp_path, settings={"feed": "polling"}) as world:
        async with world.trading() as run:
            await run.until(run.holds, "protected")
            before = run.driver.gap_ms
            await run.until(lambda: run.driver.gap_ms > before, "asked")
            await run.end()
        assert not [told for told in run.told() if "stream" in told]


@in_a_loop
async def test_a_full_disk_ends_the_run_and_nothing_is_sent_after(
    tmp_path: Path,
) -> None:
    async with rehearsal(tmp_path) as world:
        journal = open_journal(world.journal)
        async with world.trading(journal=journal) as run:
            await run.until(run.holds, "protected")
            pages = next(journal._store.rows("PRAGMA page_count"))[0]
            list(journal._store.rows(f"PRAGMA max_page_count = {pages}"))
            until_s = asyncio.get_running_loop().time() + 20
            while run.task is not None and not run.task.done():
                assert asyncio.get_running_loop().time() < until_s
                run.candle()  # each one is a row
                world.price(BTC, 48_000)  # and the stop wants to sell
                await asyncio.sleep(0.01)
            error = await run.failed()
            sent = world.sent()
            assert isinstance(error, JournalError)
            assert "the disk is full; make room" in str(error)
        await asyncio.sleep(MINUTE_S)
        assert world.sent() == sent
        intended = [
            one.intent.client_id for one in world.records() if isinstance(one, Intended)
        ]
        assert set(sent) <= set(intended)


async def _dies(*_: Any) -> Any:
    await asyncio.sleep(2 * MINUTE_S)
    raise RuntimeError("it is broken")


async def _ends(*_: Any) -> None:
    await asyncio.sleep(2 * MINUTE_S)


@pytest.mark.parametrize(
    ("method", "instead", "told"),
    [
        ("watch", _dies, "the market data failed (RuntimeError: it is broken)"),
        ("follow", _dies, "the stream of orders failed (RuntimeError: it is broken)"),
        ("find", _dies, "failed (RuntimeError: it is broken)"),
        ("follow", _ends, "the stream of orders failed (ended by itself)"),
        ("send", _dies, "the driver failed (RuntimeError: it is broken)"),
    ],
)
def test_a_part_that_dies_ends_the_run_with_an_error(
    method: str,
    instead: Callable[..., Awaitable[Any]],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def opened(setup: LiveSetup) -> LiveVenue:
        venue = open_live_venue(setup)
        # Before it is pinned: a defect of its own, not something put in its place.
        monkeypatch.setattr(type(venue), method, instead)
        return venue

    @in_a_loop
    async def trade() -> None:
        monkeypatch.setattr(live_run, "open_live_venue", opened)
        monkeypatch.setattr(live_run, "QUIET_FOR_S", 3)
        # What rests is told by the list of open orders; what was filled, asked for.
        params = {} if method == "find" else {"entry_reach": "0%"}
        settings = {"feed": "polling"}
        async with rehearsal(tmp_path, settings=settings, params=params) as world:
            async with world.trading() as run:
                error = await run.failed()
            assert isinstance(error, QuorateError)
            assert told in str(error)
            if method == "follow":
                assert not [
                    one for one in world.open_orders() if one["side"] == "buy"
                ], "entries are cancelled by a run that can still do it"

    trade()


def test_a_part_that_loses_a_cancel_does_not_keep_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[str] = []

    async def watch(*_: Any) -> None:
        while len(lost) < 2:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                lost.append("a cancel")

    def opened(setup: LiveSetup) -> LiveVenue:
        venue = open_live_venue(setup)
        monkeypatch.setattr(type(venue), "watch", watch)
        return venue

    @in_a_loop
    async def trade() -> None:
        monkeypatch.setattr(live_run, "open_live_venue", opened)
        monkeypatch.setattr(parts, "CANCEL_EVERY_MS", 50)
        async with rehearsal(tmp_path) as world, world.trading() as run:
            await run.end()
        assert len(lost) == 2

    trade()


@in_a_loop
async def test_a_replaced_function_on_the_way_of_orders_halts(tmp_path: Path) -> None:
    async with rehearsal(tmp_path) as world:
        world.price(BTC, 51_000)
        async with world.trading() as run:
            exchange = run.venue.exchange
            sign = exchange.sign

            def tampered(*given: Any, **named: Any) -> Any:
                return sign(*given, **named)

            exchange.sign = tampered
            world.price(BTC, 50_000)
            await run.until(lambda: run.state.mode is Mode.HALTED, "halted")
            assert any("sign was put in the way" in told for told in run.told("alarm"))
            run.candle()
            await asyncio.sleep(MINUTE_S)
            assert world.sent() == []
            del exchange.sign
            await run.end()
        assert world.sent() == []


@pytest.mark.parametrize("shift_ms", [600_000, -600_000])
def test_a_clock_that_jumps_is_set_by_the_exchanges(
    shift_ms: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "CLOCK_EVERY_MS", 30_000)

    @in_a_loop
    async def trade() -> None:
        async with rehearsal(tmp_path) as world, world.trading() as run:
            clock = world.exchange.core.clock
            before_ms = run.driver.now_ms()
            clock.shift(shift_ms)
            await run.until(lambda: run.told("alarm"), "noticed")
            assert "the clock was" in run.told("alarm")[0]
            ahead_ms = run.driver.now_ms() - clock.now_ms()
            # Never back: a clock that was ahead waits for the exchange's.
            assert abs(ahead_ms - max(0, -shift_ms)) < 120_000
            assert run.driver.now_ms() >= before_ms
            await run.end()
        moments = [record.at_ms for record in world.records()]
        assert moments == sorted(moments)

    trade()


@in_a_loop
async def test_a_computer_that_slept_asks_for_the_time_at_once(tmp_path: Path) -> None:
    async with rehearsal(tmp_path) as world, world.trading() as run:
        asked: list[int] = []

        class Venue:
            async def clock_ms(self) -> int:
                asked.append(run.driver.now_ms())
                return run.driver.now_ms()

        slept = [0.0]
        beside: Any = upkeep.Upkeep(
            run.driver,
            Venue(),  # type: ignore[arg-type]
            lambda: None,
            lambda: None,
            wall_s=lambda: time() + slept[0],
        )
        keeping = asyncio.create_task(beside.keep_time())
        await asyncio.sleep(1.2)
        assert not asked
        slept[0] = 3_600.0
        await run.until(lambda: asked, "asked")
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await run.end()


SWITCH = {"dead_man_switch": 60_000}


@in_a_loop
async def test_a_dead_mans_switch_cancels_when_the_run_is_killed(
    tmp_path: Path,
) -> None:
    async with rehearsal(tmp_path, settings=SWITCH) as world:
        async with world.trading() as run:
            await run.until(run.holds, "protected")
            rest = run.resting()[0].intent
            await asyncio.sleep(2 * MINUTE_S)
            assert [one["cl_ord_id"] for one in world.open_orders()] == [rest.client_id]
            assert any("protect positions" in told for told in run.told("warning"))
            await run.kill()
        await _until(lambda: not world.open_orders())
        async with world.trading() as run:
            assert [one.about for one in run.found[0].differences] == [rest.client_id]
            await run.until(run.holds, "protected again")
            assert run.resting()[0].intent.client_id != rest.client_id
            await run.end()
        assert world.differences() == []
        assert any("the dead man's switch stays on" in told for told in run.told())
    ended = {one.client_id: one for one in world.records() if isinstance(one, Ended)}
    assert ended[rest.client_id].reason == "cancelled"


@in_a_loop
async def test_a_dead_mans_switch_is_off_after_a_stop_with_nothing_open(
    tmp_path: Path,
) -> None:
    async with rehearsal(tmp_path, settings=SWITCH) as world:
        world.price(BTC, 51_000)
        async with world.trading() as run:
            engine = world.exchange.core.engine
            await run.until(lambda: engine.stop_ms is not None, "switched on")
            await run.end()
        assert engine.stop_ms is None
        told = [
            one["form"]["timeout"]
            for one in world.exchange.requests("CancelAllOrdersAfter")
        ]
        assert set(told[:-1]) == {"60"}
        assert told[-1] == "0"


@pytest.mark.parametrize(
    ("switch_ms", "has_one", "told"),
    [(5_000, True, "is too short"), (60_000, False, "cannot cancel orders by itself")],
)
def test_a_dead_mans_switch_that_cannot_work_is_refused(
    switch_ms: int,
    has_one: bool,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def opened(setup: LiveSetup) -> LiveVenue:
        venue = open_live_venue(setup)
        if not has_one:
            monkeypatch.setattr(type(venue), "hold_alive", None)
        return venue

    @in_a_loop
    async def trade() -> None:
        monkeypatch.setattr(live_run, "open_live_venue", opened)
        settings = {"dead_man_switch": switch_ms}
        async with rehearsal(tmp_path, settings=settings) as world:
            async with world.trading(started=False) as run:
                error = await run.failed()
            assert isinstance(error, VenueError)
            assert told in str(error)
            assert not world.records()

    trade()


async def _until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.02)
