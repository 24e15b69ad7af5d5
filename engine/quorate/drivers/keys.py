"""Where a key of an account is kept, and how it is fetched: file, environment, keyring.

A key that others could read or change is not used. No message says a part of a key.
"""

from __future__ import annotations

import importlib
import os
import re
import stat
from pathlib import Path
from typing import Any

from quorate.contract.live import Keys
from quorate.errors import WorkspaceError

KINDS = ("file", "env", "keyring")
_MOST_BYTES = 16_384
_OTHERS = stat.S_IRWXG | stat.S_IRWXO

_RUN = re.compile(r"[A-Za-z0-9+/=_-]{32,}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HOW = (
    "write file:PATH, env:NAME (which reads NAME_KEY and NAME_SECRET) or keyring:NAME"
)


def looks_like_a_key(text: str) -> bool:
    """Return whether a text holds what may be a key: long, letters and digits mixed."""
    return any(_mixed(run) for run in _RUN.findall(text))


def hide_keys(text: str) -> str:
    """Return a text without what may be a key, for messages about settings."""
    return _RUN.sub(lambda run: "[hidden]" if _mixed(run[0]) else run[0], text)


def _mixed(run: str) -> bool:
    return any(one.isdigit() for one in run) and any(one.isalpha() for one in run)


def flaw_of(reference: str) -> str:
    """Return what is wrong with a text that should say where keys are, "" for nothing.

    Nothing is opened.
    """
    kind, colon, place = reference.partition(":")
    if kind in KINDS and colon:
        if not place.strip():
            return f"says no place after {kind}:; {_HOW}"
        if kind != "file" and not _NAME.fullmatch(place):
            return f"is no name after {kind}: (letters, digits, _); {_HOW}"
        if not looks_like_a_key(place.replace("/", " ")):
            return ""
    if looks_like_a_key(reference):
        return (
            "looks like a key itself: keys never stand in this file. Put it where "
            f"only you can read it, and {_HOW}; a key that was in a file others may "
            "have seen should be replaced by a new one"
        )
    return f"does not say where keys are; {_HOW}"


def warning_of(reference: str) -> str:
    """Return what a place of keys leaves open to others, "" when it is safe."""
    if reference.startswith("env:"):
        return (
            "keys in the environment can be read by programs started from the same "
            "shell, and in /proc by every process of this user; a file of mode 0600 "
            "(file:PATH) or a keyring is safer"
        )
    return ""


def load_keys(reference: str, root: Path) -> Keys:
    """Fetch the keys; a file's path starts at ``root``, the workspace.

    Raises:
        WorkspaceError: they are not there, or others could read or change them.
    """
    flaw = flaw_of(reference)
    if flaw:
        raise WorkspaceError(f"keys: the value {flaw}")
    kind, _, place = reference.partition(":")
    if kind == "file":
        return _from_file(root / Path(place).expanduser())
    if kind == "env":
        return _from_environment(place)
    return _from_keyring(place)


def _from_file(path: Path) -> Keys:
    """Read a file: the key in its first line, the secret in what follows."""
    try:
        # O_NOFOLLOW and fstat: what was judged is what is read.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise WorkspaceError(_not_opened(path, error)) from None
    try:
        flaw = _flaw_of_file(path, os.fstat(handle))
        if flaw:
            raise WorkspaceError(f"{path}: {flaw}")
        data = os.read(handle, _MOST_BYTES + 1)
    finally:
        os.close(handle)
    return _read(path, data)


def _not_opened(path: Path, error: OSError) -> str:
    if path.is_symlink():
        return f"{path}: is a link; keys are read from a regular file only"
    if isinstance(error, FileNotFoundError):
        return (
            f"{path}: there is no such file; write the key in its first line and the "
            f"secret in the second, then: chmod 600 {path}"
        )
    return f"{path}: the keys cannot be read: {error.strerror}"


def _flaw_of_file(path: Path, found: os.stat_result) -> str:
    """Return why keys in this file are not used, and what to do; "" when they are."""
    if not stat.S_ISREG(found.st_mode):
        return "is not a regular file; keys are read from a regular file only"
    if found.st_uid != os.geteuid():
        return (
            f"belongs to another user (uid {found.st_uid}, this is uid "
            f"{os.geteuid()}); make a file of your own"
        )
    if found.st_mode & _OTHERS:
        mode = stat.S_IMODE(found.st_mode)
        return f"others may read or change it (mode {mode:04o}); run: chmod 600 {path}"
    folder = path.resolve().parent
    if folder.stat().st_mode & stat.S_IWOTH:
        return (
            f"lies in a folder that everybody may write, {folder}; move it into one "
            f"of your own, or run: chmod o-w {folder}"
        )
    return ""


def _read(path: Path, data: bytes) -> Keys:
    try:
        text = data.decode("utf-8-sig") if len(data) <= _MOST_BYTES else ""
    except UnicodeDecodeError:
        text = ""
    key, _, secret = text.strip().partition("\n")
    if not (key.strip() and secret.strip()):
        raise WorkspaceError(
            f"{path}: must hold the key in its first line and the secret in the "
            f"second, and nothing else"
        )
    return Keys(key.strip(), secret.strip())


def _from_environment(name: str) -> Keys:
    """Take the keys out of the environment, so that no child process inherits them."""
    names = (f"{name}_KEY", f"{name}_SECRET")
    missing = [one for one in names if not os.environ.get(one, "").strip()]
    if missing:
        raise WorkspaceError(
            f"keys: {' and '.join(missing)} not set in the environment; set both "
            f"{names[0]} and {names[1]}, or keep the keys in a file (keys: file:PATH)"
        )
    key, secret = (os.environ.pop(one).strip() for one in names)
    return Keys(key, secret)


def _from_keyring(name: str) -> Keys:
    try:
        keyring: Any = importlib.import_module("keyring")
    except ImportError:
        raise WorkspaceError(
            f"keys: keyring:{name} needs the library keyring, which is not installed; "
            f"run: pip install keyring, or keep the keys in a file (keys: file:PATH)"
        ) from None
    try:
        found = [keyring.get_password(name, part) for part in ("key", "secret")]
    except Exception as error:  # noqa: BLE001 - a keyring's back end may raise anything
        raise WorkspaceError(
            f"keys: the keyring does not answer: {type(error).__name__}; unlock it, "
            f"or keep the keys in a file (keys: file:PATH)"
        ) from None
    if not all(found):
        raise WorkspaceError(
            f"keys: the keyring has no entry for {name!r}; run: keyring set {name} "
            f"key, and: keyring set {name} secret"
        )
    return Keys(found[0], found[1])
