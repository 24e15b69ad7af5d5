"""What a person is told of the records of a live run."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.drivers import order_books as books

from quorate import (
    Closed,
    ModeSet,
    PluginFault,
    Record,
    Released,
    RulesChanged,
    Stopped,
    Trade,
    Unknown,
)
from quorate.drivers.noting import told_of
from quorate.values.mode import Mode

TRADE = Trade(
    position_id="p1",
    symbol="BTC/USD",
    rule="quorum",
    exit_rule="take-profit",
    opened_ms=1,
    closed_ms=2,
    amount=Decimal(1),
    cost_quote=Decimal(100),
    proceeds_quote=Decimal(101),
    fee_quote=Decimal("0.4"),
    profit_quote=Decimal("0.6"),
    profit_ratio=Decimal("0.00597"),
    dust=Decimal(0),
)


@pytest.mark.parametrize(
    ("record", "level", "told"),
    [
        (
            Unknown(at_ms=1, client_id="r-1", why="timeout"),
            "warning",
            "order r-1: no clear answer (timeout)",
        ),
        (
            Closed(at_ms=1, trade=TRADE),
            "info",
            "p1 BTC/USD closed by take-profit: +0.60% net of fees",
        ),
        (
            ModeSet(at_ms=1, mode=Mode.HALTED, why="loss", rule="loss", symbol="X/Y"),
            "alarm",
            "mode halted: loss",
        ),
        (ModeSet(at_ms=1, mode=Mode.HALTED, why="me"), "warning", "mode halted: me"),
        (ModeSet(at_ms=1, mode=Mode.ACTIVE, why="me"), "info", "mode active: me"),
        (
            Stopped(at_ms=1, symbol="*", until_ms=2, why="lockout"),
            "warning",
            "entries stop in all symbols: lockout",
        ),
        (
            Released(at_ms=1, symbol="X/Y", why="clean"),
            "info",
            "entries go on in X/Y: clean",
        ),
        (
            PluginFault(at_ms=1, plugin="p", where="hook", error="boom", off=True),
            "warning",
            "plugin p failed in hook, and is switched off: boom",
        ),
        (
            RulesChanged(at_ms=1, rulebook="0123456789abcdef"),
            "info",
            "the rules have changed: 0123456789ab",
        ),
    ],
    ids=lambda given: type(given).__name__ if not isinstance(given, str) else "",
)
def test_what_is_out_of_the_ordinary_is_told(
    record: Record, level: str, told: str
) -> None:
    assert told_of(record) == (level, told)


def test_the_ordinary_is_not_told() -> None:
    for record in (books.intended(), books.accepted()):
        assert told_of(record) is None
