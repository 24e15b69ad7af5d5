"""What is found before live trading: each finding with what to do about it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from quorate.contract.live import Rights
from quorate.drivers.live_run import LiveSetup
from quorate.drivers.preflight import Account
from quorate.face import text
from quorate.host.host import Host, Plugin
from quorate.values.numbers import ONE
from quorate.values.trade import Market

SKEW_MS = 1_000
"""A clock that is further off is worth setting; the engine goes by the exchange's."""

LITTLE_SPACE, NO_SPACE = 1 << 30, 100 << 20


class Level(StrEnum):
    """What a finding means: an error keeps live trading from starting."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, and what to do when it is not in order."""

    level: Level
    subject: str
    told: str
    advice: str = ""


def of_rights(rights: Rights) -> Iterator[Finding]:
    """Judge what a key may do."""
    named = ", ".join(rights.names) or "nothing that is named"
    if not rights.known:
        yield Finding(
            Level.ERROR,
            "rights",
            "the exchange does not say what the key may do, or in a way not known",
            "see at the exchange that it may trade and not withdraw, then start with "
            "--accept-unverified-key",
        )
        return
    if rights.may_withdraw:
        yield Finding(
            Level.ERROR,
            "rights",
            f"the key may withdraw ({named})",
            "make a key that may query and trade and nothing else; one that may "
            "withdraw is never used",
        )
    if not rights.may_trade:
        yield Finding(
            Level.ERROR,
            "rights",
            f"the key may not trade ({named})",
            "allow it to create, modify and cancel orders, and to query orders",
        )
    if rights.may_trade and not rights.may_withdraw:
        yield Finding(Level.OK, "rights", named)
    if rights.addresses:
        told = f"usable from {', '.join(rights.addresses)} only"
        yield Finding(Level.OK, "addresses", told)
    else:
        yield Finding(
            Level.WARNING,
            "addresses",
            "the key can be used from any address",
            "restrict it to the address of this computer: a stolen key that may only "
            "trade can still lose everything",
        )


def of_clock(account: Account, pace: float) -> Finding:
    """Judge this computer's clock against the exchange's."""
    if pace != 1:
        told = f"{pace:g} times as fast as the wall clock: a rehearsal"
        return Finding(Level.OK, "clock", told)
    side = "ahead of" if account.ahead_ms >= 0 else "behind"
    told = (
        f"{abs(account.ahead_ms)} ms {side} the exchange's "
        f"(its answer took {account.answer_ms} ms)"
    )
    if abs(account.ahead_ms) <= SKEW_MS + account.answer_ms // 2:
        return Finding(Level.OK, "clock", told)
    return Finding(
        Level.WARNING,
        "clock",
        told,
        "let the computer set its clock (NTP); "
        "orders go by the exchange's time in any case",
    )


def of_markets(account: Account, sizes: Mapping[str, Decimal]) -> Iterator[Finding]:
    """Judge each market: its status, and whether an entry reaches its minimum."""
    for symbol, market in account.markets.items():
        told = (
            f"{market.status}, price step {text.price(market.price_step)}, at least "
            f"{text.price(market.min_amount)} {market.base} and "
            f"{text.price(market.min_cost)} {market.quote}"
        )
        if market.status != "online":
            yield Finding(
                Level.ERROR if market.status == "cancel_only" else Level.WARNING,
                symbol,
                told,
                "leave the symbol out until it is online again",
            )
            continue
        size, price = sizes.get(symbol), account.prices.get(symbol)
        if size is not None and price is not None:
            least = max(market.min_cost, market.min_amount * price)
            told += f"; an entry spends about {text.money(size, market.quote)}"
            if size < least:
                yield Finding(
                    Level.WARNING,
                    symbol,
                    f"{told}, which is below the minimum of "
                    f"{text.money(least, market.quote)}: nothing would be bought",
                    "hold more of the quote currency, or let an entry spend a larger "
                    "share",
                )
                continue
        yield Finding(Level.OK, symbol, told)


def of_fees(setup: LiveSetup, account: Account) -> Iterator[Finding]:
    """Judge the real fees against what the rules aim at and where they stop."""
    alike: dict[Finding, list[str]] = {}
    for symbol, market in account.markets.items():
        values = setup.rulebook.params.effective(symbol, {})
        finding = _of_fees(market, values.get("profit_target"), values.get("stop_loss"))
        alike.setdefault(finding, []).append(symbol)
    for finding, symbols in alike.items():
        yield replace(finding, told=f"{', '.join(symbols)}: {finding.told}")


