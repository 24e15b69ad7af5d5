# mypy: ignore-errors
"""A bad plugin: its check raises, so nothing is bought."""

from quorate import hookimpl


@hookimpl
def check(draft, desk):
    raise RuntimeError("cannot tell")
