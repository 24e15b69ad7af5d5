"""Faults as data: what is refused, whom they hit, how often, and that seeds repeat."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate import VenueError

loopback = import_module("loopback")


def faults(*items: Any, seed: int = 0) -> Any:
    return loopback.part("faults").Faults(seed, items)


def fired(armed: Any, name: str, events: int) -> list[int]:
    """Return the numbers of the events at ``name`` that any fault struck."""
    return [number for number in range(1, events + 1) if armed.draw(name, number)]


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("AddOrder", "must be a mapping"),
        ({"at": "AddOrder", "kind": "reply_lots"}, "did you mean 'reply_lost'"),
        ({"at": "AddOrder", "kind": "close", "tmes": 1}, "did you mean 'times'"),
        ({"kind": "close"}, "`at` must name a call"),
        ({"at": "AddOrder", "kind": "error"}, "the exchange's own text"),
        ({"at": "AddOrder", "kind": "http", "value": 99}, "from 200 to 599"),
        ({"at": "AddOrder", "kind": "http", "value": True}, "from 200 to 599"),
        ({"at": "AddOrder", "kind": "reply_late"}, "whole number"),
        ({"at": "AddOrder", "kind": "empty", "value": 3}, "takes no value"),
        ({"at": "AddOrder", "kind": "empty", "share": 2}, "`share` must be from 0"),
        ({"at": "AddOrder", "kind": "empty", "times": 0}, "`times` must be"),
        ({"at": "AddOrder", "kind": "empty", "skip": -1}, "`skip` must be"),
        ({"at": "AddOrder", "kind": "empty", "after": "yes"}, "true or false"),
        ({"at": "AddOrder", "kind": "ws_drop"}, "is for streams"),
        ({"at": "AddOrdr", "kind": "close"}, "did you mean 'AddOrder'"),
        ({"at": "ws:add_order", "kind": "ws_drop"}, "is nothing here"),
        ({"at": "ws:execution", "kind": "ws_drop"}, "did you mean 'ws:executions'"),
        ({"at": "ws:add_order", "kind": "http", "value": 524}, "calls over HTTP"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_reason(fault: Any, why: str) -> None:
    with pytest.raises(VenueError, match="fault 1: ") as refused:
        faults(fault)
    assert why in str(refused.value)


def test_a_list_with_one_bad_fault_puts_none_in_force() -> None:
    armed = faults()
    with pytest.raises(VenueError, match="fault 2"):
        armed.add([{"at": "Time", "kind": "empty"}, {"at": "Time", "kind": "nothing"}])
    assert armed.as_list() == []


@pytest.mark.parametrize(
    ("at", "hit", "missed"),
    [
        ("AddOrder", "private/AddOrder", "private/AddOrderBatch"),
        ("*", "public/Time", "ws:executions"),
        ("private/*", "private/Balance", "public/Time"),
        ("Cancel*", "private/CancelAll", "private/AddOrder"),
        ("ws:executions", "ws:executions", "private/executions"),
        ("ws:*", "ws:add_order", "private/AddOrder"),
    ],
)
def test_a_fault_hits_what_it_names(at: str, hit: str, missed: str) -> None:
    armed = faults({"at": at, "kind": "close"})
    assert armed.draw(hit, 1)
    assert not armed.draw(missed, 1)


def test_skip_and_times_bound_a_fault() -> None:
    armed = faults({"at": "Time", "kind": "empty", "skip": 2, "times": 3})
    assert fired(armed, "public/Time", 10) == [3, 4, 5]
    assert armed.as_list()[0]["seen"] == 10
    assert armed.as_list()[0]["fired"] == 3


def test_a_stream_has_its_own_kinds() -> None:
    frame = loopback.part("faults").FRAME
    armed = faults(
        {"at": "ws:*", "kind": "ws_drop"}, {"at": "ws:*", "kind": "reply_lost"}
    )
    assert [one.kind for one in armed.draw("ws:executions", 1, frame)] == ["ws_drop"]
    assert [one.kind for one in armed.draw("ws:add_order", 1)] == ["reply_lost"]


@given(seed=st.integers(0, 2**32), share=st.floats(0.05, 0.95))
def test_a_seed_repeats_and_the_share_is_kept(seed: int, share: float) -> None:
    fault = {"at": "AddOrder", "kind": "empty", "share": share}
    first = fired(faults(fault, seed=seed), "private/AddOrder", 2_000)
    assert first == fired(faults(fault, seed=seed), "private/AddOrder", 2_000)
    # Six standard deviations of 2,000 draws are below 7% of them.
    assert abs(len(first) / 2_000 - share) < 0.07


def test_a_draw_depends_on_its_own_event_alone() -> None:
    """One fault more, and calls of another kind between, change no other draw."""
    fault = {"at": "AddOrder", "kind": "empty", "share": 0.3}
    other = {"at": "*", "kind": "close", "share": 0.5}
    alone = fired(faults(fault, seed=5), "private/AddOrder", 300)
    armed = faults(other, fault, seed=5)
    together = []
    for number in range(1, 301):
        armed.draw("public/Time", number)
        kinds = [one.kind for one in armed.draw("private/AddOrder", number)]
        if "empty" in kinds:
            together.append(number)
    assert together == alone
    assert 50 < len(alone) < 130
    assert alone != fired(faults(fault, seed=6), "private/AddOrder", 300)
