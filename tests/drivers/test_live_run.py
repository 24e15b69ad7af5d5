"""The live driver against the loopback exchange: real ccxt, journal and rules."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.drivers.rehearsal import BTC, rehearsal
from tests.loopback import in_a_loop

from quorate.values.trade import Purpose


@pytest.fixture(autouse=True)
def _own_account_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@in_a_loop
async def test_a_trade_from_entry_to_close_is_in_both_books(tmp_path: Path) -> None:
    async with rehearsal(tmp_path) as world, world.trading() as run:
        await run.until(lambda: run.resting(Purpose.TAKE_PROFIT), "protected")
        assert run.state.held_in[BTC]
        world.price(BTC, 51_000)
        await run.until(lambda: not run.state.positions, "closed")
        await run.until(lambda: run.driver.idle if run.driver else False, "idle")
        finished = await run.end()
        assert (finished.positions, finished.orders) == ((), ())
        assert world.differences() == []
        assert len(world.exchange.ledger()["trades"]) >= 2
