"""Find plugins: bundled files, installed packages, files in a workspace's folder.

All three come out as ``Found``: what a plugin is made of, or why it cannot be told.
Nothing of a plugin runs here.
"""

from __future__ import annotations

import traceback
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from importlib.machinery import SOURCE_SUFFIXES
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

from quorate.bundle import bundled
from quorate.host.content import MAIN, Content, read_content

GROUP = "quorate"
LONGEST = 300
"""How much of an error's own text is kept."""

BUNDLED, WORKSPACE = "bundled", "workspace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One plugin that was found; ``fault`` says why it cannot be loaded.

    ``source`` is "bundled", "workspace" or the distribution's name; ``where`` its file
    or entry point; ``version`` "" when it has none. ``content`` are its files, None
    when they cannot be told; ``module`` is there once it is loaded.
    """

    name: str
    source: str
    where: str
    version: str = ""
    content: Content | None = None
    point: EntryPoint | None = None
    module: object | None = None
    fault: str = ""


def find_plugins(
    folder: Path | None, *, installed: bool = True, without: Collection[str] = ()
) -> Iterator[Found]:
    """Yield bundled plugins, then installed ones, then those of ``folder``.

    Each group is in the order of names. A workspace that is a checkout of quorate
    itself has its plugins found once. Those named in ``without`` are not read.
    """
    shipped = bundled("plugins")
    yield from _files(shipped, BUNDLED, without)
    if installed:
        points = sorted(
            entry_points(group=GROUP), key=lambda one: (one.name, one.value)
        )
        for point in points:
            yield _installed(point, without)
    if folder is not None and folder.is_dir() and not folder.samefile(shipped):
        yield from _files(folder, WORKSPACE, without)


def _files(folder: Path, source: str, without: Collection[str]) -> Iterator[Found]:
    """Yield the plugins of a folder: each a file, or a folder with an __init__.py."""
    for path in sorted(folder.glob("[!_.]*")):
        if path.suffix != ".py" and not (path / MAIN).is_file():
            continue
        name, where = path.stem, str(path)
        content, fault = None, ""
        if name not in without:
            try:
                content = read_content(path)
            except OSError as error:
                fault = describe(error)
        yield Found(name=name, source=source, where=where, content=content, fault=fault)


def _installed(point: EntryPoint, without: Collection[str]) -> Found:
    distribution = point.dist
    return Found(
        name=point.name,
        source=distribution.name if distribution else "installed",
        where=point.value,
        version=distribution.version if distribution else "",
        content=None if point.name in without else _distributed(point),
        point=point,
    )


def _distributed(point: EntryPoint) -> Content | None:
    """Return the files of an entry point's package, None when they cannot be told.

    Only the package at the top is looked for: to find one within it would run it.
    """
    try:
        spec = find_spec(point.module.partition(".")[0])
        if spec is None or spec.origin is None:
            return None
        origin = Path(spec.origin)
        if origin.suffix not in SOURCE_SUFFIXES:
            return None
        return read_content(origin.parent if origin.name == MAIN else origin)
    except (OSError, ValueError, ImportError, AttributeError):
        return None


def describe(error: BaseException, path: Path | None = None) -> str:
    """Return an error as one line: its class, its text, and the line in ``path``."""
    if isinstance(error, Told):
        return str(error)
    line = getattr(error, "lineno", None)
    for frame, number in traceback.walk_tb(error.__traceback__):
        if path is not None and frame.f_code.co_filename == str(path):
            line = number
    at = f" (line {line})" if isinstance(line, int) else ""
    try:
        text = " ".join(str(error).split()) or "no message"
    except Exception:  # noqa: BLE001 - an error of a plugin may fail to say what it is
        text = "no readable message"
    if len(text) > LONGEST:
        text = text[: LONGEST - 3] + "..."
    return f"{type(error).__name__}: {text}{at}"


class Told(Exception):  # noqa: N818 - it is told on, as it was described elsewhere
    """What a plugin failed with, already described in one line."""
