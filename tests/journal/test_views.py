"""The views on a short story: an entry in two fills, a take-profit, four orders."""

import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from quorate.contract.records import (
    Accepted,
    BalancesSeen,
    Closed,
    Ended,
    ErrorSeen,
    Filled,
    Found,
    Intended,
    Learned,
    ModeSet,
    PluginFault,
    Record,
    Refused,
    Released,
    RulesChanged,
    Stopped,
    Tuned,
    Unknown,
)
from quorate.journal.journal import Journal
from quorate.journal.views import VIEWS
from quorate.values.mode import Mode
from quorate.values.trade import (
    Fill,
    Intent,
    Liquidity,
    OrderType,
    Purpose,
    Side,
    TimeInForce,
    Trade,
)


def intended(at_ms: int, number: int, purpose: Purpose, position: int) -> Intended:
    intent = Intent(
        client_id=f"q-{number}",
        root_id=f"q-{number}",
        symbol="BTC/USD",
        venue_symbol="XXBTZUSD",
        side=Side.BUY if purpose is Purpose.ENTRY else Side.SELL,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        amount=Decimal("0.50"),
        limit_price=Decimal("100.20"),
        reference_price=Decimal("100.1"),
        purpose=purpose,
        rule="quorum" if purpose is Purpose.ENTRY else "micro",
        attempt=1,
        max_attempts=3,
        cancel_after_ms=45_000,
        position_id=f"p-{position}",
        made_ms=at_ms,
    )
    confidence = Decimal("0.8") if purpose is Purpose.ENTRY else None
    return Intended(at_ms=at_ms, intent=intent, confidence=confidence)


def filled(at_ms: int, number: int, price: str, amount: str) -> Filled:
    fill = Fill(
        trade_id=f"T-{at_ms}",
        price=Decimal(price),
        amount=Decimal(amount),
        fee=Decimal("0.1"),
        fee_currency="USD",
        liquidity=Liquidity.MAKER,
    )
    return Filled(at_ms=at_ms, client_id=f"q-{number}", fill=fill)


def taken(at_ms: int, number: int) -> Accepted:
    return Accepted(at_ms=at_ms, client_id=f"q-{number}", venue_id=f"V-{number}")


ENTRY = intended(10, 1, Purpose.ENTRY, 1)
ACCEPTED = taken(20, 1)
BOUGHT = filled(30, 1, "100.20", "0.2")
CLOSED = Closed(
    at_ms=60,
    trade=Trade(
        position_id="p-1",
        symbol="BTC/USD",
        rule="quorum",
        exit_rule="micro",
        opened_ms=30,
        closed_ms=60,
        amount=Decimal("0.5"),
        cost_quote=Decimal("50.1"),
        proceeds_quote=Decimal("50.5"),
        fee_quote=Decimal("0.3"),
        profit_quote=Decimal("0.1"),
        profit_ratio=Decimal("0.001984"),
        dust=Decimal(0),
    ),
)

# One inner list is one unit.
UNITS: list[list[Record]] = [
    [ENTRY],
    [ACCEPTED, BOUGHT],
    [
        filled(40, 1, "100.2", "0.3"),
        Ended(at_ms=40, client_id="q-1", reason="filled"),
        intended(45, 2, Purpose.TAKE_PROFIT, 1),
    ],
    [taken(50, 2)],
    [
        filled(60, 2, "101", "0.5"),
        Ended(at_ms=60, client_id="q-2", reason="filled"),
        CLOSED,
    ],
    [
        intended(70, 3, Purpose.ENTRY, 3),
        Refused(at_ms=80, client_id="q-3", errors=("EOrder:x",)),
        ErrorSeen(
            at_ms=80,
            symbol="BTC/USD",
            client_id="q-3",
            error="EOrder:x",
            rule="too-small",
            learn="minimum",
        ),
        Learned(
            at_ms=80,
            what="minimum",
            symbol="BTC/USD",
            value=Decimal("0.0001"),
            expires_ms=1_000,
            why="EOrder:x",
        ),
    ],
    [
        intended(90, 4, Purpose.ENTRY, 4),
        Unknown(at_ms=100, client_id="q-4", why="timeout"),
        intended(110, 5, Purpose.ENTRY, 5),
    ],
    [
        intended(115, 6, Purpose.ENTRY, 6),
        Unknown(at_ms=116, client_id="q-6", why="timeout"),
        taken(120, 6),
        filled(130, 6, "100", "0.25"),
    ],
    [
        Tuned(
            at_ms=140,
            param="use_ioc",
            old="false",
            new="true",
            rule="slippage",
            why="avg_slippage 0.2%",
        ),
        PluginFault(
            at_ms=150, plugin="buy", where="vote", error="ValueError: no", off=True
        ),
        ModeSet(at_ms=160, mode=Mode.HALTED, why="loss", rule="loss", symbol="BTC/USD"),
        ModeSet(at_ms=170, mode=Mode.ACTIVE, why="resume"),
        Stopped(at_ms=180, symbol="*", until_ms=999, why="key"),
        Released(at_ms=190, symbol="*", why="a person"),
        Found(at_ms=200, what="order", venue_id="V-9", symbol="BTC/USD", detail="buy"),
        BalancesSeen(
            at_ms=210,
            balances=(("BTC", Decimal("0.10")), ("USD", Decimal(5))),
            why="deposit",
        ),
        RulesChanged(at_ms=220, rulebook="f00"),
    ],
]


def ask(path: Path, query: str) -> list[dict[str, Any]]:
    """Return the rows that any SQLite program would see."""
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in connection.execute(query)]
    finally:
        connection.close()


@pytest.fixture
def told(path: Path) -> Path:
    with Journal.create(path, commit_every=100) as journal:
        for unit in UNITS:
            journal.write(unit, [], cursor="", rulebook="")
    return path


