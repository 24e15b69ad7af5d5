"""The default rulebook, and small tests put to it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from quorate.host.host import Host, open_host
from quorate.rulebook.rulebook import Rulebook, Sources, gather_sources, read_rulebook
from quorate.trials.book import TestBook
from quorate.trials.reading import read_tests
from quorate.trials.run import Result, run_tests

ROOT = Path(__file__).parents[2]
RULES = ROOT / "rules"


@cache
def host() -> Host:
    return open_host(installed=False)


@cache
def sources() -> Sources:
    return gather_sources(RULES, relative_to=ROOT)[0]


def rulebook_of(sources: Sources) -> Rulebook:
    reading = read_rulebook(sources, host().facts, host().functions)
    assert reading.rulebook is not None, reading.errors
    return reading.rulebook


@cache
def default() -> Rulebook:
    return rulebook_of(sources())


def with_change(name: str, old: str, new: str) -> Rulebook:
    """Return the default rulebook with one text in one file replaced."""
    rules = []
    for shown, data in sources().rules:
        here = shown.endswith(f"/{name}")
        assert not here or old.encode() in data
        changed = data.replace(old.encode(), new.encode(), 1)
        rules.append((shown, changed if here else data))
    return rulebook_of(Sources(rules=tuple(rules)))


def default_tests() -> TestBook:
    files = sorted(RULES.glob("*.test.yaml"))
    return read_tests([(one.name, one.read_bytes()) for one in files], default())


def book(text: str) -> TestBook:
    return read_tests([("x.test.yaml", text.encode())], default())


def ask(section: str, given: str, expect: str, *, more: str = "") -> Result:
    """Return the result of one case, given and expected as flow mappings."""
    text = f"tests:\n  - name: x\n    section: {section}\n    given: {given}\n"
    found = book(f"{text}    expect: {expect}\n{more}")
    assert found.problems == ()
    (result,) = run_tests(found.tests, default(), host())
    return result


def differences(result: Result) -> Mapping[str, object]:
    return {one.key: one.found for one in result.differences}
