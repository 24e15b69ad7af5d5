"""What is installed: the wheel holds everything, and works where nothing else is."""

import configparser
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENGINE = ROOT / "engine" / "quorate"
FOLDERS = ("engine", "plugins", "rules", "schemas")
FILES = ("setup.cfg", "pyproject.toml", "LICENSE", "README.md")
BUILD = "import sys; from setuptools import build_meta as b; b.build_wheel(sys.argv[1])"


def test_setup_lists_every_package() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = set(setup["options"]["packages"].split())
    folders = {
        ".".join(("quorate", *file.parent.relative_to(ENGINE).parts))
        for file in ENGINE.rglob("__init__.py")
    }
    assert listed == folders | {"quorate.plugins", "quorate.rules", "quorate.schemas"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, unpacked as an installer would."""
    source = tmp_path_factory.mktemp("source")
    for folder in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / folder, source / folder, ignore=ignored)
    for name in FILES:
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, source / name)
    wheels = tmp_path_factory.mktemp("wheels")
    subprocess.run(
        [sys.executable, "-c", BUILD, str(wheels)],
        cwd=source,
        capture_output=True,
        check=True,
    )
    (wheel,) = wheels.glob("*.whl")
    target = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(target)
    return target


def test_the_wheel_holds_every_file(installed: Path) -> None:
    expected = {
        f"quorate/{path.relative_to(ENGINE).as_posix()}"
        for path in ENGINE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    for folder, pattern in (
        ("plugins", "*.py"),
        ("rules", "**/*.yaml"),
        ("schemas", "*.json"),
    ):
        expected |= {
            f"quorate/{path.relative_to(ROOT).as_posix()}"
            for path in (ROOT / folder).glob(pattern)
        }
    held = {
        path.relative_to(installed).as_posix()
        for path in installed.rglob("*")
        if path.is_file()
    }
    assert expected <= held
    assert all(name.startswith(("quorate/", "quorate-")) for name in held)
    assert any(name.endswith("LICENSE") for name in held)


def test_the_wheel_works_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(installed)}

    def quorate(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "quorate", *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    quorate("init")
    assert (tmp_path / "schemas" / "rulebook.schema.json").is_file()
    assert quorate("check").startswith("ok:")
    assert "profit, net of fees" in quorate("run")
    assert str(installed) in quorate("plugins", "--json")
