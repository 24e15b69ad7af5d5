# mypy: ignore-errors
"""A bad plugin: it starts other processes, and they start others."""

import os
import subprocess
import sys
import time

from quorate import hookimpl

MOST = 8


def spread():
    for _ in range(MOST):
        if os.fork() == 0:
            os.setsid()
            time.sleep(600)


@hookimpl
def vote(candles):
    spread()


@hookimpl
def coordinate(draft, desk):
    for _ in range(MOST):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
