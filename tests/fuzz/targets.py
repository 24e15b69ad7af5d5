"""What a mutated rule file is put through, and what must hold of everything said.

Nothing but problems may come of a file, each with a place in it, the same each time;
and what is accepted is evaluated alike by simpleeval and in every compiled form.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import numpy as np
from tests.fuzz.expressions import RULES, Grammar, rule
from tests.fuzz.mutations import mutate

from quorate.contract.vocabulary import Kind
from quorate.flow.book import Book
from quorate.host.host import Host, open_host
from quorate.rulebook import codes
from quorate.rulebook.comparing import compare
from quorate.rulebook.compile_columns import compile_columns
from quorate.rulebook.compile_function import compile_value, fuse, is_known
from quorate.rulebook.cross import formulas
from quorate.rulebook.diagnostics import Problem
from quorate.rulebook.economy import Fees, economy
from quorate.rulebook.formats import as_github, as_junit, as_sarif
from quorate.rulebook.mending import edits_by_file, mend
from quorate.rulebook.parse_expression import evaluate_with_simpleeval
from quorate.rulebook.printing import as_dict, render
from quorate.rulebook.proving import prove
from quorate.rulebook.rendering import rendered
from quorate.rulebook.rulebook import Reading, Rulebook, Sources, read_rulebook
from quorate.rulebook.sections import names_for
from quorate.rulebook.terms import Expression
from quorate.trials import reading as test_reading
from quorate.trials.reading import read_tests

ROOT = Path(__file__).parents[2]
FEES = Fees(maker=Decimal("0.0025"), taker=Decimal("0.004"))
TITLES = {**codes.TITLES, **test_reading.CODES}
SECTIONS = (
    *("votes", "entry", "checks", "orders", "errors", "exits", "tuning", "switches"),
)
FLOATS = (
    *(0.0, -0.0, 1.0, -1.0, 0.5, 70.0, 1e308, -1e308, 5e-324, 1e-9, 64_110.25),
    *(math.nan, math.inf, -math.inf, None),
)


@cache
def host() -> Host:
    """The bundled plugins."""
    return open_host(installed=False)


@cache
def good_files() -> dict[str, bytes]:
    """The default rule files by name."""
    found = sorted((ROOT / "rules").glob("*.yaml"))
    return {path.name: path.read_bytes() for path in found if ".test." not in path.name}


@cache
def good_tests() -> dict[str, bytes]:
    """The tests of the default rules by name."""
    found = sorted((ROOT / "rules").glob("*.test.yaml"))
    return {path.name: path.read_bytes() for path in found}


@cache
def good_book() -> Rulebook:
    """The default rulebook."""
    book = read(good_files()).rulebook
    assert book is not None
    return book


@cache
def good_texts() -> frozenset[str]:
    """The expressions of the default rulebook."""
    return frozenset(one.text for one in expressions(good_book()))


def read(files: Mapping[str, bytes]) -> Reading:
    """Read a rulebook made of these files."""
    sources = Sources(rules=tuple(sorted(files.items())))
    return read_rulebook(sources, host().facts, host().functions)


@dataclass(slots=True)
class Input:
    """One input: the files that a seed makes of the good ones."""

    seed: int
    rules: dict[str, bytes] = field(init=False)
    tests: dict[str, bytes] = field(init=False)
    draw: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        self.rules, self.tests = dict(good_files()), dict(good_tests())
        every = {**self.rules, **self.tests}
        kind = self.draw.random()
        if kind < 0.4:
            self._add_condition()
        elif kind < 0.5:
            self._change(self.tests, every)
        else:
            for _ in range(self.draw.choice([1, 1, 2])):
                self._change(self.rules, every)

    def _add_condition(self) -> None:
        section = self.draw.choice(sorted(RULES))
        names = names_for(section, host().facts, good_book().params)
        grammar = Grammar(names, host().functions, self.draw)
        self.rules["fuzzed.yaml"] = rule(section, grammar.condition())

    def _change(self, files: dict[str, bytes], every: Mapping[str, bytes]) -> None:
        name = self.draw.choice(sorted(files))
        files[name] = mutate(files[name], every, self.draw)

    def changed(self) -> dict[str, bytes]:
        """Return the files that are not as shipped."""
        shipped = {**good_files(), **good_tests()}
        found = {**self.rules, **self.tests}
        return {name: data for name, data in found.items() if shipped.get(name) != data}


def try_one(one: Input) -> int:
    """Put one input through everything; raises AssertionError, or what went wrong.

    Returns how many new expressions were accepted, and so evaluated in every form.
    """
    reading = read(one.rules)
    problems, count = list(reading.problems), 0
    book = reading.rulebook
    if book is not None:
        problems += [*prove(book).problems, *economy(book, FEES)]
        count = _accepted(book, one)
    _said(problems, one.rules)
    _mended(problems, one.rules)
    if one.seed % 16 == 0:
        again = read(one.rules)
        assert again.problems == reading.problems, "not the same twice"
    return count


def _accepted(book: Rulebook, one: Input) -> int:
    """Use a rulebook that was accepted: render, compare, compile, test, evaluate."""
    if one.seed % 8 == 0:
        again = read({"all.yaml": rendered(book).encode()})
        assert again.rulebook is not None, again.problems
        assert not compare(book, again.rulebook).changes, "rendered, it means another"
        compare(good_book(), book)
        Book(book, host()).must_answer()
    if one.tests != good_tests():
        tests = read_tests(sorted(one.tests.items()), book)
        _said(list(tests.problems), one.tests)
    fresh = [made for made in expressions(book) if made.text not in good_texts()]
    for expression in fresh:
        _evaluated(expression, one.draw)
    return len(fresh)


def expressions(book: Rulebook) -> Iterator[Expression]:
    """Yield every expression of a rulebook."""
    for section in SECTIONS:
        for one in getattr(book, section):
            for formula in formulas(one):
                yield formula.expression


def _said(problems: list[Problem], files: Mapping[str, bytes]) -> None:
    """Hold what is said of files to what programs and people can use."""
    for problem in problems:
        assert problem.code in TITLES, problem.code
        assert problem.message.strip()
        span = problem.span
        if span.path in files:
            text = files[span.path].decode("utf-8", "replace")
            lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
            assert 1 <= span.line <= len(lines) + 1, problem
            assert span.column >= 1, problem
            ends = span.end_line, span.end_column
            assert ends in ((0, 0),) or ends >= (span.line, span.column), problem
        assert "Traceback" not in render(problem)
        as_github(problem)
    json.dumps([as_dict(problem) for problem in problems])
    json.dumps(as_sarif(problems, TITLES, "0"))
    ElementTree.fromstring(as_junit(problems, sorted(files)))


def _mended(problems: list[Problem], files: Mapping[str, bytes]) -> None:
    for name, edits in edits_by_file(problems).items():
        if name in files:
            data, made = mend(files[name], edits)
            assert bool(made) == (data != files[name])


def _evaluated(expression: Expression, draw: random.Random) -> None:
    """Evaluate an accepted expression in every form, on values of all kinds."""
    rows = [_context(expression, draw) for _ in range(6)]
    for exact in (False, True):
        compiled = compile_value(expression, exact=exact)
        for row in rows:
            context = _as_exact(row) if exact else row
            law = _law(expression, context, exact=exact)
            found = _outcome(lambda: compiled(context))  # noqa: B023
            assert found == law, (expression.text, vars(row), found, law)
    _as_columns(expression, rows)
    if expression.kind is Kind.FLAG:
        _as_fused(expression, rows)


def _as_fused(expression: Expression, rows: list[SimpleNamespace]) -> None:
    fused = fuse([("rule", expression), ("again", expression)], exact=False)
    for row in rows:
        mask, faults = fused(row)
        raised, value = _law(expression, row, exact=False)
        assert [bit for bit, _ in faults] == ([0, 1] if raised else [])
        assert mask == (0b11 if value == "True" else 0), (expression.text, vars(row))


def _as_columns(expression: Expression, rows: list[SimpleNamespace]) -> None:
    columns = {
        name: np.array([_plain(getattr(row, name)) for row in rows])
        for name in expression.reads
    }
    values, faults = compile_columns(expression)(columns)
    for at, row in enumerate(rows):
        place = at if len(values) > 1 else 0
        found = (True, None) if faults[place] else (False, _told(values[place]))
        law = _law(expression, row, exact=False)
        assert found == law, (expression.text, vars(row), found, law)


def _plain(value: Any) -> Any:
    return math.nan if value is None else value


def _context(expression: Expression, draw: random.Random) -> SimpleNamespace:
    values: dict[str, Any] = {}
    for name, kind in expression.reads.items():
        if kind is Kind.FLAG:
            values[name] = draw.random() < 0.5
        elif kind is Kind.TEXT:
            values[name] = draw.choice(["buy", "sell", "funds_deployed", "", "x"])
        else:
            values[name] = draw.choice(FLOATS)
    return SimpleNamespace(**values)


def _as_exact(row: SimpleNamespace) -> SimpleNamespace:
    return SimpleNamespace(
        **{
            name: Decimal(repr(value)) if isinstance(value, float) else value
            for name, value in vars(row).items()
        }
    )


def _law(
    expression: Expression, context: SimpleNamespace, *, exact: bool
) -> tuple[bool, str | None]:
    """Return what simpleeval makes of it; what is not known is refused before."""
    for name, kind in expression.reads.items():
        if not is_known(getattr(context, name), kind):
            return True, None
    raised, value = _outcome(
        lambda: evaluate_with_simpleeval(expression, context, exact=exact)
    )
    if not raised and value in ("nan", "inf", "-inf", "NaN", "Infinity", "-Infinity"):
        return True, None
    return raised, value


def _outcome(call: Any) -> tuple[bool, str | None]:
    try:
        value = call()
    except Exception:  # noqa: BLE001 - any fault counts
        return True, None
    return False, _told(value)


def _told(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return str(value)
    number = float(value) + 0.0  # the sign of a zero decides nothing
    return "nan" if math.isnan(number) else repr(number)
