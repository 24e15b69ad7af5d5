"""Modes are ordered by how little may be sent."""

from __future__ import annotations

from quorate import Mode


def test_each_mode_is_stricter_than_those_that_let_more_be_sent() -> None:
    ordered = [Mode.ACTIVE, Mode.REDUCE_ONLY, Mode.HALTED]
    assert ordered == list(Mode)
    for place, mode in enumerate(ordered):
        laxer = [other for other in ordered if mode.stricter_than(other)]
        assert laxer == ordered[:place]
