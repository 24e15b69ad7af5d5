# mypy: ignore-errors
"""A bad plugin: it says that a long answer follows, and then says no more."""

import contextlib
import os
import time

from quorate import hookimpl


@hookimpl
def coordinate(draft, desk):
    for number in range(3, 64):
        with contextlib.suppress(OSError):
            os.write(number, b"\x00\x00\xff\xff" + b"x" * 100)
    time.sleep(3600)
