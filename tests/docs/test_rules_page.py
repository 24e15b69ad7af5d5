"""docs/rules.md: every example is read by the real reader, no key is left out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from quorate.drivers.tape_trial import run_tapes
from quorate.rulebook.diagnostics import Severity, Span
from quorate.rulebook.expression import read_expression
from quorate.rulebook.rulebook import Sources
from quorate.rulebook.sections import POLICIES, STAGES, names_for
from quorate.rulebook.terms import Want
from quorate.trials.reading import read_tests
from quorate.trials.run import run_tests

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "rules.md"

pages = import_module("pages")
examples = import_module("examples")

BLOCKS = [one for one in pages.blocks(PAGE) if one.language == "yaml"]
ROWS = list(pages.rows(PAGE))
COMMON = "Every rule"
TABLES = "Decision tables"


def is_tests(block: Any) -> bool:
    return re.search(r"^(tests|tapes):", block.text, re.MULTILINE) is not None


def refusal(block: Any) -> str:
    """Return the code that an example says it is refused for, "" when it is not."""
    found = re.match(r"# refused: (\w+)\n", block.text)
    return found[1] if found else ""


def rulebook_of(block: Any) -> Sources:
    """Return the default rulebook with a block laid on it."""
    if "overlay" in block.marks:
        laid = examples.laid({})
        overlay = ((f"line {block.line}", block.text.encode()),)
        return Sources(rules=laid.rules, overlays=(overlay,))
    value, problems = examples.read(block.text, block.line)
    assert not problems, problems
    return examples.laid(value)  # type: ignore[no-any-return]


def named(block: Any) -> str:
    return f"line {block.line}"


GOOD = [one for one in BLOCKS if not is_tests(one) and not refusal(one)]
REFUSED = [one for one in BLOCKS if refusal(one)]
TESTED = [
    (max((a for a in GOOD if a.line < b.line), key=lambda one: one.line), b)
    for b in BLOCKS
    if is_tests(b)
]


@pytest.mark.parametrize("block", GOOD, ids=named)
def test_an_example_is_read_without_a_problem(block: Any) -> None:
    checked = examples.checked(rulebook_of(block))
    assert not checked.problems, checked.problems


@pytest.mark.parametrize("block", REFUSED, ids=named)
def test_what_is_shown_as_refused_is_refused_for_that(block: Any) -> None:
    _, found = examples.read(block.text, block.line)
    problems = found or examples.checked(rulebook_of(block)).problems
    told = {one.code for one in problems if one.severity is Severity.ERROR}
    assert told == {refusal(block)}, problems


@pytest.mark.parametrize(("example", "block"), TESTED, ids=named)
def test_the_tests_on_the_page_pass(example: Any, block: Any) -> None:
    lone = block.section in ("Expressions", "Tests", "Tapes")
    sources = examples.laid({}) if lone else rulebook_of(example)
    rulebook = examples.rulebook(sources)
    text = b"\n" * (block.line - 1) + block.text.encode()
    book = read_tests([("docs/rules.md", text)], rulebook)
    assert not book.problems, book.problems
    results = [
        *run_tests(book.tests, rulebook, examples.host()),
        *run_tapes(book.tapes, examples.ground(sources)),
    ]
    assert results
    for one in results:
        shown = f"{one.case.place}: {one.name}: {one.found} {one.missing}"
        assert one.passed, shown


def keys(schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield the keys that a schema describes, nested ones dotted, lists looked into."""
    for name, inner in schema.get("properties", {}).items():
        below = list(keys(inner, f"{path}{name}."))
        yield from below or [f"{path}{name}"]
    items = schema.get("items")
    if isinstance(items, dict) and "properties" in items:
        yield from keys(items, path)


def section_schemas() -> dict[str, set[str]]:
    found = {}
    for path in sorted((ROOT / "schemas").glob("*.schema.json")):
        name = path.name.removesuffix(".schema.json")
        if name not in ("rulebook", "workspace", "test"):
            found[name] = json.loads(path.read_text("utf-8"))
    params = found.pop("params")["additionalProperties"]
    return {"params": set(keys(params))} | {
        name: set(keys(schema)) for name, schema in found.items()
    }


def table_keys(found: set[str]) -> set[str]:
    return {key for key in found if key.startswith("table.")}


TABLED = {name: table_keys(found) for name, found in section_schemas().items()}
SCHEMAS = {name: found - TABLED[name] for name, found in section_schemas().items()}
COMMON_KEYS = set.intersection(
    *(SCHEMAS[name] for name in SCHEMAS if name not in ("params", "symbols"))
)


def in_table(section: str) -> set[str]:
    return {
        pages.quoted(row.cells[0])[0]
        for row in ROWS
        if row.section == section and row.header[0] == "key"
    }