def _of_fees(market: Market, target: object, stop: object) -> Finding:
    told = (
        f"{text.percent(market.maker_fee)} maker, "
        f"{text.percent(market.taker_fee)} taker"
    )
    # What a position shows right after its entry: both fees lost, as takers.
    lost = 1 - _kept(market)
    if isinstance(stop, Decimal) and lost >= stop:
        return Finding(
            Level.ERROR,
            "fees",
            f"{told}; the stop at {text.share(stop)} is within both fees "
            f"({text.percent(lost)}): every position would leave at once",
            "set stop_loss well above both fees",
        )
    if not isinstance(target, Decimal):
        return Finding(Level.OK, "fees", told)
    rise = (ONE + target) / _kept(market) - 1
    told += f"; the price must rise {text.percent(rise)} for {text.share(target)} net"
    if target >= lost:
        return Finding(Level.OK, "fees", told)
    return Finding(
        Level.WARNING,
        "fees",
        f"{told}: the fees are more than the profit aimed at",
        "raise profit_target, rest more orders (maker), or see whether a tape still "
        "earns with these fees (fees in quorate.yaml)",
    )


def _kept(market: Market) -> Decimal:
    """Return what is kept of the money of a round trip at one price, both as taker."""
    return (ONE - market.taker_fee) / (ONE + market.taker_fee)


def of_tier(setup: LiveSetup, account: Account) -> Finding:
    """Judge whether the rate limits of the account are known."""
    limits = account.limits
    if limits is None:
        return Finding(
            Level.WARNING,
            "tier",
            f"no plugin knows the limits of {setup.tier!r}",
            "name the tier of the account under `exchange`, or add a plugin with the "
            "hook rate_limits",
        )
    told = (
        f"{setup.tier}: {limits.order_limit} order points, {limits.order_decay} back a "
        f"second; {limits.rest_limit} query points, {limits.rest_decay} back"
    )
    return Finding(Level.OK, "tier", told)


def of_hosts(settings: Mapping[str, Any]) -> Iterator[Finding]:
    """Judge where requests go, and the pace of the clock."""
    hosts = hosts_of(settings)
    local = bool(hosts) and all(is_loopback(host) for host in hosts.values())
    if settings["pace"] != 1 and not local:
        yield Finding(
            Level.ERROR,
            "pace",
            f"pace {settings['pace']:g} makes the engine's time "
            f"run faster than a real exchange's",
            "remove `pace`; it is for a rehearsal against an exchange on this machine",
        )
    for url, host in hosts.items():
        if urlsplit(url).scheme in ("http", "ws") and not is_loopback(host):
            yield Finding(
                Level.ERROR,
                "host",
                f"{host} is reached without encryption",
                "use https and wss: the wire would show the key",
            )


def hosts_of(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the hosts that the settings name instead of ccxt's own, by URL."""
    found: dict[str, str] = {}
    ahead: list[Any] = [settings["ccxt"].get("urls", {})]
    while ahead:
        value = ahead.pop(0)
        if isinstance(value, dict):
            ahead += value.values()
        elif isinstance(value, str) and re.match(r"(http|ws)s?://", value):
            found[value] = urlsplit(value).netloc.rpartition("@")[2]
    return found


def is_loopback(host: str) -> bool:
    """Return whether a host, with or without a port, is this machine."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def of_disk(folder: Path) -> Finding:
    """Judge the space for the journal."""
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    told = f"{free / (1 << 30):,.1f} GiB free for the journal"
    advice = "make room: nothing is sent that cannot be recorded"
    if free < NO_SPACE:
        return Finding(Level.ERROR, "disk", told, advice)
    level = Level.WARNING if free < LITTLE_SPACE else Level.OK
    return Finding(level, "disk", told, advice if level is Level.WARNING else "")


def of_plugins(host: Host) -> Iterator[Finding]:
    """Judge the plugins: one that is not used may be the one that was to guard."""
    for plugin in host.plugins.values():
        if plugin.fault:
            advice = (
                f"mend or accept it, or leave it out knowingly: --without {plugin.name}"
            )
            yield Finding(Level.ERROR, "plugins", plugin_line(plugin), advice)
    active = [plugin for plugin in host.plugins.values() if plugin.active]
    for plugin in active:
        if plugin.left_out:
            hooks = ", ".join(plugin.left_out)
            told = f"plugin {plugin.name} is not asked for {hooks} in live trading"
            advice = "it runs apart from the orders; see `quorate plugins`"
            yield Finding(Level.WARNING, "plugins", told, advice)
    own = [plugin.name for plugin in active if plugin.source != "bundled"]
    told = f"{text.plural(len(active) - len(own), 'bundled plugin')}"
    yield Finding(
        Level.OK, "plugins", f"{told}; accepted of yours: {', '.join(own) or 'none'}"
    )


def plugin_line(plugin: Plugin) -> str:
    """Return why a plugin is not used."""
    return f"plugin {plugin.name} is not used: {plugin.fault}"
