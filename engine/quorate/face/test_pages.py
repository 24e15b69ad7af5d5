"""How results of rule tests read: on a terminal, in JSON, JUnit and on GitHub."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

from quorate.face.options import counted
from quorate.face.testing import Report, selected
from quorate.rulebook.printing import visible
from quorate.rulebook.reasons import explain
from quorate.trials.book import NONE
from quorate.trials.coverage import Coverage
from quorate.trials.looks import Look
from quorate.trials.mutation import KILLED, REFUSED, SAME, SURVIVED, Fate
from quorate.trials.quantities import write
from quorate.trials.run import Difference, Result
from quorate.values.numbers import floor_to

MOST_TREES = 4
"""How many expressions are told of one failure; a section may have dozens."""


def report_lines(report: Report) -> Iterator[str]:
    """Yield the whole report: dots, failures, coverage, survivors, and a sentence."""
    files: dict[str, list[Result]] = {}
    for result in report.results:
        files.setdefault(result.case.place.path, []).append(result)
    width = max(map(len, files))
    for path, under in files.items():
        marks = "".join("." if one.passed else "F" for one in under)
        yield f"{path:<{width}}  {marks}"
    for result in report.failed:
        yield ""
        yield from failure_lines(result)
    for coverage in report.coverage:
        yield from coverage_lines(coverage)
    yield from _survivor_lines(report)
    yield from report.suggestions
    tests = selected(report.trials)
    looked = f"{counted(len(report.results), 'case')} of {counted(tests, 'test')}"
    if report.failed:
        yield ""
        yield f"{len(report.failed)} of {looked} failed, in {report.took_s:.2f} s"
    else:
        yield f"ok: {looked} passed, in {report.took_s:.2f} s"


def _survivor_lines(report: Report) -> Iterator[str]:
    if report.fates is None:
        return
    for one in report.survivors:
        yield f"{one.mutant.place}: survives: {one.mutant.sentence}"
    count = Counter(one.fate for one in report.fates)
    yield (
        f"{counted(len(report.fates), 'mutant')}: {count[KILLED]} killed by tests, "
        f"{count[REFUSED]} refused by the check, {count[SAME]} mean the same, "
        f"{count[SURVIVED]} survive"
    )


def report_dict(report: Report) -> dict[str, Any]:
    """Return the whole report, JSON-ready."""
    told: dict[str, Any] = {
        "ok": report.fine(None),
        "cases": len(report.results),
        "failed": len(report.failed),
        "rulebooks": [trial.rulebook.digest for trial in report.trials],
        "results": [as_dict(one) for one in report.results],
    }
    if report.coverage:
        told["coverage"] = [coverage_dict(one) for one in report.coverage]
    if report.fates is not None:
        told["mutants"] = [_fate_dict(one) for one in report.fates]
    if report.suggestions:
        told["suggestions"] = report.suggestions
    return told


def _fate_dict(fate: Fate) -> dict[str, Any]:
    mutant = fate.mutant
    return {
        "rule": mutant.rule,
        "path": mutant.place.path,
        "line": mutant.place.line,
        "column": mutant.place.column,
        "was": mutant.was,
        "now": mutant.now,
        "fate": fate.fate,
        "by": fate.by,
    }


def failure_lines(result: Result) -> Iterator[str]:
    """Yield a failure: where, what was expected, and why it came out otherwise."""
    yield f"FAIL {result.case.place}: {result.name}"
    for name in result.missing:
        yield f"  not given: {name}; the rules of {result.test.section} need it"
    if result.error:
        yield f"  it could not run: {visible(result.error)}"
    for one in result.differences:
        yield f"  {difference(one)}  ({one.expected.span})"
    yield from (f"    {visible(line)}" for line in result.story)
    for look in _telling(result):
        place = look.rule.place
        yield f"  {look.rule.id} ({place.path}:{place.line}), {look.part}:"
        reason = explain(
            look.formula.expression, look.context, exact=look.formula.exact
        )
        yield from (visible(line) for line in reason.lines(depth=2))


def difference(one: Difference) -> str:
    """Return what was expected and what was found, in a few words."""
    slot = one.expected.slot
    wanted = write(one.expected.value, slot)
    return f"{one.key}: expected {wanted}, found {write(one.found, slot)}"


def _telling(result: Result) -> Iterator[Look]:
    """Yield the looks that a failure is about, few of them."""
    keys = {one.key.partition(".")[0] for one in result.differences}
    named: set[str] = set()
    for one in result.differences:
        for value in (one.expected.value, one.found):
            many = value if isinstance(value, tuple) else (value,)
            named.update(text for text in many if isinstance(text, str))
        named.add(one.key.partition(".")[2])
    latest = {(id(one.rule), one.part): one for one in result.looks}
    looks = list(latest.values())
    about = [one for one in looks if one.rule.id in named or one.part in keys]
    if not about and NONE not in named:
        about = looks[-1:]
    yield from about[:MOST_TREES]


def as_dict(result: Result) -> dict[str, Any]:
    """Return a result, JSON-ready."""
    return {
        "name": result.test.name,
        "row": result.case.row or None,
        "section": result.test.section,
        "path": result.case.place.path,
        "line": result.case.place.line,
        "column": result.case.place.column,
        "passed": result.passed,
        "not_given": list(result.missing),
        "error": result.error,
        "story": list(result.story),
        "differences": [
            {
                "key": one.key,
                "expected": write(one.expected.value, one.expected.slot),
                "found": write(one.found, one.expected.slot),
                "line": one.expected.span.line,
                "column": one.expected.span.column,
            }
            for one in result.differences
        ],
    }


def coverage_lines(coverage: Coverage) -> Iterator[str]:
    """Yield what the tests have seen, and what they have not."""
    rules, atoms = coverage.rules, coverage.atoms
    fired = sum(one.fired for one in rules)
    covered = sum(one.covered for one in atoms)
    yield (
        f"coverage: {fired} of {len(rules)} rules ({share(coverage.rules_share)}), "
        f"{covered} of {len(atoms)} conditions ({share(coverage.atoms_share)})"
    )
    for rule in rules:
        if not rule.fired:
            yield f"  {rule.place}: {rule.rule}: no test has seen this rule act"
    for atom in atoms:
        if not atom.covered:
            yield f"  {atom.place}: {atom.rule} {atom.part}: {atom.text}: {atom.lacks}"


def share(ratio: Decimal) -> str:
    """Return a share in percent, rounded down: only the whole is 100%."""
    return f"{floor_to(ratio * 100, _TENTH):f}%".replace(".0%", "%")


_TENTH = Decimal("0.1")


def coverage_dict(coverage: Coverage) -> dict[str, Any]:
    """Return what the tests have seen, JSON-ready."""
    return {
        "rules": {
            "share": float(coverage.rules_share),
            "unseen": [one.rule for one in coverage.rules if not one.fired],
        },
        "conditions": {
            "share": float(coverage.atoms_share),
            "atoms": [
                {
                    "rule": one.rule,
                    "part": one.part,
                    "text": one.text,
                    "path": one.place.path,
                    "line": one.place.line,
                    "column": one.place.column,
                    "seen_true": True in one.seen,
                    "seen_false": False in one.seen,
                    "deciding": one.covered,
                }
                for one in coverage.atoms
            ],
        },
    }


def junit(results: Sequence[Result]) -> str:
    """Return results as a JUnit XML document, one suite for each file."""
    root = ElementTree.Element("testsuites", tests=str(len(results)))
    suites: dict[str, list[Result]] = {}
    for result in results:
        suites.setdefault(result.case.place.path, []).append(result)
    for path, under in suites.items():
        failed = sum(not one.passed for one in under)
        suite = ElementTree.SubElement(
            root, "testsuite", name=path, tests=str(len(under)), failures=str(failed)
        )
        for one in under:
            case = ElementTree.SubElement(
                suite,
                "testcase",
                classname=f"{path}.{one.test.section}",
                name=one.name,
                file=path,
                line=str(one.case.place.line),
            )
            if not one.passed:
                message = "; ".join(_reasons(one))
                failure = ElementTree.SubElement(case, "failure", message=message)
                failure.text = "\n".join(failure_lines(one))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def github(results: Iterable[Result]) -> Iterator[str]:
    """Yield a workflow command for each failure: GitHub shows it at its line."""
    for one in results:
        if one.passed:
            continue
        place = one.case.place
        message = "; ".join(_reasons(one)).replace("%", "%25").replace("\n", "%0A")
        title = one.name.replace("%", "%25").replace(",", "%2C").replace(":", "%3A")
        yield (
            f"::error file={place.path},line={place.line},col={place.column},"
            f"title={title}::{message}"
        )


def _reasons(result: Result) -> Iterator[str]:
    yield from (f"not given: {name}" for name in result.missing)
    if result.error:
        yield f"it could not run: {result.error}"
    yield from (difference(one) for one in result.differences)
