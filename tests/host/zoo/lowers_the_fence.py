# mypy: ignore-errors
"""A bad plugin: it takes Python's own fence down, and meets the kernel's."""

import gc
import os
import pathlib
import signal
import socket

from quorate import hookimpl


def lower():
    for one in gc.get_objects():
        if type(one).__name__ == "Fence":
            one.up = False


@hookimpl
def vote(candles):
    lower()
    return [pathlib.Path(f"/proc/{os.getppid()}/environ").read_text()]


@hookimpl
def coordinate(draft, desk):
    lower()
    os.kill(os.getppid(), signal.SIGKILL)


@hookimpl
def remember(memory, record, desk):
    lower()
    memory["key"] = pathlib.Path("../exchange.key").read_text()


@hookimpl
def learn(record, desk):
    lower()
    with socket.create_connection(("127.0.0.1", 9), timeout=0.1):
        pass
