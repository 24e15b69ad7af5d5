# mypy: ignore-errors
"""A bad plugin: its check never answers, so nothing is bought."""

import time

from quorate import hookimpl


@hookimpl
def check(draft, desk):
    time.sleep(3600)
