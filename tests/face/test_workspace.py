"""A workspace: what init writes, what quorate.yaml says, what dropping in does."""

import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from quorate.bundle import bundled
from quorate.errors import RulebookError, WorkspaceError
from quorate.face.cli import cli
from quorate.face.workspace import open_workspace

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "tests" / "examples"


def init(root: Path) -> str:
    done = CliRunner().invoke(cli, ["init", str(root)])
    assert done.exit_code == 0
    return done.output


def trade(root: Path, *words: str) -> dict[str, Any]:
    done = CliRunner().invoke(cli, ["-w", str(root), "run", "--json", *words])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_init_writes_a_workspace_that_checks(tmp_path: Path) -> None:
    shown = init(tmp_path / "w")
    assert "0 kept" in shown
    assert "quorate check" in shown
    for name in ("rules/5m/params.yaml", "plugins/_example.py", ".gitignore"):
        assert (tmp_path / "w" / name).is_file()
    assert CliRunner().invoke(cli, ["-w", str(tmp_path / "w"), "check"]).exit_code == 0


def test_every_modeline_points_at_a_schema_that_exists(tmp_path: Path) -> None:
    init(tmp_path)
    files = [*tmp_path.glob("rules/**/*.yaml"), tmp_path / "quorate.yaml"]
    assert len(files) > 9
    for file in files:
        schema = file.read_text().splitlines()[0].partition("$schema=")[2]
        assert (file.parent / schema).is_file(), file


def test_init_never_overwrites(tmp_path: Path) -> None:
    init(tmp_path)
    mine = tmp_path / "rules" / "params.yaml"
    mine.write_text("params: {}\n")
    (tmp_path / "quorate.yaml").unlink()
    shown = init(tmp_path)
    assert mine.read_text() == "params: {}\n"
    assert (tmp_path / "quorate.yaml").is_file()
    assert "1 files written" in shown or "1 file written" in shown


def test_init_where_a_file_is_in_the_way_says_so(tmp_path: Path) -> None:
    (tmp_path / "rules").write_text("")
    done = CliRunner().invoke(cli, ["init", str(tmp_path)])
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ")


def test_the_workspace_of_the_repository_is_what_init_writes(tmp_path: Path) -> None:
    init(tmp_path)
    for name in ("quorate.yaml", "rules/params.yaml", "schemas/rulebook.schema.json"):
        assert (tmp_path / name).read_bytes() == (ROOT / name).read_bytes()


def test_the_example_plugin_works_when_it_is_renamed(tmp_path: Path) -> None:
    init(tmp_path)
    (tmp_path / "plugins" / "_example.py").rename(tmp_path / "plugins" / "calm.py")
    host = open_workspace(tmp_path).host()
    assert host.plugins["calm"].active
    entry = tmp_path / "rules" / "entry.yaml"
    entry.write_text(
        entry.read_text().replace("risk_approved", "risk_approved and calm")
    )
    assert CliRunner().invoke(cli, ["-w", str(tmp_path), "check"]).exit_code == 0


def test_an_empty_folder_uses_what_is_shipped(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path)
    assert workspace.rules == bundled("rules")
    assert workspace.rulebook(workspace.host()).entry


def test_settings_are_read_with_their_units(tmp_path: Path) -> None:
    init(tmp_path)
    settings = open_workspace(tmp_path).settings
    assert settings["fees"]["maker"] == Decimal("0.0025")
    assert settings["latency"] == 250


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("venu: paper\n", 'did you mean "venue"?'),
        ("paper: {latency: soon}\n", "latency"),
        ("venue: [paper]\n", "must be a text"),
        ("venue: paper\nvenue: paper\n", "venue"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(
    tmp_path: Path, text: str, why: str
) -> None:
    (tmp_path / "quorate.yaml").write_text(text)
    with pytest.raises(WorkspaceError, match=r"quorate\.yaml:") as caught:
        open_workspace(tmp_path)
    assert why in str(caught.value)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="no such folder"):
        open_workspace(tmp_path / "nowhere")


def test_a_rulebook_with_problems_shows_all_of_them(tmp_path: Path) -> None:
    init(tmp_path)
    for name in ("entry", "exits"):
        file = tmp_path / "rules" / f"{name}.yaml"
        file.write_text(file.read_text().replace("when:", "wehn:"))
    workspace = open_workspace(tmp_path)
    with pytest.raises(RulebookError, match="nothing was started") as caught:
        workspace.rulebook(workspace.host())
    assert "rules/entry.yaml" in str(caught.value)
    assert "rules/exits.yaml" in str(caught.value)


def test_a_vote_that_is_dropped_in_takes_effect(tmp_path: Path) -> None:
    init(tmp_path)
    before = trade(tmp_path)
    shutil.copy(EXAMPLES / "steady.py", tmp_path / "plugins")
    after = trade(tmp_path)
    assert after["report"]["proposed"] != before["report"]["proposed"]


def test_a_check_that_is_dropped_in_refuses_orders(tmp_path: Path) -> None:
    init(tmp_path)
    shutil.copy(EXAMPLES / "weekend.py", tmp_path / "plugins")
    found = trade(tmp_path)["report"]
    declined = {one["by"]: one for one in found["why_not"]}
    assert any("weekend" in by for by in declined), declined


def test_a_fact_that_is_dropped_in_can_be_used_by_a_rule(tmp_path: Path) -> None:
    init(tmp_path)
    before = trade(tmp_path)
    (tmp_path / "plugins" / "_example.py").rename(tmp_path / "plugins" / "calm.py")
    entry = tmp_path / "rules" / "entry.yaml"
    entry.write_text(
        entry.read_text().replace("risk_approved", "risk_approved and not calm")
    )
    after = trade(tmp_path)
    assert after["report"]["proposed"] < before["report"]["proposed"]
