"""Run again whenever rules or tests change, until Ctrl-C."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from quorate.face.workspace import FILE, Workspace

POLL_S = 0.5
"""How often the files are looked at."""

SETTLE_S = 0.2
"""How long nothing may change before a change counts: editors write in steps."""

Look = Callable[[], Mapping[Path, str]]


def watch(
    run: Callable[[], int],
    look: Look,
    wait: Callable[[float], None] = time.sleep,
) -> int:
    """Run now and after every change; return the last run's exit code after Ctrl-C.

    ``look`` gives what every file holds; a file that is written with what it held
    before is no change.
    """
    last = 0
    try:
        while True:
            seen = look()
            last = run()
            while look() == seen:
                wait(POLL_S)
            _settle(look, wait)
    except KeyboardInterrupt:
        return last


def _settle(look: Look, wait: Callable[[float], None]) -> None:
    """Wait until the files stay as they are."""
    before = look()
    wait(SETTLE_S)
    while (now := look()) != before:
        before = now
        wait(SETTLE_S)


def contents(workspace: Workspace, paths: Iterable[Path]) -> dict[Path, str]:
    """Return a hash of each file that a run of the tests reads, by its path.

    These are rules, overlays and tests, those in ``paths`` too, and quorate.yaml.
    """
    found = {}
    for path in _files(workspace, paths):
        try:
            found[path] = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:
            continue  # it was replaced at this very moment: the next look has it
    return found


def _files(workspace: Workspace, paths: Iterable[Path]) -> Iterator[Path]:
    yield workspace.root / FILE
    for place in (workspace.rules, *workspace.overlays, *paths):
        if place.is_dir():
            yield from place.glob("*.y*ml")
            yield from place.glob("*/*.y*ml")
        else:
            yield place
