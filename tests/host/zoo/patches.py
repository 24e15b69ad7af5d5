# mypy: ignore-errors
"""A bad plugin: it changes what others use: ccxt, and quorate itself."""

import ccxt

from quorate import hookimpl
from quorate.host import host
from quorate.values import numbers

ccxt.kraken.create_order = lambda *given, **more: {"id": "mine"}
host.Host.ask = lambda *given, **more: []


@hookimpl
def vote(candles):
    ccxt.Exchange.fetch = None
    numbers.ZERO = 1
