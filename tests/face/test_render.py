"""``quorate render`` and ``quorate schema``."""

from __future__ import annotations

import json
import shutil
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from quorate.face.cli import cli
from quorate.host.host import open_host
from quorate.rulebook.rulebook import Rulebook, Sources, read_rulebook
from quorate.rulebook.sections import POLICIES

ROOT = Path(__file__).parents[2]


def quorate(*words: object) -> Result:
    return CliRunner().invoke(cli, ["-w", str(ROOT), *map(str, words)])


def read(text: str) -> Rulebook:
    host = open_host(installed=False)
    sources = Sources(rules=(("all.yaml", text.encode()),))
    reading = read_rulebook(sources, host.facts, host.functions)
    assert reading.rulebook is not None, reading.problems
    return reading.rulebook


def test_what_is_rendered_is_the_same_rulebook_again() -> None:
    overlay = ("--overlay", ROOT / "rules" / "5m", "--set", "profit_target=0.7%")
    shown = quorate("render", *overlay)
    assert shown.exit_code == 0, shown.output
    again = read(shown.stdout)
    assert str(again.params.by_name["profit_target"].settings[-1].value) == "0.007"
    assert again.params.by_name["max_age"].settings[-1].value == 12 * 3_600_000
    default = read(quorate("render").stdout)
    for section in ("votes", "checks", "orders", "errors", "exits", "tuning"):
        first, second = (
            [(rule.id, _texts(rule)) for rule in getattr(book, section)]
            for book in (default, again)
        )
        assert first == second
    assert default.counts() == again.counts()


def _texts(rule: object) -> list[str]:
    formulas = import_module("quorate.rulebook.cross").formulas
    return [formula.text for formula in formulas(rule)]


def test_every_value_has_its_origin() -> None:
    setting = ("--overlay", ROOT / "rules" / "5m", "--set", "max_age=2h")
    shown = quorate("render", *setting).stdout
    lines = shown.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("  max_age: "))
    assert lines[at].startswith("  max_age: {value: 2h, min: 1m, max: 7d")
    before = "\n".join(lines[at - 3 : at])
    assert "# --set, --set:1:1" in before
    assert "instead of 4h (rules, rules/params.yaml:" in before
    assert "instead of 12h (overlay, rules/5m/params.yaml:8:" in before
    assert "  # rules/exits.yaml:" in shown
    found = json.loads(quorate("render", "--json", *setting).stdout)
    told = found["params"]["max_age"]
    assert (told["value"], told["by"]) == ("2h", "--set")
    assert [one["value"] for one in told["instead_of"]] == ["4h", "12h"]
    sections = [one["section"] for one in found["rules"]]
    assert sections.count("exits") == 5


def test_what_cannot_be_read_is_not_rendered() -> None:
    shown = quorate("render", "--set", "max_age=9")
    assert shown.exit_code == 2
    assert "R403" in shown.output


def test_schemas_are_printed_and_written(tmp_path: Path) -> None:
    assert "votes" in json.loads(quorate("schema").stdout)["properties"]
    assert json.loads(quorate("schema", "exits").stdout)["type"] == "array"
    assert quorate("schema", "exitz").exit_code == 2
    shown = quorate("schema", "--write", tmp_path / "new" / "schemas")
    assert shown.exit_code == 0
    written = {path.name for path in (tmp_path / "new" / "schemas").iterdir()}
    assert written == {path.name for path in (ROOT / "schemas").glob("*.schema.json")}
    (tmp_path / "file").write_text("")
    assert quorate("schema", "--write", tmp_path / "file" / "x").exit_code == 2


@pytest.mark.parametrize("symbol", ["BTC/USD", "ETH/USD"])
def test_a_symbol_s_own_values_are_rendered(tmp_path: Path, symbol: str) -> None:
    overlay = tmp_path / "own.yaml"
    overlay.write_text("params:\n  max_age: {value: 3h, for: {'BTC/*': 5h}}\n")
    shown = quorate("render", "--overlay", overlay, "--symbol", symbol).stdout
    expected = "5h" if symbol.startswith("BTC") else "3h"
    assert f"  max_age: {{value: {expected}, " in shown


TAGGED = """\
entry:
  - id: quorum
    tags: [votes, day]
    owner: desk
    since: '2026-01-31'
    when: confidence > 0.5 and risk_approved
    then: {quote_amount: 10}
orders:
  - {id: how, then: {type: market}}
"""


def test_what_people_say_of_a_rule_is_read_shown_and_searched(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    shutil.copytree(ROOT / "rules", rules)
    for name in ("entry.yaml", "orders.yaml", "entry.test.yaml", "orders.test.yaml"):
        (rules / name).unlink()
    (rules / "tagged.yaml").write_text(TAGGED)
    (tmp_path / "quorate.yaml").write_text((ROOT / "quorate.yaml").read_text())

    def run(*words: str) -> Result:
        return CliRunner().invoke(cli, ["-w", str(tmp_path), *words])

    shown = run("render", "--tag", "day").stdout
    assert "quorum" in shown
    assert "how" not in shown.partition("entry:")[2]
    found = json.loads(run("render", "--tag", "day", "--json").stdout)
    [only] = found["rules"]
    assert (only["rule"]["owner"], only["rule"]["since"]) == ("desk", "2026-01-31")
    assert json.loads(run("render", "--tag", "no", "--json").stdout)["rules"] == []


def test_the_hit_policy_stands_above_each_section() -> None:
    shown = quorate("render").stdout
    for section, policy in POLICIES.items():
        if f"\n{section}:\n" in shown:
            assert f"\n# {policy}\n{section}:\n" in shown
    found = json.loads(quorate("render", "--json").stdout)["policies"]
    assert {name: one["hit"] for name, one in found.items()} == {
        name: policy.hit for name, policy in POLICIES.items()
    }
