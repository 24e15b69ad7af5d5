"""``quorate rules``: what is in force, what waits, and accepting it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from quorate import RulesChanged, RulesHeld, RulesRefused
from quorate.drivers.acceptance import acceptance_path, accepted_rules
from quorate.face.cli import cli
from quorate.journal.journal import Journal

HELD = RulesHeld(at_ms=2, rulebook="abcdef012345", loosened=("checks one: looser",))
REFUSED = RulesRefused(at_ms=3, rulebook="", problems=("rules/a.yaml:1:1: no",))


def quorate(root: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["-w", str(root), *words], catch_exceptions=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    assert quorate(tmp_path, "run", "-q").exit_code == 0
    return tmp_path


def journal_of(root: Path) -> Path:
    (path,) = (root / "runs").glob("*.sqlite")
    return path


def add(root: Path, *records: RulesHeld | RulesRefused | RulesChanged) -> None:
    path = journal_of(root)
    with Journal.open(path) as journal:
        digest = next(iter(journal.records())).rulebook  # type: ignore[union-attr]
        journal.write(records, [], cursor=journal.cursor(), rulebook=digest)


def test_a_run_is_under_the_rules_it_began_with(root: Path) -> None:
    told = quorate(root, "rules", "status")
    assert told.exit_code == 0
    assert "changed 0 times" in told.output
    assert "no run is alive" in told.output
    nothing = quorate(root, "rules", "accept")
    assert nothing.exit_code == 2
    assert "no rules wait" in nothing.output


def test_what_waits_is_shown_and_accepted_by_its_hash(root: Path) -> None:
    add(root, HELD)
    told = quorate(root, "rules", "status")
    assert told.exit_code == 1
    assert "held      abcdef012345" in told.output
    assert "checks one: looser" in told.output
    other = quorate(root, "rules", "accept", "123456")
    assert other.exit_code == 2
    assert accepted_rules(journal_of(root)) == ""
    done = quorate(root, "rules", "accept", "abcdef")
    assert done.exit_code == 0, done.output
    assert accepted_rules(journal_of(root)) == "abcdef012345"
    assert "accepted  abcdef012345" in quorate(root, "rules", "status").output


def test_what_was_refused_is_shown_until_rules_are_taken_up(root: Path) -> None:
    add(root, HELD, REFUSED)
    found = json.loads(quorate(root, "rules", "status", "--json").output)
    assert found["held"] is None
    assert found["refused"]["problems"] == ["rules/a.yaml:1:1: no"]
    add(root, RulesChanged(at_ms=4, rulebook=found["active"]))
    again = json.loads(quorate(root, "rules", "status", "--json").output)
    assert again["refused"] is None
    assert again["changes"] == 1


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"rulebook": 3}', '{"rulebook": "x"}', '{"rulebook": ""}'],
)
def test_an_acceptance_that_is_not_understood_accepts_nothing(
    text: str, tmp_path: Path
) -> None:
    journal = tmp_path / "a.sqlite"
    acceptance_path(journal).write_text(text)
    assert accepted_rules(journal) == ""
