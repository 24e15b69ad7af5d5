"""Exchange time: learned from what is told, narrowed, and never thrown off for long."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

orders = import_module("venue_orders")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a clock whose own time stands still, 1,000 s after its start."""
    module = orders.part("clock")
    monkeypatch.setattr(module.time, "monotonic", lambda: 1_000.0)
    return module.ExchangeClock()


def test_a_time_to_the_millisecond_is_taken_with_half_the_way(clock: Any) -> None:
    clock.learn(5_000_123, 999_900, 1_000_000)
    assert clock.now_ms() == 5_000_123 + 50


def test_a_time_to_the_second_is_narrowed_by_each_telling(clock: Any) -> None:
    clock.learn(5_000_000, 1_000_000, 1_000_000)
    assert abs(clock.now_ms() - 5_000_500) <= 1
    clock.learn(4_999_000, 999_800, 999_800)  # still the second before, 200 ms ago
    assert 5_000_000 <= clock.now_ms() <= 5_000_200


def test_a_clock_that_was_set_is_believed(clock: Any) -> None:
    clock.learn(5_000_123, 1_000_000, 1_000_000)
    clock.learn(9_000_123, 1_000_000, 1_000_000)
    assert clock.now_ms() == 9_000_123


def test_its_own_time_runs_as_fast_as_the_rehearsal() -> None:
    module = orders.part("clock")
    slow, fast = module.ExchangeClock(1), module.ExchangeClock(1_000)
    assert fast.elapsed_ms() > 500 * slow.elapsed_ms()
