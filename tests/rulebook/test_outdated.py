"""A fact that was renamed: rules go on under its old name, and are told the new one."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

from quorate.rulebook.diagnostics import Severity
from quorate.rulebook.mending import mend
from quorate.rulebook.rulebook import Sources, read_rulebook

parts = import_module("rulebook_parts")

RULE = b"""\
exits:
  - {id: late, when: held_for > 5h and held_for < 9h, then: {sell: 100%}}
"""


def test_an_old_name_is_a_warning_at_each_mention_and_is_mended() -> None:
    host = parts.bundled_host()
    old = replace(host.facts["age"], name="held_for", instead="age")
    facts = {**host.facts, "held_for": old}
    files = {**parts.default_files(), "late.yaml": RULE.decode()}
    rules = tuple((name, text.encode()) for name, text in sorted(files.items()))
    reading = read_rulebook(Sources(rules=rules), facts, host.functions)
    assert reading.rulebook is not None
    found = [one for one in reading.problems if one.code == "R448"]
    assert [one.severity for one in found] == [Severity.WARNING] * 2
    columns = [one.span.column for one in found]
    lines = RULE.decode().splitlines()
    assert columns == [lines[1].index("held_for") + 1, lines[1].rindex("held_for") + 1]
    data, made = mend(RULE, [one.edit for one in found if one.edit])
    assert len(made) == 2
    assert data == RULE.replace(b"held_for", b"age")
