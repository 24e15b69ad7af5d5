"""The risk assistant: knows what is at stake, what was lost, and since when.

Money is counted in the quote currency of the symbol under consideration. An entry
order that is under way counts in full, as if it were filled already: nothing is
risked twice while an answer is awaited.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from decimal import Decimal
from typing import Any

from quorate import (
    DURATION,
    MONEY,
    Accepted,
    Closed,
    Desk,
    Fact,
    Kind,
    Moves,
    Order,
    Purpose,
    Refused,
    Stage,
    Started,
    Trade,
    exact,
    hookimpl,
)

ZERO = Decimal(0)
ONE = Decimal(1)
DAY_MS = 24 * 60 * 60 * 1000
# Durations must be finite: ten years stand for "never".
NEVER_MS = 10 * 365 * DAY_MS


@hookimpl
def remember(
    memory: MutableMapping[str, Any],
    record: Started | Closed | Refused | Accepted,
    desk: Desk,
) -> None:
    """Fold closed trades, and whether the venue takes our orders."""
    if isinstance(record, Started):
        _start(memory, record)
    elif isinstance(record, Closed):
        _close(memory, record.trade, desk.market_of(record.trade.symbol).quote)
    elif isinstance(record, Refused) and _by_venue(desk.order(record.client_id)):
        memory["refusals"] = memory.get("refusals", 0) + 1
        memory["refused"] = [record.at_ms]
    elif isinstance(record, Accepted):
        memory["refusals"] = 0


def _by_venue(order: Order | None) -> bool:
    """Return whether an order was refused there, and not held back on this side."""
    return order is None or order.placed


def _start(memory: MutableMapping[str, Any], started: Started) -> None:
    # A run that goes on starts again in the same journal: its first balance counts.
    balances = dict(started.balances)
    for market in started.markets:
        first = balances.get(market.quote, ZERO)
        memory.setdefault("balance", {}).setdefault(market.quote, first)
        memory.setdefault("peak", {}).setdefault(market.quote, first)


def _close(memory: MutableMapping[str, Any], trade: Trade, quote: str) -> None:
    profit = trade.profit_quote
    lost = profit < 0
    memory["losses"] = memory.get("losses", 0) + 1 if lost else 0
    memory.setdefault("exits", {})[trade.symbol] = trade.closed_ms
    if lost:
        memory.setdefault("lost", {})[trade.symbol] = trade.closed_ms

    balance = memory.setdefault("balance", {}).get(quote, ZERO) + profit
    peaks = memory.setdefault("peak", {})
    memory["balance"][quote] = balance
    peaks[quote] = max(balance, peaks.get(quote, ZERO))

    days = memory.setdefault("day", {})
    day, made = days.get(quote, (0, ZERO))
    today = trade.closed_ms // DAY_MS
    days[quote] = [today, (made if day == today else ZERO) + profit]


def value_held(desk: Desk, symbol: str = "") -> Decimal | None:
    """Return what positions are worth now, in one symbol or in all of our quote.

    None while a price that is needed is not known.
    """
    value = ZERO
    for position in desk.positions():
        if symbol and position.symbol != symbol:
            continue
        if desk.market_of(position.symbol).quote == desk.market.quote:
            price = desk.price(position.symbol)
            if price is None:
                return None
            value += position.held * price
    return value


def entries_under_way(desk: Desk) -> list[Order]:
    """Return the live entry orders of all symbols."""
    return [o for o in desk.live_orders() if o.intent.purpose is Purpose.ENTRY]


def value_under_way(desk: Desk, symbol: str = "") -> Decimal:
    """Return what live entry orders may still spend, in one symbol or in all."""
    value = ZERO
    for order in entries_under_way(desk):
        intent = order.intent
        if symbol and intent.symbol != symbol:
            continue
        if desk.market_of(intent.symbol).quote == desk.market.quote:
            value += order.remaining * (intent.limit_price or intent.reference_price)
    return value


def equity(desk: Desk) -> Decimal | None:
    """Return all quote currency held, and what positions are worth in it now."""
    held = value_held(desk)
    return None if held is None else desk.total(desk.market.quote) + held


def exposure(desk: Desk) -> Decimal | None:
    """Return the share of the equity that is in positions or on its way there."""
    all_there_is = equity(desk)
    held = value_held(desk)
    if not all_there_is or held is None:
        return None
    return (held + value_under_way(desk)) / all_there_is


def position_limit(desk: Desk) -> Decimal | None:
    """Return what one more entry may add in the symbol, not below 0."""
    all_there_is = equity(desk)
    here = value_held(desk, desk.symbol)
    if all_there_is is None or here is None:
        return None
    most = all_there_is * exact(desk.param("max_position"))
    return max(ZERO, most - here - value_under_way(desk, desk.symbol))


def count_positions(desk: Desk, symbol: str = "") -> int:
    """Return how many positions are open or being opened."""
    there = {p.id for p in desk.positions() if symbol in ("", p.symbol)}
    opening = {
        order.intent.root_id
        for order in entries_under_way(desk)
        if symbol in ("", order.intent.symbol)
        and not order.filled
        and order.intent.position_id not in there
    }
    return len(there) + len(opening)


def drawdown(desk: Desk) -> Decimal | None:
    """Return how far the realised balance is below its highest, as a ratio.

    The balance is what the run started with, and the profit of its closed trades.
    """
    memory = desk.recall("risk")
    quote = desk.market.quote
    peak: Decimal = memory.get("peak", {}).get(quote, ZERO)
    if not peak:
        return None
    balance: Decimal = memory["balance"][quote]
    return min(ONE, (peak - balance) / peak)


def since(desk: Desk, times: list[int]) -> int:
    """Return how long ago the latest of ``times`` was; ten years when there is none."""
    return desk.now_ms - max(times) if times else NEVER_MS


def since_here(desk: Desk, what: str) -> int:
    """Return how long ago the symbol's last remembered ``what`` was."""
    times = desk.recall("risk").get(what, {})
    return since(desk, [times[desk.symbol]] if desk.symbol in times else [])


