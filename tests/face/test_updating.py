"""``quorate test --update``: what was found is written, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from quorate.face.cli import cli

TESTS = """\
# A comment above.
bases:
  sure: {confidence: 0.9, risk_approved: true, position_limit: 2500, free_quote: 10000}
tests:
  - name: a  # beside
    section: entry
    base: sure
    expect: {fires: none,   quote_amount: 1999}  # behind
  - name: b
    section: entry
    base: sure
    cases:
      given: [confidence]
      expect: [fires, unknown]
      rows:
        - [0.9, none, []]  # first
        - [null, quorum, [quorum]]
  - name: c
    section: exits
    given: {net_profit: 0.6%, peak_profit: 0%, giveback: 0%, age: 0s}
    expect: {fires: stop, sell: 50%}
  - name: d
    section: checks
    given: {side: buy}
    expect: {finding: pass}
  - name: e
    section: entry
    base: sure
    expect:
      unknown: []
"""

UPDATED = (
    TESTS.replace("none,   quote_amount: 1999", "quorum,   quote_amount: 2000")
    .replace("[0.9, none, []]", "[0.9, quorum, []]")
    .replace("[null, quorum, [quorum]]", "[null, none, [quorum]]")
    .replace("{fires: stop, sell: 50%}", "{fires: micro-profit, sell: 100%}")
)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    made = CliRunner().invoke(cli, ["init", str(tmp_path / "w")])
    assert made.exit_code == 0
    for file in (tmp_path / "w" / "rules").glob("*.test.yaml"):
        file.unlink()
    (tmp_path / "w" / "rules" / "x.test.yaml").write_text(TESTS, "utf-8")
    return tmp_path / "w"


def run(where: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["-w", str(where), "test", *words])


def test_without_the_option_nothing_is_written(workspace: Path) -> None:
    assert run(workspace).exit_code == 1
    assert (workspace / "rules" / "x.test.yaml").read_text("utf-8") == TESTS


def test_what_was_found_is_written_in_its_place(workspace: Path) -> None:
    done = run(workspace, "--update")
    assert (workspace / "rules" / "x.test.yaml").read_text("utf-8") == UPDATED
    assert "-    expect: {fires: none,   quote_amount: 1999}  # behind" in done.output
    assert "+    expect: {fires: quorum,   quote_amount: 2000}  # behind" in done.output
    assert not list((workspace / "rules").glob(".*"))


def test_what_cannot_be_written_is_told_and_still_fails(workspace: Path) -> None:
    done = run(workspace, "--update")
    assert done.exit_code == 1
    assert "not updated: d: it does not give " in done.output
    assert "1 of 6 cases of 5 tests failed" in done.output


def test_selected_tests_alone_are_written(workspace: Path) -> None:
    done = run(workspace, "--update", "-k", "x.test exits")
    assert done.exit_code == 0
    text = (workspace / "rules" / "x.test.yaml").read_text("utf-8")
    assert text == TESTS.replace("stop, sell: 50%", "micro-profit, sell: 100%")


def test_the_lists_of_a_tape_keep_their_length(workspace: Path) -> None:
    file = workspace / "rules" / "x.test.yaml"
    file.write_text(
        "tapes:\n"
        "  - name: t\n"
        "    close: 100 (+0.03x3 -0.02x3)x12\n"
        "    given: {middle_timeframe: 2m, slow_timeframe: 3m}\n"
        "    expect: {fires: [], orders: [{side: buy}]}\n"
        "  - name: u\n"
        "    close: 100 (+0.03x3 -0.02x3)x12\n"
        "    given: {middle_timeframe: 2m, slow_timeframe: 3m}\n"
        "    expect: {fires: [], orders: [{at: 1m}, {side: buy}]}\n"
        "  - name: v\n"
        "    close: 100\n"
        "    expect:\n"
        "      fires:\n"
        "        - stop\n"
        "        - quorum\n",
        "utf-8",
    )
    done = run(workspace, "--update")
    assert "not updated: t: `order_count` is the length of a list" in done.output
    assert "not updated: v: `fires` is written over several lines" in done.output
    lines = file.read_text("utf-8").splitlines()
    assert lines[4].endswith("{fires: [], orders: [{side: buy}]}")
    assert lines[8].endswith("{fires: [quorum], orders: [{at: 63m}, {side: sell}]}")


def test_shared_expectations_are_not_written(workspace: Path) -> None:
    file = workspace / "rules" / "x.test.yaml"
    shared = TESTS.partition("tests:")[0] + (
        "tests:\n"
        "  - {name: a, section: entry, base: sure, expect: &same {fires: none}}\n"
        "  - {name: b, section: entry, base: sure, given: {confidence: 0},\n"
        "     expect: *same}\n"
    )
    file.write_text(shared, "utf-8")
    done = run(workspace, "--update")
    assert done.exit_code == 1
    assert file.read_text("utf-8") == shared
