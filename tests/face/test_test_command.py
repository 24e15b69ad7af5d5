"""``quorate test``: what it shows, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from quorate.face.cli import cli


def run(where: Path, *words: object) -> Result:
    return CliRunner().invoke(cli, ["-w", str(where), "test", *map(str, words)])


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    made = CliRunner().invoke(cli, ["init", str(tmp_path / "w")])
    assert made.exit_code == 0
    return tmp_path / "w"


def change(workspace: Path, name: str, old: str, new: str) -> None:
    path = workspace / "rules" / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_the_default_rules_pass_their_tests_and_are_covered(workspace: Path) -> None:
    done = run(workspace, "--min-coverage", "100%")
    assert done.exit_code == 0
    assert "100%), " in done.output
    assert "ok: " in done.output.splitlines()[-1]


def test_a_failure_shows_where_what_and_why(workspace: Path) -> None:
    change(
        workspace,
        "params.yaml",
        "min_confidence: {value: 0.75",
        "min_confidence: {value: 0.8",
    )
    done = run(workspace, "-k", "surer threshold")
    assert done.exit_code == 1
    lines = done.output.splitlines()
    assert lines[0] == "rules/entry.test.yaml  F...."
    assert "FAIL rules/entry.test.yaml:13:11: " in done.output
    assert (
        "  fires: expected quorum, found none  (rules/entry.test.yaml:13:"
        in done.output
    )
    assert "      confidence > min_confidence = False" in lines
    assert "        confidence = 0.7501" in lines
    assert "        min_confidence = 0.8" in lines
    assert "      risk_approved = not evaluated" in lines
    assert lines[-1].startswith("1 of 5 cases of 1 test failed")


def test_what_is_not_given_is_named(workspace: Path) -> None:
    bad = workspace / "rules" / "more.test.yaml"
    bad.write_text(
        "tests: [{name: x, section: entry, given: {confidence: 0.9}, "
        "expect: {fires: none}}]\n"
    )
    done = run(workspace, bad)
    assert done.exit_code == 1
    assert "not given: risk_approved; the rules of entry need it" in done.output


@pytest.mark.parametrize("words", [("-k", "zebra"), ("rules/5m",)])
def test_no_test_selected_could_not_run(
    workspace: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace)
    done = run(workspace, *words)
    assert done.exit_code == 2
    assert "error: " in done.output


def test_tests_that_cannot_be_read_could_not_run(workspace: Path) -> None:
    change(workspace, "entry.test.yaml", "free_quote: 10000", "free_qoute: 10000")
    done = run(workspace)
    assert done.exit_code == 2
    assert "rules/entry.test.yaml:4:70: error T501: `free_qoute`" in done.output
    assert 'did you mean "free_quote"?' in done.output
    assert "Traceback" not in done.output


def test_rules_that_cannot_be_read_could_not_run(workspace: Path) -> None:
    change(workspace, "entry.yaml", "confidence >", "confidense >")
    done = run(workspace)
    assert done.exit_code == 2
    assert "R310" in done.output


def test_the_tests_of_an_overlay_have_it_laid_on(workspace: Path) -> None:
    overlay = workspace / "rules" / "bold"
    overlay.mkdir()
    (overlay / "params.yaml").write_text("params: {min_confidence: {value: 0.6}}\n")
    (overlay / "bold.test.yaml").write_text(
        "tests: [{name: x, section: params, given: {param: min_confidence}, "
        "expect: {value: 0.6}}]\n"
    )
    assert run(workspace).exit_code == 0
    assert run(workspace, overlay).exit_code == 0
    laid = run(workspace, "-k", "agreed", "--overlay", overlay)
    assert laid.exit_code == 1
    assert "value: expected 0.75, found 0.6" in laid.output


def test_formats_tell_the_same_and_end_the_same(workspace: Path) -> None:
    change(workspace, "entry.yaml", "confidence >", "confidence >=")
    told = json.loads(run(workspace, "--json").stdout)
    failed = [one for one in told["results"] if not one["passed"]]
    assert told["failed"] == len(failed) == 1
    assert failed[0]["differences"][0]["found"] == "quorum"

    junit = run(workspace, "--format", "junit")
    assert junit.exit_code == 1
    root = ElementTree.fromstring(junit.stdout)
    assert len(root.findall(".//testcase")) == told["cases"]
    (failure,) = root.findall(".//failure")
    assert failure.get("message") == "fires: expected none, found quorum"

    github = run(workspace, "--format", "github")
    assert github.exit_code == 1
    place = f"file=rules/entry.test.yaml,line={failed[0]['line']},"
    assert github.stdout.startswith(f"::error {place}")


def test_too_little_covered_is_a_finding(workspace: Path) -> None:
    little = run(workspace, "-k", "sat-nothing lockout")
    assert little.exit_code == 2
    few = run(workspace, "-k", "lockout", "--min-coverage", "50%")
    assert few.exit_code == 1
    assert "no test has seen this rule act" in few.output
    assert run(workspace, "-k", "lockout", "--min-coverage", "5%").exit_code == 0
    assert run(workspace, "--min-coverage", "often").exit_code == 2


def test_mutants_that_nothing_notices_are_listed(workspace: Path) -> None:
    path = workspace / "rules" / "switches.test.yaml"
    assert run(workspace, path, "--mutate").exit_code == 0
    text = path.read_text("utf-8").replace(
        "        - [0, 16, [repeated-refusals], halted]\n", ""
    )
    text = text.replace("        - [29.9%, 14, [], active]\n", "")
    text = text.replace("        - [30.1%, 0, [loss], reduce_only]\n", "")
    text = text.replace("        - [30%, 0, [loss], reduce_only]\n", "")
    text = text.replace("        - [30%, 15, [loss, repeated-refusals], halted]\n", "")
    path.write_text(text)
    fewer = run(workspace, path, "--mutate")
    assert fewer.exit_code == 1
    assert "survives: loss: when: drawdown >= kill_drawdown -> " in fewer.output
    assert " survive" in fewer.output.splitlines()[-2]


def test_suggestions_are_yaml_to_look_over(workspace: Path) -> None:
    done = run(workspace, "-k", "entry spends", "--suggest")
    assert done.exit_code == 0
    assert "# suggested; look every expectation over" in done.output
    assert "  - name: quorum when at the boundary of confidence" in done.output
