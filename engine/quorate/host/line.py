"""The process of a plugin and the two pipes to it; nothing here ever blocks."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from quorate.host.talk import LENGTH_BYTES

MOST_BYTES = 8 << 20
"""How long an answer may be."""

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SYSTEMROOT")
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(slots=True)
class Line:
    """One process and its two pipes, which never block."""

    process: subprocess.Popen[bytes]
    begun_s: float
    unsent: bytearray = field(default_factory=bytearray)
    unread: bytearray = field(default_factory=bytearray)
    ready: bool = False

    def close(self) -> None:
        """Kill the process with all that it started; let go of the pipes."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def send(self, message: object) -> None:
        """Put a message where it will be sent from."""
        data = pickle.dumps(message, protocol=5)
        self.unsent += len(data).to_bytes(LENGTH_BYTES, "big") + data

    def receive(self, until_s: float) -> bytes | None:
        """Return the next message, None when there is none in time; send meanwhile.

        Raises:
            OSError, ValueError: the process is gone, or what it says is too long.
        """
        while True:
            length = int.from_bytes(self.unread[:LENGTH_BYTES], "big")
            if len(self.unread) >= LENGTH_BYTES and length > MOST_BYTES:
                raise ValueError(f"its process answered with {length} bytes")
            end = LENGTH_BYTES + length
            if len(self.unread) >= max(end, LENGTH_BYTES):
                data = bytes(self.unread[LENGTH_BYTES:end])
                del self.unread[:end]
                return data
            if not self._exchange(until_s):
                return None

    def _exchange(self, until_s: float) -> bool:
        """Read and write what can be; return whether it was anything in time."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        reading, writing = self.process.stdout.fileno(), self.process.stdin.fileno()
        poll = select.poll()
        poll.register(reading, select.POLLIN)
        if self.unsent:
            poll.register(writing, select.POLLOUT)
        ready = poll.poll(max(0.0, (until_s - monotonic()) * 1e3))
        for pipe, _ in ready:
            if pipe == writing:
                sent = os.write(writing, self.unsent)
                del self.unsent[:sent]
            else:
                data = os.read(reading, 1 << 18)
                if not data:
                    raise OSError(self._ending())
                self.unread += data
        return bool(ready) and monotonic() < until_s

    def _ending(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = self.process.wait(timeout=0.01)
            how = f"signal {-status}" if status < 0 else f"status {status}"
            return f"its process ended with {how}"
        return "its process hung up"


def start_process(folder: Path) -> Line:
    """Start a process that stands in ``folder``, and do not wait for it."""
    process = subprocess.Popen(
        # -P and -s: nothing of the workspace or of the user's home is imported.
        [sys.executable, "-P", "-s", "-m", "quorate.host.worker_main"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env=_environment(),
        bufsize=0,
        start_new_session=True,
    )
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        os.set_blocking(pipe.fileno(), False)
    return Line(process, monotonic())


def _environment() -> dict[str, str]:
    """Return all that a plugin's process gets of the engine's environment."""
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment |= dict.fromkeys(_ONE_THREAD, "1")
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    root = str(Path(__file__).parents[2])
    if root not in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        environment["PYTHONPATH"] = root  # a checkout
    return environment
