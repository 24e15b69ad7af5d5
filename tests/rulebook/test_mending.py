"""The edits that problems come with: made where they belong, and nowhere else."""

from __future__ import annotations

from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.rulebook.diagnostics import Edit, Span
from quorate.rulebook.mending import difference, edits_by_file, mend

parts = import_module("rulebook_parts")


def edit(line: int, column: int, old: str, new: str) -> Edit:
    place = Span("a.yaml", line, column, line, column + len(old))
    return Edit(place, old, new)


def test_an_edit_leaves_everything_else_as_it_is() -> None:
    before = b"\xef\xbb\xbf# \xc3\xa9\r\na:  one   # why\r\nb: one"
    after, made = mend(before, [edit(2, 5, "one", "three"), edit(3, 4, "one", "2")])
    assert after == b"\xef\xbb\xbf# \xc3\xa9\r\na:  three   # why\r\nb: 2"
    assert len(made) == 2


def test_an_edit_whose_text_is_not_there_is_not_made() -> None:
    data = b"a: one\n"
    for wrong in (edit(1, 3, "one", "x"), edit(7, 1, "a", "x"), edit(1, 5, "nex", "x")):
        assert mend(data, [wrong]) == (data, [])


def test_edits_that_overlap_are_not_both_made() -> None:
    first, second = edit(1, 1, "abc", "x"), edit(1, 3, "cd", "y")
    assert mend(b"abcd", [second, first]) == (b"xd", [first])
    assert mend(b"abcd", [first, first]) == (b"xd", [first])


@given(st.text(alphabet="ab\n\r\u00e9\U0001f600", max_size=40), st.data())
def test_mending_puts_each_word_where_it_says(text: str, data: st.DataObject) -> None:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    line = data.draw(st.integers(1, len(lines)))
    column = data.draw(st.integers(1, len(lines[line - 1]) + 1))
    old = lines[line - 1][column - 1 : column + 1]
    after, made = mend(text.encode(), [edit(line, column, old, "ZZ")])
    assert len(made) == 1
    lines[line - 1] = (
        lines[line - 1][: column - 1] + "ZZ" + lines[line - 1][column - 1 + len(old) :]
    )
    told = after.decode().replace("\r\n", "\n").replace("\r", "\n")
    assert told == "\n".join(lines)


def test_a_difference_is_a_unified_diff() -> None:
    told = difference("rules/a.yaml", b"a: 1\nb: 2", b"a: 1\nb: 3")
    assert told.startswith("--- a/rules/a.yaml\n+++ b/rules/a.yaml\n@@")
    assert "-b: 2\n\\ No newline" in told
    assert difference("a", b"x\n", b"x\n") == ""


@pytest.mark.parametrize(
    ("content", "mended"),
    [
        ("exits:\n  - {id: m, wehn: age > 2d, then: {sell: 100%}}", "when: age"),
        ("exits:\n  - {id: m, 'wehn': age > 2d, then: {sell: 100%}}", "'when': age"),
        ("exits:\n  - {id: m, when: agee > 2d, then: {sell: 100%}}", "age > 2d"),
        ("exits:\n  - {id: m, when: 'agee > 2d', then: {sell: 100%}}", "'age > 2d'"),
        ("exits:\n  - {id: m, when: age => 2d, then: {sell: 100%}}", "age >= 2d"),
        ("exits:\n  - {id: m, when: age > 2d AND age < 3d, then: {sell: 100%}}", "and"),
        ("exits:\n  - {id: m, when: '!use_ioc', then: {sell: 100%}}", "not use_ioc"),
        ("exits:\n  - {id: m, when: success_rate > 75, then: {sell: 1%}}", "> 75%"),
        (
            "exits:\n  - {id: m, when: 'maxx(age, 1d) > 2d', then: {sell: 100%}}",
            "'max(",
        ),
        (
            "exits:\n  - {id: m, when: deployment == 'funds_deploied', "
            "then: {sell: 1%}}",
            "'funds_deployed'",
        ),
        (
            'exits:\n  - id: m\n    when: deployment in ("funds_deploied",)\n'
            "    then: {sell: 100%}",
            '"funds_deployed"',
        ),
        ("switches:\n  - {id: m, when: equity < 5, then: {mode: 'halt'}}", "'halted'"),
        ("params:\n  use_it: {value: yes}", "value: true"),
        ("params:\n  limit: {value: 1_000}", "value: 1000"),
        ("params:\n  limit: {value: 1e3}", "value: 1000"),
        ("params:\n  limit: {value: +.5}", "value: +0.5"),
        (
            "tuning:\n  - {id: m, when: use_ioc, min_samples: 5, "
            "then: {set: {max_agee: 1h}}}",
            "{max_age:",
        ),
        (
            "votes:\n  - {id: m, assistant: buy, timeframes: {fast_timefram: 1}, "
            "score: 1 if close > open else 0}",
            "{fast_timeframe:",
        ),
        ("votes:\n  - {id: m, assistant: 'byu', weight: 2}", "'buy'"),
    ],
)
def test_what_was_meant_is_written(content: str, mended: str) -> None:
    reading = parts.read({"extra.yaml": content}, voters=["buy"])
    edits = edits_by_file(reading.problems)["extra.yaml"]
    after, made = mend(content.encode(), edits)
    assert len(made) == len(edits) == 1
    assert mended in after.decode()
    again = parts.read({"extra.yaml": after}, voters=["buy"])
    assert [one for one in again.problems if one.edit] == []
    assert len(again.errors) < max(len(reading.errors), 1)


def test_the_overlay_s_word_is_mended_in_the_overlay() -> None:
    overlay = {"x.yaml": "params:\n  max_agee: {value: 1h}\n"}
    [problem] = parts.read(overlays=[overlay]).problems
    assert problem.edit == Edit(Span("x.yaml", 2, 3, 2, 11), "max_agee", "max_age")


@pytest.mark.parametrize(
    "content",
    [
        "exits:\n  - id: m\n    then: {sell: 100%}\n"
        "    when: >-\n      agee\n      > 2d",
        "exits:\n  - id: m\n    then: {sell: 100%}\n"
        '    when: "age\\x20> 2d and agee > 1d"',
    ],
)
def test_a_text_with_lines_or_escapes_is_left_alone(content: str) -> None:
    reading = parts.read({"extra.yaml": content})
    assert any("agee" in problem.message for problem in reading.problems)
    edits = edits_by_file(reading.problems).get("extra.yaml", [])
    assert mend(content.encode(), edits) == (content.encode(), [])
