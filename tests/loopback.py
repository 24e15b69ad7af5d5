"""An exchange on loopback for tests: in this process, or in one of its own.

``loopback`` serves inside ``asyncio.run``; ``exchange_process`` starts
``quorate exchange`` and stops it at the end, whatever happens.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import (
    AsyncIterator,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, wraps
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from tests.plugin_files import load_plugin, part_of

from quorate import Candles
from quorate.drivers.demo_tape import demo_tapes, generate
from quorate.drivers.tape_file import fill_gaps, read_tapes

ROOT = Path(__file__).parents[1]
MOST_SECONDS = 60
BALANCES = {"USD": Decimal(10_000), "BTC": Decimal(1), "ETH": Decimal(10)}


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Make a plain test of a coroutine, bounded in time."""

    @wraps(test)
    def plain(*arguments: Any, **named: Any) -> None:
        asyncio.run(asyncio.wait_for(test(*arguments, **named), MOST_SECONDS))

    return plain


def kraken_exchange() -> ModuleType:
    """Return the plugin."""
    return load_plugin("kraken_exchange")


def part(name: str) -> ModuleType:
    """Return a part of the plugin: ``part("account").ApiKey``, ``part("clock")``."""
    return part_of("kraken_exchange", name)


@cache
def demo() -> tuple[Candles, ...]:
    """Return the bundled tapes, BTC/USD and ETH/USD."""
    return tuple(fill_gaps(one) for one in read_tapes(demo_tapes()))


def made_up(symbol: str = "BTC/USD", price: float = 50_000.0, **more: Any) -> Candles:
    """Return a tape of a thousand minutes of one symbol."""
    return generate(symbol, 1_740_960_000_000, 1_000, 7, price, **more)


@dataclass(slots=True)
class Loopback:
    """An exchange in this process."""

    exchange: Any
    url: str

    @property
    def core(self) -> Any:
        """The exchange without its wire."""
        return self.exchange.core

    @property
    def faults(self) -> Any:
        """What goes wrong: ``add([{...}])``, ``clear()``, ``as_list()``."""
        return self.exchange.faults

    @property
    def ccxt_urls(self) -> dict[str, Any]:
        """What ccxt's ``urls`` are merged with."""
        return ccxt_urls(self.url)

    @property
    def ccxt_settings(self) -> dict[str, Any]:
        """What ccxt's constructor needs to trade here."""
        return ccxt_settings(self.url, self.exchange.keys.key, self.secret)

    @property
    def key(self) -> str:
        """The key of the account."""
        return str(self.exchange.keys.key)

    @property
    def secret(self) -> str:
        """The secret of the key."""
        return str(self.exchange.keys.secret)

    def ledger(self) -> Mapping[str, Any]:
        """Return what the exchange knows of the account."""
        ledger: Mapping[str, Any] = self.exchange.ledger()
        return ledger

    def requests(self, method: str = "") -> list[dict[str, Any]]:
        """Return the private requests that came over the wire."""
        seen: list[dict[str, Any]] = self.exchange.calls.tap.as_list()
        return [one for one in seen if method in ("", one["method"])]


def ccxt_urls(url: str) -> dict[str, Any]:
    """Return what ccxt's ``urls`` are merged with to lead to ``url``."""
    return {"api": part("server").ccxt_urls(url)}


def ccxt_settings(url: str, key: str, secret: str) -> dict[str, Any]:
    """Return what ccxt's constructor needs to trade at ``url``."""
    return {
        "apiKey": key,
        "secret": secret,
        "urls": ccxt_urls(url),
        "enableRateLimit": False,
        "timeout": 5_000,
    }


