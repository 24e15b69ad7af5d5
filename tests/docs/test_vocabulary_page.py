"""The page of the vocabulary: written by a command, and kept as it writes it."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from quorate.face.cli import cli

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "vocabulary.md"


def names(where: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["-w", str(where), "names", *words])


def test_the_page_of_the_vocabulary_is_what_the_command_writes(tmp_path: Path) -> None:
    shown = names(tmp_path, "--format", "markdown")
    assert shown.exit_code == 0, shown.output
    assert PAGE.read_text("utf-8") == shown.stdout, "write it again: make docs"


def test_the_page_names_what_a_plugin_of_the_workspace_adds(tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "moon.py").write_text(
        "from quorate import Fact, Stage, hookimpl\n"
        "@hookimpl\n"
        "def facts():\n"
        "    return [Fact(name='moon', stage=Stage.ACCOUNT, help='full | new',\n"
        "                 compute=lambda desk: 1)]\n"
    )
    shown = names(tmp_path, "--format", "markdown")
    assert "| `moon` | ratio |  | moon | full \\| new |" in shown.stdout


def test_the_page_is_of_all_names(tmp_path: Path) -> None:
    shown = names(tmp_path, "--format", "markdown", "account")
    assert shown.exit_code == 2
    assert "leave out 'account'" in shown.output
