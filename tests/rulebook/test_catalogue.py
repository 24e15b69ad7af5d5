"""What ``check --explain-code`` shows: every code is there, every example is true."""

from __future__ import annotations

from importlib import import_module

import pytest

from quorate.rulebook.codes import TITLES, Code, catalogue
from quorate.rulebook.diagnostics import Problem
from quorate.rulebook.rulebook import Reading

parts = import_module("rulebook_parts")

ALL = list(catalogue().values())
SHOWN = [code for code in ALL if code.bad]
TOLD_ONLY = {"R314", "R329", "R400", "R415", "R428", "R448", "Y101", "Y102", "Y103"}
"""What no text laid into the rulebook can cause; other tests cause them."""
ELSEWHERE = {"checks.yaml", "errors.yaml", "exits.yaml"}
"""Where a problem shows that another file causes."""


def laid_in(code: Code, content: str) -> Reading:
    files = {code.name: content}
    voters = ("trend",)
    if code.overlay:
        reading: Reading = parts.read(overlays=[files], voters=voters)
    else:
        reading = parts.read(files, voters=voters)
    return reading


def caused(reading: Reading, code: Code) -> list[Problem]:
    """Return the problems but for params that only the replaced file uses."""
    replaced = code.name in parts.default_files()
    found = parts.all_problems(reading)
    return [one for one in found if not (replaced and one.code == "R418")]


def test_every_code_is_explained() -> None:
    assert list(catalogue()) == sorted(TITLES)
    assert {code.code for code in ALL if not code.bad} == TOLD_ONLY
    for code in ALL:
        assert bool(code.bad) == bool(code.good), code.code
        assert code.why.endswith("."), code.code


@pytest.mark.parametrize("code", SHOWN, ids=lambda code: code.code)
def test_bad_example_gives_its_code_alone(code: Code) -> None:
    problems = caused(laid_in(code, code.bad), code)
    assert {problem.code for problem in problems} == {code.code}, problems
    assert {problem.span.path for problem in problems} <= {code.name, *ELSEWHERE}


@pytest.mark.parametrize("code", SHOWN, ids=lambda code: code.code)
def test_good_example_gives_nothing(code: Code) -> None:
    reading = laid_in(code, code.good)
    assert caused(reading, code) == []
    assert reading.rulebook is not None


def test_an_explanation_shows_both_examples() -> None:
    told = str(catalogue()["R322"])
    assert told.startswith("R322: a number lies beyond")
    assert "\n\nBad:\n    exits:\n      - id: more\n" in told
    assert "\n\nGood:\n    exits:\n" in told
