from __future__ import annotations

from quorate.drivers.clock import LiveClock


class Wall:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_the_venues_time_goes_on_with_the_monotonic_clock() -> None:
    wall = Wall()
    clock = LiveClock(1_000_000, read=wall)
    wall.now_s += 2.5
    assert clock.now_ms() == 1_002_500
    assert clock.wall_s(500) == 0.5


def test_a_rehearsal_runs_faster_than_the_wall() -> None:
    wall = Wall()
    clock = LiveClock(1_000_000, pace=60, read=wall)
    wall.now_s += 1
    assert clock.now_ms() == 1_060_000
    assert clock.wall_s(60_000) == 1.0


def test_the_time_is_never_set_back() -> None:
    wall = Wall()
    clock = LiveClock(1_000_000, read=wall)
    wall.now_s += 1
    assert clock.ahead_ms(1_000_400) == 600
    clock.set(1_000_400)
    assert clock.now_ms() == 1_001_000
    clock.set(1_010_000)
    assert clock.now_ms() == 1_010_000


def test_what_is_over_is_not_waited_for() -> None:
    assert LiveClock(0).wall_s(-5) == 0.0


def test_a_clock_that_was_ahead_stands_until_the_venues_time_has_come_up() -> None:
    wall = Wall()
    clock = LiveClock(1_000_000, read=wall)
    clock.set(990_000)
    assert clock.now_ms() == 1_000_000
    wall.now_s += 9
    assert clock.now_ms() == 1_000_000
    wall.now_s += 2
    assert clock.now_ms() == 1_001_000
    clock.set(995_000)
    clock.set(1_000_900)
    wall.now_s += 0.2
    assert clock.now_ms() == 1_001_100
