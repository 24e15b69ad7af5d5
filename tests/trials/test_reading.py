"""Test files are refused with the place, the reason and the remedy."""

from __future__ import annotations

import pytest
from tests.trials.trial_parts import book

from quorate.trials.reading import CODES

TEST = """\
tests:
  - name: x
    section: {section}
    {more}
    expect: {expect}
"""


def problem(section: str, more: str, expect: str) -> tuple[str, str, str, str]:
    (found,) = book(TEST.format(section=section, more=more, expect=expect)).problems
    place = f"{found.span.line}:{found.span.column}"
    return found.code, place, found.message, found.help


BAD = [
    ("entry", "given: {confidense: 1}", "{fires: none}", "T501", "4:13", "confidence"),
    ("entry", "given: {net_profit: 1%}", "{fires: none}", "T501", "4:13", ""),
    ("entry", "given: {confidence: 1}", "{fire: none}", "T501", "5:14", "fires"),
    ("entry", "given: {confidence: 1}", "{fires: quorun}", "T501", "5:21", "quorum"),
    ("entry", "given: {confidence: 30s}", "{fires: none}", "T502", "4:25", ""),
    ("entry", "given: {confidence: yess}", "{fires: none}", "T502", "4:25", ""),
    ("entry", "given: {risk_approved: 1}", "{fires: none}", "T502", "4:28", ""),
    ("entry", "given: {confidence: 1.5}", "{fires: none}", "T503", "4:25", ""),
    ("entry", "given: {min_confidence: 0.1}", "{fires: none}", "T503", "4:29", ""),
    ("vetoes", "given: {since_loss: 30}", "{vetoed: []}", "T502", "4:25", "30s"),
    ("checks", "given: {side: bye}", "{finding: pass}", "T501", "4:19", "buy"),
    ("entry", "base: calm", "{fires: none}", "T505", "4:11", ""),
    ("entry", "steps: {confidence: 1}", "{fires: none}", "T507", "4:5", "exits"),
    ("exits", "steps: {price: 100 +}", "{fires: none}", "T507", "4:20", ""),
    ("exits", "steps: {every: 5%, price: 1}", "{fires: none}", "T502", "4:20", ""),
    ("entry", "given: {confidence: 1}", "{}", "T508", "2:11", ""),
    ("entri", "given: {confidence: 1}", "{fires: none}", "S204", "3:14", "entry"),
    ("entry", "give: {confidence: 1}", "{fires: none}", "S201", "4:5", "given"),
]


@pytest.mark.parametrize(("section", "more", "expect", "code", "place", "near"), BAD)
def test_a_mistake_is_one_problem_at_its_place(
    section: str, more: str, expect: str, code: str, place: str, near: str
) -> None:
    found = problem(section, more, expect)
    assert found[:2] == (code, place)
    assert near in found[3]


def test_every_code_is_met() -> None:
    met = {one[3] for one in BAD} | {"T504", "T506"}
    assert set(CODES) <= met


def test_a_row_must_fit_its_columns() -> None:
    found = book(
        "tests:\n  - name: x\n    section: entry\n    cases:\n"
        "      given: [confidence]\n      expect: [fires]\n"
        "      rows: [[0.9, none], [0.9]]\n"
    ).problems
    assert [(one.code, one.span.line, one.span.column) for one in found] == [
        ("T504", 7, 27)
    ]
    assert "2 values (confidence, fires), this one 1" in found[0].message


def test_two_columns_of_one_side_have_two_names() -> None:
    text = (
        "tests:\n  - name: x\n    section: entry\n    cases:\n"
        "      given: [confidence, confidence]\n      expect: [fires]\n"
        "      rows: [[0.9, 0.8, none]]\n"
    )
    assert [one.code for one in book(text).problems] == ["T504"]
    # What is given may be expected to change: an amount, for one.
    both = text.replace("[confidence, confidence]", "[amount, learned_minimum]")
    both = both.replace("entry", "checks").replace("[fires]", "[amount]")
    assert book(both.replace("none", "0.8")).problems == ()


def test_two_tests_of_one_name_are_told_apart() -> None:
    one = "  - {name: x, section: switches, expect: {mode: active}}\n"
    (found,) = book(f"tests:\n{one}{one}").problems
    assert found.code == "T506"
    assert found.related[0][1].line == 2


def test_a_base_is_read_where_it_fits_and_must_fit_somewhere() -> None:
    text = (
        "bases: {calm: {confidence: 0.9, net_profit: 1%, nonsense: 1}}\n"
        "tests: [{name: x, section: entry, base: calm, expect: {fires: none}}]\n"
    )
    found = book(text)
    assert [one.code for one in found.problems] == ["T501"]
    assert "nonsense" in found.problems[0].message
    (test,) = book(text.replace(", nonsense: 1", "")).tests
    assert set(test.cases[0].given) == {"confidence"}


TAPE = """\
tapes:
  - {name: x, MORE,
     expect: EXPECT}
"""

BAD_TAPES = [
    ("close: 100 +", "{fires: []}", "T507", "2:22", ""),
    ("close: -5", "{fires: []}", "T503", "2:22", ""),
    ("close: _x3", "{fires: []}", "T503", "2:22", ""),
    ("close: 1, open: 1 =x2", "{fires: []}", "T507", "2:31", ""),
    ("close: 1, every: 7s", "{fires: []}", "T502", "2:32", ""),
    ("close: 1, start: noon", "{fires: []}", "T502", "2:32", "UTC"),
    ("close: 1, given: {stop_los: 1%}", "{fires: []}", "T501", "2:33", "stop_loss"),
    ("close: 1, given: {stop_loss: 1m}", "{fires: []}", "T502", "2:44", ""),
    ("close: 1, venue: {fee: 1}", "{fires: []}", "S201", "2:33", "fees"),
    ("close: 1", "{fires: [quorun]}", "T501", "3:22", "quorum"),
    ("close: 1", "{fire: [quorum]}", "S201", "3:15", "fires"),
    ("close: 1", "{orders: [{sid: buy}]}", "T501", "3:25", "side"),
    ("close: 1", "{orders: [{side: bye}]}", "T501", "3:31", "buy"),
    ("close: 1", "{trades: [{at: 5}]}", "T502", "3:29", "5s"),
]


@pytest.mark.parametrize(("more", "expect", "code", "place", "near"), BAD_TAPES)
def test_a_mistake_in_a_tape_is_one_problem_at_its_place(
    more: str, expect: str, code: str, place: str, near: str
) -> None:
    text = TAPE.replace("MORE", more).replace("EXPECT", expect)
    (found,) = book(text).problems
    assert (found.code, f"{found.span.line}:{found.span.column}") == (code, place)
    assert near in found.help


def test_tapes_and_tests_of_one_file_share_their_names() -> None:
    test = "{name: x, section: entry, given: {confidence: 1}, expect: {fires: none}}"
    text = TAPE.replace("MORE", "close: 1").replace("EXPECT", "{fires: []}")
    found = book(f"tests: [{test}]\n{text}")
    assert [one.code for one in found.problems] == ["T506"]
    assert len(found.tests) == 1
