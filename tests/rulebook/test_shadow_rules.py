"""Shadow rules in the rulebook: apart from the live ones, and in nobody's stead."""

from __future__ import annotations

from importlib import import_module

import pytest

parts = import_module("rulebook_parts")

SHADOW = "mode: shadow"


def codes(text: str) -> list[str]:
    return [problem.code for problem in parts.read({"a.yaml": text}).errors]


def test_a_shadow_is_in_no_section_but_among_the_shadows() -> None:
    rule = f"{{id: a-more, {SHADOW}, when: age > 1h, then: {{sell: 10%}}}}"
    reading = parts.read({"a.yaml": f"exits:\n  - {rule}\n"})
    assert reading.rulebook is not None, reading.problems
    assert "a-more" not in [rule.id for rule in reading.rulebook.exits]
    [shadow] = reading.rulebook.shadows["exits"]
    assert (shadow.id, shadow.shadow) == ("a-more", True)
    awake = reading.rulebook.awakened(["a-more"])
    assert awake.exits == (shadow, *reading.rulebook.exits)
    assert awake.shadows["exits"] == ()


def test_live_is_what_a_rule_is_without_the_key() -> None:
    rule = "{id: a-more, mode: live, when: age > 1h, then: {sell: 10%}}"
    reading = parts.read({"a.yaml": f"exits:\n  - {rule}\n"})
    assert reading.rulebook is not None
    assert reading.rulebook.exits[0].id == "a-more"


REFUSED = {
    "R444 checks": "guards: portfolio, require: cost < 9",
    "R421 exits": "rest: break_even * 2, then: {sell: 10%}",
    "R421 votes": "assistant: buy, score: 1 if close > 5 else 0",
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_a_shadow_is_refused(what: str) -> None:
    code, section = what.split()
    rule = f"{{id: more, {SHADOW}, {REFUSED[what]}}}"
    assert codes(f"{section}:\n  - {rule}\n") == [code]


@pytest.mark.parametrize("section", ["entry", "orders"])
def test_shadows_alone_fulfil_no_duty(section: str) -> None:
    text = parts.default_files()[f"{section}.yaml"]
    asleep = text.replace("  - id: ", f"  - {SHADOW}\n    id: ")
    reading = parts.read({f"{section}.yaml": asleep})
    assert "R413" in [problem.code for problem in reading.errors]


def test_a_shadow_hides_nobody_and_nobody_hides_it() -> None:
    text = (
        f"orders:\n  - {{id: a-first, {SHADOW}, then: {{type: market}}}}\n"
        f"errors:\n  - {{id: a-copy, {SHADOW}, match: 'EAPI:Invalid nonce', "
        "then: {retry: false}}\n"
    )
    reading = parts.read({"0.yaml": text})
    assert reading.problems == ()
    assert parts.all_problems(reading) == []


def test_what_a_shadow_mentions_is_used_and_must_be_there() -> None:
    shadow = f"{{id: a-more, {SHADOW}, when: age > patience, then: {{sell: 10%}}}}"
    params = "params:\n  patience: {value: 1h}\n"
    assert codes(f"exits:\n  - {shadow}\n") == ["R310"]
    reading = parts.read({"a.yaml": f"{params}exits:\n  - {shadow}\n"})
    assert reading.problems == ()
