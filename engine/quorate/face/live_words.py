"""What a live run says in words: before it starts, line by line, and when it ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from quorate.drivers.ending import may_stay
from quorate.drivers.live_run import QUIET_FOR_S, Finished
from quorate.drivers.upkeep import SHUTDOWN
from quorate.face import text
from quorate.face.live_findings import Finding, Level, hosts_of, is_loopback
from quorate.face.live_plan import LivePlan
from quorate.flow.state import State
from quorate.rulebook.rulebook import Rulebook
from quorate.values.mode import Mode
from quorate.values.numbers import ZERO
from quorate.values.trade import Order, OrderStatus, Position

_PLACES = (
    ("entry", ("quote_amount", "amount")),
    ("checks", ("require", "amount")),
    ("votes", ("veto",)),
    ("switches", ("when",)),
    ("exits", ("when", "rest")),
)
"""Where a rulebook says how much may be at stake, and when it is given up."""

_IN_A_LINE = 4
"""Limits in one line of what is shown before the start."""


def plan_lines(plan: LivePlan) -> Iterator[tuple[str, str]]:
    """Yield what a run will do, as label and text, before anything is sent."""
    setup, account = plan.setup, plan.account
    yield "exchange", f"{setup.name}, tier {setup.tier or 'not said'}, {_where(plan)}"
    yield "account", f"{account.account} (a fingerprint of the key)"
    yield "symbols", ", ".join(setup.symbols)
    yield from _rules(setup.rulebook)
    yield "journal", f"{plan.journal}: {_journal(plan.before)}"
    yield "holds", _balances(account.balances)
    if plan.sizes:
        named = {market.symbol: market.quote for market in account.markets.values()}
        sizes = (
            f"{text.money(size, named[symbol])} in {symbol}"
            for symbol, size in plan.sizes.items()
        )
        yield "an entry", f"spends up to {', '.join(sizes)}, before its checks"
    yield from _limits(setup.rulebook)
    yield "deadline", _deadline(plan)
    if account.orders:
        told = text.plural(len(account.orders), "order")
        yield "open now", f"{told} of the account; those of others are left alone"
    yield "mode", _mode(plan)
    yield (
        "at stop",
        "resting entries are cancelled; take-profits stay at the exchange, and "
        "positions stay, which nothing watches while quorate does not run",
    )
    if setup.settings.get("dead_man_switch"):
        after = text.duration(setup.settings["dead_man_switch"])
        yield (
            "dead man",
            f"the exchange cancels every order, take-profits too, {after} after the "
            f"last sign of life",
        )


def finding_line(finding: Finding) -> str:
    """Return a finding as one line, with what to do about it."""
    advice = f"; {finding.advice}" if finding.advice else ""
    return f"{finding.level}: {finding.subject}: {finding.told}{advice}"


def troubles(findings: Sequence[Finding]) -> list[str]:
    """Return the findings that are not in order, as lines."""
    return [finding_line(one) for one in findings if one.level is not Level.OK]


def _where(plan: LivePlan) -> str:
    settings = plan.setup.settings
    hosts = list(dict.fromkeys(hosts_of(settings).values()))
    if not hosts:
        return "REAL MONEY: its own addresses"
    local = all(map(is_loopback, hosts))
    what = "this machine: a rehearsal" if local else "REAL MONEY"
    pace = f", time {settings['pace']:g}x" if settings["pace"] != 1 else ""
    return f"{', '.join(hosts)} ({what}{pace})"


def _rules(rulebook: Rulebook) -> Iterator[tuple[str, str]]:
    counts = text.plural(sum(rulebook.counts().values()), "rule")
    yield "rulebook", f"{rulebook.digest}: {counts}"
    sources = rulebook.sources
    yield "", ", ".join(name for name, _ in sources.rules)
    overlays = [name for files in sources.overlays for name, _ in files]
    changes = [f"{name}={value}" for name, value in sources.settings]
    if overlays or changes:
        yield "", f"laid on: {', '.join((*overlays, *changes))}"


def _limits(rulebook: Rulebook) -> Iterator[tuple[str, str]]:
    """Yield the params that what may be at stake depends on, a few in each line."""
    used: dict[str, None] = {}
    for section, parts in _PLACES:
        for rule in getattr(rulebook, section, ()):
            for part in parts:
                formula = getattr(rule, part, None)
                if formula is not None:
                    used.update(dict.fromkeys(formula.expression.names))
    named = [
        f"{name} {param.write(param.setting_for(None).value)}"
        for name, param in rulebook.params.by_name.items()
        if name in used or name.startswith("max_")
    ]
    if not named:
        yield "limits", "none that a param says"
    for first in range(0, len(named), _IN_A_LINE):
        label = "" if first else "limits"
        yield label, ", ".join(named[first : first + _IN_A_LINE])


def _journal(before: State | None) -> str:
    if before is None:
        return "new"
    held = sum(1 for one in before.positions.values() if one.bought)
    return (
        f"goes on with run {before.run} of {text.time(before.now_ms)}: "
        f"{text.plural(held, 'position')}, {text.plural(len(before.live), 'order')} "
        f"to be compared with the exchange"
    )


def _balances(balances: Mapping[str, Decimal]) -> str:
    held = [
        f"{text.price(amount)} {currency}"
        for currency, amount in sorted(balances.items())
        if amount
    ]
    return ", ".join(held) or "nothing"


def _deadline(plan: LivePlan) -> str:
    after = text.duration(plan.setup.settings["deadline"])
    if plan.account.has_deadline:
        return f"the exchange refuses an order that reaches it later than {after}"
    return (
        f"this exchange keeps none: an order without an answer can be cleared up only "
        f"by finding it (asked for at least {after})"
    )


def _mode(plan: LivePlan) -> str:
    if plan.wish is not None:
        return f"{plan.wish.mode}, as asked for ({plan.wish.why})"
    if plan.before is None or plan.before.mode is Mode.ACTIVE:
        return "active: it buys and sells as the rules decide"
    if plan.before.mode_why == SHUTDOWN:
        return "active again after the last stop"
    return (
        f"{plan.before.mode} since {text.time(plan.before.mode_since_ms)} "
        f"({plan.before.mode_why}); `quorate resume` lets it trade"
    )


def waiting_line(orders: Sequence[Order]) -> str:
    """Return what a run that is asked to stop still waits for."""
    awaited = [one.intent.client_id for one in orders if not may_stay(one)]
    if not awaited:
        return "no order is without an answer; it ends as soon as nothing is on its way"
    answers = text.plural(len(awaited), "order")
    return (
        f"waiting up to {QUIET_FOR_S} s for the exchange's answers to {answers}: "
        f"{', '.join(awaited)}"
    )


def closing_lines(
    finished: Finished, journal: Path, again: str, *, trouble: str = ""
) -> Iterator[str]:
    """Yield what stays open after a run that left in order, and how to go on."""
    yield f"stopped; journal {journal}"
    yield from left_lines(finished, trouble=trouble)
    yield f"go on with: {again}"


def left_lines(finished: Finished, *, trouble: str = "") -> Iterator[str]:
    """Yield what is open: positions, orders that rest, and orders without an answer.

    ``trouble`` says why the exchange was not heard at the end, "" when it was.
    """
    if trouble:
        told = trouble.partition("\n")[0]
        yield f"  as far as is known: the exchange was not heard at the end ({told})"
    for position in finished.positions:
        yield f"  stays open  {position_line(position)}"
    for order in finished.orders:
        if order.status is OrderStatus.OPEN:
            yield f"  rests       {order_line(order)}"
        else:
            yield f"  no answer   {order_line(order)}; the next start asks for it"
    if finished.positions:
        yield (
            "  nothing watches these positions now: only what rests at the exchange "
            "protects them"
        )
    elif not finished.orders:
        yield "  nothing stays open"


def position_line(position: Position) -> str:
    """Return a position as one line."""
    return (
        f"{position.id} {text.price(position.held)} {position.symbol} bought at "
        f"{text.price(position.entry_price)}, {text.time(position.opened_ms)}"
    )


def status_word(order: Order) -> str:
    """Return where an order stands; what is on its way may yet be held back."""
    if order.status is OrderStatus.SENT:
        return "on its way"
    return "no answer" if order.status is OrderStatus.UNKNOWN else str(order.status)


def order_line(order: Order) -> str:
    """Return an order as one line."""
    intent = order.intent
    at = "the market" if intent.limit_price is None else text.price(intent.limit_price)
    filled = f", {text.price(order.filled)} filled" if order.filled > ZERO else ""
    return (
        f"{intent.client_id} {intent.side} {text.price(intent.amount)} "
        f"{intent.symbol} at {at} ({intent.purpose}{filled})"
    )
