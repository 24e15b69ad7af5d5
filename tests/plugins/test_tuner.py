from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from quorate import Stopped, Tuned

stand_in = import_module("desk_stand_in")
STOPPED = Stopped(at_ms=900, symbol="*", until_ms=1, why="")


@pytest.fixture(scope="module")
def tuner(load_plugin: Callable[[str], ModuleType]) -> ModuleType:
    return load_plugin("tuner")


def tuned(at_ms: int) -> Tuned:
    return Tuned(at_ms=at_ms, param="use_ioc", old="no", new="yes", rule="r", why="")


@pytest.mark.parametrize(
    ("records", "tunings", "since"),
    [
        ([], 0, 3650 * 86_400_000),
        ([STOPPED], 0, 3650 * 86_400_000),
        ([tuned(100)], 1, 900),
        ([tuned(100), STOPPED, tuned(400)], 2, 600),
    ],
)
def test_tunings_are_counted_and_dated(
    tuner: ModuleType, records: Any, tunings: Any, since: Any
) -> None:
    there = stand_in.StandIn(now_ms=1000)
    there.remembers(tuner, *records)
    assert stand_in.answer(tuner, "tunings", there) == tunings
    assert stand_in.answer(tuner, "since_tuned", there) == since
