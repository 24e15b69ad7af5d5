"""How problems are told to programs."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.rulebook.diagnostics import Edit, Problem, Severity, Span
from quorate.rulebook.formats import as_github, as_junit, as_sarif

SPAN = Span("rules/entry.yaml", 7, 11, 7, 21)
UNKNOWN = Problem(
    "R310",
    "unknown name 'confidense'",
    SPAN,
    "did you mean confidence?",
    "    when: confidense > 0.7",
    related=(("first used here", Span("rules/a b.yaml", 4, 3)),),
    edit=Edit(SPAN, "confidense", "confidence"),
)
IDLE = Problem(
    "R418", "no rule uses it", Span("rules/p.yaml", 2), severity=Severity.WARNING
)
TITLES = {"R310": "unknown name", "R418": "a param that nothing uses"}


def test_github_annotates_the_place() -> None:
    assert as_github(UNKNOWN) == (
        "::error title=quorate R310,file=rules/entry.yaml,line=7,endLine=7,col=11,"
        "endColumn=21::unknown name 'confidense'%0Adid you mean confidence?"
    )


def test_github_says_no_columns_of_several_lines() -> None:
    long = Problem("R310", "odd", Span("a.yaml", 1, 3, 4, 2))
    assert as_github(long) == (
        "::error title=quorate R310,file=a.yaml,line=1,endLine=4::odd"
    )


@given(st.text(), st.text(), st.text())
def test_github_is_one_command_whatever_is_said(
    path: str, text: str, advice: str
) -> None:
    told = as_github(Problem("R310", text, Span(path), advice))
    assert len(told.splitlines()) == 1
    command = re.fullmatch(r"::error ([^:]*)::(.*)", told)
    assert command
    assert command[1].count(",") == 5


def sarif(*problems: Problem) -> dict[str, Any]:
    run: dict[str, Any] = json.loads(json.dumps(as_sarif(problems, TITLES, "1.2.3")))
    return run


def test_sarif_has_the_shape_of_2_1_0() -> None:
    log = sarif(UNKNOWN, IDLE)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    [run] = log["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["semanticVersion"]) == ("quorate", "1.2.3")
    for result in run["results"]:
        rule = driver["rules"][result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]
        assert rule["shortDescription"]["text"] == TITLES[rule["id"]]
    unknown, idle = run["results"]
    assert (unknown["level"], idle["level"]) == ("error", "warning")
    assert unknown["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "rules/entry.yaml"},
                "region": {
                    "startLine": 7,
                    "startColumn": 11,
                    "endLine": 7,
                    "endColumn": 21,
                },
            }
        }
    ]
    [related] = unknown["relatedLocations"]
    uri = related["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "rules/a%20b.yaml"
    [fix] = unknown["fixes"]
    [change] = fix["artifactChanges"]
    [replacement] = change["replacements"]
    assert replacement["insertedContent"] == {"text": "confidence"}
    assert "fixes" not in idle


def test_fingerprints_survive_a_move_and_tell_equals_apart() -> None:
    moved = Problem(
        "R310", UNKNOWN.message, Span(SPAN.path, 9, 11, 9, 21), source=UNKNOWN.source
    )
    [first] = sarif(UNKNOWN)["runs"][0]["results"]
    one, other = sarif(moved, moved)["runs"][0]["results"]
    marks = [
        result["partialFingerprints"]["problem/v1"] for result in (first, one, other)
    ]
    assert marks[0] == marks[1] != marks[2]


def test_junit_counts_what_it_holds() -> None:
    root = ElementTree.fromstring(
        as_junit([UNKNOWN, IDLE], ["rules/entry.yaml", "rules/sound.yaml"])
    )
    suites = {suite.get("name"): suite for suite in root}
    assert set(suites) == {"rules/entry.yaml", "rules/sound.yaml", "rules/p.yaml"}
    for suite in (root, *suites.values()):
        assert int(suite.get("tests", "")) == len(list(suite.iter("testcase")))
        assert int(suite.get("failures", "")) == len(list(suite.iter("failure")))
        assert int(suite.get("skipped", "")) == len(list(suite.iter("skipped")))
        assert suite.get("errors") == "0"
    assert root.get("failures") == root.get("skipped") == "1"
    [failure] = root.iter("failure")
    assert failure.get("message") == UNKNOWN.message
    assert "^^^^" in str(failure.text)


@pytest.mark.parametrize("odd", ["\0", "\x1b[31m", "\ufffe", "<&\"'>", "]]>"])
def test_junit_is_xml_whatever_a_file_holds(odd: str) -> None:
    bad = Problem("R310", f"odd {odd}", Span(f"a{odd}.yaml"), odd, f"x {odd}")
    assert ElementTree.fromstring(as_junit([bad], [])).get("failures") == "1"
