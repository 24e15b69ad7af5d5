"""A replay on a terminal, and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from quorate.drivers.changes import DecisionChange, Kind, TradeChange
from quorate.drivers.redecide import Redecided
from quorate.face import text
from quorate.face.figures import json_value
from quorate.face.live_decisions import answer
from quorate.face.replay import Replay
from quorate.face.replay_effect import Effect, MoneyChange
from quorate.values.trade import Intent, Purpose, Trade

_TINTS = {Kind.GONE: "red", Kind.NEW: "green", Kind.CHANGED: "yellow"}
FOLLOWS = (
    "* the first of its symbol. What comes after the first of all may only follow from "
    "it: the account and the open positions are others then."
)
FIRSTS = 10
"""Of how many symbols the first change is told when it is not listed."""
LEFT_OUT = (
    "Left out: checks that pass and orders that go out because an entry or exit does, "
    "and amounts that are others."
)
ON_ITS_INPUTS = (
    "Facts are those of the record, risk_approved among them; params are the edited "
    "ones. Moments at which nothing was decided are not in the journal."
)


def show_replay(found: Replay, console: Console, *, most: int | None) -> None:
    """Print a replay; ``most`` is how many changes are listed, None for all."""
    _head(found, console)
    effect = found.effect
    if found.redecided is not None:
        _redecided(found.redecided, console)
        console.print("\n[bold]Run again on the recorded candles, on paper[/]")
    if not effect.differs:
        many = sum(counts.before for counts in effect.decisions.rules.values())
        trades = sum(change.before.trades for change in effect.money)
        console.print(
            f"\n[bold]nothing changes[/]: {text.plural(many, 'decision')} and "
            f"{text.plural(trades, 'trade')} are the same"
        )
        others = effect.decisions.other_inputs
        if others:
            console.print(f"{text.plural(others, 'decision')} on other inputs")
        return
    _rules(effect, console)
    _decisions(effect, console)
    _orders(effect, console, most)
    _money(effect, console)
    _trades(effect, console, most)


def _head(found: Replay, console: Console) -> None:
    length = text.duration(found.until_ms - found.from_ms)
    span = f"{text.time(found.from_ms)} to {text.time(found.until_ms)} ({length})"
    source = escape(found.source) + (" (synthetic)" if found.synthetic else "")
    rows = [
        ("rules", _rulebooks(found)),
        ("account" if found.live else "tape", source),
        ("period", f"{span}, {text.plural(found.candles, 'candle')}"),
    ]
    console.print(f"[bold]journal {escape(str(found.journal))}[/]", soft_wrap=True)
    for name, told in rows:
        console.print(f"  [dim]{name:<8}[/] {told}", soft_wrap=True)
    for note in found.notes:
        console.print(f"note: {escape(note)}", soft_wrap=True)


def _rulebooks(found: Replay) -> str:
    before = ", ".join(found.rulebooks)
    if found.rulebooks[-1:] == (found.rulebook,):
        return f"{before}, the recorded ones"
    return f"{before} -> {found.rulebook}"


def _redecided(found: Redecided, console: Console) -> None:
    """Print which recorded decisions would have been others, on their own inputs."""
    title = "What was decided, decided again on its recorded inputs"
    table = _table(title, ("rule", "section"), ("recorded", "same", "other"))
    for (section, rule), counts in found.rules.items():
        numbers = (counts.recorded, counts.same, counts.other)
        cells = [_count(number) for number in numbers]
        table.add_row(escape(rule) or text.NOTHING, section, *cells)
    console.print()
    console.print(table)
    console.print(ON_ITS_INPUTS, style="dim")
    for why, many in found.undecided.most_common():
        verb = "is" if many == 1 else "are"
        told = f"{text.plural(many, 'decision')} {verb} not decided again: {why}"
        console.print(f"note: {escape(told)}", soft_wrap=True)
    if not found.total:
        console.print("every decision that can be decided again is the same")
        return
    title = _title("Other answers", len(found.listed), found.total)
    table = _table(title, ("when", "symbol", "rule", "recorded", "now", "where"))
    for one in found.listed:
        decision = one.decision
        said = escape(answer(decision)), escape(one.now)
        where = escape(decision.place)
        moment, rule = text.moment(decision.at_ms), escape(decision.rule)
        table.add_row(moment, decision.symbol, rule, *said, where)
    console.print()
    console.print(table)


def _rules(effect: Effect, console: Console) -> None:
    """Print how often each rule decided, and how often that differs."""
    table = _table("Decisions by rule", ("rule", "section"), ("before", "after", *Kind))
    table.add_column("where", no_wrap=True)
    for (section, rule), counts in effect.decisions.rules.items():
        kinds = [_count(counts.differing[kind]) for kind in Kind]
        both = text.count(counts.before), text.count(counts.after)
        name, where = escape(rule) or text.NOTHING, escape(counts.place)
        table.add_row(name, section, *both, *kinds, where)
    console.print()
    console.print(table)


def _decisions(effect: Effect, console: Console) -> None:
    changes = effect.decisions
    if not changes.total:
        return
    title = _title("Decisions that differ", len(changes.listed), changes.total)
    table = _table(title, ("  when", "symbol", "rule", "before", "after", "where"))
    for column in (*table.columns[:3], table.columns[-1]):
        column.no_wrap = True
    for change in changes.listed:
        table.add_row(*_decision_row(change))
    console.print()
    console.print(table)
    console.print(FOLLOWS, style="dim")
    if len(changes.listed) < changes.total:
        console.print(LEFT_OUT, style="dim")
    listed = {id(change) for change in changes.listed}
    others = [one for one in changes.first.values() if id(one) not in listed]
    for change in others[:FIRSTS]:
        console.print(f"the first of {_where(change)}")
    if len(others) > FIRSTS:
        many = text.plural(len(others) - FIRSTS, "symbol")
        console.print(f"{many} more differ; --json has the first of each")


def _decision_row(change: DecisionChange) -> Iterator[str]:
    decision = change.decision
    yield f"{'*' if change.first else ' '} {text.moment(decision.at_ms)}"
    yield decision.symbol
    yield escape(decision.rule or decision.section)
    tint = _TINTS.get(change.kind, "")
    for one in (change.before, change.after):
        told = text.NOTHING if one is None else escape(answer(one))
        yield f"[{tint}]{told}[/]" if tint and one else told
    yield escape(decision.place)


def _where(change: DecisionChange) -> str:
    decision = change.decision
    return (
        f"{decision.symbol}: {text.moment(decision.at_ms)}, {escape(decision.rule)} "
        f"{escape(answer(decision))}, {change.kind}"
    )


def _orders(effect: Effect, console: Console, most: int | None) -> None:
    """Print how many orders differ, and those that are sent otherwise."""
    if not effect.orders:
        return
    many = Counter((one.intent.purpose, one.kind) for one in effect.orders)
    table = _table("Orders", ("",), ("before", "after", *Kind))
    for purpose in Purpose:
        both = effect.sent_before[purpose], effect.sent_after[purpose]
        if any(both):
            kinds = [_count(many[purpose, kind]) for kind in Kind]
            name = purpose.value.replace("_", "-")
            table.add_row(name, *(text.count(one) for one in both), *kinds)
    console.print()
    console.print(table)
    changed = [one for one in effect.orders if one.kind is Kind.CHANGED]
    if not changed:
        return
    shown = changed[:most]
    title = _title("Orders sent otherwise", len(shown), len(changed))
    table = _table(title, ("when", "symbol", "rule", "before", "after"))
    for change in shown:
        intent = change.intent
        both_ways = [_sent(one) for one in (change.before, change.after) if one]
        when, rule = text.moment(intent.made_ms), escape(intent.rule)
        table.add_row(when, intent.symbol, rule, *both_ways)
    console.print()
    console.print(table)


def _sent(intent: Intent) -> str:
    """Return an order in a few words: ``buy 0.02 at 81,341.4, limit GTC``."""
    at = f" at {text.price(intent.limit_price)}" if intent.limit_price else ""
    how = f"{intent.type} {intent.time_in_force}"
    return escape(f"{intent.side} {text.price(intent.amount)}{at}, {how}")


def _money(effect: Effect, console: Console) -> None:
    """Print what came of each quote currency, before, after, and the difference."""
    table = _table("Trades and net profit", ("",), ("before", "after", "difference"))
    for change in effect.money:
        for row in _money_rows(change):
            table.add_row(*row)
    if effect.open_before or effect.open_after:
        numbers = effect.open_before, effect.open_after
        table.add_row("open at the end", *_counts(*numbers))
    console.print()
    console.print(table)
    for kind in effect.kinds:
        profit = text.money(kind.profit, kind.currency, signed=True)
        many = text.plural(kind.trades, "trade")
        console.print(f" {many} {kind.kind}: {profit}")


def _money_rows(change: MoneyChange) -> Iterator[tuple[str, str, str, str]]:
    before, after, currency = change.before, change.after, change.currency
    yield f"trades in {currency}", *_counts(before.trades, after.trades)
    yield "won", *_counts(before.wins, after.wins)
    for name, old, new in (
        (f"net profit, {currency}", before.profit, after.profit),
        (f"fees, {currency}", before.fees, after.fees),
        (f"max drawdown, {currency}", before.drawdown, after.drawdown),
    ):
        money = text.money(old), text.money(new), text.money(new - old, signed=True)
        yield name, *money


def _counts(before: int, after: int) -> tuple[str, str, str]:
    return text.count(before), text.count(after), f"{after - before:+,}"


def _trades(effect: Effect, console: Console, most: int | None) -> None:
    if not effect.trades:
        return
    shown = effect.trades
    if most is not None:
        shown = [one for one in shown if one.kind is not Kind.RESIZED][:most]
        shown = shown or effect.trades[:most]
    title = _title("Trades that differ", len(shown), len(effect.trades))
    words = ("opened", "symbol", "", "before", "after")
    table = _table(title, words, ("profit",))
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    for change in shown:
        table.add_row(*_trade_row(change))
    console.print()
    console.print(table)


def _trade_row(change: TradeChange) -> Iterator[str]:
    yield text.moment(change.trade.opened_ms)
    yield change.trade.symbol
    tint = _TINTS.get(change.kind, "")
    yield f"[{tint}]{change.kind}[/]" if tint else change.kind.value
    yield _trade(change.before)
    yield _trade(change.after)
    yield text.money(change.profit_quote, signed=True)


def _trade(trade: Trade | None) -> str:
    if trade is None:
        return text.NOTHING
    lasted = text.duration(trade.closed_ms - trade.opened_ms)
    profit = text.money(trade.profit_quote, signed=True)
    return escape(f"{trade.exit_rule} after {lasted}, {profit}")


def _table(title: str, words: Sequence[str], numbers: Sequence[str] = ()) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name in words:
        table.add_column(name, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _title(what: str, shown: int, total: int) -> str:
    if shown == total:
        return f"{what} ({total:,})"
    return f"{what} ({shown:,} of {total:,}; --all lists everything)"


def _count(value: int) -> str:
    return text.count(value) if value else text.NOTHING


def as_dict(found: Replay) -> dict[str, Any]:
    """Return a replay as JSON can hold it; decisions and trades that differ, all."""
    effect = found.effect
    return {
        "journal": str(found.journal),
        "live": found.live,
        "differs": found.differs,
        "rulebooks": list(found.rulebooks),
        "rulebook": found.rulebook,
        "source": found.source,
        "synthetic": found.synthetic,
        "from_ms": found.from_ms,
        "until_ms": found.until_ms,
        "candles": found.candles,
        "notes": list(found.notes),
        "rules": _listed(effect.decisions.rules.items(), _rule_dict),
        "decisions": {
            "differing": effect.decisions.total,
            "other_inputs": effect.decisions.other_inputs,
            "first": _listed(effect.decisions.first.items(), _first_dict),
            "listed": json_value(effect.decisions.listed),
        },
        "orders": json_value(effect.orders),
        "money": [
            {**json_value(change), "profit": json_value(change.profit)}
            for change in effect.money
        ],
        "trades": json_value(effect.trades),
        "open_before": effect.open_before,
        "open_after": effect.open_after,
        "redecided": None if found.redecided is None else _redecided_dict(found),
    }


def _redecided_dict(found: Replay) -> dict[str, Any]:
    redecided = found.redecided
    assert redecided is not None
    return {
        "other": redecided.total,
        "rules": [
            {"section": section, "rule": rule, **json_value(counts)}
            for (section, rule), counts in redecided.rules.items()
        ],
        "undecided": dict(redecided.undecided),
        "listed": json_value(redecided.listed),
    }


def _listed(items: Iterable[Any], as_row: Callable[[Any], Any]) -> list[Any]:
    return [as_row(item) for item in items]


def _rule_dict(item: Any) -> dict[str, Any]:
    (section, rule), counts = item
    differing = {kind.value: counts.differing[kind] for kind in Kind}
    return {
        "section": section,
        "rule": rule,
        "before": counts.before,
        "after": counts.after,
        "place": counts.place,
        **differing,
    }


def _first_dict(item: Any) -> dict[str, Any]:
    symbol, change = item
    return {"symbol": symbol, "at_ms": change.decision.at_ms, **json_value(change)}
