"""What a plugin's process may not do: limits it sets itself before the plugin runs.

Two fences stand one behind the other. The kernel's holds whatever the code does: no
file but Python's own and the plugins folder can be read, none written, no TCP
connection made, no signal sent outside (Landlock, where Linux has it). Python's holds
what code does by ordinary means, on every system, and says why in words. Neither makes
unread code safe to accept.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import signal
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

MEMORY_BYTES = 1 << 30
CPU_S = 20
"""How much longer a process may compute from one call on."""
OPEN_FILES = 64

_READABLE = ("/usr", "/lib", "/lib64", "/etc/localtime", "/etc/ld.so.cache")
_DEVICES = ("/dev/null", "/dev/urandom")

# docs.kernel.org/userspace-api/landlock.html; the numbers are the same everywhere.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_GET_VERSION, _PATH_BENEATH = 1, 1
_EXECUTE, _READ_FILE, _READ_FOLDER = 1 << 0, 1 << 2, 1 << 3
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many kinds of access to files each version of Landlock knows."""
_ALL_TCP, _ALL_SCOPES = 0b11, 0b11
_NO_NEW_PRIVILEGES, _END_WITH_PARENT = 38, 1

_FORBIDDEN = (
    *("os.fork", "os.posix_spawn", "os.exec", "os.system", "subprocess.", "pty."),
    *("socket.", "ctypes.", "signal.pthread_kill", "os.kill", "os.chdir"),
    *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink"),
    *("os.chmod", "os.chown", "os.truncate", "os.utime", "os.setxattr", "shutil."),
    *("resource.setrlimit", "resource.prlimit", "sqlite3.connect", "os.chflags"),
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_resource: Any = (
    importlib.import_module("resource") if os.name == "posix" else None
)  # not on every system


def limit() -> None:
    """Bound memory, files and processes; end with the engine; write no core file."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for name, most in (
        ("RLIMIT_CORE", 0),
        ("RLIMIT_FSIZE", 0),
        ("RLIMIT_NOFILE", OPEN_FILES),
        ("RLIMIT_AS", MEMORY_BYTES),
        ("RLIMIT_NPROC", 0),
    ):
        kind = getattr(_resource, name, None)
        if kind is not None:
            with contextlib.suppress(OSError, ValueError):
                _resource.setrlimit(kind, (most, most))
    if sys.platform == "linux":
        _call("prctl", _END_WITH_PARENT, signal.SIGKILL, 0, 0, 0)


class Fence:
    """Python's fence. ``up`` is False while the process itself is at work."""

    def __init__(self, readable: Iterable[str]) -> None:
        self.up = False
        self.readable = tuple(
            os.path.realpath(one) for one in (*readable, *_READABLE, *_DEVICES)
        )

    def raise_up(self) -> None:
        """Forbid from here on, for as long as the process lives."""
        if sys.platform == "linux":
            _landlock(self.readable)
        _forbid_threads()
        self.up = True
        sys.addaudithook(self._audit)

    def more_time(self) -> None:
        """Let a call compute for a while, counted from what was computed before."""
        if _resource is None:
            return
        self.up = False
        used_s = _resource.getrusage(_resource.RUSAGE_SELF)
        soft = int(used_s.ru_utime + used_s.ru_stime) + CPU_S
        hard = _resource.getrlimit(_resource.RLIMIT_CPU)[1]
        with contextlib.suppress(OSError, ValueError):
            _resource.setrlimit(_resource.RLIMIT_CPU, (soft, hard))
        self.up = True

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.up:
            return
        if event == "open":
            self._open(*arguments)
        elif event.startswith(_FORBIDDEN):
            raise PermissionError(f"a plugin in live trading may not use {event}")

    def _open(self, path: Any, _mode: object, flags: int) -> None:
        if isinstance(path, int):
            return  # open already
        name = os.path.realpath(os.fsdecode(path))
        if flags & _WRITES and name != os.devnull:
            raise PermissionError(f"a plugin in live trading may not write {name}")
        for place in self.readable:
            if name == place or name.startswith(f"{place.rstrip(os.sep)}{os.sep}"):
                break
        else:
            raise PermissionError(f"a plugin in live trading may not read {name}")
        if _is_private(name):
            raise PermissionError(f"{name} is for its owner's eyes only")


def _is_private(name: str) -> bool:
    """Return whether a file beside the plugins is for its owner only, as keys are."""
    if not name.startswith(os.getcwd() + os.sep):  # noqa: PTH109 - asked at every open
        return False
    try:
        return not stat.S_IMODE(os.stat(name).st_mode) & (stat.S_IRWXG | stat.S_IRWXO)  # noqa: PTH116
    except OSError:
        return False


def _forbid_threads() -> None:
    """Let no thread begin: it would go on when the call that began it is over."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise PermissionError("a plugin in live trading may not start a thread")

    import _thread  # noqa: PLC0415 - to be changed, not to be used
    import threading  # noqa: PLC0415

    for module in (_thread, threading):
        for name in ("start_new_thread", "start_new", "_start_new_thread"):
            if hasattr(module, name):
                setattr(module, name, refuse)


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("files", ctypes.c_uint64),
        ("net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def _landlock(readable: Iterable[str]) -> None:
    """Have the kernel forbid files, connections and signals, as far as it can."""
    version = _call("syscall", _CREATE_RULESET, None, 0, _GET_VERSION)
    if version < 1:
        return
    rights = (1 << _FILE_RIGHTS.get(version, _FILE_RIGHTS[5])) - 1
    net = _ALL_TCP if version >= 4 else 0
    scoped = _ALL_SCOPES if version >= 6 else 0
    ruleset = _Ruleset(rights, net, scoped)
    size = 24 if scoped else 16 if net else 8
    made = _call("syscall", _CREATE_RULESET, ctypes.byref(ruleset), size, 0)
    if made < 0:
        return
    for folder in _openable(readable):
        allowed = _READ_FILE | (_READ_FOLDER if Path(folder[1]).is_dir() else 0)
        rule = _Beneath(allowed, folder[0])
        _call("syscall", _ADD_RULE, made, _PATH_BENEATH, ctypes.byref(rule), 0)
    _call("prctl", _NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    _call("syscall", _RESTRICT_SELF, made, 0)
    os.close(made)


def _openable(paths: Iterable[str]) -> Iterator[tuple[int, str]]:
    for path in paths:
        with contextlib.suppress(OSError):
            opened = os.open(path, os.O_PATH)
            try:
                yield opened, path
            finally:
                os.close(opened)


def _call(name: str, *arguments: object) -> int:
    """Call a function of the C library; every whole number is passed as a long."""
    function = getattr(ctypes.CDLL(None, use_errno=True), name)
    function.restype = ctypes.c_long
    passed = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    result: int = function(*passed)
    return result
