from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from quorate import ErrorSeen, FaultView, Stopped

stand_in = import_module("desk_stand_in")
LIMIT = "EOrder:Rate limit exceeded"
FUNDS = "EOrder:Insufficient funds"


@pytest.fixture(scope="module")
def error_resolver(load_plugin: Callable[[str], ModuleType]) -> ModuleType:
    return load_plugin("error_resolver")


def seen(error: str, rule: str = "some-rule") -> ErrorSeen:
    return ErrorSeen(at_ms=0, symbol="BTC/USD", client_id="a", error=error, rule=rule)


@pytest.mark.parametrize(
    ("error", "times"), [(LIMIT, 2), (FUNDS, 1), ("EService:Busy", 0)]
)
def test_a_fault_knows_its_text_and_its_history(
    error_resolver: ModuleType, error: str, times: Any
) -> None:
    there = stand_in.StandIn()
    stopped = Stopped(at_ms=0, symbol="*", until_ms=1, why=error)
    there.remembers(error_resolver, seen(LIMIT), seen(FUNDS), stopped, seen(LIMIT))
    view = FaultView(there, stand_in.order(attempt=2), error)
    names = ("error", "attempts", "times_seen")
    facts = [stand_in.answer(error_resolver, name, view) for name in names]
    assert facts == [error, 2, times]


def test_errors_without_a_rule_are_counted(error_resolver: ModuleType) -> None:
    there = stand_in.StandIn()
    assert stand_in.answer(error_resolver, "unmatched_errors", there) == 0
    there.remembers(error_resolver, seen(LIMIT), seen(FUNDS, ""), seen("E", ""))
    assert stand_in.answer(error_resolver, "unmatched_errors", there) == 2


def test_texts_that_always_differ_do_not_fill_the_memory(
    error_resolver: ModuleType,
) -> None:
    there = stand_in.StandIn()
    many = [seen(f"EService:Throttled: {n}") for n in range(1000)]
    there.remembers(error_resolver, seen(LIMIT), *many[:400], seen(LIMIT), *many[400:])
    kept = there.recall("error_resolver")["seen"]
    assert len(kept) == error_resolver.TEXTS_KEPT
    assert LIMIT not in kept
    there.remembers(error_resolver, seen(LIMIT), *many[:400], seen(LIMIT))
    assert there.recall("error_resolver")["seen"][LIMIT] == 2
