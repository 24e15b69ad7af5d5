"""A name of a plugin that is left out, or that cannot be used, is told as that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from quorate.face.cli import cli

FUNDING = """
import {module}
from quorate import Fact, Stage, hookimpl

@hookimpl
def facts():
    return [Fact(name="funding", stage=Stage.ACCOUNT, help="what it costs")]
"""

RULE = "switches: [{id: dear, when: funding > 1%, then: {mode: reduce_only}}]\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    made = CliRunner().invoke(cli, ["init", str(tmp_path / "w")])
    assert made.exit_code == 0
    return tmp_path / "w"


def problems(where: Path, *words: str) -> list[dict[str, Any]]:
    done = CliRunner().invoke(cli, ["-w", str(where), "check", "--json", *words])
    found: list[dict[str, Any]] = json.loads(done.output)["problems"]
    return found


def test_facts_of_a_plugin_that_is_left_out(workspace: Path) -> None:
    found = problems(workspace, "--without", "portfolio")
    assert {one["code"] for one in found} == {"R314"}
    assert {one["message"].partition(" ")[2] for one in found} == {
        "is supplied by plugin `portfolio`, which is left out"
    }
    assert "`deployment`" in {one["message"].partition(" ")[0] for one in found}


def test_functions_that_are_put_together_when_a_bundled_plugin_runs(
    workspace: Path,
) -> None:
    found = problems(workspace, "--without", "indicators")
    said = "`ema` is supplied by plugin `indicators`, which is left out"
    assert said in {one["message"] for one in found}


def test_what_no_plugin_supplies_stays_unknown(workspace: Path) -> None:
    (workspace / "rules" / "more.yaml").write_text(RULE, "utf-8")
    (found,) = problems(workspace, "--without", "tuner")
    assert found["code"] == "R310"


def test_facts_of_a_plugin_that_does_not_load(workspace: Path) -> None:
    (workspace / "rules" / "more.yaml").write_text(RULE, "utf-8")
    text = FUNDING.format(module="nowhere_to_be_found")
    (workspace / "plugins" / "funding_rate.py").write_text(text, "utf-8")
    found = {one["code"]: one["message"] for one in problems(workspace)}
    assert found.keys() == {"R314", "R428"}
    assert found["R314"] == (
        "`funding` is supplied by plugin `funding_rate`, which cannot be used"
    )


def test_a_plugin_that_is_not_there_cannot_be_left_out(workspace: Path) -> None:
    done = CliRunner().invoke(
        cli, ["-w", str(workspace), "check", "--without", "portfolo"]
    )
    assert done.exit_code != 0
    assert "portfolio" in str(done.output) + str(done.exception)
