# mypy: ignore-errors
"""A bad plugin: it sends signals to the engine."""

import os
import signal

from quorate import hookimpl


@hookimpl
def vote(candles):
    os.kill(os.getppid(), signal.SIGKILL)


@hookimpl
def coordinate(draft, desk):
    os.killpg(os.getpgid(os.getppid()), signal.SIGKILL)
