"""Windows: read to a condition over the facts of time, in front of the rule's own."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.terms import NotKnown
from quorate.rulebook.windows import DAYS, read_moment, window_text

parts = import_module("rulebook_parts")


@pytest.mark.parametrize(
    ("window", "text"),
    [
        ({"days": ["mon"]}, "weekday <= 1"),
        ({"days": ["sun", "sat"]}, "weekday >= 6"),
        ({"days": ["tue", "wed"]}, "weekday >= 2 and weekday <= 3"),
        ({"days": ["fri", "mon"]}, "(weekday <= 1 or weekday >= 5 and weekday <= 5)"),
        ({"hours": "08:00-16:30"}, "time_of_day >= 8h and time_of_day < 990m"),
        ({"hours": "22:00-06:00"}, "(time_of_day >= 22h or time_of_day < 6h)"),
        ({"hours": "00:00-06:00"}, "time_of_day < 6h"),
        ({"hours": "18:00-24:00"}, "time_of_day >= 18h"),
        ({"hours": "18:00-00:00"}, "time_of_day >= 18h"),
        ({"from": "1970-01-02"}, "unix_time >= 86400s"),
        ({"until": "1970-01-01T00:01Z"}, "unix_time < 60s"),
        ({"days": list(DAYS)}, ""),
        ({"hours": "00:00-24:00"}, ""),
    ],
)
def test_a_window_is_written_as_a_condition(window: Any, text: str) -> None:
    assert window_text(window) == text


@pytest.mark.parametrize(
    ("window", "key"),
    [
        ({"from": "2026-02-30"}, "from"),
        ({"until": "2026-01-01T24:30Z"}, "until"),
        ({"from": "2026-01-01", "until": "2026-01-01"}, "until"),
        ({"hours": "08:00-08:00"}, "hours"),
    ],
)
def test_a_window_that_is_never_open_is_refused(window: Any, key: str) -> None:
    with pytest.raises(ValueError, match="`") as caught:
        window_text(window)
    assert caught.value.args[0] == key


RULE = """\
entry:
  - id: more
    active:
      from: '2026-01-05'
      until: '2026-03-01'
      days: [mon, thu, fri]
      hours: '%s'
    when: confidence > 0.9 or open_positions < 1
    then: {quote_amount: 10}
"""


def book(hours: str) -> Rulebook:
    reading = parts.read({"a.yaml": RULE % hours})
    assert reading.rulebook is not None, reading.problems
    rulebook: Rulebook = reading.rulebook
    return rulebook


BOOKS = {hours: book(hours) for hours in ("07:30-16:00", "22:00-06:00")}


@given(
    at=st.datetimes(datetime(2025, 12, 20), datetime(2026, 3, 10)),  # noqa: DTZ001
    hours=st.sampled_from(sorted(BOOKS)),
    confidence=st.sampled_from([0.5, 0.95]),
)
def test_a_rule_holds_inside_its_window_alone(
    at: datetime, hours: str, confidence: float
) -> None:
    [rule] = [one for one in BOOKS[hours].entry if one.id == "more"]
    context = SimpleNamespace(
        confidence=confidence,
        open_positions=1.0,
        weekday=float(at.isoweekday()),
        time_of_day=float((at.hour * 60 + at.minute) * 60_000),
        unix_time=at.replace(tzinfo=UTC).timestamp() * 1000,
    )
    begin, end = hours.split("-")
    clock = f"{at:%H:%M}"
    open_now = begin <= clock < end if begin < end else clock >= begin or clock < end
    dated = datetime(2026, 1, 5) <= at < datetime(2026, 3, 1)  # noqa: DTZ001
    inside = open_now and dated and at.isoweekday() in (1, 4, 5)
    assert rule.when.evaluate(context) is (inside and confidence > 0.9)


def test_what_a_rule_mentions_must_be_known_outside_of_its_window_too() -> None:
    [rule] = [one for one in BOOKS["07:30-16:00"].entry if one.id == "more"]
    context = SimpleNamespace(
        confidence=None,
        open_positions=None,
        weekday=2.0,
        time_of_day=0.0,
        unix_time=float(read_moment("2026-01-06") or 0),
    )
    with pytest.raises(NotKnown):
        rule.when.evaluate(context)


def test_a_problem_in_the_condition_keeps_its_place() -> None:
    reading = parts.read(
        {"a.yaml": RULE.replace("confidence >", "confidense >") % "07:00-08:00"}
    )
    [problem] = reading.errors
    assert (problem.code, str(problem.span)) == ("R310", "a.yaml:8:11")


ELSEWHERE = {
    "R421 exits": "rest: break_even * 2, then: {sell: 10%}",
    "R421 votes": "assistant: buy, score: 1 if close > 5 else 0",
    "R444 checks": "guards: portfolio, require: cost < 9",
}


@pytest.mark.parametrize("what", ELSEWHERE)
def test_a_window_is_refused_where_it_would_mean_nothing(what: str) -> None:
    code, section = what.split()
    rule = f"{{id: more, active: {{days: [mon]}}, {ELSEWHERE[what]}}}"
    reading = parts.read({"a.yaml": f"{section}:\n  - {rule}\n"})
    assert [problem.code for problem in reading.errors] == [code]


def test_order_and_error_rules_without_a_condition_have_their_window() -> None:
    night, sunday = "active: {hours: '20:00-24:00'}", "active: {days: [sun]}"
    text = (
        f"orders:\n  - {{id: a-night, {night}, then: {{type: market}}}}\n"
        f"errors:\n  - {{id: a-lull, {sunday}, match: EFoo, then: {{retry: false}}}}\n"
    )
    reading = parts.read({"0.yaml": text})
    assert reading.rulebook is not None, reading.problems
    [order] = [one for one in reading.rulebook.orders if one.id == "a-night"]
    [error] = [one for one in reading.rulebook.errors if one.id == "a-lull"]
    assert order.when is not None
    assert order.when.text == "time_of_day >= 20h"
    assert error.when is not None
    assert error.when.text == "weekday >= 7"
