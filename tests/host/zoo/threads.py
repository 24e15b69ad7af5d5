# mypy: ignore-errors
"""A bad plugin: it starts threads that never end."""

import threading
import time

from quorate import Fact, Stage, hookimpl


def spin():
    while True:
        time.sleep(0.001)


def begin(desk):
    threading.Thread(target=spin).start()
    return 0


@hookimpl
def facts():
    return [Fact(name="zoo", stage=Stage.ACCOUNT, help="h", compute=begin)]


@hookimpl
def coordinate(draft, desk):
    begin(desk)
