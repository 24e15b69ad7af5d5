"""The schemas: what editors use, what the shape check says, and no key is idle."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from quorate.rulebook.build import SECTIONS
from quorate.rulebook.builder import Builder
from quorate.rulebook.read_params import read_params
from quorate.rulebook.shape import check_shape, section_names
from quorate.rulebook.text import Document, parse_document

rules = import_module("rulebook_parts")
ROOT = rules.ROOT
bundled_host = rules.bundled_host

SCHEMAS = sorted((ROOT / "schemas").glob("*.schema.json"))
KNOWN = {"type", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum"}
KNOWN |= {
    "if",
    "then",
    "else",
    "exclusiveMinimum",
    "minItems",
    "minProperties",
    "required",
}
KNOWN |= {"additionalProperties", "propertyNames", "properties", "items", "$ref"}
NOTES = {"description", "title", "examples", "default", "$schema", "$id"}


def schema(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return content


def parts(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every schema within a schema, with where it is."""
    yield path, value
    for name, inner in value.get("properties", {}).items():
        yield from parts(inner, f"{path}/{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(value.get(key), dict):
            yield from parts(value[key], f"{path}/{key}")


def document(text: str) -> Document:
    found, problems = parse_document(text.encode(), "x.yaml")
    assert found, problems
    return found


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_schema_is_valid_and_described(path: Path) -> None:
    content = schema(path)
    assert content["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert content["$id"] == path.name
    Draft7Validator.check_schema(content)
    for place, part in parts(content):
        if "$ref" in part:
            assert (path.parent / part["$ref"]).is_file()
            continue
        key = place.rpartition("/")[2]
        if key not in ("items", "additionalProperties"):
            assert part.get("description", "").strip(), f"{path.name}{place}"
        if part.get("type") == "object":
            assert "additionalProperties" in part, f"{path.name}{place}"
            assert part["additionalProperties"] is not True


@pytest.mark.parametrize(
    "path",
    [path for path in SCHEMAS if path.name != "workspace.schema.json"],
    ids=lambda path: path.name,
)
def test_schema_asks_for_nothing_that_is_not_explained(path: Path) -> None:
    for place, part in parts(schema(path)):
        assert set(part) <= KNOWN | NOTES, f"{path.name}{place}"


def test_every_section_has_its_schema() -> None:
    named = {path.name.removesuffix(".schema.json") for path in SCHEMAS}
    assert {"params", *SECTIONS} == set(section_names())
    assert named == {*section_names(), "rulebook", "test", "workspace"}


@pytest.mark.parametrize(
    "path",
    sorted([*ROOT.joinpath("rules").rglob("*.yaml"), ROOT / "quorate.yaml"]),
    ids=lambda path: path.name,
)
def test_modeline_points_to_a_schema(path: Path) -> None:
    first = path.read_text("utf-8").splitlines()[0]
    found = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert found
    assert (path.parent / found[1]).resolve() in SCHEMAS


# -- no key that does nothing

# Every key once, so that what is never asked for is noticed.
EVERYTHING = """\
params:
  a: {value: 5, min: 1, max: 9, unit: money, about: x, for: {'BTC/*': 6}}
votes:
  - id: a
    about: x
    tags: [t]
    owner: o
    since: '2026-01-31'
    active: {from: '2026-01-31', until: '2026-02-28', days: [mon], hours: '08:00-16:00'}
    mode: live
    assistant: buy
    timeframes: {1m: 1}
    let: {fast: "ema(close, 9)"}
    when: close > 0
    score: 1 if fast > close else 0
    weight: 2
    veto: open_positions > 3
entry:
  - id: b
    about: x
    tags: [t]
    owner: o
    since: '2026-01-31'
    active: {from: '2026-01-31', until: '2026-02-28', days: [mon], hours: '08:00-16:00'}
    mode: live
    table: {when: [close], then: [type], also: {a: 1}, rows: [['> 5', limit]]}
    when: risk_approved
    then: {side: buy, quote_amount: free_quote, amount: free_base}
checks:
  - id: c
    about: x
    tags: [t]
    owner: o
    since: '2026-01-31'
    active: {from: '2026-01-31', until: '2026-02-28', days: [mon], hours: '08:00-16:00'}
    mode: live
    table: {when: [close], then: [type], also: {a: 1}, rows: [['> 5', limit]]}
    side: buy
    guards: portfolio
    when: amount > 0
    require: cost > 0
    then: {amount: amount}
    otherwise: {wait: 1s, reallocate: cost > 1, give_up_after: 1s, write_off: true}
orders:
  - id: d
    about: x
    tags: [t]
    owner: o
    since: '2026-01-31'
    active: {from: '2026-01-31', until: '2026-02-28', days: [mon], hours: '08:00-16:00'}
    mode: live
    table: {when: [close], then: [type], also: {a: 1}, rows: [['> 5', limit]]}
    when: rate_counter > 5
    then:
      type: limit
      time_in_force: GTC
      post_only: true
      limit_price: close
      cancel_after: 1s
      max_attempts: 3
errors:
  - id: e
    about: x
    tags: [t]
    owner: o
    since: '2026-01-31'
    active: {from: '2026-01-31', until: '2026-02-28', days: [mon], hours: '08:00-16:00'}
    mode: live
    table: {when: [close], then: [type], also: {a: 1}, rows: [['> 5', limit]]}
    match: foo
    when: amount > 0
    then:
      retry: true
      wait: 1s
      amount: amount
      learn: minimum
      stop: all
      stop_for: 1s
exits:
  - id: f
    about: x
    tags: [t]
    owner: o
    since: '2026-01-31'
    active: {from: '2026-01-31', until: '2026-02-28', days: [mon], hours: '08:00-16:00'}
    mode: live
    table: {when: [close], then: [type], also: {a: 1}, rows: [['> 5', limit]]}
    when: age > 1h
    apply: open
    rest: close
    then:
      sell: 100%
      type: limit
      time_in_force: GTC
      limit_price: close
      cancel_after: 1s
      max_attempts: 3
tuning:
  - id: g
    about: x
    tags: [t]
    owner: o
    since: '2026-01-31'
    active: {from: '2026-01-31', until: '2026-02-28', days: [mon], hours: '08:00-16:00'}
    mode: live
    table: {when: [close], then: [type], also: {a: 1}, rows: [['> 5', limit]]}
    when: samples > 5
    until: samples > 6
    min_samples: 5
    at_most_every: 1h
    then: {set: {a: 5}}
switches:
  - id: h
    about: x
    tags: [t]
    owner: o
    since: '2026-01-31'
    active: {from: '2026-01-31', until: '2026-02-28', days: [mon], hours: '08:00-16:00'}
    mode: live
    when: drawdown > 5%
    then: {mode: halted}
symbols:
  - {match: 'X/*', means: 'Y/*', about: x}
"""


class Asked(dict[str, Any]):
    """A mapping that notes which keys were asked for."""

    def __init__(self, content: dict[str, Any], path: str, seen: set[str]) -> None:
        super().__init__(
            {key: watched(x, f"{path}/{key}", seen) for key, x in content.items()}
        )
        self.path, self.seen = path, seen

    def get(self, key: Any, default: Any = None) -> Any:
        self.seen.add(f"{self.path}/{key}")
        return super().get(key, default)

    def __getitem__(self, key: Any) -> Any:
        self.seen.add(f"{self.path}/{key}")
        return super().__getitem__(key)


def watched(value: Any, path: str, seen: set[str]) -> Any:
    if isinstance(value, dict):
        return Asked(value, path, seen)
    if isinstance(value, list):
        return [watched(item, path, seen) for item in value]
    return value


def keys_of(value: Any, path: str = "") -> Iterator[str]:
    items = value if isinstance(value, list) else [value]
    for item in items:
        if isinstance(item, dict):
            for key, inner in item.items():
                yield f"{path}/{key}"
                yield from keys_of(inner, f"{path}/{key}")


def test_everything_has_every_key_of_the_schemas() -> None:
    content = document(EVERYTHING)
    assert check_shape(content) == []
    for path in SCHEMAS:
        section = path.name.removesuffix(".schema.json")
        if section in ("rulebook", "test", "workspace"):
            continue
        present = set(keys_of(content.value[section]))
        for place, _ in parts(schema(path)):
            steps = (
                place.removeprefix("/items")
                .removesuffix("/items")
                .replace("/additionalProperties", "/a", 1)
            )
            if section == "params" and steps.endswith("for/additionalProperties"):
                continue
            if "additionalProperties" not in place or section == "params":
                assert not steps or steps in present | {"/a/for/a"}, f"{section}{steps}"


def test_every_key_is_asked_for() -> None:
    content = document(EVERYTHING)
    seen: set[str] = set()
    spied = replace(content, value=watched(content.value, "", seen))
    params, _, _ = read_params([spied], [], [])
    host = bundled_host()
    builder = Builder(spied, host.facts, host.functions, params)
    for read in SECTIONS.values():
        read(builder)
    idle = {
        key
        for key in keys_of(content.value)
        if key not in seen and not key.endswith("/about") and "/table" not in key
    }
    # Names that are gone through one by one, and the only side that an entry has.
    free = {"/votes/timeframes/1m", "/votes/let/fast", "/tuning/then/set/a"}
    free |= {"/params/a/for/BTC/*", "/entry/then/side", "/params/a"}
    assert idle - free == {key for key in idle if key.count("/") == 1} - free


# -- what is said


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("params:\n  Bad: {value: 1}\n", "2:3", "`Bad` is not a name"),
        ("params:\n  a: {value: 1, for: {}}\n", "2:22", "`for` is empty"),
        ("params:\n  a: {value: []}\n", "2:14", "was a list"),
        ("entry:\n  - 5\n", "2:5", "the item must be a mapping, was 5"),
        ("exits: {}\n", "1:8", "`exits` must be a list, was a mapping"),
        ("entry: null\n", "1:8", "`entry` must be a list, was null"),
        (f"entry:\n  - {{id: {'a' * 61}, when: a, then: {{}}}}\n", "2:10", "no longer"),
        (
            "tuning:\n  - {id: a, when: b, min_samples: 1.5, then: {set: {a: 1}}}\n",
            "2:35",
            "`min_samples` must be a whole number, was 1.5",
        ),
        (
            "tuning:\n  - {id: a, when: b, min_samples: 0, then: {set: {a: 1}}}\n",
            "2:35",
            "`min_samples` must be at least 1, was 0",
        ),
    ],
)
def test_misshapen_value_is_told_in_words(text: str, place: str, said: str) -> None:
    [problem] = check_shape(document(text))
    assert f"{problem.span.line}:{problem.span.column}" == place
    assert said in problem.message
    assert problem.source == text.splitlines()[problem.span.line - 1]


def test_long_value_is_shown_short() -> None:
    [problem] = check_shape(document(f"entry: {'x' * 100}\n"))
    assert len(problem.message) < 90


def test_the_venue_of_a_tape_is_that_of_a_workspace() -> None:
    own = schema(ROOT / "schemas" / "workspace.schema.json")["properties"]["paper"]
    tapes = schema(ROOT / "schemas" / "test.schema.json")["properties"]["tapes"]
    venue = tapes["items"]["properties"]["venue"]["properties"]

    def bare(part: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in part.items() if key != "description"}

    assert {key: bare(part) for key, part in venue.items()} == {
        key: bare(part) for key, part in own["properties"].items()
    }
