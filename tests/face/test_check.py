"""``quorate check``: what it shows, how it ends, what it mends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from quorate.face.cli import cli

ROOT = Path(__file__).parents[2]


def check(where: Path, *words: object, sent: str | bytes | None = None) -> Result:
    chosen = ["-w", str(where), "check", *map(str, words)]
    return CliRunner().invoke(cli, chosen, input=sent)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    made = CliRunner().invoke(cli, ["init", str(tmp_path / "w")])
    assert made.exit_code == 0
    return tmp_path / "w"


def change(workspace: Path, name: str, old: str, new: str) -> Path:
    path = workspace / "rules" / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    return path


@pytest.fixture
def broken(workspace: Path) -> Path:
    change(workspace, "entry.yaml", "confidence >", "confidense >")
    change(workspace, "exits.yaml", "when:", "wehn:")
    change(workspace, "params.yaml", "# learning", "spare: {value: 3}\n  # learning")
    return workspace


@pytest.mark.parametrize(
    "layout", ["full", "concise", "json", "github", "sarif", "junit"]
)
def test_a_format_never_changes_how_it_ends(workspace: Path, layout: str) -> None:
    assert check(workspace, "--format", layout).exit_code == 0
    change(workspace, "entry.yaml", "confidence >", "confidense >")
    assert check(workspace, "--format", layout).exit_code == 1
    assert check(workspace, "--format", layout, workspace / "no").exit_code == 2


def test_every_format_tells_of_every_problem(broken: Path) -> None:
    told: dict[str, Any] = {
        layout: check(broken, "--format", layout).stdout
        for layout in ("full", "concise", "json", "github", "sarif", "junit")
    }
    problems = json.loads(told["json"])["problems"]
    codes = sorted(problem["code"] for problem in problems)
    assert codes == ["R310", "S201"]
    [run] = json.loads(told["sarif"])["runs"]
    assert sorted(result["ruleId"] for result in run["results"]) == codes
    root = ElementTree.fromstring(told["junit"])
    assert root.get("failures") == "2"
    names = [suite.get("name") for suite in root]
    assert "rules/5m/params.yaml" in names
    assert "rules/checks.yaml" in names
    assert told["github"].count("::error ") == 2
    for layout in ("full", "concise", "github"):
        assert "confidense" in told[layout], layout
        assert "wehn" in told[layout], layout


def test_codes_are_selected_and_left_out_by_their_beginning(broken: Path) -> None:
    shown = check(broken, "--select", "S", "--format", "concise")
    assert "S201" in shown.stdout
    assert "R310" not in shown.stdout
    assert "1 more not shown" in shown.stdout
    shown = check(broken, "--ignore", "S2,R310", "--format", "json")
    assert shown.exit_code == 0
    found = json.loads(shown.stdout)
    assert (found["problems"], found["hidden"], found["facts"]) == ([], 2, None)
    assert check(broken, "--select", "Q9").exit_code == 2
    assert check(broken, "--ignore", "").exit_code == 2


def test_strict_counts_only_warnings_that_are_shown(workspace: Path) -> None:
    change(workspace, "params.yaml", "# learning", "spare: {value: 3}\n  # learning")
    assert check(workspace, "--strict").exit_code == 1
    assert check(workspace, "--strict", "--ignore", "R418").exit_code == 0


def test_an_editor_s_text_goes_before_the_file(workspace: Path) -> None:
    path = workspace / "rules" / "entry.yaml"
    text = path.read_text("utf-8")
    bad = text.replace("confidence >", "confidense >")
    words = ("--stdin", "--stdin-filename", path, "--format", "concise")
    shown = check(workspace, *words, sent=bad)
    assert shown.exit_code == 1
    assert "rules/entry.yaml:5:11: error R310" in shown.stdout
    assert check(workspace, *words, sent=text).exit_code == 0
    assert path.read_text("utf-8") == text


def test_an_editor_is_told_of_its_own_file_only(broken: Path) -> None:
    path = broken / "rules" / "exits.yaml"
    words = ("--stdin", "--stdin-filename", path, "--format", "json")
    shown = check(broken, *words, sent=path.read_bytes())
    found = json.loads(shown.stdout)
    assert {one["path"] for one in found["problems"]} == {"rules/exits.yaml"}
    assert found["hidden"] == 1


def test_an_editor_s_new_file_is_laid_into_the_rulebook(workspace: Path) -> None:
    words = ("--stdin", "--stdin-filename", workspace / "rules" / "new.yaml")
    again = "exits:\n  - {id: stop, when: age > 2d, then: {sell: 100%}}\n"
    shown = check(workspace, *words, sent=again)
    assert shown.exit_code == 1
    assert "rule id `stop` is used twice" in shown.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("--stdin",),
        ("--stdin-filename", "x.yaml"),
        ("--stdin", "--stdin-filename", "x.yaml", "--fix"),
        ("--fix", "--diff"),
    ],
)
def test_options_that_do_not_go_together(workspace: Path, words: Any) -> None:
    assert check(workspace, *words, sent="").exit_code == 2


def test_a_code_is_explained(tmp_path: Path) -> None:
    shown = check(tmp_path, "--explain-code", "r310")
    assert shown.exit_code == 0
    assert shown.stdout.startswith("R310: unknown name\n")
    assert "Good:\n" in shown.stdout
    shown = check(tmp_path, "--explain-code", "R3100")
    assert shown.exit_code == 2
    assert "did you mean R310?" in shown.stderr


def test_fix_mends_what_it_can_and_checks_again(broken: Path) -> None:
    entry, exits = (broken / "rules" / name for name in ("entry.yaml", "exits.yaml"))
    change(broken, "exits.yaml", "age >= max_age", "agee >= max_age and nonsense")
    before = entry.read_text("utf-8"), exits.read_text("utf-8")
    entry.chmod(0o640)
    offered = check(broken, "--format", "concise")
    assert "`quorate check --fix` mends 3" in offered.stdout
    shown = check(broken, "--fix", "--format", "json")
    assert shown.exit_code == 1
    found = json.loads(shown.stdout)
    assert found["mended"] == 3
    assert [one["message"] for one in found["problems"]] == ["unknown name 'nonsense'"]
    mended = before[0].replace("confidense", "confidence")
    assert entry.read_text("utf-8") == mended
    mended = before[1].replace("wehn", "when").replace("agee", "age")
    assert exits.read_text("utf-8") == mended
    assert entry.stat().st_mode & 0o777 == 0o640
    assert list((broken / "rules").glob(".*")) == []
    again = check(broken, "--fix", "--format", "json")
    assert json.loads(again.stdout)["mended"] == 0


def test_diff_shows_what_fix_would_do_and_writes_nothing(broken: Path) -> None:
    files = {path: path.read_bytes() for path in broken.rglob("*.yaml")}
    shown = check(broken, "--diff")
    assert shown.exit_code == 1
    assert "--- a/rules/entry.yaml\n+++ b/rules/entry.yaml\n" in shown.stdout
    assert "+    when: confidence > min_confidence" in shown.stdout
    assert {path: path.read_bytes() for path in files} == files
    check(broken, "--fix")
    clean = check(broken, "--diff")
    assert (clean.exit_code, clean.stdout) == (0, "")


def test_fix_mends_selected_codes_only(broken: Path) -> None:
    shown = check(broken, "--fix", "--select", "S", "--format", "json")
    assert json.loads(shown.stdout)["mended"] == 1
    assert "confidense" in (broken / "rules" / "entry.yaml").read_text("utf-8")


def test_an_editor_is_shown_the_edits_of_its_text(workspace: Path) -> None:
    path = workspace / "rules" / "entry.yaml"
    bad = path.read_text("utf-8").replace("confidence >", "confidense >")
    shown = check(workspace, "--stdin", "--stdin-filename", path, "--diff", sent=bad)
    assert shown.exit_code == 1
    assert "+    when: confidence" in shown.stdout


def test_shipped_rules_are_not_mended(tmp_path: Path) -> None:
    """A folder without rules is checked with those shipped, which nobody edits."""
    from quorate.errors import RulebookError
    from quorate.face.checking import write
    from quorate.face.workspace import open_workspace

    shipped = ROOT / "rules" / "entry.yaml"
    before = shipped.read_bytes()
    with pytest.raises(RulebookError, match="it is shipped"):
        write(open_workspace(tmp_path), {str(shipped): b"x"})
    assert shipped.read_bytes() == before


def test_what_only_the_whole_shows_is_a_warning(workspace: Path) -> None:
    change(workspace, "exits.yaml", "age >= max_age", "age >= max_age and age < 1m / 2")
    shown = check(workspace, "--format", "json")
    assert shown.exit_code == 0
    found = json.loads(shown.stdout)
    told = {(one["code"], one["severity"]) for one in found["problems"]}
    assert told == {("R430", "warning")}
    assert (
        found["facts"]["proved"]["conditions"] > found["facts"]["proved"]["both ways"]
    )
    assert check(workspace, "--strict").exit_code == 1


def test_the_venue_s_fees_are_those_of_the_workspace(workspace: Path) -> None:
    gross = "exits:\n  - {id: more, when: gross_profit > 0.5%, then: {sell: 50%}}\n"
    (workspace / "rules" / "more.yaml").write_text(gross)
    assert "costs 0.65% in fees" in check(workspace).stdout
    path = workspace / "quorate.yaml"
    text = path.read_text().replace(
        "maker: 0.25%, taker: 0.40%", "maker: 0.1%, taker: 0.1%"
    )
    path.write_text(text)
    assert "in fees" not in check(workspace).stdout


def test_the_page_of_codes_is_what_the_command_prints(tmp_path: Path) -> None:
    shown = check(tmp_path, "--explain-code", "all")
    page = (ROOT / "docs" / "codes.md").read_text("utf-8")
    assert page == shown.stdout, "write it again: quorate check --explain-code all"


def test_the_hook_of_pre_commit_passes_the_rules_of_this_repository() -> None:
    lines = (ROOT / ".pre-commit-hooks.yaml").read_text("utf-8").splitlines()
    [entry] = [line.partition(": ")[2] for line in lines if "entry:" in line]
    program, command, *words = entry.split()
    assert (program, command) == ("quorate", "check")
    assert check(ROOT, *words).exit_code == 0