def test_every_view_can_be_read(told: Path) -> None:
    for view in VIEWS:
        assert ask(told, f"SELECT * FROM {view}"), view


def test_orders_show_where_each_stands(told: Path) -> None:
    rows = ask(
        told,
        "SELECT client_id, purpose, status, fills, filled_real, cost_real, "
        "venue_id, end_reason, accepted_ms, ended_ms, errors FROM orders",
    )
    assert [tuple(row.values()) for row in rows] == [
        ("q-1", "entry", "done", 2, 0.5, 50.1, "V-1", "filled", 20, 40, None),
        ("q-2", "take_profit", "done", 1, 0.5, 50.5, "V-2", "filled", 50, 60, None),
        ("q-3", "entry", "refused", 0, 0, 0, None, None, None, 80, '["EOrder:x"]'),
        ("q-4", "entry", "unknown", 0, 0, 0, None, None, None, None, None),
        ("q-5", "entry", "sent", 0, 0, 0, None, None, None, None, None),
        ("q-6", "entry", "open", 1, 0.25, 25, "V-6", None, 120, None, None),
    ]


def test_an_intent_shows_exact_texts_beside_numbers(told: Path) -> None:
    first = ask(told, "SELECT * FROM intents")[0]
    assert first["at"] == "1970-01-01 00:00:00.010"
    assert (first["amount"], first["amount_real"]) == ("0.50", 0.5)
    assert (first["limit_price"], first["confidence_real"]) == ("100.20", 0.8)
    assert (first["side"], first["post_only"], first["rule"]) == (
        *("buy", 0),
        ENTRY.intent.rule,
    )


def test_fills_show_their_order(told: Path) -> None:
    rows = ask(told, "SELECT * FROM fills WHERE position_id = 'p-1'")
    assert [row["side"] for row in rows] == ["buy", "buy", "sell"]
    assert [row["price"] for row in rows] == ["100.20", "100.2", "101"]
    assert rows[0]["trade_id"] == BOUGHT.fill.trade_id
    assert rows[2]["symbol"] == "BTC/USD"
    assert sum(row["fee_real"] for row in rows) == pytest.approx(0.3)


def test_positions_are_open_or_closed_with_their_result(told: Path) -> None:
    rows = ask(
        told,
        "SELECT position_id, symbol, rule, status, opened_ms, bought_real, "
        "sold_real, proceeds_real, exit_rule, profit_quote FROM positions",
    )
    assert [tuple(row.values()) for row in rows] == [
        *[
            (
                "p-1",
                "BTC/USD",
                "quorum",
                "closed",
                30,
                0.5,
                0.5,
                50.5,
                "micro",
                "0.1",
            )
        ],
        *[("p-6", "BTC/USD", "quorum", "open", 130, 0.25, 0, 0, None, None)],
    ]


def test_trades_show_the_profit(told: Path) -> None:
    (trade,) = ask(told, "SELECT * FROM trades")
    assert trade["position_id"] == CLOSED.trade.position_id
    assert trade["profit_quote"] == "0.1"
    assert trade["profit_quote_real"] == 0.1
    assert (trade["opened_ms"], trade["closed_ms"]) == (30, 60)


def test_lessons_tunings_errors_and_faults_have_columns(told: Path) -> None:
    (lesson,) = ask(told, "SELECT what, symbol, value, value_real FROM learned")
    assert tuple(lesson.values()) == ("minimum", "BTC/USD", "0.0001", 0.0001)
    (tuning,) = ask(told, "SELECT param, old, new, rule FROM tunings")
    assert tuple(tuning.values()) == ("use_ioc", "false", "true", "slippage")
    (error,) = ask(told, "SELECT client_id, error, rule, learn FROM errors")
    assert tuple(error.values()) == ("q-3", "EOrder:x", "too-small", "minimum")
    (fault,) = ask(told, 'SELECT plugin, "where", error, off FROM plugin_faults')
    assert tuple(fault.values()) == ("buy", "vote", "ValueError: no", 1)


def test_modes_stops_and_what_was_found_have_columns(told: Path) -> None:
    modes = ask(told, "SELECT mode, why, rule, symbol FROM modes")
    assert [tuple(row.values()) for row in modes] == [
        ("halted", "loss", "loss", "BTC/USD"),
        ("active", "resume", "", None),
    ]
    stops = ask(told, "SELECT symbol, what, until_ms, why FROM stops ORDER BY seq")
    assert [tuple(row.values()) for row in stops] == [
        ("*", "stopped", 999, "key"),
        ("*", "released", None, "a person"),
    ]
    (found,) = ask(told, "SELECT what, venue_id, symbol, detail FROM found")
    assert tuple(found.values()) == ("order", "V-9", "BTC/USD", "buy")
    rows = ask(told, "SELECT currency, total, total_real, why FROM balances")
    assert [tuple(row.values()) for row in rows] == [
        ("BTC", "0.10", 0.1, "deposit"),
        ("USD", "5", 5.0, "deposit"),
    ]
    (changed,) = ask(told, "SELECT rulebook FROM rulebook_changes")
    assert changed == {"rulebook": "f00"}


def test_events_know_what_they_are_about(told: Path) -> None:
    kinds = ask(
        told, "SELECT kind, symbol FROM events WHERE position_id = 'p-1' ORDER BY 1"
    )
    assert [tuple(row.values()) for row in kinds] == [
        ("Closed", "BTC/USD"),
        ("Intended", "BTC/USD"),
        ("Intended", "BTC/USD"),
    ]
    assert ACCEPTED.client_id == "q-1"
    assert len(ask(told, "SELECT * FROM events WHERE client_id = 'q-1'")) == 5
