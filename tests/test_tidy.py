"""The house rules that no linter knows: layers, importers, sizes, names, numbers."""

import ast
import math
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import quorate
from quorate.contract.hookspecs import Hooks

ROOT = Path(__file__).parents[1]
ENGINE = ROOT / "engine" / "quorate"
PLUGINS = ROOT / "plugins"

MODULES = sorted(ENGINE.rglob("*.py"))
PLUGIN_FILES = sorted(PLUGINS.rglob("*.py"))

LAYERS = (
    ("errors", "bundle"),
    ("values",),
    ("contract",),
    ("rulebook",),
    ("host",),
    ("stages",),
    ("trials",),
    ("flow",),
    ("journal",),
    ("drivers",),
    ("face",),
)
"""What stands on what: a module imports from its own layer or a lower one."""
LAYER_OF = {name: rank for rank, names in enumerate(LAYERS) for name in names}

IMPORTERS = {
    "yaml": ("engine/quorate/rulebook/",),
    "simpleeval": ("engine/quorate/rulebook/",),
    "z3": ("engine/quorate/rulebook/solving.py",),
    "jsonschema": ("engine/quorate/rulebook/shape.py",),
    "referencing": ("engine/quorate/rulebook/shape.py",),
    "sqlite_utils": ("engine/quorate/journal/",),
    "sqlite3": ("engine/quorate/journal/",),
    "pyarrow": ("engine/quorate/drivers/",),
    "talib": ("plugins/indicators.py",),
    "ccxt": ("plugins/ccxt_venue/",),
    "pluggy": ("engine/quorate/contract/hookspecs.py", "engine/quorate/host/"),
    "click": ("engine/quorate/contract/hookspecs.py", "engine/quorate/face/"),
    "rich": ("engine/quorate/face/",),
}
ONE_MODULE = ("yaml", "simpleeval", "pyarrow", "sqlite_utils", "sqlite3")
"""Libraries that may be imported by one module of their place only."""

EXCHANGES = re.compile(
    r"kraken|binance|coinbase|bitfinex|bitstamp|bybit|kucoin|okx|huobi|gemini\b",
    re.IGNORECASE,
)

MOST_LINES, MOST_IN_A_FUNCTION = 400, 50

PLAIN_NUMBERS = {0.0, 0.5, 1.0, 2.0, 10.0, 100.0, 1000.0, 1e-3, 1e6}
"""Neither a threshold nor a buffer: halves, doubles and changes of unit."""
NUMBERS_WITH_A_REASON = {
    "engine/quorate/drivers/demo_tape.py": "it makes up the synthetic market",
}

NAMES_THAT_SAY_NOTHING = re.compile(r"Manager|Helper|Util|Base[A-Z]|Base$|util|helper")


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of every import, wherever it stands."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            told = f"{shown(path)}:{node.lineno}: a relative import"
            # The parts of a plugin that is a folder find each other only like this.
            assert node.level == 0 or path.parent.parent == PLUGINS, told
            if not node.level:
                yield node.lineno, str(node.module)


