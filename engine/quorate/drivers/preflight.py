"""Look at an account and its markets before anything is sent: questions only."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from time import monotonic, time

from quorate.contract.live import LiveVenue, OrderReport, Rights
from quorate.contract.records import Started
from quorate.drivers.account_lock import lock_account
from quorate.drivers.live_run import LiveSetup, open_live_venue
from quorate.drivers.recovery import ask_again
from quorate.drivers.run import ask_limits
from quorate.flow.book import Book
from quorate.flow.turn import Bench
from quorate.host.host import Host
from quorate.stages.answers import Moment
from quorate.values.numbers import ZERO, exact
from quorate.values.rates import RateLimits
from quorate.values.timeframes import MINUTE_MS
from quorate.values.trade import Market

PRICES_FROM_MS = 60 * MINUTE_MS
"""How far back a last price is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What an exchange says of an account at one moment.

    ``now_ms`` is the exchange's time; ``ahead_ms`` is by how much this computer's clock
    is ahead of it, give or take half of ``answer_ms``. ``prices`` are last prices, and
    lack the symbols that were not traded lately.
    """

    account: str
    now_ms: int
    ahead_ms: int
    answer_ms: int
    has_deadline: bool
    rights: Rights
    markets: Mapping[str, Market]
    balances: Mapping[str, Decimal]
    orders: tuple[OrderReport, ...]
    prices: Mapping[str, Decimal]
    limits: RateLimits | None


async def look(setup: LiveSetup) -> Account:
    """Ask the exchange about the account. Nothing is sent that changes anything.

    Raises:
        VenueError: it cannot be reached, does not answer, or does not trade a symbol.
        JournalError: a run trades the account right now.
    """
    venue = open_live_venue(setup)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(venue.close)
        await venue.open(setup.symbols, setup.keys)
        # One key, one process: nonces of two would make orders fail.
        stack.callback(lock_account(setup.name, venue.account).release)
        # Asked once: an exchange locks a key out that it refuses again and again.
        rights = await venue.rights()
        told_ms, took_ms = await ask_again(lambda: _time(venue))
        return Account(
            account=venue.account,
            now_ms=told_ms,
            ahead_ms=int(time() * 1000) - took_ms // 2 - told_ms,
            answer_ms=took_ms,
            has_deadline=venue.has_deadline,
            rights=rights,
            markets=await ask_again(venue.markets),
            balances=await ask_again(venue.balances),
            orders=tuple(await ask_again(venue.open_orders)),
            prices=await _prices(venue, setup, told_ms),
            limits=ask_limits(setup.host, setup.tier),
        )


async def _time(venue: LiveVenue) -> tuple[int, int]:
    """Return the exchange's time, and how long it took to be told."""
    begin_s = monotonic()
    told_ms = await venue.clock_ms()
    return told_ms, int((monotonic() - begin_s) * 1000)


async def _prices(
    venue: LiveVenue, setup: LiveSetup, now_ms: int
) -> dict[str, Decimal]:
    prices = {}
    for symbol in setup.symbols:
        ask = partial(venue.bars, symbol, now_ms - PRICES_FROM_MS)
        bars = await ask_again(ask)
        if bars:
            prices[symbol] = exact(bars[-1].close)
    return prices


@dataclass(slots=True)
class _Prices:
    """Market data of one moment: prices and nothing else."""

    known: Mapping[str, Decimal]

    def price(self, symbol: str) -> float | None:
        price = self.known.get(symbol)
        return None if price is None else float(price)

    def peak(self, symbol: str, since_ms: int) -> float | None:  # noqa: ARG002
        return self.price(symbol)

    def column(self, symbol: str, name: str) -> float | None:  # noqa: ARG002
        return None

    def stretch_ms(self, symbol: str) -> int:  # noqa: ARG002
        return 0

    def shadow_stretch_ms(self, symbol: str) -> int:  # noqa: ARG002
        return 0

    def scores(self, symbol: str) -> dict[str, float]:  # noqa: ARG002
        return {}

    def stale(self, symbol: str) -> str:  # noqa: ARG002
        return ""


def entry_sizes(setup: LiveSetup, account: Account) -> dict[str, Decimal]:
    """Return what the first entry rule would spend in each symbol now, in quote money.

    Before the checks, with the account's balances and no position. Symbols are left
    out where it cannot be told without a signal.
    """
    host = _apart(setup.host)
    bench = Bench(Book(setup.rulebook, host), host, _Prices(account.prices))
    bench.state.apply(
        Started(
            at_ms=account.now_ms,
            run="",
            venue=setup.name,
            rulebook=setup.rulebook.digest,
            source="",
            markets=tuple(account.markets.values()),
            balances=tuple(account.balances.items()),
            limits=account.limits,
        )
    )
    sizes = {}
    for symbol in account.prices:
        size = _size(bench, symbol, account)
        if size:
            sizes[symbol] = size
    return sizes


def _apart(host: Host) -> Host:
    """Return a host that counts faults by itself: a trial is no trade."""
    plugins = {name: replace(one, rows={}) for name, one in host.plugins.items()}
    return replace(host, plugins=plugins, on_fault=None)


def _size(bench: Bench, symbol: str, account: Account) -> Decimal:
    rule, moment = bench.rulebook.entry[0], Moment(bench.desk(symbol, account.now_ms))
    formula = rule.quote_amount or rule.amount
    if formula is None:
        return ZERO
    try:
        value: Decimal = bench.book.answers.value(formula, moment)
    except Exception:  # noqa: BLE001 - a name that is not known before the first signal
        return ZERO
    return value if rule.quote_amount is not None else value * account.prices[symbol]
