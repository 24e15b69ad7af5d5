"""The report of a run: what came of it, how orders fared, and why it did not trade."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from quorate.contract.decisions import Verdict
from quorate.contract.records import Started
from quorate.errors import QuorateError
from quorate.face import text
from quorate.face.figures import (
    Decline,
    Dust,
    Fault,
    Group,
    Lesson,
    Open,
    Orders,
    PluginTrouble,
    Report,
    Run,
    Slippage,
    Stop,
    Turn,
    as_dict,
)
from quorate.face.measuring import Strayed, Tally
from quorate.face.report_tables import show_report
from quorate.face.results import result_of
from quorate.face.shadow_report import shadows
from quorate.flow.state import NOT_KNOWN
from quorate.journal.journal import Journal
from quorate.values.numbers import ZERO
from quorate.values.trade import Purpose, Trade

__all__ = ["PERIODS", "Report", "as_dict", "measure", "show_report"]

PERIODS = ("day", "week", "month")
"""What ``measure`` can break a run down by."""

_SECTIONS = (
    ("entry", "veto"),
    ("checks", "check"),
    ("plugins", "plugin"),
    ("errors", "error"),
    ("orders", "order"),
)


def measure(journal: Journal, *, by: str = "") -> Report:
    """Measure the run in a journal; ``by`` adds a table for each day, week or month.

    Raises:
        QuorateError: the journal holds no run, or ``by`` is none of ``PERIODS``.
        JournalError: a row cannot be read.
    """
    if by and by not in PERIODS:
        raise QuorateError(f"a report is by {', '.join(PERIODS)}, was by {by!r}")
    tally = Tally().add_all(journal.records())
    if tally.first is None or tally.last is None:
        raise QuorateError(
            "this journal holds no run yet; start one with `quorate run`"
        )
    until_ms = max(tally.state.now_ms, consumed_ms(journal.cursor()))
    why_not, exits_declined = _declines(journal, tally)
    proposed = _proposed(journal)
    return Report(
        run=_run(tally.first, tally.last, tally, until_ms),
        results=tuple(
            result_of(currency, tally, until_ms) for currency in quotes_of(tally)
        ),
        orders=_orders(tally),
        proposed=proposed,
        by_exit=_groups(tally, lambda trade: trade.exit_rule),
        by_entry=_groups(tally, lambda trade: trade.rule),
        by_symbol=_groups(tally, lambda trade: trade.symbol),
        by=by,
        by_period=_periods(tally, by),
        open=tuple(_open(tally)),
        dust=tuple(_dust(tally)),
        why_not=why_not,
        exits_declined=exits_declined,
        errors=tuple(_errors(journal, tally)),
        tunings=tuple(_turns(tally)),
        learned=tuple(_learned(tally, until_ms)),
        stops=tuple(_stops(tally)),
        plugin_faults=tuple(_plugin_faults(tally)),
        shadows=tuple(shadows(journal, tally, proposed)),
        no_trade="" if tally.trades else _no_trade(tally, proposed, why_not),
    )


def consumed_ms(cursor: str) -> int:
    """Return how far a run's input was consumed, 0 when its cursor does not tell."""
    first = cursor.partition(":")[0]
    return int(first) if first.isdigit() else 0


def _run(first: Started, last: Started, tally: Tally, until_ms: int) -> Run:
    return Run(
        id=last.run,
        source=last.source,
        rulebook=last.rulebook,
        venue=last.venue,
        from_ms=first.at_ms,
        until_ms=until_ms,
        records=tally.records,
    )


def quotes_of(tally: Tally) -> list[str]:
    """Return the quote currencies of what a run trades."""
    return list(dict.fromkeys(market.quote for market in tally.state.markets.values()))


def _orders(tally: Tally) -> Orders:
    sent, over = sum(tally.sent.values()), tally.filled_shares
    entries, wanted = tally.sent[Purpose.ENTRY], len(+tally.attempts)
    live = len(tally.state.live)
    return Orders(
        sent=sent,
        entries=entries,
        exits=tally.sent[Purpose.EXIT],
        take_profits=tally.sent[Purpose.TAKE_PROFIT],
        accepted=len(tally.accepted),
        refused=tally.refused,
        not_sent=tally.held_back,
        unanswered=max(0, sent - len(tally.accepted) - tally.refused),
        live=live,
        fill_rate=sum(over, ZERO) / len(over) if over else None,
        ioc_share=Decimal(tally.ioc) / entries if entries else None,
        attempts=Decimal(sent) / wanted if wanted else None,
        most_attempts=max(tally.attempts.values(), default=0),
        entry_slippage=_slippage(tally.strayed[Purpose.ENTRY]),
        exit_slippage=_slippage(tally.strayed[Purpose.EXIT]),
    )


def _slippage(strayed: Strayed) -> Slippage:
    return Slippage(
        orders=strayed.orders,
        average=strayed.total / strayed.orders if strayed.orders else None,
        worst=strayed.worst,
    )


def _groups(tally: Tally, key: Callable[[Trade], str]) -> tuple[Group, ...]:
    """Return the trades grouped by a name, those with most trades first."""
    found = _grouped(tally, key)
    return tuple(sorted(found, key=lambda group: (-group.trades, group.name)))


def _periods(tally: Tally, by: str) -> tuple[Group, ...]:
    if not by:
        return ()
    found = _grouped(tally, lambda trade: text.period(trade.closed_ms, by))
    return tuple(sorted(found, key=lambda group: (group.name, group.currency)))


