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
            "no case comes to it that one fact alone could turn"
        ]
    if not begun:
        yield "# nothing to suggest: every condition is covered"


def _for_atom(
    rulebook: Rulebook, results: Sequence[Result], host: Host, atom: Atom
) -> Iterator[str]:
    for result, look in _looks_at(results, atom):
        found = _boundary(look, atom)
        if found is None or result.test.steps is not None:
            continue
        name, edge = found
        slots = given_slots(result.test.section, rulebook)
        slot = slots.get(name)
        if slot is None or slot.kind is not Kind.NUMBER:
            continue
        rows = list(_rows(rulebook, host, result, name, _around(edge, slot)))
        if len({str(row[1:]) for row in rows}) > 1:
            yield from _yaml(result, atom, name, slots, rows)
            return


def _looks_at(results: Sequence[Result], atom: Atom) -> Iterator[tuple[Result, Look]]:
    for result in results:
        for look in result.looks:
            if (look.rule.id, look.part) == (atom.rule, atom.part):
                yield result, look


def _boundary(look: Look, atom: Atom) -> tuple[str, Decimal] | None:
    """Return the fact of a comparison, and the value at which it turns."""
    expression = look.formula.expression
    for node in atoms_of(expression.tree):
        if expression.source(node) != atom.text or not isinstance(node, ast.Compare):
            continue
        sides = (node.left, node.comparators[0])
        for side, other in (sides, sides[::-1]):
            if isinstance(side, ast.Name):
                edge = _value(look, other)
                if edge is not None:
                    return side.id, edge
    return None


def _value(look: Look, node: ast.expr) -> Decimal | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, Decimal):
        return node.value
    if isinstance(node, ast.Name):
        held = getattr(look.context, node.id, None)
        if isinstance(held, Decimal | float | int) and not isinstance(held, bool):
            return Decimal(f"{held:.12g}")
    return None


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
    rulebook: Rulebook, host: Host, of: Result, name: str, values: list[Decimal]
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
