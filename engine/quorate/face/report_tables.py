"""A report as tables on a terminal; without colour it reads the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from quorate.face import text
from quorate.face.figures import (
    Decline,
    Group,
    Orders,
    Report,
    Result,
    Run,
    Slippage,
)

Rows = Iterable[Sequence[str]]

_REASONS_SHOWN = 20


def show_report(report: Report, console: Console) -> None:
    """Print a report: the run, its results, its trades by reason, and why not."""
    _run(report.run, console)
    if report.no_trade:
        console.print(f"\n[bold]{escape(report.no_trade)}[/]")
    for result in report.results:
        if result.trades or result.start or result.final:
            _result(result, console)
    _orders(report.orders, console)
    several = len({group.currency for group in report.by_symbol}) > 1
    _groups("By exit reason", report.by_exit, console, several)
    if len(report.by_entry) > 1:
        _groups("By entry rule", report.by_entry, console, several)
    _groups("By symbol", report.by_symbol, console, several)
    _groups(f"By {report.by}", report.by_period, console, several)
    _open(report, console)
    _declines(
        f"Why not: candidate entries declined ({report.proposed:,} were proposed)",
        report.why_not,
        console,
    )
    _declines("Exits put off", report.exits_declined, console)
    _shadows(report, console)
    _troubles(report, console)
    _lessons(report, console)


def _table(
    console: Console, title: str, columns: Sequence[str], rows: Rows, left: int = 1
) -> None:
    """Print a table, its first ``left`` columns to the left; nothing without rows."""
    lines = list(rows)
    if not lines:
        return
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        words = number < left
        table.add_column(
            column,
            justify="left" if words else "right",
            no_wrap=not words,
            overflow="fold",
        )
    for line in lines:
        table.add_row(*line)
    console.print()
    console.print(table)


def _pairs(console: Console, title: str, pairs: Iterable[tuple[str, str]]) -> None:
    table = Table(title=title, title_justify="left", box=None, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(name, value)
    console.print()
    console.print(table)


def _run(run: Run, console: Console) -> None:
    length = text.duration(run.until_ms - run.from_ms)
    span = f"{text.time(run.from_ms)} to {text.time(run.until_ms)} ({length})"
    _pairs(
        console,
        f"Run {escape(run.id)}",
        (
            ("period", span),
            ("tape" if "@" in run.source else "account", escape(run.source)),
            ("rulebook", escape(run.rulebook)),
            ("venue", escape(run.venue)),
        ),
    )


def _result(result: Result, console: Console) -> None:
    currency = result.currency
    final = text.money(result.final, currency)
    if result.at_cost:
        final += f", of it {text.money(result.at_cost)} in open positions at cost"
    fallen = text.money(result.drawdown, currency)
    if result.drawdown_ratio is not None:
        fallen += f" ({text.percent(result.drawdown_ratio)})"
    pairs = [
        ("starting balance", text.money(result.start, currency)),
        ("final balance", final),
        ("trades", _trades(result)),
        ("profit, net of fees", _profit(result)),
        ("fees paid", text.money(result.fees, currency)),
    ]
    if result.trades:
        pairs += [
            ("average trade", _both(result.average, result.average_ratio, currency)),
            ("best trade", _both(result.best, result.best_ratio, currency)),
            ("worst trade", _both(result.worst, result.worst_ratio, currency)),
            ("profit factor", _factor(result)),
            ("expectancy", _expectancy(result)),
            ("max drawdown, realised", fallen),
            ("losses in a row, at most", text.count(result.losses_in_row)),
            ("average duration", text.duration(result.average_duration_ms)),
        ]
    pairs.append(("time in a position", text.percent(result.exposure)))
    _pairs(console, f"Result in {escape(currency)}", pairs)


def _trades(result: Result) -> str:
    if not result.trades:
        return "none"
    won = f"{text.count(result.wins)} won, {text.count(result.losses)} lost"
    rate = text.percent(result.win_rate)
    return f"{text.count(result.trades)}: {won}, win rate {rate}"


def _profit(result: Result) -> str:
    told = _tinted(
        result.profit, text.money(result.profit, result.currency, signed=True)
    )
    if result.profit_ratio is None:
        return told
    return f"{told} ({text.percent(result.profit_ratio, signed=True)})"


def _both(value: Decimal | None, ratio: Decimal | None, currency: str) -> str:
    money = text.money(value, currency, signed=True)
    return f"{money} ({text.percent(ratio, signed=True)})"


def _factor(result: Result) -> str:
    if result.profit_factor is None:
        return f"{text.NOTHING} (nothing was lost)"
    return text.number(result.profit_factor)


def _expectancy(result: Result) -> str:
    told = f"{text.money(result.average, result.currency, signed=True)} a trade"
    if result.expectancy_ratio is None:
        return told
    ratio = text.number(result.expectancy_ratio, signed=True)
    return f"{told}, {ratio} for each unit that a losing trade loses"


def _orders(orders: Orders, console: Console) -> None:
    if not (orders.sent or orders.not_sent):
        return
    kinds = (
        f"{text.count(orders.entries)} to enter, {text.count(orders.exits)} to leave, "
        f"{text.count(orders.take_profits)} resting take-profits"
    )
    fates = (
        f"{text.count(orders.accepted)} accepted, {text.count(orders.refused)} refused"
    )
    if orders.unanswered:
        fates += f", {text.count(orders.unanswered)} without an answer"
    if orders.live:
        fates += f", {text.count(orders.live)} still live"
    if orders.not_sent:
        fates += f"; {text.count(orders.not_sent)} not sent"
    tries = f"{text.number(orders.attempts)} on average, {orders.most_attempts} at most"
    _pairs(
        console,
        "Orders",
        (
            ("sent", f"{text.count(orders.sent)}: {kinds}"),
            ("answers", fates),
            ("fill rate", f"{text.percent(orders.fill_rate)} (without take-profits)"),
            ("IOC", f"{text.percent(orders.ioc_share)} of the entries"),
            ("attempts", tries),
            ("slippage, entries", _slippage(orders.entry_slippage)),
            ("slippage, exits", _slippage(orders.exit_slippage)),
        ),
    )


def _slippage(slippage: Slippage) -> str:
    if not slippage.orders:
        return f"{text.NOTHING} (nothing was filled)"
    average = text.percent(slippage.average, signed=True)
    worst = text.percent(slippage.worst, signed=True)
    many = text.plural(slippage.orders, "order")
    return f"{average} on average, {worst} at worst ({many}; + is worse for us)"


def _groups(
    title: str, groups: Sequence[Group], console: Console, several: bool
) -> None:
    columns = ["", "trades", "won", "lost", "win rate", "profit", "average", "duration"]

    def line(group: Group) -> Sequence[str]:
        currency = group.currency if several else ""
        profit = text.money(group.profit, currency, signed=True)
        return (
            escape(group.name),
            text.count(group.trades),
            text.count(group.wins),
            text.count(group.losses),
            text.percent(group.win_rate),
            _tinted(group.profit, profit),
            text.percent(group.average_ratio, signed=True),
            text.duration(group.average_duration_ms),
        )

    _table(console, title, columns, [line(group) for group in groups])


def _open(report: Report, console: Console) -> None:
    _table(
        console,
        "Open at the end (at cost: the journal holds no prices)",
        ("position", "symbol", "entry rule", "opened", "held", "entry price", "cost"),
        [
            (
                escape(one.position_id),
                escape(one.symbol),
                escape(one.rule),
                text.time(one.opened_ms),
                text.price(one.held),
                text.price(one.entry_price),
                text.money(one.cost, one.currency),
            )
            for one in report.open
        ],
        left=4,
    )
    _table(
        console,
        "Dust: too small to sell, written off",
        ("symbol", "positions", "amount"),
        [
            (
                escape(one.symbol),
                text.count(one.positions),
                f"{text.price(one.amount)} {one.base}",
            )
            for one in report.dust
        ],
    )


def _declines(title: str, declines: Sequence[Decline], console: Console) -> None:
    shown = declines[:_REASONS_SHOWN]
    _table(
        console,
        title,
        ("declined by", "what", "where", "times", "share"),
        [
            (
                escape(one.by),
                one.what,
                escape(one.place) or text.NOTHING,
                text.count(one.times),
                text.percent(one.share),
            )
            for one in shown
        ],
        left=3,
    )
    if len(declines) > len(shown):
        console.print(f"and {len(declines) - len(shown)} more reasons")


def _shadows(report: Report, console: Console) -> None:
    _table(
        console,
        "Shadow rules: looked at, never acting",
        ("rule", "section", "where", "what it did not do"),
        [
            (escape(one.rule), one.section, escape(one.place), escape(one.told))
            for one in report.shadows
        ],
        left=4,
    )


def _troubles(report: Report, console: Console) -> None:
    _table(
        console,
        "Errors of orders",
        ("rule", "where", "error", "times"),
        [
            (
                escape(one.rule) or "[yellow]no rule matches[/]",
                escape(one.place) or text.NOTHING,
                escape(one.error),
                text.count(one.times),
            )
            for one in report.errors
        ],
        left=3,
    )
    _table(
        console,
        "Entries stopped",
        ("from", "until", "symbol", "by"),
        [
            (
                text.time(one.at_ms),
                text.time(one.until_ms),
                "all" if one.symbol == "*" else escape(one.symbol),
                escape(one.why),
            )
            for one in report.stops
        ],
        left=4,
    )
    _table(
        console,
        "Plugin faults",
        ("plugin", "in", "last error", "times", "switched off"),
        [
            (
                escape(one.plugin),
                escape(one.where),
                escape(one.error),
                text.count(one.times),
                "yes" if one.off else "no",
            )
            for one in report.plugin_faults
        ],
        left=3,
    )


def _lessons(report: Report, console: Console) -> None:
    _table(
        console,
        "Tunings",
        ("when", "param", "old -> new", "rule", "because"),
        [
            (
                text.time(one.at_ms),
                escape(one.param),
                escape(f"{one.old} -> {one.new}") + (" (taken back)" * one.back),
                escape(one.rule),
                escape(one.why),
            )
            for one in report.tunings
        ],
        left=5,
    )
    _table(
        console,
        "Learned, still in force",
        ("what", "symbol", "why", "value", "until"),
        [
            (
                escape(one.what),
                escape(one.symbol),
                escape(one.why),
                text.price(one.value),
                text.time(one.expires_ms),
            )
            for one in report.learned
        ],
        left=3,
    )


def _tinted(value: Decimal, told: str) -> str:
    """Return a text in green or red, as its value is above or below zero."""
    if value > 0:
        return f"[green]{told}[/]"
    return f"[red]{told}[/]" if value < 0 else told
