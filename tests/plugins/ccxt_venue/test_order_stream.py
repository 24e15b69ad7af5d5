"""Gaps are told, never hidden: silence, holes, what cannot be read, and refusals."""

from __future__ import annotations

import asyncio
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

from quorate import Gap, NoAnswer, OrderReport

part = import_module("venue_orders").part
stream, pacing, frames, wire = (
    part("order_stream"),
    part("pacing"),
    part("execution_frames"),
    part("wire"),
)


class ByHand:
    """A clock that is turned by hand."""

    at_ms = 1_000_000

    def now_ms(self) -> int:
        return self.at_ms

    elapsed_ms = now_ms

    def unsure_ms(self) -> int:
        return 0


def desk(**settings: Any) -> tuple[Any, ByHand, list[Any]]:
    clock, told = ByHand(), list[Any]()
    venue = SimpleNamespace(settings=settings, clock=clock, name="kraken", secrets=())
    timing = pacing.Timing(venue)
    outages = pacing.Outages("orders", told.append, greets=True)
    return stream.OrderDesk(venue, timing, outages, told.append), clock, told


def gaps(told: list[Any]) -> list[tuple[bool, str]]:
    return [(one.over, one.why) for one in told if isinstance(one, Gap)]


def executions(number: int, *items: Any) -> dict[str, Any]:
    return {"channel": "executions", "data": list(items), "sequence": number}


def over(order: str = "O1") -> dict[str, Any]:
    return {"order_id": order, "exec_type": "canceled", "cum_qty": 0}


async def watched(one: Any, clock: ByHand, *, turns: int = 1) -> str:
    """Let the watch look a few times; return why it ended, "" when it did not."""
    task = asyncio.ensure_future(one.watch())
    for _ in range(turns):
        await asyncio.sleep(0.001)
    if task.done():
        return str(task.result())
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return ""


def test_a_frame_that_is_missing_is_a_gap_once_it_is_late() -> None:
    async def run() -> None:
        where, clock, told = desk(pace=1_000)
        one = stream.KrakenExecutions(where, frames.Executions(str))
        one.take(executions(1))
        one.take(executions(3, over()))
        assert await watched(one, clock) == ""
        assert not gaps(told)
        clock.at_ms += 1_000_000
        one.take({"channel": "heartbeat"})
        await watched(one, clock)
        assert gaps(told) == [
            (False, "1 frames are missing"),
            (True, "after: 1 frames are missing"),
        ]
        await watched(one, clock)
        assert len(gaps(told)) == 2
        assert sum(isinstance(each, OrderReport) for each in told) == 1

    asyncio.run(run())


def test_what_cannot_be_read_is_a_gap_but_not_one_for_each_frame() -> None:
    async def run() -> None:
        where, clock, told = desk()
        one = stream.KrakenExecutions(where, frames.Executions(str))
        for number in range(1, 50):
            one.take(executions(number, {"order_id": 7}, "nonsense"))
            await watched(one, clock)
        assert len(gaps(told)) == 2
        clock.at_ms += stream.GAPS_APART_MS
        await watched(one, clock)
        assert len(gaps(told)) == 4

    asyncio.run(run())


def test_a_silent_connection_is_given_up() -> None:
    async def run() -> None:
        where, clock, _ = desk(stale_after=30_000)
        one = stream.KrakenExecutions(where, frames.Executions(str))
        clock.at_ms += 30_000
        assert await watched(one, clock) == ""
        clock.at_ms += 1
        assert await watched(one, clock, turns=3) == "nothing came for 30 s"

    asyncio.run(run())


def test_a_subscription_is_answered_refused_or_given_up() -> None:
    async def run(answer: dict[str, Any] | None) -> str:
        where, _, _ = desk(pace=10_000)
        one = stream.KrakenExecutions(where, frames.Executions(str))
        if answer is not None:
            one.take({"method": "subscribe", **answer})
        told: str = await one.answered()
        return told

    assert asyncio.run(run({"success": True})) == "answered"
    refused = {"success": False, "error": "ESession:Invalid session"}
    assert asyncio.run(run(refused)) == "executions: ESession:Invalid session"
    denied = {"success": False, "error": "EGeneral:Permission denied"}
    with pytest.raises(pacing.Refused, match="Permission denied"):
        asyncio.run(run(denied))


