"""What a person wants a run to do, said from another process: a file by the journal.

The file is replaced as a whole, so that a reader sees the old wish or the new one. The
run looks at it often; a run that starts later finds it too. What a run has taken into
its journal it writes into a second file, and leaves the first one alone: a wish that
comes at the same moment is not lost.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from quorate.errors import WorkspaceError
from quorate.values.mode import Mode

_MOST_BYTES = 65_536
_LONGEST_WHY = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What may be sent from now on, by whose word and since when (UTC ms)."""

    mode: Mode
    why: str
    at_ms: int


def wish_path(journal: Path) -> Path:
    """Return the file in which a journal's run finds what is wanted of it."""
    return journal.with_name(f"{journal.name}-mode")


def write_wish(journal: Path, wish: Wish) -> None:
    """Replace what is wanted, durably.

    Raises:
        WorkspaceError: it cannot be written; a run has not been told.
    """
    _write(wish_path(journal), wish)


def mark_taken(journal: Path, wish: Wish) -> None:
    """Note that a wish is in the journal, so that no later start takes it again.

    Raises:
        WorkspaceError: it cannot be written.
    """
    _write(_taken_path(journal), wish)


def pending_wish(journal: Path) -> Wish | None:
    """Return a wish that no run has taken yet, None when there is none."""
    wish = read_wish(journal)
    return None if wish == _read(_taken_path(journal)) else wish


def _taken_path(journal: Path) -> Path:
    return journal.with_name(f"{journal.name}-mode-taken")


def _write(path: Path, wish: Wish) -> None:
    said = {"mode": str(wish.mode), "why": _cut(wish.why), "at_ms": wish.at_ms}
    replace_file(path, json.dumps(said))


def replace_file(path: Path, text: str) -> None:
    """Replace a file by which a run is told something, as a whole and durably.

    Raises:
        WorkspaceError: it cannot be written; a run has not been told.
    """
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        _keep_entry(path.parent)
    except OSError as error:
        raise WorkspaceError(
            f"{path}: cannot be written: {error.strerror}; nothing was told to a run. "
            f"Stop it by its process instead (Ctrl-C, or kill -TERM)"
        ) from None


def _keep_entry(folder: Path) -> None:
    """Make the new name durable too: a power cut must not bring the old wish back."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_wish(journal: Path) -> Wish | None:
    """Return what is wanted, None when nobody has said anything.

    A file that cannot be read or understood halts: somebody wanted something.
    """
    return _read(wish_path(journal))


def _read(path: Path) -> Wish | None:
    try:
        if not path.is_file() and path.exists():
            raise OSError("not a file")  # a pipe would never end
        with path.open("rb") as file:
            return _understood(file.read(_MOST_BYTES))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        why = f"{path.name} cannot be read ({type(error).__name__}); write it anew "
        return Wish(mode=Mode.HALTED, why=f"{why}with halt or resume", at_ms=0)


def _understood(data: bytes) -> Wish:
    said = json.loads(data)
    at_ms = said["at_ms"]
    if not isinstance(at_ms, int) or isinstance(at_ms, bool):
        raise TypeError("at_ms")
    return Wish(mode=Mode(said["mode"]), why=_cut(str(said["why"])), at_ms=at_ms)


def _cut(why: str) -> str:
    """Return a reason as one line of a length that fits a table."""
    return " ".join(why.split())[:_LONGEST_WHY]
