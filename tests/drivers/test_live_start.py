"""How a live run starts and ends: one for an account, nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import pairwise
from pathlib import Path
from time import monotonic

import pytest
from tests.drivers.rehearsal import BTC, ETH, Run, open_journal, rehearsal
from tests.loopback import ccxt_urls, in_a_loop

from quorate import Intended, Keys, ModeSet, RulesChanged
from quorate.drivers.control import Wish, wish_path, write_wish
from quorate.drivers.upkeep import SHUTDOWN
from quorate.errors import JournalError, NoAnswer
from quorate.journal.journal import Journal
from quorate.values.mode import Mode
from quorate.values.trade import Purpose


@pytest.fixture(autouse=True)
def _own_account_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


async def a_while(run: Run, minutes: int = 2) -> None:
    """Let some candles close; the run must not end meanwhile."""
    lane = run.driver.view.lanes[BTC]
    until_ms = lane.closed_ms + minutes * 60_000
    await run.until(lambda: lane.closed_ms >= until_ms, "later")


@in_a_loop
async def test_a_stop_cancels_entries_and_leaves_what_protects(tmp_path: Path) -> None:
    params = {"entry_reach": "0%"}
    async with rehearsal(tmp_path, symbols=(BTC, ETH), params=params) as world:
        async with world.trading() as run:
            await run.until(
                lambda: len(run.resting(Purpose.ENTRY)) == 2, "entries that rest"
            )
            world.price(ETH, 2_490)
            await run.until(lambda: run.holds(ETH), "one of them filled")
            protecting = run.resting()[0].intent.client_id
            finished = await run.end()
            left = [one.intent.client_id for one in finished.orders]
            assert left == [protecting]
            assert [one["cl_ord_id"] for one in world.open_orders()] == left
            assert world.differences() == []
        assert world.modes() == [(Mode.REDUCE_ONLY, SHUTDOWN)]
        async with world.trading() as run:
            assert run.state.mode is Mode.ACTIVE
            assert world.modes()[1:] == [(Mode.ACTIVE, "start")]
            await run.until(lambda: run.resting(Purpose.ENTRY), "an entry again")
            assert [one.intent.client_id for one in run.resting()] == left
            await run.end()
        assert world.differences() == []


@in_a_loop
async def test_a_second_start_after_a_clean_stop_records_nothing(
    tmp_path: Path,
) -> None:
    async with rehearsal(tmp_path) as world:
        async with world.trading() as run:
            await run.until(run.holds, "protected")
            await run.until(lambda: run.state.declined, "no more entries for now")
            await run.end()
        before = world.records()
        for _ in range(2):
            async with world.trading() as run:
                await a_while(run)
                assert run.found[0].differences == ()
                await run.end()
        assert world.records() == before
        with Journal.open(world.journal, read_only=True) as journal:
            opens = [bar.open_ms for bar in journal.candles(symbol=BTC)]
        assert len(opens) >= 700
        steps = {later - one for one, later in pairwise(opens)}
        assert steps == {60_000}, "what closed while nothing ran is recorded too"


@in_a_loop
async def test_an_account_and_a_journal_have_one_run(tmp_path: Path) -> None:
    async with rehearsal(tmp_path) as world, world.trading() as run:
        with pytest.raises(JournalError, match="is being written by another run"):
            open_journal(world.journal)
        other = Journal.create(tmp_path / "other.sqlite")
        async with world.trading(started=False, journal=other) as second:
            error = await second.failed()
        assert isinstance(error, JournalError)
        assert "is traded by another run" in str(error)
        with Journal.open(tmp_path / "other.sqlite", read_only=True) as journal:
            assert list(journal.records()) == []
        await run.end()


@in_a_loop
async def test_the_journal_of_another_account_is_refused(tmp_path: Path) -> None:
    async with rehearsal(tmp_path) as world:
        async with world.trading() as run:
            await run.end()
        asked = len(world.exchange.requests())
        keys = Keys("another-key", world.exchange.secret)
        async with world.trading(started=False, keys=keys) as run:
            error = await run.failed()
        assert isinstance(error, JournalError)
        assert "the journal is that of kraken:" in str(error)
        assert "--journal" in str(error)
        assert len(world.exchange.requests()) == asked


@in_a_loop
async def test_an_exchange_that_is_not_there_is_told_as_that(tmp_path: Path) -> None:
    async with rehearsal(tmp_path) as world:
        setup = world.setup()
        setup.host.close()
        urls = {"urls": ccxt_urls("http://127.0.0.1:9"), "timeout": 1_000}
        settings = {**setup.settings, "ccxt": urls}
        begin_s = monotonic()
        async with world.trading(started=False, settings=settings) as run:
            error = await run.failed()
        assert isinstance(error, NoAnswer)
        assert str(error).startswith("kraken: ")
        assert monotonic() - begin_s < 10


@in_a_loop
async def test_a_changed_rulebook_is_recorded_once(tmp_path: Path) -> None:
    async with rehearsal(tmp_path) as world:
        async with world.trading() as run:
            await run.end()
        world.params["stop_loss"] = "3%"
        for _ in range(2):
            async with world.trading() as run:
                digest = run.state.rulebook
                await run.end()
        changes = [one for one in world.records() if isinstance(one, RulesChanged)]
        assert [one.rulebook for one in changes] == [digest]
        with Journal.open(world.journal, read_only=True) as journal:
            assert "rules:rules/entry.yaml" in journal.rulebook(digest)


@in_a_loop
async def test_a_symbol_taken_out_is_watched_out_but_not_entered(
    tmp_path: Path,
) -> None:
    async with rehearsal(tmp_path) as world:
        async with world.trading() as run:
            await run.until(run.holds, "protected")
            await run.end()
        world.symbols = (ETH,)
        async with world.trading() as run:
            before = run.state.orders_made
            world.price(BTC, 48_000)  # below its stop
            await run.until(lambda: not run.state.held_in[BTC], "out of it")
            assert run.state.orders_made > before
            world.price(BTC, 50_000)
            await a_while(run, minutes=3)
            assert not run.state.held_in[BTC]
            await run.end()
        assert world.differences() == []
        entries = [
            one.intent.symbol
            for one in world.records()
            if isinstance(one, Intended) and one.intent.purpose is Purpose.ENTRY
        ]
        assert entries.count(BTC) == 1
        assert ETH in entries


@in_a_loop
async def test_a_run_halts_by_a_wish_and_resumes_by_another(tmp_path: Path) -> None:
    async with rehearsal(tmp_path) as world:
        world.price(BTC, 51_000)
        async with world.trading() as run:
            for number, (mode, entered) in enumerate(
                [(Mode.HALTED, False), (Mode.REDUCE_ONLY, False), (Mode.ACTIVE, True)]
            ):
                write_wish(world.journal, Wish(mode=mode, why="by hand", at_ms=number))
                await run.until(partial(in_mode, run, mode), "taken")
                world.price(BTC, 50_000)
                await a_while(run)
                assert bool(world.sent()) is entered
            await run.end()
        assert world.differences() == []
        told = [(Mode.HALTED, "by hand"), (Mode.REDUCE_ONLY, "by hand")]
        assert world.modes() == [*told, (Mode.ACTIVE, "by hand")]


@in_a_loop
async def test_a_halt_given_while_nothing_ran_comes_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    async with rehearsal(tmp_path) as world:
        async with world.trading() as run:
            await run.until(run.holds, "protected")
            await run.end()
        sent = len(world.sent())
        world.exchange.exchange.calls.restart()  # its take-profit would rest again
        write_wish(world.journal, Wish(mode=Mode.HALTED, why="by hand", at_ms=1))
        async with world.trading() as run:
            world.price(BTC, 48_000)  # and its stop would sell
            await a_while(run)
            assert run.state.mode is Mode.HALTED
            assert len(world.sent()) == sent
            write_wish(world.journal, Wish(mode=Mode.ACTIVE, why="go on", at_ms=2))
            await run.until(lambda: len(world.sent()) > sent, "sold")
            await run.end()


@in_a_loop
async def test_a_wish_is_taken_once_and_undoes_nothing_that_came_later(
    tmp_path: Path,
) -> None:
    async with rehearsal(tmp_path) as world:
        world.price(BTC, 51_000)
        write_wish(world.journal, Wish(mode=Mode.ACTIVE, why="resume", at_ms=1))
        async with world.trading() as run:
            write_wish(world.journal, Wish(mode=Mode.HALTED, why="halt", at_ms=2))
            await run.until(lambda: run.state.mode is Mode.HALTED, "halted")
            write_wish(world.journal, Wish(mode=Mode.ACTIVE, why="resume", at_ms=3))
            await run.until(lambda: run.state.mode is Mode.ACTIVE, "resumed")
            run.driver.take([a_kill(run)])
            await asyncio.sleep(0.5)
            assert run.state.mode is Mode.HALTED
            await run.end()
        async with world.trading() as run:
            await asyncio.sleep(0.5)
            assert run.state.mode is Mode.HALTED
            assert run.state.mode_why == "loss"
            wish_path(world.journal).write_text("not a wish")
            await asyncio.sleep(0.5)
            await run.end()
        count = len(world.modes())
        async with world.trading() as run:
            await asyncio.sleep(0.5)
            await run.end()
        assert len(world.modes()) == count


@in_a_loop
async def test_a_wish_to_reduce_only_outlives_the_shutdown(tmp_path: Path) -> None:
    async with rehearsal(tmp_path, params={"entry_reach": "0%"}) as world:
        async with world.trading() as run:
            await run.until(lambda: run.resting(Purpose.ENTRY), "an entry that rests")
            await run.end()
        assert world.modes() == [(Mode.REDUCE_ONLY, SHUTDOWN)]
        write_wish(world.journal, Wish(mode=Mode.REDUCE_ONLY, why="mine", at_ms=1))
        async with world.trading() as run:
            assert run.state.mode is Mode.REDUCE_ONLY
            await a_while(run)
            assert not run.live()
            await run.end()
        assert world.modes()[1:] == [(Mode.REDUCE_ONLY, "mine")]


def in_mode(run: Run, mode: Mode) -> bool:
    return run.state.mode is mode


def a_kill(run: Run) -> ModeSet:
    """Return what a kill switch records when it fires."""
    now_ms = run.driver.now_ms()
    return ModeSet(at_ms=now_ms, mode=Mode.HALTED, why="loss", rule="loss", symbol=BTC)
