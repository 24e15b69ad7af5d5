# mypy: ignore-errors
"""A bad plugin: it wants Python to end."""

import sys

from quorate import Fact, Stage, hookimpl


@hookimpl
def facts():
    return [Fact(name="zoo", stage=Stage.ACCOUNT, help="h", compute=sys.exit)]


@hookimpl
def coordinate(draft, desk):
    sys.exit("bye")
