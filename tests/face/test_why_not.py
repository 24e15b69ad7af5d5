"""``quorate explain SYMBOL``: the road from candles to trades; every level adds up."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from quorate.face.cli import cli

ROOT = Path(__file__).parents[2]
MONTH = ROOT.parent / "shared" / "data" / "BTC_USD-1m-2022-01.csv.gz"


def quorate(root: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["-w", str(root), *words], catch_exceptions=False)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one run on the demo tapes."""
    folder = tmp_path_factory.mktemp("why")
    assert quorate(folder, "run", "-q").exit_code == 0
    return folder


def told(root: Path, *words: str) -> dict[str, Any]:
    done = quorate(root, "explain", *words, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.output)
    return found


def adds_up(found: dict[str, Any]) -> None:
    """Assert that what goes on from each level is what comes to the next one."""
    levels = found["levels"]
    assert [level["name"] for level in levels] == [
        "candles",
        "candidate candles",
        "entries proposed",
        "entries sent",
        "positions opened",
    ]
    for level, following in pairwise(levels):
        assert level["count"] == sum(part["count"] for part in level["parts"])
        went_on = sum(part["count"] for part in level["parts"] if part["goes_on"])
        assert went_on == following["count"], level["name"]
    assert all(part["count"] >= 0 for level in levels for part in level["parts"])


def of(found: dict[str, Any], level: str, by: str) -> int:
    (parts,) = [one["parts"] for one in found["levels"] if one["name"] == level]
    return sum(int(part["count"]) for part in parts if part["by"] == by)


@pytest.mark.parametrize("symbol", ["BTC/USD", "ETH/USD"])
def test_every_level_of_the_demo_run_adds_up(symbol: str, root: Path) -> None:
    found = told(root, symbol)
    adds_up(found)
    report = json.loads(quorate(root, "report", "--json").output)
    (row,) = [one for one in report["by_symbol"] if one["name"] == symbol]
    opened = found["levels"][-1]
    still = sum(one["count"] for one in opened["parts"] if one["what"] == "still open")
    assert opened["count"] - still == row["trades"]
    assert found["levels"][0]["count"] == 14_400
    # A decline is recorded once and stands for all candles of its stretch.
    assert of(found, "candidate candles", "enough-positions-here") > 3_000
    (miss,) = found["misses"]
    assert miss["condition"] == "confidence > min_confidence"
    assert miss["failed"] == found["levels"][0]["parts"][1]["count"]
    left, right = miss["nearest"]
    assert left <= right == 0.75


def test_the_parts_of_a_time_add_up_to_the_whole(root: Path) -> None:
    days = [f"2025-03-{day:02}" for day in range(3, 14)]
    whole = told(root, "BTC/USD")
    parts = [
        told(root, "BTC/USD", "--from", begin, "--to", end)
        for begin, end in pairwise(days)
    ]
    for number, level in enumerate(whole["levels"][:3]):
        counted = sum(one["levels"][number]["count"] for one in parts)
        # The last candle closes when the last day is over.
        assert level["count"] - counted in (0, 1)
    for one in parts:
        adds_up(one)


def test_without_its_tape_the_journal_still_tells(root: Path, tmp_path: Path) -> None:
    shutil.copy(next((root / "runs").glob("*.sqlite")), tmp_path / "run.sqlite")
    other = tmp_path / "other"
    other.mkdir()
    found = told(
        other,
        *("BTC/USD", "--journal", str(tmp_path / "run.sqlite")),
        *("--tape", str(tmp_path / "gone.csv")),
    )
    assert found["levels"][0]["name"] == "candidates decided on"
    assert found["levels"][0]["parts"][0]["what"] == "proposed"
    assert "candles are not counted" in found["notes"][0]


def test_checks_and_refusals_have_their_part(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    checks = tmp_path / "rules" / "checks.yaml"
    text = checks.read_text("utf-8")
    never = "checks:\n  - {id: never, side: buy, require: cost > 10 * total_quote}\n"
    checks.write_text(text.replace("checks:\n", never), "utf-8")
    assert quorate(tmp_path, "run", "-q").exit_code == 0
    found = told(tmp_path, "BTC/USD")
    adds_up(found)
    assert of(found, "entries proposed", "never") == found["levels"][2]["count"] > 0


def test_tuned_params_count_from_when_they_were_turned(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    tuning = tmp_path / "rules" / "tuning.yaml"
    tuning.write_text(
        "tuning:\n  - id: pickier\n    when: samples >= 10\n    min_samples: 10\n"
        "    then: {set: {min_confidence: 0.95}}\n",
        "utf-8",
    )
    assert quorate(tmp_path, "run", "-q").exit_code == 0
    found = told(tmp_path, "BTC/USD")
    adds_up(found)
    plain = told_plain(tmp_path)
    assert found["levels"][1]["count"] < plain["levels"][1]["count"]


def told_plain(tmp_path: Path) -> dict[str, Any]:
    other = tmp_path / "plain"
    other.mkdir()
    assert quorate(other, "run", "-q").exit_code == 0
    return told(other, "BTC/USD")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("DOGE/USD",), "does not trade 'DOGE/USD'; it trades BTC/USD, ETH/USD"),
        (("BTC/USD", "--from", "2025-03-09", "--to", "2025-03-08"), "before --to"),
        (("BTC/USD", "--from", "yesterday"), "yesterday"),
    ],
)
def test_what_cannot_be_counted_is_said(
    words: tuple[str, ...], why: str, root: Path
) -> None:
    done = quorate(root, "explain", *words)
    assert done.exit_code == 2
    assert why in done.output


@pytest.mark.skipif(not MONTH.exists(), reason="the recorded month is not here")
def test_every_level_of_a_real_month_adds_up(tmp_path: Path) -> None:
    ran = quorate(tmp_path, "run", "-q", "--volume-in", "quote", str(MONTH))
    assert ran.exit_code == 0, ran.output
    shutil.copy(MONTH, tmp_path)
    found = told(tmp_path, "BTC/USD")
    adds_up(found)
    assert found["levels"][-1]["count"] > 100
