"""What a solver finds is so, and what it proves is contradicted by no moment."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings

pytest.importorskip("z3", reason="z3-solver is not installed")

from quorate.rulebook import solving
from quorate.rulebook.comparing import compare
from quorate.rulebook.compile_function import compile_value
from quorate.rulebook.params import Params
from quorate.rulebook.proving import prove
from quorate.rulebook.sampling import draw, ranges_of
from quorate.rulebook.solving import Solver
from quorate.rulebook.terms import Expression, NotKnown

parts = import_module("rulebook_parts")
equality = import_module("test_compiled_equality")

ROWS = 256
ALWAYS = "exits:\n  - {{id: more, when: '{0}', then: {{sell: 100%}}}}\n"


def holds(expression: Expression, moment: Any) -> bool | None:
    """Return what the engine makes of it, None when that is not known."""
    try:
        return bool(compile_value(expression, exact=False)(SimpleNamespace(**moment)))
    except (NotKnown, ArithmeticError):
        return None


@settings(max_examples=120, deadline=None)
@given(equality.flags(2))
def test_a_solver_and_the_engine_never_contradict(text: str) -> None:
    expression = equality.read(text)
    ranges = ranges_of([expression], {}, Params())
    columns = draw(ranges, ROWS)
    for truth in (True, False):
        wanted = [(expression.tree, truth)]
        status, moment = solving._Question(ranges, wanted, 300).ask()
        if moment is not None:
            # A name that does not count, as in `b ** 0`, may be anything.
            whole = {**{name: one[:1] for name, one in columns.items()}, **moment}
            found = {name: one[0].item() for name, one in whole.items()}
            assert holds(expression, found) is truth, found
        if status == "proved":
            for row in range(ROWS):
                drawn = {name: column[row].item() for name, column in columns.items()}
                assert holds(expression, drawn) in (not truth, None), drawn


def found(condition: str, solver: Solver | None) -> list[tuple[str, str]]:
    book = parts.good(parts.read({"zz.yaml": ALWAYS.format(condition)}))
    return [
        (one.code, one.help)
        for one in prove(book, solver).problems
        if one.span.path == "zz.yaml" and one.code in ("R430", "R431")
    ]


@pytest.mark.parametrize(
    ("condition", "drawn", "solved"),
    [
        ("net_profit > 5% and net_profit < 4%", ["R430"], "proved: no moment"),
        ("net_profit * net_profit < -1%", ["R430"], "proved for exact numbers"),
        ("net_profit / 2 > 1% and net_profit < 2%", ["R430"], "proved: no moment"),
        ("not (net_profit > 5%) or net_profit > 4%", ["R431"], "proved: no moment"),
        ("net_profit > 1%", [], ""),
    ],
)
def test_what_is_proved_is_said_to_be(
    condition: str, drawn: list[str], solved: str
) -> None:
    assert [code for code, _ in found(condition, None)] == drawn
    with_solver = found(condition, Solver())
    assert [code for code, _ in with_solver] == drawn
    assert all(advice.startswith(solved) for _, advice in with_solver)


NARROW = (
    "net_profit * 7919 > 31.3371 and net_profit * 7919 < 31.3372 and "
    "giveback * 104729 > net_profit * 104729 + 0.4 and "
    "giveback * 104729 < net_profit * 104729 + 0.4001"
)


def test_a_narrow_window_that_drawing_misses_is_found() -> None:
    solver = Solver()
    assert [code for code, _ in found(NARROW, None)] == ["R430"]
    assert found(NARROW, solver) == []
    assert solver.counts["found"]


def test_what_the_solver_leaves_open_is_not_proved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(solving._Question, "ask", lambda _: ("unknown", None))
    solver = Solver()
    ((code, advice),) = found("net_profit > 5% and net_profit < 4%", solver)
    assert code == "R430"
    assert "proved" not in advice
    assert solver.counts["unknown"]


def test_numbers_and_texts_in_one_comparison_are_told_apart() -> None:
    told = found("(1 if deployment == ''funds_deployed'' else 2) > 0", Solver())
    assert [code for code, _ in told] in ([], ["R431"])


def test_the_default_rules_leave_nothing_open() -> None:
    solver = Solver()
    proof = prove(parts.good(parts.read()), solver)
    assert proof.problems == []
    assert proof.counts["solver unknown"] == 0


def test_two_rulebooks_that_are_written_otherwise_are_proved_the_same() -> None:
    files = parts.default_files()
    exits = files["exits.yaml"]
    other = exits.replace(
        "net_profit >= profit_target", "not (net_profit < profit_target)"
    )
    assert other != exits
    solver = Solver()
    books = [
        parts.good(parts.read({**files, "exits.yaml": text})) for text in (exits, other)
    ]
    compared = compare(books[0], books[1], solver)
    assert compared.rewritten == ("micro-profit",)
    assert solver.counts["unknown"] == 0
    assert solver.counts["proved"] == 2
