"""Finding plugins: files and packages, what loads, and why something does not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from quorate.bundle import bundled
from quorate.host.find import LONGEST, Found, describe, find_plugins
from quorate.host.host import open_host
from quorate.host.load import load

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "tests" / "plugins" / "examples"
HOOK = "from quorate import hookimpl\n\n@hookimpl\ndef check():\n    return None\n"
Write = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Write:
    """Return a function that writes plugin files and returns their folder."""

    def write(**files: str) -> Path:
        place = tmp_path / "plugins"
        place.mkdir(exist_ok=True)
        for name, text in files.items():
            (place / f"{name}.py").write_text(text, "utf-8")
        return place

    return write


def found(place: Path) -> dict[str, Found]:
    plugins = find_plugins(place, installed=False)
    return {one.name: load(one) for one in plugins if one.source == "workspace"}


def test_bundled_plugins_are_found_first_and_load() -> None:
    names = [one.name for one in find_plugins(None, installed=False)]
    shipped = bundled("plugins")
    mains = [
        *shipped.glob("[!_]*.py"),
        *(p.parent for p in shipped.glob("*/__init__.py")),
    ]
    assert names == sorted(path.stem for path in mains)
    assert [
        p.fault for p in open_host(installed=False).plugins.values() if p.fault
    ] == []


@pytest.mark.parametrize(
    "path", sorted(EXAMPLES.glob("*.py")), ids=lambda one: one.stem
)
def test_example_is_taken(path: Path, tmp_path: Path) -> None:
    (tmp_path / path.name).write_bytes(path.read_bytes())
    plugin = open_host(tmp_path, installed=False).plugins[path.stem]
    assert plugin.fault == ""
    assert plugin.hooks


def test_file_says_its_version(folder: Write) -> None:
    place = folder(a=f'__version__ = "2.1"\n{HOOK}', b=HOOK)
    assert [one.version for one in found(place).values()] == ["2.1", ""]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("x = 1\nraise ValueError('no  key\\nset')", "ValueError: no key set (line 2)"),
        ("def f(:\n", "SyntaxError: invalid syntax"),
        ("import sys\nsys.exit('bye')", "SystemExit: bye (line 2)"),
        ("raise SystemExit", "SystemExit: no message (line 1)"),
        ("import no_such_module", "ModuleNotFoundError: No module named"),
        ("def f(): 1 / 0\n\nf()", "ZeroDivisionError: division by zero (line 1)"),
        ("x = '\udcff'", "(unicode error)"),
        ("\0", "source code string cannot contain null bytes"),
        ("class E(Exception):\n  def __str__(self): 1/0\nraise E", "no readable"),
        ("raise ValueError('x' * 5000)", "..."),
        ("def f(): f()\nf()", "RecursionError"),
    ],
)  # fmt: skip
def test_file_that_cannot_be_loaded_says_why(
    folder: Write, text: str, fault: str
) -> None:
    place = folder(good=HOOK)
    (place / "bad.py").write_bytes(text.encode("utf-8", "surrogateescape"))
    before = set(sys.modules)
    plugins = found(place)
    assert fault in plugins["bad"].fault
    assert len(plugins["bad"].fault) < LONGEST + 50
    assert plugins["bad"].module is None
    assert plugins["good"].fault == ""
    assert not [name for name in set(sys.modules) - before if "plugin_bad" in name]


def test_interrupt_is_not_swallowed(folder: Write) -> None:
    place = folder(bad="raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        found(place)
    assert not [name for name in sys.modules if "plugin_bad" in name]


@pytest.mark.parametrize(
    ("requires", "fault"),
    [
        ("quorate>=0.1", ""),
        ("quorate >= 0.1.0.0", ""),
        ("quorate>=99", "needs quorate>=99, this is quorate"),
        ("quorate>=0.999.1", "needs quorate>=0.999.1"),
        ("quorate==0.1", 'must read like "quorate>=0.1"'),
        ("0.1", 'must read like "quorate>=0.1"'),
        ("other>=0.1", 'must read like "quorate>=0.1"'),
    ],
)
def test_required_version_is_looked_at(
    folder: Write, requires: str, fault: str
) -> None:
    [plugin] = found(folder(a=f"requires = {requires!r}\n{HOOK}")).values()
    assert fault in plugin.fault
    assert bool(plugin.fault) == bool(fault)


def test_required_version_is_looked_at_before_the_file_runs(folder: Write) -> None:
    text = "from quorate import what_a_newer_one_has\nrequires = 'quorate>=99'\n"
    [plugin] = found(folder(a=text)).values()
    assert plugin.fault.startswith("needs quorate>=99")


def test_files_of_one_folder_come_by_name_without_private_ones(folder: Write) -> None:
    place = folder(b=HOOK, a=HOOK, _c=HOOK)
    (place / "note.txt").write_text("no plugin")
    (place / "d.py").mkdir()
    plugins = found(place)
    assert list(plugins) == ["a", "b", "d"]
    assert "IsADirectoryError" in plugins["d"].fault


def test_a_folder_with_an_init_is_one_plugin_of_several_modules(folder: Write) -> None:
    place = folder(a=HOOK)
    (place / "b").mkdir()
    (place / "b" / "__init__.py").write_text(f"from .part import X\n{HOOK}")
    (place / "b" / "part.py").write_text("X = 3")
    (place / "data").mkdir()
    plugins = found(place)
    assert list(plugins) == ["a", "b"]
    assert plugins["b"].fault == ""
    assert getattr(plugins["b"].module, "X", 0) == 3


def test_repository_as_its_own_workspace_loads_each_once() -> None:
    host = open_host(ROOT / "plugins", installed=False)
    assert {one.source for one in host.plugins.values()} == {"bundled"}
    assert [one.fault for one in host.plugins.values() if one.fault] == []


def test_folder_that_is_not_there_holds_no_plugins(tmp_path: Path) -> None:
    assert found(tmp_path / "none") == {}


def test_changed_file_is_read_again(folder: Write) -> None:
    first = found(folder(a=f"x = 1\n{HOOK}"))["a"].module
    second = found(folder(a=f"x = 2\n{HOOK}"))["a"].module
    assert [getattr(module, "x", 0) for module in (first, second)] == [1, 2]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return a function that installs a made-up distribution with entry points."""

    def install(entries: str, **modules: str) -> Path:
        info = tmp_path / "funding-1.4.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: funding\nVersion: 1.4\n"
        )
        (info / "entry_points.txt").write_text(f"[quorate]\n{entries}\n")
        for name, text in modules.items():
            (tmp_path / f"{name}.py").write_text(text)
            monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.syspath_prepend(tmp_path)
        return tmp_path

    return install