@asynccontextmanager
async def loopback(
    *,
    tapes: Sequence[Candles] = (),
    pace: float = 1,
    balances: Mapping[str, Decimal] | None = None,
    tier: str = "pro",
    seed: int = 0,
    faults: Iterable[Mapping[str, Any]] = (),
    **settings: Any,
) -> AsyncIterator[Loopback]:
    """Serve an exchange on a free port; the bundled tapes are its market."""
    given = {
        "tapes": list(tapes or demo()),
        "pace": pace,
        "balances": dict(BALANCES if balances is None else balances),
        "tier": tier,
        "seed": seed,
        "faults": list(faults),
        **settings,
    }
    exchange = kraken_exchange().exchange("kraken", given)
    url = await exchange.start("127.0.0.1", 0)
    try:
        yield Loopback(exchange, url)
    finally:
        await exchange.stop()
    assert exchange.calls.defects == []


@dataclass(slots=True)
class ExchangeProcess:
    """``quorate exchange`` in a process of its own, reached by its control calls."""

    process: subprocess.Popen[str]
    ready: Mapping[str, Any]

    @property
    def url(self) -> str:
        """Where it is."""
        return str(self.ready["url"])

    @property
    def key(self) -> str:
        """The key of the account."""
        return str(self.ready["key"])

    @property
    def secret(self) -> str:
        """The secret of the key."""
        return str(self.ready["secret"])

    @property
    def ccxt_settings(self) -> dict[str, Any]:
        """What ccxt's constructor needs to trade here."""
        return ccxt_settings(self.url, self.key, self.secret)

    def control(self, path: str, body: Any = None, method: str = "") -> Any:
        """Call ``/control/<path>``: GET without a body, else POST."""
        data = None if body is None else json.dumps(body, default=str).encode()
        request = urllib.request.Request(
            f"{self.url}/control/{path}",
            data=data,
            method=method or ("GET" if data is None else "POST"),
        )
        # Not through a proxy of the environment: this is loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            return json.loads(answer.read())

    def ledger(self) -> Mapping[str, Any]:
        """Return what the exchange knows of the account."""
        ledger: Mapping[str, Any] = self.control("ledger")
        return ledger

    def requests(self, method: str = "", since: int = 0) -> list[dict[str, Any]]:
        """Return the private requests numbered above ``since``."""
        seen = self.control(f"requests?since={since}")
        return [one for one in seen if method in ("", one["method"])]

    def add_faults(self, *faults: Mapping[str, Any]) -> None:
        """Let things go wrong."""
        self.control("faults", list(faults))

    def clear_faults(self) -> None:
        """Let nothing go wrong any more."""
        self.control("faults", method="DELETE")

    def restart(self, *, forget: bool = True) -> None:
        """Close every connection; open orders are lost unless ``forget`` is False."""
        self.control("restart", {"forget": forget})

    def force_price(self, symbol: str, price: object) -> None:
        """Let the price of a symbol jump."""
        self.control("price", {"symbol": symbol, "price": str(price)})


@contextmanager
def exchange_process(
    *options: object, cwd: Path | None = None
) -> Iterator[ExchangeProcess]:
    """Start ``quorate exchange --json --port 0`` with further options; kill it after.

    ``options`` are words of its command line: ``"--pace", 60, "--faults", path``.
    """
    words = ["exchange", "--json", "--port", "0", *map(str, options)]
    # A file takes what it is told; a pipe that nobody reads would stop the process.
    with tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen(
            [sys.executable, "-m", "quorate", *words],
            cwd=cwd or ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT / "engine")},
            stdout=subprocess.PIPE,
            stderr=told,
            text=True,
        )
        try:
            exchange = ExchangeProcess(process, _ready(process, told))
            yield exchange
            if process.poll() is None:
                assert exchange.control("defects") == []
        finally:
            process.kill()
            process.communicate()


def _ready(process: subprocess.Popen[str], told: IO[str]) -> Mapping[str, Any]:
    """Return the line that says that requests are answered."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.startswith("{"):
        process.kill()
        process.wait()
        told.seek(0)
        raise AssertionError(f"quorate exchange did not start: {line}{told.read()}")
    ready: Mapping[str, Any] = json.loads(line)
    return ready
