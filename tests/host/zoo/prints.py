# mypy: ignore-errors
"""A bad plugin: it prints without end; that harms nobody."""

import os
import sys

from quorate import hookimpl


def shout():
    sys.stdout.write("x" * 3_000_000)
    sys.stderr.write("y" * 3_000_000)
    os.write(1, b"z" * 3_000_000)


shout()


@hookimpl
def vote(candles):
    shout()


@hookimpl
def check(draft, desk):
    shout()
