from __future__ import annotations

import io
import json
from collections.abc import Iterable
from decimal import Decimal
from importlib import import_module

import pytest
from rich.console import Console

from quorate.contract.decisions import Verdict
from quorate.contract.records import (
    Closed,
    Declined,
    Ended,
    Filled,
    Intended,
    Record,
    Refused,
    Stopped,
)
from quorate.errors import QuorateError
from quorate.face.report import Report, as_dict, measure, show_report
from quorate.journal.journal import Journal
from quorate.values.trade import Purpose, Trade

by_hand = import_module("by_hand")
D = Decimal


def shown(report: Report, **console: object) -> str:
    out = io.StringIO()
    show_report(report, Console(file=out, width=140, **console))  # type: ignore[arg-type]
    return out.getvalue()


def trades(records: Iterable[Record]) -> list[Trade]:
    return [record.trade for record in records if isinstance(record, Closed)]


@pytest.fixture(scope="module")
def report(ran: Journal) -> Report:
    return measure(ran, by="day")


def test_profits_and_fees_are_the_sums_of_the_records(
    ran: Journal, report: Report
) -> None:
    records = list(ran.records())
    closed = trades(records)
    (result,) = report.results
    assert len(closed) == result.trades > 10
    assert result.profit == sum(trade.profit_quote for trade in closed)
    assert result.wins == sum(trade.profit_quote > 0 for trade in closed)
    assert result.fees == sum(
        record.fill.fee for record in records if isinstance(record, Filled)
    )
    assert result.best == max(trade.profit_quote for trade in closed)
    assert result.worst == min(trade.profit_quote for trade in closed)


def test_final_balance_is_what_was_there_and_what_came_of_it(
    ran: Journal, report: Report
) -> None:
    (result,) = report.results
    cash = result.start
    sides = {}
    for record in ran.records():
        if isinstance(record, Intended):
            sides[record.intent.client_id] = record.intent.side
        if isinstance(record, Filled):
            cost = record.fill.cost_quote
            buying = sides[record.client_id] == "buy"
            cash += (-cost if buying else cost) - record.fill.fee
    assert result.final == cash + sum(position.cost for position in report.open)
    assert abs(result.final - result.start - result.profit) < D("0.01")


def test_orders_are_counted_as_the_records_have_them(
    ran: Journal, report: Report
) -> None:
    records = list(ran.records())
    sent = [record.intent for record in records if isinstance(record, Intended)]
    orders = report.orders
    assert orders.sent == len(sent) == orders.accepted + orders.refused
    assert orders.entries == sum(one.purpose is Purpose.ENTRY for one in sent)
    over = sum(isinstance(record, Ended | Refused) for record in records)
    assert orders.live == orders.sent - over
    assert orders.fill_rate is not None
    assert 0 < orders.fill_rate <= 1


def test_every_table_adds_up_to_all_trades(report: Report) -> None:
    (result,) = report.results
    tables = (report.by_exit, report.by_entry, report.by_symbol, report.by_period)
    for table in tables:
        assert sum(group.trades for group in table) == result.trades
        assert sum(group.profit for group in table) == result.profit
        assert sum(group.wins for group in table) == result.wins


def test_declines_are_counted_with_the_place_of_their_rule(
    ran: Journal, report: Report
) -> None:
    declined = [
        record
        for record in ran.records()
        if isinstance(record, Declined) and not record.position_id
    ]
    assert sum(reason.times for reason in report.why_not) == len(declined)
    assert sum(reason.share for reason in report.why_not) == pytest.approx(D(1))
    first = report.why_not[0]
    assert first.what == "veto"
    assert first.place.startswith("rules/votes.yaml:")


def test_the_proposed_entries_are_counted(ran: Journal, report: Report) -> None:
    fired = list(ran.decisions(section="entry", verdict=Verdict.FIRED))
    assert report.proposed == len(fired)


def test_json_holds_the_figures_that_the_tables_show(report: Report) -> None:
    plain = json.loads(json.dumps(as_dict(report), allow_nan=False))
    (result,) = report.results
    assert plain["results"][0]["profit"] == float(result.profit)
    assert plain["run"]["from"] == "2022-01-05T00:00Z"
    page = shown(report)
    assert f"{result.profit:+,.2f} USD" in page
    assert f"{plain['results'][0]['final']:,.2f} USD" in page
    assert f"{plain['orders']['sent']}: " in page


def test_there_is_no_colour_but_on_a_terminal(report: Report) -> None:
    assert "\x1b" not in shown(report)
    assert "\x1b" in shown(report, force_terminal=True, color_system="standard")


def test_drawdown_is_that_of_the_realised_balance(ran: Journal, report: Report) -> None:
    (result,) = report.results
    balances = [result.start]
    for trade in trades(ran.records()):
        balances.append(balances[-1] + trade.profit_quote)
    falls = [max(balances[: at + 1]) - now for at, now in enumerate(balances)]
    assert result.drawdown == max(falls)


