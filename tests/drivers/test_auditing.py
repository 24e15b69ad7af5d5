"""What nobody tells of: a deposit, an older copy of the journal."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

from tests.drivers.rehearsal import BTC, ETH, rehearsal
from tests.loopback import in_a_loop

from quorate import BalancesSeen, Mode
from quorate.drivers.control import Wish, write_wish
from quorate.errors import JournalError


@in_a_loop
async def test_a_deposit_is_adopted_while_the_run_goes_on(tmp_path: Path) -> None:
    async with rehearsal(tmp_path) as at, at.trading() as run:
        await run.until(run.holds, "held")
        before = run.state.balances["USD"]
        at.exchange.core.ledger.deposit("USD", Decimal(1_000))
        await run.until(lambda: run.state.balances["USD"] == before + 1_000, "adopted")
        assert not run.state.stopped
    assert any(isinstance(one, BalancesSeen) for one in at.records())


@in_a_loop
async def test_an_older_copy_of_the_journal_is_refused(tmp_path: Path) -> None:
    async with rehearsal(tmp_path) as at:
        copy = tmp_path / "older.sqlite"
        async with at.trading() as run:
            await run.until(run.holds, "held")
        shutil.copy(at.journal, copy)
        async with at.trading() as run:
            at.price(BTC, 45_000)
            await run.until(lambda: not run.state.positions, "stopped out")
        shutil.copy(copy, at.journal)
        async with at.trading(started=False) as run:
            error = await run.failed()
        assert isinstance(error, JournalError)
        assert "older copy" in str(error) or "not the newest" in str(error)


@in_a_loop
async def test_a_person_who_resumes_lifts_the_stop_of_a_symbol(tmp_path: Path) -> None:
    async with rehearsal(tmp_path) as at, at.trading() as run:
        await run.until(run.holds, "held")
        at.place(BTC, "40000")
        await run.until(lambda: BTC in run.state.stopped, "stopped")
        write_wish(at.journal, Wish(mode=Mode.ACTIVE, why="seen", at_ms=1))
        await run.until(lambda: not run.state.stopped, "lifted")
    assert at.state().stopped == {}


@in_a_loop
async def test_a_symbol_may_be_spelled_as_the_exchange_does(tmp_path: Path) -> None:
    async with (
        rehearsal(tmp_path) as at,
        at.trading(symbols=("XBT/USD",)) as run,
    ):
        await run.until(run.holds, "held")
        assert list(run.driver.view.lanes) == [BTC]


@in_a_loop
async def test_a_market_that_is_gone_stops_neither_start_nor_others(
    tmp_path: Path,
) -> None:
    async with rehearsal(tmp_path, symbols=(BTC, ETH)) as at:
        async with at.trading() as run:
            await run.until(lambda: run.holds(BTC) and run.holds(ETH), "held")
        methods = at.exchange.core._public._methods
        whole = methods["AssetPairs"]
        methods["AssetPairs"] = lambda query: {
            name: pair for name, pair in whole(query).items() if pair["wsname"] != ETH
        }
        at.symbols = (BTC,)
        async with at.trading() as run:
            await run.until(lambda: ETH in run.state.stopped, "quarantined")
            assert run.holds(BTC)
            assert not run.driver.view.lanes[ETH].entered
            assert BTC not in run.state.stopped
