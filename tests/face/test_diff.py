"""``quorate diff``: what it prints, what names a rulebook, and how it ends."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from quorate.face.cli import cli

ROOT = Path(__file__).parents[2]


def quorate(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words), catch_exceptions=False)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """The default rules in another folder, in which a line may be edited."""
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    return tmp_path / "rules"


def edit(folder: Path, name: str, old: str, new: str) -> None:
    file = folder / name
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


def diff(*words: object) -> Result:
    return quorate("-w", str(ROOT), "diff", *map(str, words))


def test_the_same_rules_elsewhere_do_not_differ(other: Path) -> None:
    told = diff(ROOT / "rules", other)
    assert told.exit_code == 0
    assert told.output.startswith("no difference in meaning")


def test_a_looser_check_is_told_with_a_moment_and_what_it_permits(other: Path) -> None:
    edit(other, "checks.yaml", "<= rate_threshold", "<= rate_threshold * 2")
    told = diff(ROOT / "rules", other)
    assert told.exit_code == 1
    for line in (
        "rate-limit require: looser",
        "- rate_counter + order_cost <= rate_threshold",
        "was false, is true",
        "permits what was refused before",
        "1 rule permitting more",
    ):
        assert line in told.output, told.output


def test_set_and_overlay_are_laid_on_the_rules_of_now() -> None:
    told = diff("rules", "--set", "min_confidence=0.8", "--json")
    assert told.exit_code == 1
    found = json.loads(told.output)
    assert [one["id"] for one in found["changes"]] == ["min_confidence", "quorum"]
    assert found["changes"][1]["shift"] == "tighter"
    laid = diff("rules", "--overlay", "rules/5m")
    assert "fast_timeframe value: 1m -> 5m" in laid.output


def test_a_journal_stands_for_the_rules_it_began_with(
    other: Path, tmp_path: Path
) -> None:
    journal = tmp_path / "run.sqlite"
    ran = quorate("-w", str(tmp_path), "run", "--journal", str(journal))
    assert ran.exit_code == 0, ran.output
    edit(other, "exits.yaml", ">= profit_target", "> profit_target")
    told = quorate("-w", str(tmp_path), "diff", str(journal))
    assert "micro-profit when: tighter" in told.output
    digest = json.loads(
        quorate("-w", str(tmp_path), "diff", str(journal), "--json").output
    )["old"]
    named = quorate("-w", str(tmp_path), "diff", f"{journal}@{digest}")
    assert named.output == told.output
    missing = quorate("-w", str(tmp_path), "diff", f"{journal}@123456789abc")
    assert missing.exit_code == 2
    assert "123456789abc" in missing.output


@pytest.mark.parametrize("name", ["nothing", "nothing.sqlite", "README.md"])
def test_what_is_no_rulebook_is_refused(name: str, tmp_path: Path) -> None:
    told = quorate("-w", str(ROOT), "diff", str(tmp_path / name))
    assert told.exit_code == 2
    assert name in told.output


def test_rules_with_errors_are_told_with_their_problems(other: Path) -> None:
    edit(other, "exits.yaml", ">= profit_target", ">= profit_targt")
    told = diff(ROOT / "rules", other)
    assert told.exit_code == 2
    assert "R310" in told.output