def literals_of(tree: ast.AST) -> Iterator[tuple[int, float]]:
    """Yield (line, value) of every float and every Decimal("...") or Decimal(n)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield node.lineno, abs(node.value)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Decimal":
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant):
                value = float(str(first.value))
                if math.isfinite(value):
                    yield node.lineno, abs(value)


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_a_module_imports_from_its_own_layer_or_a_lower_one(path: Path) -> None:
    inside = path.relative_to(ENGINE)
    own = LAYER_OF.get(inside.parts[0].removesuffix(".py"))
    if own is None:
        assert inside.name in ("__init__.py", "__main__.py")
        return
    for line, name in imports_of(path):
        parts = name.split(".")
        if parts[0] != "quorate" or len(parts) == 1:
            continue
        rank = LAYER_OF[parts[1]]
        assert rank <= own, f"{shown(path)}:{line}: {name} stands above it"


def test_every_folder_of_the_engine_has_a_layer() -> None:
    folders = {
        path.name for path in ENGINE.iterdir() if (path / "__init__.py").exists()
    }
    assert folders <= set(LAYER_OF)


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=shown)
def test_a_plugin_imports_the_public_names_only(path: Path) -> None:
    for line, name in imports_of(path):
        inner = name.startswith("quorate.")
        assert not inner, f"{shown(path)}:{line}: import from quorate, not {name}"


def test_nothing_imports_a_plugin() -> None:
    plugins = {path.stem for path in PLUGINS.iterdir()}
    for path in (*MODULES, *PLUGIN_FILES):
        for line, name in imports_of(path):
            outside = name in plugins or name.startswith(("plugins", "quorate.plugins"))
            assert not outside, f"{shown(path)}:{line}: imports the plugin {name}"


@pytest.mark.parametrize("library", IMPORTERS)
def test_a_library_has_its_one_place(library: str) -> None:
    importers = {
        shown(path)
        for path in (*MODULES, *PLUGIN_FILES)
        for _, name in imports_of(path)
        if name.split(".")[0] == library
    }
    strangers = {one for one in importers if not one.startswith(IMPORTERS[library])}
    assert not strangers
    if library in ONE_MODULE:
        assert len(importers) <= 1, importers


@pytest.mark.parametrize("path", [*MODULES, *PLUGIN_FILES], ids=shown)
def test_a_module_can_be_read_at_a_sitting(path: Path) -> None:
    lines = len(path.read_text("utf-8").splitlines())
    assert lines <= MOST_LINES, f"{shown(path)}: {lines} lines"
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            long = (node.end_lineno or node.lineno) - node.lineno + 1
            told = f"{shown(path)}:{node.lineno}: {node.name} has {long} lines"
            assert long <= MOST_IN_A_FUNCTION, told


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_the_engine_knows_no_exchange_by_name(path: Path) -> None:
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        assert not EXCHANGES.search(line), f"{shown(path)}:{number}: {line.strip()}"


@pytest.mark.parametrize(
    "path",
    [
        p
        for p in MODULES
        if p.relative_to(ENGINE).parts[0] in ("stages", "flow", "drivers")
    ],
    ids=shown,
)
def test_no_number_of_a_strategy_stands_in_the_engine(path: Path) -> None:
    if shown(path) in NUMBERS_WITH_A_REASON:
        return
    for line, value in literals_of(tree_of(path)):
        assert value in PLAIN_NUMBERS, f"{shown(path)}:{line}: {value} belongs in YAML"


@pytest.mark.parametrize("path", [*MODULES, *PLUGIN_FILES], ids=shown)
def test_names_are_words_of_the_field(path: Path) -> None:
    assert not NAMES_THAT_SAY_NOTHING.search(path.stem)
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ClassDef):
            assert not NAMES_THAT_SAY_NOTHING.search(node.name), node.name


def hooks() -> list[str]:
    return [name for name in vars(Hooks) if not name.startswith("_")]


@pytest.mark.parametrize("hook", hooks())
def test_a_hook_says_its_contract_and_has_an_example(hook: str) -> None:
    told = getattr(Hooks, hook).__doc__ or ""
    assert len(told.split()) > 10, (
        f"{hook}: say when it is called and what a crash means"
    )
    examples = [*PLUGIN_FILES, *(ROOT / "tests" / "examples").glob("*.py")]
    assert any(
        isinstance(node, ast.FunctionDef)
        and node.name == hook
        and any("hookimpl" in ast.unparse(mark) for mark in node.decorator_list)
        for path in examples
        for node in tree_of(path).body
    ), f"no plugin implements {hook}"


def test_the_public_names_are_those_that_are_listed() -> None:
    tree = tree_of(ENGINE / "__init__.py")
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("quorate.")
        for alias in node.names
    }
    assert imported == set(quorate.__all__)
    assert list(quorate.__all__) == sorted(quorate.__all__, key=_as_ruff_sorts)
    for name in quorate.__all__:
        assert getattr(quorate, name) is not None


def _as_ruff_sorts(name: str) -> tuple[int, str]:
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def test_the_public_names_are_found_and_others_are_not() -> None:
    assert set(quorate.__all__) <= set(dir(quorate))
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        quorate.Nonsense  # type: ignore[attr-defined]  # noqa: B018