def since_any_loss(desk: Desk) -> int:
    """Return how long ago any symbol's last losing trade was."""
    return since(desk, list(desk.recall("risk").get("lost", {}).values()))


def profit_today(desk: Desk) -> Decimal:
    """Return what trades closed in this UTC day have made, net of fees."""
    days = desk.recall("risk").get("day", {})
    day, made = days.get(desk.market.quote, (0, ZERO))
    return Decimal(made) if day == desk.now_ms // DAY_MS else ZERO


def account(
    name: str, text: str, compute: Callable[[Desk], object], **more: Any
) -> Fact:
    """Return one fact of the account."""
    return Fact(name=name, stage=Stage.ACCOUNT, help=text, compute=compute, **more)


FACTS = [
    account(
        "risk_approved",
        "whether no veto of the rulebook holds for the symbol",
        lambda desk: desk.risk_approved(),
        kind=Kind.FLAG,
        moves=Moves.MARKET,
    ),
    account(
        "equity",
        "quote currency held, and the worth of positions in it",
        equity,
        unit=MONEY,
        low=ZERO,
        moves=Moves.MARKET,
    ),
    account(
        "exposure",
        "share of the equity in positions, entry orders under way included",
        exposure,
        low=ZERO,
        moves=Moves.MARKET,
    ),
    account(
        "open_positions",
        "positions open or being opened, in all symbols",
        count_positions,
        low=ZERO,
    ),
    account(
        "positions_here",
        "positions open or being opened in the symbol",
        lambda desk: count_positions(desk, desk.symbol),
        low=ZERO,
    ),
    account(
        "position_limit",
        "what one more entry may spend: max_position of the equity, less what is "
        "already in the symbol",
        position_limit,
        unit=MONEY,
        low=ZERO,
        moves=Moves.MARKET,
        params=("max_position",),
    ),
    account(
        "drawdown",
        "fall of the realised balance from its highest",
        drawdown,
        low=ZERO,
        high=ONE,
    ),
    account(
        "since_exit",
        "time since the symbol's last closed trade; ten years when there is none",
        lambda desk: since_here(desk, "exits"),
        unit=DURATION,
        low=ZERO,
        moves=Moves.CLOCK,
    ),
    account(
        "since_loss",
        "time since the symbol's last losing trade; ten years when there is none",
        lambda desk: since_here(desk, "lost"),
        unit=DURATION,
        low=ZERO,
        moves=Moves.CLOCK,
    ),
    account(
        "since_any_loss",
        "time since any symbol's last losing trade; ten years when there is none",
        since_any_loss,
        unit=DURATION,
        low=ZERO,
        moves=Moves.CLOCK,
    ),
    account(
        "losses_in_row",
        "losing trades in a row, all symbols together",
        lambda desk: desk.recall("risk").get("losses", 0),
        low=ZERO,
    ),
    account(
        "profit_today",
        "what trades closed in this UTC day have made, net of fees",
        profit_today,
        unit=MONEY,
        moves=Moves.CLOCK,
    ),
    account(
        "refusals_in_row",
        "orders the venue refused since it last accepted one",
        lambda desk: desk.recall("risk").get("refusals", 0),
        low=ZERO,
    ),
    account(
        "since_refusal",
        "time since the venue refused an order; ten years when it never did",
        lambda desk: since(desk, desk.recall("risk").get("refused", [])),
        unit=DURATION,
        low=ZERO,
        moves=Moves.CLOCK,
    ),
]


@hookimpl
def facts() -> list[Fact]:
    """Return the facts of risk."""
    return FACTS
