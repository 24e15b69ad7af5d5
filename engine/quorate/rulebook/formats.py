"""How problems are told to programs: GitHub annotations, SARIF 2.1.0 and JUnit XML.

Sources: docs.github.com/actions (workflow commands), the OASIS standard SARIF 2.1.0
(docs.oasis-open.org/sarif/sarif/v2.1.0), and the JUnit XML that CI servers read.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from quorate.rulebook.diagnostics import Edit, Problem, Severity, Span
from quorate.rulebook.printing import place, render, visible

SARIF_VERSION = "2.1.0"
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = {**_DATA, **str.maketrans({":": "%3A", ",": "%2C"})}


def as_github(problem: Problem) -> str:
    """Return a problem as the workflow command that annotates a pull request."""
    at = place(problem.span)
    properties = {
        "title": f"quorate {problem.code}",
        "file": visible(problem.span.path),
        "line": at["line"],
        "endLine": at["end_line"],
    }
    # Columns count only where a place ends on its own line.
    if at["line"] == at["end_line"]:
        properties |= {"col": at["column"], "endColumn": at["end_column"]}
    told = ",".join(
        f"{key}={str(value).translate(_PROPERTY)}" for key, value in properties.items()
    )
    text = visible(problem.message)
    if problem.help:
        text += f"\n{visible(problem.help)}"
    return f"::{problem.severity} {told}::{text.translate(_DATA)}"


def as_sarif(
    problems: Sequence[Problem], titles: Mapping[str, str], version: str
) -> dict[str, Any]:
    """Return a SARIF log, JSON-ready; ``titles`` says what each code means."""
    used = sorted({problem.code for problem in problems})
    index = {code: number for number, code in enumerate(used)}
    seen: Counter[str] = Counter()
    return {
        "$schema": SARIF_SCHEMA,
        "version": SARIF_VERSION,
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "quorate",
                        "semanticVersion": version,
                        "rules": [
                            {"id": code, "shortDescription": {"text": titles[code]}}
                            for code in used
                        ],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [
                    _result(problem, index[problem.code], seen) for problem in problems
                ],
            }
        ],
    }


def _result(problem: Problem, rule: int, seen: Counter[str]) -> dict[str, Any]:
    text = problem.message + (f" ({problem.help})" if problem.help else "")
    result: dict[str, Any] = {
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": str(problem.severity),
        "message": {"text": text},
        "locations": [{"physicalLocation": _location(problem.span)}],
        "partialFingerprints": {"problem/v1": _fingerprint(problem, seen)},
    }
    if problem.related:
        result["relatedLocations"] = [
            {
                "id": number,
                "message": {"text": what},
                "physicalLocation": _location(span),
            }
            for number, (what, span) in enumerate(problem.related)
        ]
    if problem.edit is not None:
        result["fixes"] = [_fix(problem, problem.edit)]
    return result


def _location(span: Span) -> dict[str, Any]:
    return {"artifactLocation": {"uri": _uri(span)}, "region": _region(span)}


def _uri(span: Span) -> str:
    # A SARIF uri is percent-encoded; a path may hold blanks and any letter.
    return quote(span.path.replace("\\", "/"), errors="surrogatepass")


def _region(span: Span) -> dict[str, int]:
    at = place(span)
    return {
        "startLine": at["line"],
        "startColumn": at["column"],
        "endLine": at["end_line"],
        "endColumn": at["end_column"],
    }


def _fix(problem: Problem, edit: Edit) -> dict[str, Any]:
    return {
        "description": {"text": problem.help or f"write {edit.new}"},
        "artifactChanges": [
            {
                "artifactLocation": {"uri": _uri(edit.span)},
                "replacements": [
                    {
                        "deletedRegion": _region(edit.span),
                        "insertedContent": {"text": edit.new},
                    }
                ],
            }
        ],
    }


def _fingerprint(problem: Problem, seen: Counter[str]) -> str:
    """Return what stays the same when lines are added above: no line number in it."""
    parts = (problem.code, problem.span.path, problem.message, problem.source.strip())
    key = "\n".join(parts)
    seen[key] += 1
    digest = hashlib.sha256(f"{key}\n{seen[key]}".encode("utf-8", "replace"))
    return digest.hexdigest()[:16]


def as_junit(problems: Iterable[Problem], files: Iterable[str]) -> str:
    """Return JUnit XML: a suite for each file, a failed case for each problem.

    A file without a problem is one case that passed; a warning is a skipped case.
    """
    by_file: dict[str, list[Problem]] = {path: [] for path in files}
    for problem in problems:
        by_file.setdefault(problem.span.path, []).append(problem)
    root = ElementTree.Element("testsuites", name="quorate check")
    totals = Counter[str]()
    for path, found in by_file.items():
        suite = ElementTree.SubElement(root, "testsuite", name=visible(path))
        counts = Counter(
            "failures" if one.severity is Severity.ERROR else "skipped" for one in found
        )
        counts["tests"] = max(len(found), 1)
        for problem in found:
            _case(suite, problem)
        if not found:
            case = {"name": "sound", "classname": visible(path)}
            ElementTree.SubElement(suite, "testcase", case)
        totals.update(counts)
        _count(suite, counts)
    _count(root, totals)
    ElementTree.indent(root)
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}'


def _count(element: ElementTree.Element, counts: Counter[str]) -> None:
    for key in ("tests", "failures", "errors", "skipped"):
        element.set(key, str(counts[key]))


def _case(suite: ElementTree.Element, problem: Problem) -> None:
    path, span = visible(problem.span.path), problem.span
    name = f"{problem.code} {span.line}:{span.column}"
    attributes = {"name": name, "classname": path, "file": path}
    case = ElementTree.SubElement(suite, "testcase", attributes, line=str(span.line))
    told = "failure" if problem.severity is Severity.ERROR else "skipped"
    found = ElementTree.SubElement(case, told, message=visible(problem.message))
    found.text = render(problem)