def test_gaps_are_told_at_both_ends_and_not_twice() -> None:
    told: list[Any] = []
    outages = pacing.Outages("market", told.append, greets=False)
    outages.end()
    assert not told
    for why in ("lost", "lost", "refused"):
        outages.begin(why)
    outages.end()
    outages.end()
    assert gaps(told) == [(False, "lost"), (False, "refused"), (True, "after: refused")]
    greeted: list[Any] = []
    pacing.Outages("orders", greeted.append, greets=True).end()
    assert gaps(greeted) == [(True, "connected")]


def kept_on(
    *ends: BaseException | str, secrets: tuple[str, ...] = ()
) -> tuple[list[Any], list[float]]:
    """Return what was told, and the pauses, while attempts end like this."""
    told: list[Any] = []
    pauses: list[float] = []
    left = list(ends)

    async def attempt(recovered: Any) -> str:
        if not left:
            raise asyncio.CancelledError
        end = left.pop(0)
        if isinstance(end, BaseException):
            raise end
        recovered()
        return end

    async def sleep(span_ms: float, least_s: float = 0) -> None:
        pauses.append(span_ms)

    async def run() -> None:
        venue = SimpleNamespace(name="kraken", secrets=secrets)
        timing = SimpleNamespace(sleep=sleep)
        outages = pacing.Outages("orders", told.append, greets=True)
        await pacing.keep_on(venue, timing, outages, attempt)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(run())
    return told, pauses


def test_a_stream_goes_on_whatever_happens_until_it_is_cancelled() -> None:
    told, pauses = kept_on(
        "closed", NoAnswer("no turn"), ValueError("odd"), "closed again"
    )
    assert gaps(told) == [
        (True, "connected"),
        (False, "closed"),
        (False, "no turn"),
        (False, "ValueError: odd"),
        (True, "after: ValueError: odd"),
        (False, "closed again"),
    ]
    assert len(pauses) == 4
    assert pauses[0] <= 500 < pauses[2] <= 2_000
    assert pauses[3] <= 500  # it had recovered


@pytest.mark.parametrize(
    ("error", "slow"),
    [
        (wire.Unclear("a token: EAPI:Invalid key", ("EAPI:Invalid key",)), True),
        (wire.Unclear("denied", ("EGeneral:Permission denied",)), True),
        (wire.Unclear("busy", ("EService:Busy",)), False),
        (NoAnswer("nothing"), False),
        (pacing.Refused("no such channel"), True),
    ],
)
def test_a_refusal_for_a_person_to_cure_is_tried_again_slowly(
    error: Exception, slow: bool
) -> None:
    told, pauses = kept_on(error)
    assert gaps(told) == [(False, str(error))]
    assert (pauses[0] == pacing.SLOW_MS) is slow


def test_why_a_stream_broke_holds_no_secret() -> None:
    told, _ = kept_on("lost with s3cr3t-key in it", secrets=("s3cr3t-key",))
    assert gaps(told)[1] == (False, "lost with *** in it")


def unified(**changes: Any) -> dict[str, Any]:
    order: dict[str, Any] = {
        "id": "7",
        "clientOrderId": "1a2b3c4d-1",
        "symbol": "BTC/USDT",
    }
    order |= dict[str, Any](side="buy", status="open", amount=0.3, filled=0.1)
    return order | changes


def hints() -> Any:
    where, _, _ = desk()
    where.venue.adapter = part("adapters").adapter_for("binance", {})
    return where


def test_what_ccxt_makes_of_other_exchanges_is_told_if_it_is_exact() -> None:
    from decimal import Decimal

    where = hints()
    report = stream.hint_of_order(where, unified())
    assert (report.client_id, report.filled) == ("1a2b3c4d-1", Decimal("0.1"))
    assert report.amount == Decimal("0.3")
    with pytest.raises(ValueError, match="more digits"):
        stream.hint_of_order(where, unified(filled=0.1 + 0.2))
    with pytest.raises(NoAnswer):
        stream.hint_of_order(where, unified(filled=None))
    trade: dict[str, Any] = {
        "id": "9",
        "order": "7",
        "side": "buy",
        "timestamp": 5,
        "price": 2.5,
    }
    trade |= {"amount": 0.1, "fee": {"cost": 0.01, "currency": "BNB"}}
    report = stream.hint_of_trade(where, {**trade, "symbol": "BTC/USDT"})
    assert (report.venue_id, report.filled, report.open) == ("7", None, True)
    assert report.fills[0].fee == Decimal("0.01")