def installed() -> dict[str, Found]:
    plugins = find_plugins(None)
    return {one.name: load(one) for one in plugins if one.source == "funding"}


def test_package_is_found_by_its_entry_point(package: Write) -> None:
    package("funding = made_up_funding", made_up_funding=HOOK)
    [plugin] = installed().values()
    assert (plugin.name, plugin.source, plugin.where, plugin.version, plugin.fault) == (
        "funding",
        "funding",
        "made_up_funding",
        "1.4",
        "",
    )
    assert open_host().plugins["funding"].hooks == ("check",)


def test_packages_that_cannot_be_loaded_say_why(package: Write) -> None:
    package(
        "a = made_up_a\nb = made_up_b\nc = made_up_c:nothing\nd = made_up_d\n"
        "e = made_up_d:x",
        made_up_a="raise OSError('gone')",
        made_up_c=HOOK,
        made_up_d=f"requires = 'quorate>=99'\nx = None\n{HOOK}",
    )
    faults = {name: one.fault for name, one in installed().items()}
    assert faults["a"].startswith("OSError: gone")
    assert faults["b"].startswith("ModuleNotFoundError")
    assert faults["c"].startswith("AttributeError")
    assert faults["d"].startswith("needs quorate>=99")
    assert open_host().plugins["e"].fault.startswith("it implements no hook")


def test_installed_come_between_bundled_and_workspace(
    package: Write, folder: Write
) -> None:
    package("zz = made_up_z\naa = made_up_z", made_up_z=HOOK)
    host = open_host(folder(a=HOOK, mine=HOOK))
    sources = [one.source for one in host.plugins.values()]
    ranks = [["bundled", "funding", "workspace"].index(one) for one in sources]
    assert ranks == sorted(ranks)
    assert [one.name for one in host.plugins.values()][-4:] == ["aa", "zz", "a", "mine"]


def test_class_as_entry_point_is_refused_in_words(package: Write) -> None:
    text = "from quorate import hookimpl\nclass It:\n    @hookimpl\n"
    text += "    def check(self, draft): return None\n"
    package("c = made_up_c:It\ni = made_up_c:it", made_up_c=f"{text}it = It()\n")
    host = open_host()
    assert host.plugins["c"].fault.startswith("hook 'check' has no argument 'self'")
    assert host.plugins["i"].hooks == ("check",)


def test_error_is_described_in_one_line() -> None:
    assert describe(ValueError("a\n  b")) == "ValueError: a b"
    assert describe(ValueError()) == "ValueError: no message"
