from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

FIRST = datetime(1970, 1, 1, tzinfo=UTC)
LAST = datetime(2200, 1, 1, tzinfo=UTC)
moments = st.integers(0, int(LAST.timestamp() * 1000))


def facts(load_plugin: Callable[[str], ModuleType], now_ms: Any) -> dict[str, Any]:
    desk = SimpleNamespace(now_ms=now_ms)
    return {fact.name: fact.compute(desk) for fact in load_plugin("clock").facts()}


@given(now_ms=moments)
def test_the_facts_of_time_are_those_of_the_calendar(
    load_plugin: Callable[[str], ModuleType], now_ms: int
) -> None:
    found = facts(load_plugin, now_ms)
    moment = datetime.fromtimestamp(now_ms // 1000, UTC)
    midnight = moment.replace(hour=0, minute=0, second=0)
    assert found["weekday"] == moment.isoweekday()
    since = int((moment - midnight).total_seconds()) * 1000 + now_ms % 1000
    assert found["time_of_day"] == since
    assert found["unix_time"] == now_ms


@given(times=st.lists(moments, min_size=1, max_size=20))
def test_many_moments_are_the_same_as_each(
    load_plugin: Callable[[str], ModuleType], times: list[int]
) -> None:
    whole = facts(load_plugin, np.array(times, dtype=np.int64))
    for name, column in whole.items():
        each = [facts(load_plugin, one)[name] for one in times]
        assert column.tolist() == each