@pytest.mark.parametrize("section", SCHEMAS)
def test_the_table_of_a_section_has_its_keys_and_no_other(section: str) -> None:
    wanted = SCHEMAS[section]
    if section not in ("params", "symbols"):
        wanted = wanted - (COMMON_KEYS - {"when", "then.sell"})
    assert in_table(section) == wanted


def test_the_table_of_every_rule_has_the_keys_of_every_rule() -> None:
    assert in_table(COMMON) == COMMON_KEYS - {"when"}


def test_decision_tables_have_their_keys_in_the_sections_that_are_named() -> None:
    told = " ".join(pages.sections(PAGE)[TABLES].split())
    for name, found in TABLED.items():
        assert found in (set(), in_table(TABLES))
        assert bool(found) == (f"`{name}`" in told.partition("may be a table")[0])
    used_there = set().union(*map(used_in, SCHEMAS))
    assert in_table(TABLES) <= used_there


def test_the_tables_of_tests_and_tapes_have_their_keys_and_no_other() -> None:
    schema = json.loads((ROOT / "schemas" / "test.schema.json").read_text("utf-8"))
    top = schema["properties"]
    assert in_table("Tests") == set(keys(top["tests"])) | set(top)
    assert in_table("Tapes") == set(keys(top["tapes"]))


def used(value: Any, path: str = "") -> Iterator[str]:
    """Yield every key of an example, nested ones dotted, containers too."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield f"{path}{name}"
            yield from used(inner, f"{path}{name}.")
    elif isinstance(value, list):
        for inner in value:
            yield from used(inner, path)


def used_in(section: str) -> set[str]:
    found: set[str] = set()
    for block in GOOD:
        value, _ = examples.read(block.text)
        items = value.get(section, ())
        for item in items.values() if isinstance(items, Mapping) else items:
            found |= set(used(item))
    return found


@pytest.mark.parametrize("section", SCHEMAS)
def test_every_key_of_a_section_stands_in_an_example(section: str) -> None:
    missing = SCHEMAS[section] - used_in(section)
    if section not in ("params", "symbols"):
        missing -= set().union(*map(used_in, SCHEMAS)) & COMMON_KEYS
    assert not missing


@pytest.mark.parametrize(("section", "under"), [("Tests", "tests"), ("Tapes", "tapes")])
def test_every_key_of_tests_stands_in_an_example(section: str, under: str) -> None:
    found: set[str] = set()
    for _, block in TESTED:
        found |= set(used(examples.read(block.text)[0]))
    for key in in_table(section):
        assert found & {key, f"{under}.{key}"}, key


def words(schema: Any) -> Iterator[str]:
    """Yield every word that a schema allows somewhere."""
    if isinstance(schema, Mapping):
        yield from map(str, schema.get("enum", ()))
        for inner in schema.values():
            yield from words(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from words(inner)


@pytest.mark.parametrize("section", SCHEMAS)
def test_every_word_that_a_key_allows_is_told(section: str) -> None:
    schema = (ROOT / "schemas" / f"{section}.schema.json").read_text("utf-8")
    parts = pages.sections(PAGE)
    shown = parts[section] + parts[COMMON]
    for word in words(json.loads(schema)):
        assert f"`{word}`" in shown or f" {word}" in shown, word


@pytest.mark.parametrize("section", POLICIES)
def test_the_hit_policy_is_told_in_the_words_of_the_code(section: str) -> None:
    told = " ".join(pages.sections(PAGE)[section].split())
    assert str(POLICIES[section]) in told
    (row,) = [
        one
        for one in ROWS
        if one.header[0] == "section" and pages.quoted(one.cells[0]) == [section]
    ]
    assert row.cells[-1] == POLICIES[section].hit


EXPRESSIONS = [one for one in ROWS if one.header[0] == "expression"]


@pytest.mark.parametrize("row", EXPRESSIONS, ids=lambda one: one.cells[0])
def test_an_expression_is_what_the_page_says(row: Any) -> None:
    rulebook = examples.rulebook(examples.laid({}))
    names: dict[str, Any] = {}
    for section in STAGES:
        names |= names_for(section, rulebook.facts, rulebook.params)
    want = Want((*Want.flag().kinds, *Want.number().kinds))
    text = "".join(pages.quoted(row.cells[0]))
    _, problems = read_expression(
        text, names, rulebook.functions, want, Span("docs/rules.md", row.line)
    )
    told = {one.code for one in problems}
    refused = row.header[1] == "refused with"
    assert told == ({row.cells[1][:4]} if refused else set()), problems


def test_every_section_links_to_the_pages_beside_it() -> None:
    text = PAGE.read_text("utf-8")
    for name in ("vocabulary.md", "codes.md"):
        assert f"]({name})" in text
