# mypy: ignore-errors
"""A bad plugin: it writes into every open file, the engine's line too."""

import contextlib
import os

from quorate import hookimpl


@hookimpl
def vote(candles):
    for number in range(64):
        with contextlib.suppress(OSError):
            os.write(number, b"\x00\x00\x00\x05nullx" * 50)
