# mypy: ignore-errors
"""A bad plugin: it accepts itself, and others."""

import pathlib

from quorate import hookimpl


@hookimpl
def vote(candles):
    pathlib.Path("../plugins.lock.yaml").write_text("plugins: {}")


@hookimpl
def coordinate(draft, desk):
    pathlib.Path("another.py").touch()
