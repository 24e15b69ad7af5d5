# mypy: ignore-errors
"""A bad plugin: it closes every open file, the engine's line too."""

import os

from quorate import hookimpl


@hookimpl
def learn(record, desk):
    os.closerange(0, 1024)