def _grouped(tally: Tally, key: Callable[[Trade], str]) -> list[Group]:
    grouped: dict[tuple[str, str], list[Trade]] = {}
    for trade in tally.trades:
        name = key(trade), tally.market(trade.symbol).quote
        grouped.setdefault(name, []).append(trade)
    return [_group(*name, trades) for name, trades in grouped.items()]


def _group(name: str, currency: str, trades: Sequence[Trade]) -> Group:
    many = len(trades)
    wins = sum(trade.profit_quote > 0 for trade in trades)
    profit = sum((trade.profit_quote for trade in trades), ZERO)
    return Group(
        name=name,
        currency=currency,
        trades=many,
        wins=wins,
        losses=sum(trade.profit_quote < 0 for trade in trades),
        win_rate=Decimal(wins) / many,
        profit=profit,
        average=profit / many,
        average_ratio=sum((trade.profit_ratio for trade in trades), ZERO) / many,
        average_duration_ms=sum(trade.closed_ms - trade.opened_ms for trade in trades)
        // many,
    )


def _open(tally: Tally) -> Iterable[Open]:
    for position in tally.state.positions.values():
        if not position.bought:
            continue
        yield Open(
            position_id=position.id,
            symbol=position.symbol,
            currency=tally.market(position.symbol).quote,
            rule=position.rule,
            opened_ms=position.opened_ms,
            held=position.held,
            entry_price=position.entry_price,
            cost=position.unit_cost * position.held,
            leaving=position.leaving,
        )


def _dust(tally: Tally) -> Iterable[Dust]:
    symbols: dict[str, list[Decimal]] = {}
    for trade in tally.trades:
        if trade.dust > 0:
            symbols.setdefault(trade.symbol, []).append(trade.dust)
    for symbol, amounts in symbols.items():
        base = tally.market(symbol).base
        total = sum(amounts, ZERO)
        yield Dust(symbol=symbol, base=base, positions=len(amounts), amount=total)


def _proposed(journal: Journal) -> int:
    fired = journal.decisions(section="entry", verdict=Verdict.FIRED)
    return sum(1 for _ in fired)


def _declines(
    journal: Journal, tally: Tally
) -> tuple[tuple[Decline, ...], tuple[Decline, ...]]:
    wanted = (("entry", tally.entries_declined), ("exit", tally.exits_declined))
    found = []
    for name, counted in wanted:
        total = sum(counted.values())
        lines = []
        for by, times in counted.most_common():
            what, place = _told(journal, by)
            lines.append(
                Decline(
                    by=by,
                    what=what,
                    place=place,
                    wanted=name,
                    times=times,
                    share=Decimal(times) / total,
                )
            )
        found.append(tuple(lines))
    return found[0], found[1]


def _told(journal: Journal, by: str) -> tuple[str, str]:
    """Return what a rule or plugin that declines is, and its ``file:line``."""
    if by == NOT_KNOWN:
        return "input", ""
    for section, what in _SECTIONS:
        for recorded in journal.decisions(section=section, rule=by):
            decision = recorded.decision
            if section == "entry":
                if not decision.place:
                    break  # a stop, told under the name of its error rule
                itself = decision.effect.get("entry", by) == by
                return ("entry" if itself else what), decision.place
            return what, decision.place
    return "error", ""


def _errors(journal: Journal, tally: Tally) -> Iterable[Fault]:
    for (rule, error), times in tally.errors.most_common():
        place = _told(journal, rule)[1] if rule else ""
        yield Fault(rule=rule, place=place, error=error, times=times)


def _turns(tally: Tally) -> Iterable[Turn]:
    for turned in tally.tunings:
        yield Turn(
            at_ms=turned.at_ms,
            param=turned.param,
            old=turned.old,
            new=turned.new,
            rule=turned.rule,
            why=turned.why,
            back=turned.back,
        )


def _stops(tally: Tally) -> Iterable[Stop]:
    for one in tally.stops:
        yield Stop(
            at_ms=one.at_ms, symbol=one.symbol, until_ms=one.until_ms, why=one.why
        )


def _learned(tally: Tally, until_ms: int) -> Iterable[Lesson]:
    for lesson in tally.state.learned.values():
        if lesson.expires_ms > until_ms:
            yield Lesson(
                at_ms=lesson.at_ms,
                what=lesson.what,
                symbol=lesson.symbol,
                value=lesson.value,
                expires_ms=lesson.expires_ms,
                why=lesson.why,
            )


def _plugin_faults(tally: Tally) -> Iterable[PluginTrouble]:
    for (plugin, where), times in tally.faults.most_common():
        last = tally.last_faults[plugin, where]
        yield PluginTrouble(
            plugin=plugin, where=where, error=last.error, times=times, off=last.off
        )


def _no_trade(tally: Tally, proposed: int, why_not: Sequence[Decline]) -> str:
    """Return why a run has no closed trade."""
    entries = tally.sent[Purpose.ENTRY]
    if any(position.bought for position in tally.state.positions.values()):
        return "No trade is closed yet; what was bought is still open."
    if entries:
        refused = f", {tally.refused} of all orders refused" if tally.refused else ""
        sent = text.plural(entries, "entry", "entries")
        return f"{sent} sent, nothing was bought{refused}."
    if tally.held_back:
        held_back = text.plural(tally.held_back, "order")
        return f"No order was sent: {held_back} had to be held back on this side."
    if why_not:
        top = "; ".join(
            f"{one.by} ({text.plural(one.times, 'time')})" for one in why_not[:3]
        )
        wanted = f"{text.plural(proposed, 'entry', 'entries')} proposed, " * bool(
            proposed
        )
        return f"No order was sent: {wanted}all were declined, most often by {top}."
    return (
        "No order was sent and nothing was declined: at no candle did the market part "
        "of an entry rule hold."
    )
