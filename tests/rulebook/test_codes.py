"""Every code has an example that gives it and nothing else, and a repaired one."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from quorate.rulebook import cross, shape, terms, text
from quorate.rulebook.codes import catalogue
from quorate.rulebook.rulebook import Reading
from quorate.rulebook.text import read_document

parts = import_module("rulebook_parts")
HOSTILE = parts.HOSTILE
default_files = parts.default_files
read = parts.read
told = parts.told


def data(path: str, key: str) -> list[dict[str, Any]]:
    document, problems = read_document(HOSTILE.parent / path)
    assert document, problems
    entries: list[dict[str, Any]] = document.value[key]
    return entries


EXAMPLES = data("codes/codes.yaml", "examples")


def laid_in(example: dict[str, Any], kind: str) -> Reading:
    files = {}
    if kind in example:
        files[example.get("file", "extra.yaml")] = example[kind]
    if "without_param" in example:
        lines = default_files()["params.yaml"].splitlines(keepends=True)
        name = f"  {example['without_param']}:"
        files["params.yaml"] = "".join(x for x in lines if not x.startswith(name))
    overlay = {"a.yaml": example.get("overlay", "")}
    overlay["b.yaml"] = example.get("overlay_also", "")
    laid = {name: content for name, content in overlay.items() if content}
    settings = ((example["set"][0], example["set"][1]),) if "set" in example else ()
    voters = example.get("voters")
    reading: Reading = read(
        files, overlays=[laid] if laid else [], settings=settings, voters=voters
    )
    return reading


def caused(reading: Reading, example: dict[str, Any]) -> list[str]:
    """Return the problems but for params that a replaced file no longer uses."""
    idle = tuple(f"uses param `{name}`" for name in example.get("uses", ()))
    return [line for line in told(reading) if not line.endswith(idle or ("\0",))]


@pytest.mark.parametrize(
    "example", EXAMPLES, ids=lambda one: f"{one['code']} {one['says'][:40]}"
)
def test_bad_example_gives_its_code_alone(example: dict[str, Any]) -> None:
    reading = laid_in(example, "bad")
    told_of = caused(reading, example)
    assert len(told_of) == 1, told_of
    problem = next(one for one in reading.problems if one.concise() == told_of[0])
    assert problem.code == example["code"]
    assert f"{problem.span.line}:{problem.span.column}" == example["at"]
    assert example["says"] in problem.message
    assert example.get("help", "") in problem.help
    assert (problem.help == "") == ("help" not in example), problem.help
    if "of" in example:
        assert problem.span.path == example["of"]
    if "set" not in example and problem.code != "R413":
        assert problem.source.strip()


@pytest.mark.parametrize(
    "example",
    [example for example in EXAMPLES if "good" in example],
    ids=lambda one: f"{one['code']} {one['says'][:40]}",
)
def test_repaired_example_gives_nothing(example: dict[str, Any]) -> None:
    assert caused(laid_in(example, "good"), example) == []


def test_every_code_of_shape_and_rulebook_has_an_example() -> None:
    found = {example["code"] for example in EXAMPLES} | {"R400", "R428", "R448"}
    # What only the whole shows has its examples in the catalogue.
    found |= {
        code for code, one in catalogue().items() if one.bad and "R430" <= code < "S"
    }
    assert found == set(shape.CODES) | set(cross.CODES)


def test_every_code_of_text_has_a_hostile_document() -> None:
    found = {entry.get("code") for entry in data("hostile/manifest.yaml", "documents")}
    # These four cannot stand in a text file; test_text has them as bytes.
    assert set(text.CODES) - found == {"Y101", "Y102", "Y103", "Y105"} - found


def test_every_code_of_expressions_has_a_hostile_expression() -> None:
    content = (HOSTILE.parent / "hostile_expressions.yaml").read_text("utf-8")
    own = (HOSTILE.parent / "test_expression.py").read_text("utf-8")
    # Only the check knows of plugins that are not there: test_absent has that one.
    missing = [code for code in terms.CODES if code not in content + own + "R314"]
    assert missing == []


def test_no_code_is_in_two_tables() -> None:
    tables = (text.CODES, shape.CODES, terms.CODES, cross.CODES)
    assert len({code for table in tables for code in table}) == sum(map(len, tables))


def test_folder_without_rules_is_the_code_that_no_text_gives(tmp_path: Any) -> None:
    from quorate.rulebook.rulebook import gather_sources

    _, problems = gather_sources(tmp_path)
    assert [problem.code for problem in problems] == ["R400"]
