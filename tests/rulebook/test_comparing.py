"""What changed between two rulebooks: which way, seen where, and what it permits."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate.rulebook.changes import Change
from quorate.rulebook.comparing import compare
from quorate.rulebook.permitting import Permits
from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.shifting import Shift, Side

parts = import_module("rulebook_parts")
CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "comparisons.yaml").read_text("utf-8")
)


def edited(*edits: tuple[str, str, str]) -> Rulebook:
    files = parts.default_files()
    for name, old, new in edits:
        assert old in files[name], f"{name} does not hold {old!r}"
        files[name] = files[name].replace(old, new, 1)
    book: Rulebook = parts.good(parts.read(files))
    return book


def words(change: Change) -> str:
    shift = change.shift.value if change.shift else ""
    symbols = f"for {change.symbols}" if change.symbols else ""
    permits = f"permits-{change.permits}" if change.permits else ""
    named = (change.section, change.id, change.what, change.key)
    return " ".join(filter(None, (*named, shift, symbols, permits)))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_change_is_told_by_what_it_means(case: dict[str, Any]) -> None:
    old, new = edited(), edited(*case["edits"])
    found = compare(old, new)
    assert [words(one) for one in found.changes] == case["changes"]
    assert list(found.rewritten) == case.get("rewritten", [])
    loosened = [words(one) for one in found.loosened]
    more = [one for one in case["changes"] if one.endswith(("-more", "-maybe"))]
    assert loosened == more


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_back_again_is_the_opposite(case: dict[str, Any]) -> None:
    old, new = edited(), edited(*case["edits"])
    there, back = compare(old, new), compare(new, old)
    opposite = {
        Shift.LOOSER: Shift.TIGHTER,
        Shift.TIGHTER: Shift.LOOSER,
        Shift.HIGHER: Shift.LOWER,
        Shift.LOWER: Shift.HIGHER,
    }
    for one in there.changes:
        if one.shift in opposite:
            key = one.section, one.id, one.key, one.symbols
            (other,) = [
                two
                for two in back.changes
                if (two.section, two.id, two.key, two.symbols) == key
            ]
            assert other.shift is opposite[one.shift]
            if one.permits is Permits.LESS:
                assert other in back.loosened


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_every_witness_is_one(case: dict[str, Any]) -> None:
    old, new = edited(), edited(*case["edits"])
    for change in compare(old, new).changes:
        if change.key in ("when", "require", "veto"):
            assert change.witnesses
        for witness in change.witnesses:
            rules = [
                {one.id: one for one in getattr(book, change.section)}[change.id]
                for book in (old, new)
            ]
            if change.key not in ("when", "require", "veto"):
                continue
            values = [
                Side(book, getattr(rule, change.key), change.symbols or None).value(
                    witness.values
                )
                for book, rule in zip((old, new), rules, strict=True)
            ]
            assert values == [witness.old, witness.new]
            assert witness.old != witness.new


@settings(max_examples=25, deadline=None)
@given(st.decimals("0.5", "0.95", places=3), st.decimals("0.5", "0.95", places=3))
def test_a_threshold_moves_the_way_it_is_turned(before: Any, after: Any) -> None:
    books = [
        parts.good(parts.read(settings=(("min_confidence", str(value)),)))
        for value in (before, after)
    ]
    found = [one for one in compare(*books).changes if one.key == "when"]
    shifts = [one.shift for one in found]
    if before == after:
        assert not shifts
    else:
        assert shifts == [Shift.TIGHTER if after > before else Shift.LOOSER]
