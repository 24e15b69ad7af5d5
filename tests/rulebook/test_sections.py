"""The hit policies: one table, the same words in the schemas, and what check reads."""

from __future__ import annotations

import json
from pathlib import Path

from quorate.rulebook.build import SECTIONS
from quorate.rulebook.proving import FIRST
from quorate.rulebook.sections import POLICIES, Hit

ROOT = Path(__file__).parents[2]


def test_every_section_has_a_policy_and_its_schema_says_which() -> None:
    assert set(POLICIES) == set(SECTIONS)
    for section, policy in POLICIES.items():
        schema = json.loads((ROOT / "schemas" / f"{section}.schema.json").read_text())
        assert schema["description"].endswith(str(policy)), section


def test_rules_are_looked_for_behind_others_only_where_the_first_counts() -> None:
    assert {POLICIES[section].hit for section in FIRST} == {Hit.FIRST}
