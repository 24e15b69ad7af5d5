"""The cases at a boundary that are missing, written as a test to look over.

For a comparison of a fact with a number that no test has seen both ways, a case that
came to it is asked again with the fact below, at and above the boundary. What the
engine answers is written down as expected: whether it is right is for a person to say.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from quorate.contract.vocabulary import DURATION, Kind
from quorate.host.host import Host
from quorate.rulebook.compile_function import compile_value
from quorate.rulebook.rulebook import Rulebook
from quorate.trials.book import Slot
from quorate.trials.coverage import Atom, atoms_of, measure
from quorate.trials.looks import Look
from quorate.trials.quantities import write
from quorate.trials.run import Result, run_case
from quorate.trials.slots import given_slots
from quorate.trials.stand import Stand

_UNIT = Decimal("0.01")
_LEAST_MS = Decimal(1000)


def suggest(
    rulebook: Rulebook,
    results: Sequence[Result],
    host: Host,
    sections: Sequence[str],
) -> Iterator[str]:
    """Yield lines of YAML: a test for each condition that is not covered."""
    coverage = measure(rulebook, results, sections)
    begun = False
    for atom in coverage.atoms:
        if atom.covered:
            continue
        if not begun:
            yield "# suggested; look every expectation over before you keep it"
            begun = True
        lines = list(_for_atom(rulebook, results, host, atom))
        yield from lines or [
            f"# {atom.place}: {atom.rule} {atom.part}: {atom.text}: {atom.lacks}; "
            "no case comes to it in which one fact alone turns the outcome"
        ]
    if not begun:
        yield "# nothing to suggest: every condition is covered"


def _for_atom(
    rulebook: Rulebook, results: Sequence[Result], host: Host, atom: Atom
) -> Iterator[str]:
    for result, look in _looks_at(results, atom):
        if result.test.steps is not None:
            continue
        slots = given_slots(result.test.section, rulebook)
        for name, values in _turning(look, atom, slots):
            rows = list(_rows(rulebook, host, result, name, values))
            if len({str(row[1:]) for row in rows}) > 1:
                yield from _yaml(result, atom, name, slots, rows)
                return


def _looks_at(results: Sequence[Result], atom: Atom) -> Iterator[tuple[Result, Look]]:
    for result in results:
        for look in result.looks:
            if (look.rule.id, look.part) == (atom.rule, atom.part):
                yield result, look


def _turning(
    look: Look, atom: Atom, slots: Mapping[str, Slot]
) -> Iterator[tuple[str, list[Any]]]:
    """Yield the facts that can turn an atom, and the values around where they do."""
    expression = look.formula.expression
    for node in atoms_of(expression.tree):
        if expression.source(node) != atom.text:
            continue
        if isinstance(node, ast.Name) and node.id in slots:
            yield node.id, [True, False]
        if not isinstance(node, ast.Compare):
            continue
        sides = (node.left, node.comparators[0])
        for side, other in (sides, sides[::-1]):
            slot = slots.get(side.id) if isinstance(side, ast.Name) else None
            if slot is None or not isinstance(side, ast.Name):
                continue
            if slot.kind is Kind.TEXT:
                yield side.id, list(slot.values)
            elif (edge := _value(look, other)) is not None:
                yield side.id, list(_around(edge, slot))


def _value(look: Look, node: ast.expr) -> Decimal | None:
    """Return what one side of a comparison was worth."""
    own = replace(look.formula.expression, tree=node, kind=Kind.NUMBER)
    try:
        held = compile_value(own, exact=look.formula.exact)(look.context)
    except Exception:  # noqa: BLE001 - not known
        return None
    number = isinstance(held, Decimal | float | int) and not isinstance(held, bool)
    return Decimal(f"{held:.12g}") if number else None


def _around(edge: Decimal, slot: Slot) -> list[Decimal]:
    """Return the boundary and its neighbours, inside the range of the fact."""
    step = max(abs(edge) * _UNIT, _LEAST_MS if slot.unit == DURATION else Decimal(0))
    near = (edge - (step or _UNIT), edge, edge + (step or _UNIT))
    return [
        one
        for one in near
        if (slot.low is None or one >= slot.low)
        and (slot.high is None or one <= slot.high)
    ]


def _rows(
    rulebook: Rulebook, host: Host, of: Result, name: str, values: list[Any]
) -> Iterator[list[Any]]:
    stand = Stand(rulebook, host)
    for value in values:
        case = replace(of.case, given={**of.case.given, name: value})
        asked = run_case(stand, of.test, case)
        yield [value, *(asked.found.get(key) for key in of.case.expected)]


def _yaml(
    of: Result, atom: Atom, name: str, slots: Mapping[str, Slot], rows: list[list[Any]]
) -> Iterator[str]:
    keys = list(of.case.expected)
    columns = [slots[name], *(one.slot for one in of.case.expected.values())]
    yield f"  - name: {atom.rule} {atom.part} at the boundary of {name}"
    yield f"    section: {of.test.section}"
    yield "    given:"
    for key, value in of.case.given.items():
        if key != name and not key.startswith("market."):
            yield f"      {key}: {_plain(value, slots[key])}"
    market = [
        f"{key.removeprefix('market.')}: {_plain(value, slots[key])}"
        for key, value in of.case.given.items()
        if key.startswith("market.")
    ]
    if market:
        yield f"      market: {{{', '.join(market)}}}"
    yield "    cases:"
    yield f"      given: [{name}]"
    yield f"      expect: [{', '.join(keys)}]"
    yield "      rows:"
    for row in rows:
        told = [_plain(one, slot) for one, slot in zip(row, columns, strict=True)]
        yield f"        - [{', '.join(told)}]"


def _plain(value: Any, slot: Slot) -> str:
    """Return a value as YAML reads it back."""
    if value is None:
        return "null"
    text = write(value, slot)
    plain = not isinstance(value, str) or _WORD.fullmatch(text)
    return text if plain else json.dumps(text)


_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