def test_a_run_without_trades_says_so_and_divides_by_nothing() -> None:
    report = measure(by_hand.written([by_hand.started()]))
    (result,) = report.results
    assert result.win_rate is result.profit_factor is result.average is None
    assert report.orders.fill_rate is None
    assert "at no candle did the market part" in shown(report)
    json.dumps(as_dict(report), allow_nan=False)


def test_a_run_that_declined_everything_says_what_declined() -> None:
    at_ms = by_hand.T0 + 1
    journal = by_hand.written(
        [
            by_hand.started(),
            Declined(at_ms=at_ms, symbol="BTC/USD", rule="quorum", by="portfolio"),
        ],
        [by_hand.decided(at_ms, "checks", "portfolio", Verdict.REFUSED)],
    )
    report = measure(journal)
    assert "all were declined, most often by portfolio (1 time)" in report.no_trade
    assert report.why_not[0].what == "check"
    assert report.why_not[0].place == "rules/checks.yaml:7"


def test_a_refusal_a_retry_and_a_partial_exit_are_counted() -> None:
    report = measure(by_hand.odd())
    orders = report.orders
    assert (orders.sent, orders.accepted, orders.refused) == (4, 3, 1)
    assert orders.attempts == D(4) / 3
    assert orders.most_attempts == 2
    assert orders.entry_slippage.average == D("0.01")
    assert orders.exit_slippage.orders == 2
    assert orders.exit_slippage.worst == D("0.011")
    by_quote = {result.currency: result for result in report.results}
    assert by_quote["USD"].losses_in_row == 1
    assert by_quote["USD"].profit_factor == 0
    assert by_quote["USD"].expectancy_ratio == -1


def test_an_order_that_never_left_is_not_counted_as_sent() -> None:
    at_ms = by_hand.T0 + by_hand.MINUTE
    late = Refused(
        at_ms=at_ms, client_id="hand-1", errors=("not sent: its deadline had passed",)
    )
    never = Ended(at_ms=at_ms, client_id="hand-3", reason="not_placed")
    refused = Refused(at_ms=at_ms, client_id="hand-2", errors=("EOrder:Odd",))
    intents = [by_hand.intended(number, at_ms) for number in (1, 2, 3)]
    report = measure(
        by_hand.written([by_hand.started(), *intents, late, refused, never])
    )
    orders = report.orders
    assert (orders.sent, orders.entries, orders.accepted) == (2, 2, 0)
    assert (orders.refused, orders.not_sent, orders.unanswered) == (1, 1, 1)
    assert orders.attempts == 1
    assert "1 refused, 1 without an answer; 1 not sent" in shown(report)
    alone = measure(by_hand.written([by_hand.started(), intents[0], late]))
    assert "1 order had to be held back" in alone.no_trade
    assert "0 accepted, 0 refused; 1 not sent" in shown(alone)


def test_the_odd_tables_read_well() -> None:
    report = measure(by_hand.odd())
    page = shown(report)
    assert report.dust[0].amount == D("0.001")
    assert "no rule matches" in page
    assert "false -> true" in page
    assert "[odd]" in page
    assert [lesson.symbol for lesson in report.learned] == ["BTC/USD"]
    assert report.plugin_faults[0].times == 2
    assert report.plugin_faults[0].off
    assert [(one.by, one.what) for one in report.why_not] == [
        ("cool-down", "veto"),
        ("night-watch", "plugin"),
    ]
    assert report.exits_declined[0].by == "night-watch"


def test_a_stop_is_told_as_an_error_rule() -> None:
    at_ms = by_hand.T0 + 1
    stop = Stopped(at_ms=at_ms, symbol="*", until_ms=at_ms + 1000, why="lockout")
    kept_out = Declined(at_ms=at_ms, symbol="BTC/USD", rule="quorum", by="lockout")
    report = measure(by_hand.written([by_hand.started(), stop, kept_out]))
    assert report.why_not[0].what == "error"


def test_an_open_position_is_valued_at_cost() -> None:
    at_ms = by_hand.T0 + 1
    journal = by_hand.written(
        [
            by_hand.started(),
            by_hand.intended(1, at_ms),
            by_hand.filled(1, at_ms, "0.01", "10000", "0.4"),
        ]
    )
    report = measure(journal)
    (result,) = report.results
    assert result.at_cost == D("100.4")
    assert result.final == result.start
    assert "still open" in report.no_trade


def test_an_empty_journal_and_an_unknown_period_are_refused() -> None:
    with pytest.raises(QuorateError, match="holds no run yet"):
        measure(Journal.create(None))
    with pytest.raises(QuorateError, match="day, week, month"):
        measure(by_hand.odd(), by="year")
