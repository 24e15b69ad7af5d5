"""Every order on the wire had passed both guards, durably, before it came there."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from tests.drivers.gate_audit import Audit, guards_of, missing
from tests.drivers.order_books import intent
from tests.drivers.rehearsal import BTC, ETH, Rehearsal, Run, rehearsal
from tests.loopback import in_a_loop

from quorate import Intended
from quorate.contract.decisions import Decision, Verdict
from quorate.journal.journal import Journal
from quorate.values.trade import Purpose

REFUSED = {"at": "AddOrder", "kind": "error", "value": "EOrder:Rate limit exceeded"}
FAULTS = (
    {**REFUSED, "times": 2},
    {"at": "AddOrder", "kind": "close", "share": 0.15},
    {"at": "AddOrder", "kind": "http", "value": 524, "share": 0.1, "after": True},
    {"at": "CancelOrder", "kind": "close", "share": 0.2},
)


@pytest.fixture(autouse=True)
def _own_account_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


async def trade(world: Rehearsal, run: Run, number: int) -> None:
    """Let positions be opened and left: by their take-profit, or by their stop."""
    await run.until(run.holds, "protected")
    world.price(BTC, 51_000 if number % 2 else 48_500)
    world.price(ETH, 2_400 if number % 2 else 2_600)
    await run.until(lambda: run.live() or run.state.positions, "leaving")
    await asyncio.sleep(0.3)
    world.price(BTC, 50_000)
    world.price(ETH, 2_500)


@in_a_loop
async def test_every_order_passed_both_guards_before_it_left(tmp_path: Path) -> None:
    async with rehearsal(tmp_path, symbols=(BTC, ETH), faults=FAULTS, seed=5) as world:
        guards = guards_of(world.setup().rulebook)
        audit = Audit(world.journal, guards)
        audit.attach(world.exchange.exchange)
        for number in range(3):
            async with world.trading() as run:
                for again in range(2):
                    await trade(world, run, number + again)
                if number % 2:
                    await run.kill()  # the next start recovers, and is audited too
                else:
                    await run.end()
        assert audit.lacking == []
        assert audit.seen == world.sent()
        assert max(Counter(audit.seen).values()) == 1, "an order was sent again"
        purposes = Counter(
            one.intent.purpose for one in world.records() if isinstance(one, Intended)
        )
        assert min(purposes[one] for one in Purpose) >= 2, purposes
        assert len(audit.seen) >= 15


@in_a_loop
async def test_the_audit_finds_an_order_that_went_round_the_gate(
    tmp_path: Path,
) -> None:
    async with rehearsal(tmp_path) as world:
        world.price(BTC, 51_000)
        audit = Audit(world.journal, guards_of(world.setup().rulebook))
        audit.attach(world.exchange.exchange)
        async with world.trading() as run:
            stray = intent(
                1,
                amount=Decimal("0.01"),
                limit_price=Decimal(30_000),
                reference_price=Decimal(30_000),
                deadline_ms=run.driver.now_ms() + 30_000,
            )
            await run.venue.send(stray)
            await run.end()
        assert audit.lacking == ["r-1: 0 intents"]


@in_a_loop
async def test_the_audit_finds_orders_that_leave_before_they_are_durable(
    tmp_path: Path,
) -> None:
    async with rehearsal(tmp_path) as world:
        audit = Audit(world.journal, guards_of(world.setup().rulebook))
        audit.attach(world.exchange.exchange)
        lazy = Journal.create(world.journal, commit_every=1_000)
        async with world.trading(journal=lazy) as run:
            await run.until(run.holds, "protected")
            await run.end()
        assert audit.seen
        assert audit.lacking == [f"{one}: 0 intents" for one in audit.seen]


def test_the_audit_wants_both_guards_in_the_unit_of_the_intent(tmp_path: Path) -> None:
    path, guards = (
        tmp_path / "made.sqlite",
        {"rate": "rate_limit", "money": "portfolio"},
    )

    def decided(rule: str, verdict: Verdict = Verdict.PASSED) -> Decision:
        return Decision(
            at_ms=1,
            verdict=verdict,
            section="checks",
            rule=rule,
            place="checks.yaml:1",
            symbol=BTC,
            client_id="r-1",
        )

    def lacking(*units: tuple[bool, tuple[Decision, ...]]) -> list[str]:
        path.unlink(missing_ok=True)
        with Journal.create(path) as journal:
            for intended, decisions in units:
                records = [Intended(at_ms=1, intent=intent(1))] if intended else []
                journal.write(records, decisions, cursor="", rulebook="made")
        return missing(path, "r-1", guards)

    both = decided("rate"), decided("money")
    refused = decided("rate"), decided("money", Verdict.REFUSED)
    assert lacking((True, both)) == []
    assert lacking((True, both[:1])) == ["r-1: no portfolio"]
    assert lacking((True, refused)) == ["r-1: no portfolio"]
    neither = ["r-1: no portfolio", "r-1: no rate_limit"]
    assert lacking((False, both), (True, ())) == neither
    assert lacking((True, ()), (False, both)) == neither
