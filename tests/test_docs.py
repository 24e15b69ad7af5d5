"""What the README says is tried: its rules, its plugin, its commands and its words."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from quorate.contract.hookspecs import Hooks
from quorate.face.cli import cli
from quorate.rulebook.shape import section_names

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def quorate(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words), catch_exceptions=False)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    shutil.copy(ROOT / "quorate.yaml", tmp_path)
    (tmp_path / "plugins").mkdir()
    return tmp_path


def test_every_rule_of_the_readme_is_a_line_of_the_default_rulebook() -> None:
    files = " ".join(
        path.read_text() for path in sorted((ROOT / "rules").glob("*.yaml"))
    )
    shipped = " ".join(files.split())
    found = blocks("yaml")
    assert found
    for block in found:
        _, _, rule = block.partition("\n")
        assert " ".join(rule.split()) in shipped, rule


def test_the_mistyped_rule_is_told_as_the_readme_shows(workspace: Path) -> None:
    exits = workspace / "rules" / "exits.yaml"
    exits.write_text(exits.read_text().replace(">= profit_target", ">= profit_targt"))
    (shown,) = [block for block in blocks("console") if "error R310" in block]
    told = quorate("-w", str(workspace), "check")
    assert told.exit_code == 1
    expected = shown.split("\n", 1)[1].strip()
    for line in expected.splitlines():
        assert line.strip() in told.output, told.output


def test_the_plugin_of_the_readme_votes(workspace: Path) -> None:
    (plugin,) = blocks("python")
    (workspace / "plugins" / "green.py").write_text(plugin)
    listed = quorate("-w", str(workspace), "plugins")
    assert listed.exit_code == 0, listed.output
    assert re.search(r"green +workspace +- +active", listed.output)


def test_every_command_of_the_readme_is_a_command() -> None:
    known = cli.list_commands(click.Context(cli))
    for name in re.findall(r"quorate ([a-z]+)", "\n".join(blocks("console"))):
        assert name in known, name


def test_every_section_and_hook_is_named() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    for section in section_names():
        assert f"`{section}`" in README, section
    for hook in vars(Hooks):
        assert hook.startswith("_") or f"`{hook}`" in changes, hook
