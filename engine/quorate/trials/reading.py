"""Read test files: every value with its place, every mistake with its remedy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from quorate.contract.vocabulary import DURATION
from quorate.rulebook.diagnostics import Problem, Span, did_you_mean
from quorate.rulebook.literals import read_quantity
from quorate.rulebook.nodes import Path
from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.shape import misshapen, source_line
from quorate.rulebook.text import Document, parse_document
from quorate.trials.book import Case, RuleTest, Slot, Steps, TestBook, Written
from quorate.trials.quantities import Misread, read
from quorate.trials.series import read_series
from quorate.trials.slots import (
    SECTIONS,
    bare,
    expected_slots,
    given_slots,
    unit_of_series,
)
from quorate.trials.tapes import TapeReader

CODES: Mapping[str, str] = {
    "T501": "a name that is not known, or not known here",
    "T502": "a value of the wrong kind or unit",
    "T503": "a value outside its range",
    "T504": "a table whose rows do not fit its columns",
    "T505": "a base that is not there",
    "T506": "two tests of one name in a file",
    "T507": "a series that cannot be read, or does nothing here",
    "T508": "a test that expects nothing",
}

MINUTE_MS = 60_000
_STEPPED = ("exits", "votes")

Raw = Mapping[str, tuple[Any, Path]]
"""What is written: key to value and path, nested mappings as dotted keys."""


def read_tests(files: Iterable[tuple[str, bytes]], rulebook: Rulebook) -> TestBook:
    """Return the tests of all files; with any problem none of that file.

    Never raises for what a file holds.
    """
    shadows = tuple(one.id for rules in rulebook.shadows.values() for one in rules)
    rulebook = rulebook.awakened(shadows)
    shown, problems = [], list[Problem]()
    tests, tapes = list[RuleTest](), list[RuleTest]()
    for name, data in files:
        shown.append(name)
        document, found = parse_document(data, name)
        if document is not None and not found:
            found = [problem for problem, _ in misshapen(document, "test")]
        if document is None or found:
            problems.extend(found)
            continue
        reader = _Reader(document, rulebook, shadows)
        tests.extend(reader.tests())
        tapes.extend(reader.tapes())
        problems.extend(dict.fromkeys(reader.problems))
    return TestBook(
        files=tuple(shown),
        tests=tuple(tests),
        tapes=tuple(tapes),
        problems=tuple(problems),
    )


@dataclass(slots=True)
class _Reader:
    """Reads the tests of one document of the right shape."""

    document: Document
    rulebook: Rulebook
    shadows: tuple[str, ...] = ()
    problems: list[Problem] = field(default_factory=list)
    _slots: dict[str, dict[str, Slot]] = field(default_factory=dict)
    _names: dict[str, Span] = field(default_factory=dict)

    def tests(self) -> Iterator[RuleTest]:
        bases = {
            name: _flat(base, ("bases", name))
            for name, base in self.document.value.get("bases", {}).items()
        }
        for name, base in bases.items():
            self._check_base(name, base)
        for item, path in self._named("tests"):
            test = self._test(item, path, bases)
            if test is not None:
                yield test

    def tapes(self) -> Iterator[RuleTest]:
        reader = TapeReader(self.document, self.rulebook, self._problem, self._unknown)
        for item, path in self._named("tapes"):
            before = len(self.problems)
            test = reader.test(item, path)
            if test is not None and len(self.problems) == before:
                yield test

    def _named(self, key: str) -> Iterator[tuple[Mapping[str, Any], Path]]:
        """Yield the items under a key; note a name that another has too."""
        for index, item in enumerate(self.document.value.get(key, ())):
            path: Path = (key, index)
            name, place = item["name"], self.document.span((*path, "name"))
            if name in self._names:
                message = f"there is another test called `{name}`"
                self._problem("T506", message, place, first=self._names[name])
            self._names.setdefault(name, place)
            yield item, path

    def _test(
        self, item: Mapping[str, Any], path: Path, bases: Mapping[str, Raw]
    ) -> RuleTest | None:
        before = len(self.problems)
        section = item["section"]
        given: dict[str, Any] = {}
        for base in self._bases(item, path, bases):
            given |= self._given(base, section, strict=False)
        given |= self._given(_flat(item.get("given", {}), (*path, "given")), section)
        expected = self._expected(
            _flat(item.get("expect", {}), (*path, "expect")), section
        )
        steps = self._steps(item, path, section)
        awake = tuple(self._awake(item, path))
        place = self.document.span((*path, "name"))
        if "cases" in item:
            cases = tuple(self._table(item["cases"], path, section, given, expected))
        else:
            cases = (Case(row=0, place=place, given=given, expected=expected),)
        sound = len(self.problems) == before
        if sound and any(not case.expected for case in cases):
            self._problem("T508", "this test expects nothing", place)
        if len(self.problems) > before:
            return None
        return RuleTest(
            name=item["name"],
            section=section,
            place=place,
            cases=cases,
            steps=steps,
            awake=awake,
        )

    def _awake(self, item: Mapping[str, Any], path: Path) -> Iterator[str]:
        named = item.get("awake", [])
        for name in named if isinstance(named, list) else [named]:
            if name in self.shadows:
                yield name
                continue
            near = did_you_mean(name, self.shadows)
            advice = f'did you mean "{near}"?' if near else ""
            span = self.document.span((*path, "awake"))
            self._problem("T501", f"there is no shadow rule `{name}`", span, advice)

    def _bases(
        self, item: Mapping[str, Any], path: Path, bases: Mapping[str, Raw]
    ) -> Iterator[Raw]:
        wanted = item.get("base", [])
        for name in wanted if isinstance(wanted, list) else [wanted]:
            if name in bases:
                yield bases[name]
                continue
            near = did_you_mean(name, bases)
            advice = f'did you mean "{near}"?' if near else ""
            span = self.document.span((*path, "base"))
            self._problem("T505", f"there is no base `{name}`", span, advice)

    def _table(
        self,
        table: Mapping[str, Any],
        path: Path,
        section: str,
        given: dict[str, Any],
        expected: dict[str, Written],
    ) -> Iterator[Case]:
        left, right = table.get("given", []), table["expect"]
        columns = [*left, *right]
        for names in (left, right):
            twice = next((one for one in names if names.count(one) > 1), None)
            if twice is not None:
                span = self.document.span((*path, "cases"))
                self._problem("T504", f"two columns are called `{twice}`", span)
        for number, row in enumerate(table["rows"]):
            row_path: Path = (*path, "cases", "rows", number)
            place = self.document.span(row_path)
            if len(row) != len(columns):
                message = f"a row has {len(columns)} values ({', '.join(columns)}), "
                self._problem("T504", f"{message}this one {len(row)}", place)
                continue
            cells = [(value, (*row_path, at)) for at, value in enumerate(row)]
            ours = dict(zip(left, cells, strict=False))
            theirs = dict(zip(right, cells[len(left) :], strict=True))
            yield Case(
                row=number + 1,
                place=place,
                given=given | self._given(ours, section),
                expected=expected | self._expected(theirs, section),
            )

    def _given(self, raw: Raw, section: str, *, strict: bool = True) -> dict[str, Any]:
        slots = self._slots_of(section)
        read_: dict[str, Any] = {}
        for key, (value, path) in raw.items():
            name = key if key in slots else bare(key)
            if name in slots:
                written = self._read(value, path, key, slots[name])
                if written is not None:
                    read_[name] = written.value
            elif strict:
                self._unknown(key, path, slots, f"a test of {section} can give")
        return read_

    def _expected(self, raw: Raw, section: str) -> dict[str, Written]:
        slots = expected_slots(section, self.rulebook)
        found = {}
        for key, (value, path) in raw.items():
            if key not in slots:
                self._unknown(key, path, slots, f"a test of {section} can expect")
                continue
            written = self._read(value, path, key, slots[key])
            if written is not None:
                found[key] = written
        return found

    def _read(self, value: Any, path: Path, key: str, slot: Slot) -> Written | None:
        span = self.document.span(path)
        try:
            return Written(read(value, key, slot), span, slot)
        except Misread as wrong:
            self._problem(wrong.code, str(wrong), span, wrong.advice)
        return None

    def _steps(self, item: Mapping[str, Any], path: Path, section: str) -> Steps | None:
        if "steps" not in item:
            return None
        steps_path: Path = (*path, "steps")
        if section not in _STEPPED:
            message = f"`steps` does nothing in a test of {section}"
            span = self.document.key_spans[steps_path]
            self._problem("T507", message, span, "votes and exits move on in time")
            return None
        slots = self._slots_of(section)
        series: dict[str, Any] = {}
        every_ms = MINUTE_MS
        for key, text in item["steps"].items():
            if key == "every":
                every_ms = self._every(text, (*steps_path, key))
            elif key not in slots or not unit_of_series(slots[key]):
                self._unknown(key, (*steps_path, key), slots, "may be a series")
            else:
                series[key] = self._series(text, (*steps_path, key), slots[key])
        return Steps(every_ms=every_ms, series=series)

    def _every(self, text: Any, path: Path) -> int:
        quantity = read_quantity(text) if isinstance(text, str) else None
        if quantity is not None and quantity[1] == DURATION and quantity[0] >= 1:
            return int(quantity[0])
        message = f"`every` must be a duration such as 1m, was {text}"
        self._problem("T502", message, self.document.span(path))
        return MINUTE_MS

    def _series(self, text: Any, path: Path, slot: Slot) -> Any:
        try:
            return read_series(str(text), slot.unit)
        except ValueError as error:
            self._problem("T507", str(error), self.document.span(path))
        return ()

    def _check_base(self, name: str, base: Raw) -> None:
        known: dict[str, Slot] = {}
        for section in SECTIONS:
            known |= self._slots_of(section)
        for key, (value, path) in base.items():
            slot = known.get(key) or known.get(bare(key))
            if slot is None:
                self._unknown(key, path, known, f"the base `{name}` can give")
            else:
                self._read(value, path, key, slot)

    def _slots_of(self, section: str) -> dict[str, Slot]:
        if section not in self._slots:
            self._slots[section] = given_slots(section, self.rulebook)
        return self._slots[section]

    def _unknown(
        self, key: str, path: Path, known: Mapping[str, Slot], what: str
    ) -> None:
        near = did_you_mean(key, known)
        advice = f'did you mean "{near}"?' if near else ""
        if not near and len(known) <= 12:
            advice = f"these are {', '.join(known)}"
        span = self.document.key_spans.get(path, self.document.span(path))
        self._problem("T501", f"`{key}` is nothing that {what}", span, advice)

    def _problem(
        self,
        code: str,
        message: str,
        span: Span,
        advice: str = "",
        first: Span | None = None,
    ) -> None:
        line = source_line(self.document, span)
        related = (("first used here", first),) if first else ()
        self.problems.append(
            Problem(code, message, span, advice, line, related=related)
        )


def _flat(mapping: Mapping[str, Any], path: Path) -> dict[str, tuple[Any, Path]]:
    """Return the entries of a mapping, those of a nested one under dotted keys."""
    found: dict[str, tuple[Any, Path]] = {}
    for key, value in mapping.items():
        if isinstance(value, dict):
            for inner, item in value.items():
                found[f"{key}.{inner}"] = (item, (*path, key, inner))
        else:
            found[key] = (value, (*path, key))
    return found
