"""One drawn moment in the words of a rule file, for people: ``net_profit -2%``."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import numpy as np

from quorate.contract.vocabulary import Unit
from quorate.rulebook.evaluating import Columns
from quorate.rulebook.literals import write_quantity
from quorate.rulebook.rulebook import Rulebook


def moment(
    rulebook: Rulebook, columns: Columns, row: int, trees: Iterable[ast.expr]
) -> str:
    """Return the names of ``trees`` with their values: ``age 5h, use_ioc true``."""
    return ", ".join(
        f"{name} {written(rulebook, name, columns[name][row])}"
        for name in names_in(trees, columns)
    )


def names_in(trees: Iterable[ast.expr], known: Iterable[str]) -> list[str]:
    """Return the ``known`` names that ``trees`` mention, sorted."""
    mentioned = {
        node.id
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Name)
    }
    return sorted(mentioned.intersection(known))


def written(rulebook: Rulebook, name: str, value: Any) -> str:
    """Return a value as a rule file writes it: 30s, -2%, true, 'funds_deployed'."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, str):
        return repr(str(value))
    number = Decimal(f"{float(value):.6g}")
    param = rulebook.params.by_name.get(name)
    if param is not None:
        return param.write(number)
    fact = rulebook.facts.get(name)
    small = fact is not None and fact.high is not None and fact.high <= 1
    unit = fact.unit if fact is not None else Unit(base=1)
    if unit.time == 1:
        size = Decimal(
            60_000 if number > 3_600_000 else 1_000 if number > 10_000 else 1
        )
        return write_quantity(round(number / size) * size, unit)
    return write_quantity(number, unit if small else Unit(base=1))
