"""Acceptance: what live trading loads, what it refuses before it runs, and why."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from quorate.bundle import bundled
from quorate.errors import WorkspaceError
from quorate.host.accepted import (
    FILE,
    Acceptance,
    as_found,
    read_accepted,
    write_accepted,
)
from quorate.host.find import find_plugins
from quorate.host.host import Host, open_host

HOOK = "from quorate import hookimpl\n\n@hookimpl\ndef check():\n    return __name__\n"
RAN = "import pathlib\npathlib.Path({!r}).touch()\n"
Open = Callable[..., Host]


def ours(folder: Path, *, installed: bool = False) -> dict[str, Acceptance]:
    found = find_plugins(folder, installed=installed)
    return {one.name: as_found(one) for one in found if one.source != "bundled"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "plugins"
    folder.mkdir()
    return folder


@pytest.fixture
def live(place: Path) -> Iterator[Open]:
    """Return a function that opens the folder for live trading."""
    hosts: list[Host] = []

    def open_live(
        accepted: dict[str, Acceptance] | None, *, installed: bool = False
    ) -> Host:
        host = open_host(place, installed=installed, live=True, accepted=accepted)
        hosts.append(host)
        return host

    yield open_live
    for host in hosts:
        host.close()


def folder_plugin(place: Path, name: str = "b") -> Path:
    folder = place / name
    folder.mkdir()
    (folder / "__init__.py").write_text(f"from .part import X\n{HOOK}")
    (folder / "part.py").write_text("X = 3")
    (folder / "data.txt").write_text("1")
    return folder


def test_bundled_plugins_need_no_acceptance(live: Open) -> None:
    host = live(None)
    assert [one.fault for one in host.plugins.values() if one.fault] == []
    assert not any(one.apart for one in host.plugins.values())


def test_unknown_plugin_is_refused_before_it_runs(
    place: Path, live: Open, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    (place / "mine.py").write_text(RAN.format(str(ran)) + HOOK)
    plugin = live({}).plugins["mine"]
    assert "not accepted for live trading" in plugin.fault
    assert "quorate plugins accept mine" in plugin.fault
    assert not ran.exists()
    assert open_host(place, installed=False).plugins["mine"].active
    assert ran.exists()  # on paper it is loaded


def test_accepted_plugins_are_loaded_in_processes_of_their_own(
    place: Path, live: Open
) -> None:
    (place / "a.py").write_text(HOOK)
    folder_plugin(place)
    host = live(ours(place))
    assert [p.fault for p in host.plugins.values() if p.source == "workspace"] == [
        ""
    ] * 2
    answers = {one.plugin: one.value for one in host.ask("check", draft=0, desk=None)}
    assert answers == {"a": "quorate_plugin_a", "b": "quorate_plugin_b"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda b: (b / "part.py").write_text("X = 4"), "part.py has changed"),
        (lambda b: (b / "data.txt").write_text("2"), "data.txt has changed"),
        (lambda b: (b / "data.txt").unlink(), "data.txt is gone"),
        (lambda b: (b / "more.py").write_text(""), "more.py is new"),
        (
            lambda b: (b / "__init__.py").write_text(f"__version__ = '2'\n{HOOK}"),
            "version was none, is 2, __init__.py has changed",
        ),
    ],
)
def test_changed_plugin_is_refused_with_what_changed(
    place: Path, live: Open, change: Callable[[Path], object], told: str
) -> None:
    folder = folder_plugin(place)
    before = ours(place)
    change(folder)
    fault = live(before).plugins["b"].fault
    assert fault.startswith(f"changed since it was accepted: {told}; look at it")


def test_hidden_files_and_caches_count_for_nothing(place: Path, live: Open) -> None:
    folder = folder_plugin(place)
    before = ours(place)
    (folder / ".notes.swp").write_text("x")
    cache = folder / "__pycache__"
    cache.mkdir()
    tag = sys.implementation.cache_tag
    (cache / f"part.{tag}.pyc").write_bytes(b"not what was accepted")
    assert live(before).plugins["b"].active


def test_what_is_hashed_is_what_runs(place: Path) -> None:
    folder = folder_plugin(place)
    lazy = HOOK.replace("return __name__", "from .part import X; return X")
    (folder / "__init__.py").write_text(lazy)
    host = open_host(place, installed=False, live=True, accepted=ours(place))
    paper = open_host(place, installed=False)
    (folder / "part.py").write_text("X = 'another'")  # after it was hashed
    (folder / "late.py").write_text("")
    try:
        for one in (host, paper):
            [answer] = one.ask("check", draft=0, desk=None)
            assert answer.value in (3, "3")
    finally:
        host.close()


def test_a_part_that_was_not_hashed_is_not_imported(place: Path, live: Open) -> None:
    folder = folder_plugin(place)
    away = place.parent / "away"
    away.mkdir()
    (away / "x.py").write_text("")
    (folder / "linked").symlink_to(away)
    (folder / "__init__.py").write_text(f"from .linked import x\n{HOOK}")
    assert "No module named" in live(ours(place)).plugins["b"].fault
    assert "No module named" in open_host(place, installed=False).plugins["b"].fault


def test_a_link_counts_as_the_file_it_leads_to(place: Path, live: Open) -> None:
    one, other = place.parent / "one", place.parent / "other"
    one.write_text(HOOK)
    other.write_text(f"X = 1\n{HOOK}")
    (place / "a.py").symlink_to(one)
    before = ours(place)
    assert live(before).plugins["a"].active
    (place / "a.py").unlink()
    (place / "a.py").symlink_to(other)
    assert "a.py has changed" in live(before).plugins["a"].fault


def test_a_pipe_in_a_folder_is_not_waited_for(place: Path, live: Open) -> None:
    os.mkfifo(folder_plugin(place) / "pipe.py")
    assert live(ours(place)).plugins["b"].active


def test_a_name_of_a_bundled_plugin_is_refused_before_it_runs(
    place: Path, live: Open, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    (place / "risk.py").write_text(RAN.format(str(ran)) + HOOK)
    for host in (live(ours(place)), open_host(place, installed=False)):
        [name] = [name for name in host.plugins if name.startswith("risk (")]
        assert "the name 'risk' is taken" in host.plugins[name].fault
        assert host.plugins["risk"].source == "bundled"
    assert not ran.exists()


def test_what_the_workspace_calls_its_modules_is_not_imported(
    place: Path, live: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "json.py").write_text("raise RuntimeError")
    (place / "_numpy.py").write_text("")
    (place / "a.py").write_text(f"import json\njson.dumps\n{HOOK}")
    monkeypatch.chdir(place)
    monkeypatch.syspath_prepend(place)
    accepted = ours(place)
    assert live({"a": accepted["a"]}).plugins["a"].active


# -- packages


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a made-up distribution; return its folder."""
    site = tmp_path / "site"
    info = site / "funding-1.4.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: funding\nVersion: 1.4\n"
    )
    (info / "entry_points.txt").write_text(
        "[quorate]\nfunding = made_up_rates.hooks:Its.hooks\nclash = made_up_rates\n"
    )
    inside = site / "made_up_rates"
    inside.mkdir()
    (inside / "__init__.py").write_text("")
    body = HOOK.replace("@hookimpl", "from .part import X\n@hookimpl")
    text = f"{body}\nimport sys\nclass Its: hooks = sys.modules[__name__]\n"
    (inside / "hooks.py").write_text(text)
    (inside / "part.py").write_text("X = 1")
    monkeypatch.syspath_prepend(site)
    return inside


