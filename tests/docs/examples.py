"""Examples of rules, laid on the default rulebook and read as `quorate check` does.

An example takes the place of what has the same id (a param: the same name, an alias:
the same spelling); what is new stands before the others of its section.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from quorate.drivers.tape_trial import Ground
from quorate.face.checking import Checked, Inputs, check
from quorate.face.workspace import Workspace, open_workspace
from quorate.host.host import Host
from quorate.rulebook.diagnostics import Problem
from quorate.rulebook.economy import Fees
from quorate.rulebook.nodes import Path as NodePath
from quorate.rulebook.rulebook import Rulebook, read_rulebook
from quorate.rulebook.shape import misshapen
from quorate.rulebook.sources import Sources
from quorate.rulebook.text import Document, parse_document

ROOT = Path(__file__).parents[2]
FEES = Fees(maker=Decimal("0.25") / 100, taker=Decimal("0.40") / 100)


@cache
def workspace() -> Workspace:
    """Return the workspace whose rules the examples are laid on."""
    return open_workspace(ROOT)


@cache
def host() -> Host:
    """Return the plugins that ship with quorate."""
    return workspace().host()


def read(text: str, line: int = 1) -> tuple[Any, list[Problem]]:
    """Return what an example holds, and what no rule file may hold of it."""
    document, problems = parse_document(b"\n" * (line - 1) + text.encode(), "example")
    found = list(problems)
    if document is not None and not found:
        found = [one for one, _ in _misshapen(document)]
    return (document.value if document is not None else {}), found


def _misshapen(document: Document) -> list[tuple[Problem, NodePath]]:
    tests = document.value.keys() & {"tests", "tapes"}
    return misshapen(document, "test" if tests else "rulebook")


def laid(example: Mapping[str, Any]) -> Sources:
    """Return the default rulebook with an example laid on it."""
    rules: dict[str, Any] = {}
    for path in sorted((ROOT / "rules").glob("*.yaml")):
        if not path.name.endswith(".test.yaml"):
            value, problems = read(path.read_text("utf-8"))
            assert not problems, problems
            rules.update(value)
    for section, items in example.items():
        if isinstance(items, list):
            rules[section] = _merged(rules[section], items)
        else:
            rules[section] = {**rules[section], **items}
    return Sources(rules=(("rules.yaml", _written(rules)),), overlays=(), settings=())


def _merged(kept: list[Any], items: list[Any]) -> list[Any]:
    def name(rule: Mapping[str, Any]) -> str:
        return str(rule.get("id") or rule.get("match"))

    ours = {name(one): one for one in items}
    known = {name(one) for one in kept}
    new = [one for one in items if name(one) not in known]
    return [*new, *(ours.get(name(one), one) for one in kept)]


def _written(rules: Mapping[str, Any]) -> bytes:
    """Return rules as JSON, which is YAML: one line a rule or param."""
    lines = []
    for section, items in rules.items():
        lines.append(f"{section}:")
        if isinstance(items, list):
            lines += [f"  - {_json(one)}" for one in items]
        else:
            lines += [f"  {name}: {_json(one)}" for name, one in items.items()]
    return "\n".join(lines).encode()


def _json(value: object) -> str:
    return json.dumps(value, default=float)


@cache
def rulebook(sources: Sources) -> Rulebook:
    """Return the rulebook of an example that is well made."""
    facts, functions, voters = host().facts, host().functions, host().voters()
    reading = read_rulebook(sources, facts, functions, voters=voters)
    assert reading.rulebook is not None, reading.problems
    return reading.rulebook


def ground(sources: Sources) -> Ground:
    """Return what the tapes of an example are run on."""
    ours = workspace()
    return Ground(
        sources=sources,
        host=host(),
        venue=ours.venue,
        tier=ours.tier,
        settings=ours.settings,
    )


def checked(sources: Sources) -> Checked:
    """Return what `quorate check` finds in a rulebook."""
    return check(Inputs(base=sources, laid=(), overlays=(), fees=FEES), host())
