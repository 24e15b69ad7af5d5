"""A journal written by hand: what a short run on good terms never shows."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from quorate.contract.decisions import Decision, Verdict
from quorate.contract.records import (
    Accepted,
    Closed,
    Declined,
    Delayed,
    Ended,
    ErrorSeen,
    Filled,
    Intended,
    Learned,
    Leaving,
    PluginFault,
    Proposal,
    Record,
    Refused,
    Resumed,
    Started,
    Stopped,
    Tuned,
)
from quorate.journal.journal import Journal
from quorate.values.trade import (
    Fill,
    Intent,
    Liquidity,
    Market,
    OrderType,
    Purpose,
    Side,
    TimeInForce,
    Trade,
)

T0 = 1_641_340_800_000
MINUTE = 60_000
RULES = "abc123def456"
D = Decimal


def market(symbol: str = "BTC/USD") -> Market:
    base, quote = symbol.split("/")
    return Market(
        symbol=symbol,
        base=base,
        quote=quote,
        venue_symbol=symbol,
        price_step=D("0.1"),
        amount_step=D("0.00000001"),
        min_amount=D("0.0001"),
        min_cost=D("0.5"),
        maker_fee=D("0.0025"),
        taker_fee=D("0.004"),
    )


def started(*symbols: str) -> Started:
    return Started(
        at_ms=T0,
        run="hand",
        venue="paper",
        rulebook=RULES,
        source="by hand",
        markets=tuple(market(symbol) for symbol in symbols or ("BTC/USD",)),
        balances=(("BTC", D(0)), ("USD", D(1000))),
    )


def intended(number: int, at_ms: int, **changes: object) -> Intended:
    fields: dict[str, object] = {
        "client_id": f"hand-{number}",
        "root_id": f"hand-{number}",
        "symbol": "BTC/USD",
        "venue_symbol": "BTC/USD",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GTC,
        "post_only": False,
        "amount": D("0.01"),
        "limit_price": D(10_100),
        "reference_price": D(10_000),
        "purpose": Purpose.ENTRY,
        "rule": "quorum",
        "attempt": 1,
        "max_attempts": 3,
        "cancel_after_ms": 0,
        "position_id": "p1",
        "made_ms": at_ms,
    }
    return Intended(at_ms=at_ms, intent=Intent(**(fields | changes)))  # type: ignore[arg-type]


def sale(number: int, at_ms: int, amount: str, **changes: object) -> Intended:
    fields: dict[str, object] = {
        "side": Side.SELL,
        "type": OrderType.MARKET,
        "time_in_force": TimeInForce.IOC,
        "limit_price": None,
        "amount": D(amount),
        "purpose": Purpose.EXIT,
        "rule": "stop",
    }
    return intended(number, at_ms, **(fields | changes))


def filled(number: int, at_ms: int, amount: str, price: str, fee: str) -> Filled:
    fill = Fill(
        trade_id=f"t{number}-{at_ms}",
        price=D(price),
        amount=D(amount),
        fee=D(fee),
        fee_currency="USD",
        liquidity=Liquidity.TAKER,
    )
    return Filled(at_ms=at_ms, client_id=f"hand-{number}", fill=fill)


def decided(
    at_ms: int, section: str, rule: str, verdict: Verdict, **more: object
) -> Decision:
    return Decision(
        at_ms=at_ms,
        symbol="BTC/USD",
        section=section,
        rule=rule,
        place="" if section == "plugins" else f"rules/{section}.yaml:7",
        verdict=verdict,
        **more,  # type: ignore[arg-type]
    )


def written(records: Sequence[Record], decisions: Sequence[Decision] = ()) -> Journal:
    journal = Journal.create(None)
    journal.write(records, decisions, cursor="", rulebook=RULES)
    return journal


def odd() -> Journal:
    """Return a run with a refusal, a retry that waits, partial exits, dust, tunings."""
    first, again, out = T0 + MINUTE, T0 + 2 * MINUTE, T0 + 5 * MINUTE
    waiting = Proposal(
        key="entry:p1",
        symbol="BTC/USD",
        purpose="entry",
        rule="quorum",
        position_id="p1",
        quote_amount=D(0),
        amount=D("0.011"),
        confidence=D("0.8"),
        attempt=2,
        since_ms=first + 500,
        root_id="hand-1",
    )
    trade = Trade(
        position_id="p1",
        symbol="BTC/USD",
        rule="quorum",
        exit_rule="stop",
        opened_ms=again,
        closed_ms=out + 2 * MINUTE,
        amount=D("0.011"),
        cost_quote=D("111.1"),
        proceeds_quote=D("98.95"),
        fee_quote=D("0.85"),
        profit_quote=D("-13"),
        profit_ratio=D("-13") / D("111.55"),
        dust=D("0.001"),
    )
    records: list[Record] = [
        started("BTC/USD", "ETH/USD"),
        intended(1, first),
        Refused(at_ms=first + 500, client_id="hand-1", errors=("EOrder:Odd",)),
        error(first + 500, "EOrder:Odd", ""),
        Delayed(
            at_ms=first + 500,
            proposal=waiting,
            until_ms=again,
            give_up_ms=again,
            why="engine-rate-limit",
        ),
        Resumed(at_ms=again, key="entry:p1"),
        intended(2, again, root_id="hand-1", attempt=2, amount=D("0.011")),
        Accepted(at_ms=again, client_id="hand-2", venue_id="v2"),
        filled(2, again, "0.011", "10100", "0.45"),
        Ended(at_ms=again, client_id="hand-2", reason="filled"),
        Leaving(at_ms=out, position_id="p1", rule="half", share=D("0.5")),
        sale(3, out, "0.005", rule="half"),
        Accepted(at_ms=out, client_id="hand-3", venue_id="v3"),
        filled(3, out, "0.005", "9900", "0.2"),
        Ended(at_ms=out, client_id="hand-3", reason="filled"),
        Leaving(at_ms=out + MINUTE, position_id="p1", rule="stop", share=D(1)),
        Declined(
            at_ms=out + MINUTE,
            symbol="BTC/USD",
            rule="stop",
            by="night-watch",
            position_id="p1",
        ),
        Leaving(at_ms=out + 2 * MINUTE, position_id="p1", rule="stop", share=D(1)),
        sale(4, out + 2 * MINUTE, "0.005"),
        Accepted(at_ms=out + 2 * MINUTE, client_id="hand-4", venue_id="v4"),
        filled(4, out + 2 * MINUTE, "0.005", "9890", "0.2"),
        Ended(at_ms=out + 2 * MINUTE, client_id="hand-4", reason="filled"),
        Closed(at_ms=out + 2 * MINUTE, trade=trade),
        *_aside(out),
    ]
    decisions = [
        decided(first - MINUTE, "entry", "quorum", Verdict.FIRED, position_id="p1"),
        decided(
            first,
            "entry",
            "quorum",
            Verdict.FIRED,
            position_id="p1",
            inputs={"confidence": 0.8, "vote:trend": float("nan")},
            effect={"quote_amount": D(100), "amount": D(0)},
        ),
        decided(first, "checks", "rate-limit", Verdict.PASSED, client_id="hand-1"),
        decided(
            out, "entry", "cool-down", Verdict.DECLINED, effect={"entry": "quorum"}
        ),
        decided(out, "plugins", "night-watch", Verdict.REFUSED, position_id="p9"),
    ]
    return written(records, decisions)


def error(at_ms: int, message: str, rule: str) -> ErrorSeen:
    return ErrorSeen(
        at_ms=at_ms, symbol="BTC/USD", client_id="hand-1", error=message, rule=rule
    )


def _aside(at_ms: int) -> list[Record]:
    """Return records that only the report tells."""
    day = 86_400_000
    return [
        Declined(at_ms=at_ms, symbol="BTC/USD", rule="quorum", by="cool-down"),
        Declined(at_ms=at_ms + 1, symbol="BTC/USD", rule="quorum", by="cool-down"),
        Declined(at_ms=at_ms + 2, symbol="BTC/USD", rule="quorum", by="night-watch"),
        Tuned(
            at_ms=at_ms + 3,
            param="use_ioc",
            old="false",
            new="true",
            rule="slippage-wants-ioc",
            why="avg_slippage > high_slippage",
        ),
        Learned(
            at_ms=at_ms + 4,
            what="minimum",
            symbol="BTC/USD",
            value=D("0.0002"),
            expires_ms=at_ms + 7 * day,
            why="refused at 0.0001",
        ),
        Learned(
            at_ms=at_ms + 4,
            what="minimum",
            symbol="ETH/USD",
            value=D("0.002"),
            expires_ms=at_ms + 5,
            why="already forgotten",
        ),
        Stopped(at_ms=at_ms + 6, symbol="*", until_ms=at_ms + day, why="lockout"),
        PluginFault(
            at_ms=at_ms + 7, plugin="[odd]", where="vote", error="boom", off=False
        ),
        PluginFault(
            at_ms=at_ms + 8, plugin="[odd]", where="vote", error="bang", off=True
        ),
    ]