def test_a_package_is_accepted_by_its_files(package: Path, place: Path) -> None:
    before = ours(place, installed=True)
    assert set(before["funding"].files) == {"__init__.py", "hooks.py", "part.py"}
    assert before["funding"].version == "1.4"
    assert "made_up_rates" not in sys.modules  # nothing of it ran
    host = open_host(place, live=True, accepted=before)
    try:
        assert host.plugins["funding"].fault == ""
        [answer] = host.ask("check", draft=0, desk=None)
        assert answer.value == "made_up_rates.hooks"
        assert host.plugins["clash"].fault.startswith("it implements no hook")
    finally:
        host.close()
    (package / "part.py").write_text("X = 2")
    host = open_host(place, live=True, accepted=before)
    assert "part.py has changed" in host.plugins["funding"].fault
    assert "made_up_rates" not in sys.modules


def test_a_package_of_another_version_has_changed(package: Path, place: Path) -> None:
    before = ours(place, installed=True)
    metadata = package.parent / "funding-1.4.dist-info" / "METADATA"
    metadata.write_text("Metadata-Version: 2.1\nName: funding\nVersion: 1.5\n")
    fault = open_host(place, live=True, accepted=before).plugins["funding"].fault
    assert "version was 1.4, is 1.5;" in fault


# -- the file


def test_what_is_written_is_read(place: Path) -> None:
    odd = Acceptance(
        name='odd "name": #1 ü',
        source="workspace",
        version="0.10",
        sha256="00",
        files={"1e5": "123", "yes": "0x1"},
    )
    write_accepted(place, [odd])
    assert read_accepted(place) == {odd.name: odd}
    assert [one.name for one in place.iterdir()] == [FILE]
    write_accepted(place, [])
    assert read_accepted(place) == {}
    assert read_accepted(place / "nowhere") == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "Y110"),
        ("", "Y107"),
        ("other: 1\n", "it must hold `plugins:`"),
        ("plugins: 1\n", "it must hold `plugins:`"),
        ("plugins: {}\nmore: 1\n", "it must hold `plugins:`"),
        ("plugins: {a: {source: x}}\n", "plugin a must have files, sha256, source"),
        (
            "plugins: {a: {source: x, version: 1.0, sha256: x, files: {}}}\n",
            "plugin a: everything must be text",
        ),
        (
            "plugins: {a: {source: x, version: x, sha256: x, files: {b: 1}}}\n",
            "plugin a: everything must be text",
        ),
    ],
)
def test_a_file_that_cannot_be_used_says_why(
    tmp_path: Path, text: str, told: str
) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(WorkspaceError, match=told):
        read_accepted(tmp_path)


def test_a_hash_alone_does_not_pass_for_files(place: Path, live: Open) -> None:
    folder_plugin(place)
    before = ours(place)["b"]
    forged = Acceptance(
        name="b", source="workspace", version="", sha256="0", files=before.files
    )
    assert "its hash is another" in live({"b": forged}).plugins["b"].fault


def test_the_identity_of_a_run_names_what_was_loaded(place: Path, live: Open) -> None:
    (place / "a.py").write_text(HOOK)
    before = ours(place)
    one = live(before).identity()
    assert one == open_host(place, installed=False).identity()
    assert f" a@{before['a'].sha256[:12]}" in one
    shipped = len([*bundled("plugins").glob("[!_.]*")])
    assert one.count("@") >= shipped
