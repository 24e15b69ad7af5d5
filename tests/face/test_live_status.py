"""What is shown of a live run: the page, and the lines without a terminal."""

import logging
from collections.abc import Iterable
from importlib import import_module
from io import StringIO
from typing import Any, cast

import pytest
from rich.console import Console

from quorate.contract.decisions import Verdict
from quorate.contract.live import Gap, Keys, Tick
from quorate.contract.records import Accepted, Ended, ModeSet, Record, Refused
from quorate.drivers.clock import LiveClock
from quorate.drivers.live import LiveDriver, Note
from quorate.drivers.secrecy import HIDDEN, hide
from quorate.face.live_status import LiveLines, LiveStatus, LogToNotes
from quorate.face.workspace import Workspace
from quorate.host.host import Host
from quorate.values.mode import Mode

by_hand = import_module("by_hand")
AT = by_hand.T0 + by_hand.MINUTE


@pytest.fixture
def driver(workspace: Workspace, host: Host) -> LiveDriver:
    """A driver that holds a position, with an order that rests."""
    made = LiveDriver(
        rulebook=workspace.rulebook(host),
        host=host,
        venue=cast("Any", None),
        clock=LiveClock(AT + 90_000, read=lambda: 0.0),
        write=lambda outcome, bars: None,
        on_note=lambda note: None,
    )
    apply(
        made,
        by_hand.started("BTC/USD", "ETH/USD"),
        by_hand.intended(1, AT),
        Accepted(at_ms=AT, client_id="hand-1", venue_id="v1"),
        by_hand.filled(1, AT, "0.01", "10000", "0.4"),
        Ended(at_ms=AT, client_id="hand-1", reason="filled"),
        by_hand.intended(2, AT, position_id="p2", symbol="ETH/USD"),
    )
    for symbol in ("BTC/USD", "ETH/USD"):
        made.add_symbol(symbol)
    tick = Tick(at_ms=AT, symbol="BTC/USD", last=10_200.0, bid=10_199.0, ask=10_201.0)
    made.tell(tick)
    made.streams.update(orders="silent for 31s")
    return made


def apply(driver: LiveDriver, *records: Record) -> None:
    for record in records:
        driver.flow.state.apply(record)


def decided(verdict: Verdict, rule: str) -> Any:
    return by_hand.decided(AT, "entry", rule, verdict, effect={"amount": by_hand.D(1)})


def drawn(status: LiveStatus) -> str:
    console = Console(file=StringIO(), width=160)
    console.print(status.page())
    return cast("StringIO", console.file).getvalue()


def page_of(driver: LiveDriver, notes: Iterable[Note] = ()) -> str:
    status = LiveStatus("live at someplace", Console(file=StringIO()))
    status.started(driver)
    for note in notes:
        status.note(note)
    return drawn(status)


def test_the_page_says_that_it_begins() -> None:
    status = LiveStatus("live at someplace", Console(file=StringIO()))
    status.note(Note(AT, "warning", "order o-1: the exchange says otherwise"))
    shown = drawn(status)
    assert "comparing with the exchange" in shown
    assert "order o-1" in shown


def test_the_page_shows_mode_clock_streams_positions_and_orders(
    driver: LiveDriver,
) -> None:
    shown = page_of(driver)
    assert "active" in shown
    assert "2022-01-05T00:02:30Z" in shown
    assert "market ok" in shown
    assert "orders silent for 31s" in shown
    # 10,200 less the taker's 0.4% is 10,159.2; 10,040 was paid with the fee.
    row = next(line for line in shown.splitlines() if line.startswith("p1"))
    assert " ".join(row.split()) == "p1 BTC/USD 0.01 10,000 10,200 +1.19% 1m 30s"
    assert "hand-2 buy 0.01 ETH/USD at 10,100 (entry)" in shown
    assert "\np2 " not in shown  # nothing was bought for it yet


def test_the_page_marks_prices_that_may_be_late(driver: LiveDriver) -> None:
    why = f"no connection: {'x' * 200}"
    driver.tell(Gap(stream="market", over=False, why=why))
    shown = page_of(driver, driver.notes)
    assert "10,200 (stale)" in shown
    head = shown.splitlines()[0]
    assert f"market {why[:60]} ..." in head
    assert "Ctrl-C" not in shown.splitlines()[1]  # one line


def test_the_page_says_why_nothing_is_sent(driver: LiveDriver) -> None:
    apply(driver, ModeSet(at_ms=AT, mode=Mode.HALTED, why="kill-drawdown"))
    assert "halted (kill-drawdown)" in page_of(driver)


def test_the_page_shows_decisions_that_say_something(driver: LiveDriver) -> None:
    driver.recent.extend(
        [decided(Verdict.PASSED, "rate-limit"), decided(Verdict.DECLINED, "cool-down")]
    )
    shown = page_of(driver)
    assert "entry cool-down: declined (1 BTC)" in shown
    assert "rate-limit" not in shown


def test_the_page_does_not_grow_without_end(driver: LiveDriver) -> None:
    records = (
        by_hand.intended(number, AT, position_id=f"p{number}")
        for number in range(3, 60)
    )
    apply(driver, *records)
    notes = [Note(AT, "info", f"note {number}") for number in range(99)]
    driver.recent.extend(decided(Verdict.FIRED, "quorum") for _ in range(99))
    shown = page_of(driver, notes)
    assert len(shown.splitlines()) < 40
    assert "note 98" in shown


def test_what_is_shown_holds_no_key(driver: LiveDriver) -> None:
    hide(Keys("a-key-of-this-test", "a-secret-of-this-test"))
    notes = [Note(AT, "alarm", "refused: a-key-of-this-test")]
    assert HIDDEN in page_of(driver, notes)
    lines: list[str] = []
    shown = LiveLines(lines.append)
    shown.note(notes[0])
    assert lines == [f"2022-01-05T00:01Z alarm: refused: {HIDDEN}"]


def test_lines_tell_each_thing_once(driver: LiveDriver) -> None:
    lines: list[str] = []
    shown = LiveLines(lines.append)
    shown.tell()
    assert lines == []
    shown.started(driver)
    driver.recent.append(decided(Verdict.FIRED, "quorum"))
    driver.recent.append(decided(Verdict.PASSED, "rate-limit"))
    for _ in range(2):
        shown.tell()
    assert [line.split(" ", 1)[1] for line in lines] == [
        "started, mode active",
        "BTC/USD entry quorum: fired (1 BTC)",
        "hand-2 buy 0.01 ETH/USD at 10,100 (entry): on its way",
    ]


def test_lines_follow_an_order_to_its_end(driver: LiveDriver) -> None:
    lines: list[str] = []
    shown = LiveLines(lines.append)
    shown.started(driver)
    shown.tell()
    apply(driver, Accepted(at_ms=AT, client_id="hand-2", venue_id="v2"))
    shown.tell()
    apply(driver, by_hand.intended(3, AT, position_id="p3"))
    shown.tell()
    apply(driver, Ended(at_ms=AT, client_id="hand-2", reason="expired"))
    apply(driver, Refused(at_ms=AT, client_id="hand-3", errors=("EOrder:Odd",)))
    shown.tell()
    shown.tell()
    assert [line.rpartition(": ")[2] for line in lines[2:]] == [
        "open",
        "on its way",
        "expired",
        "EOrder:Odd",
    ]


def test_an_order_that_is_over_at_once_is_told(driver: LiveDriver) -> None:
    lines: list[str] = []
    shown = LiveLines(lines.append)
    shown.started(driver)
    shown.tell()
    apply(driver, by_hand.intended(3, AT, position_id="p3"))
    apply(driver, by_hand.filled(3, AT, "0.01", "10000", "0.4"))
    apply(driver, Ended(at_ms=AT, client_id="hand-3", reason="filled"))
    shown.tell()
    shown.tell()
    told = "hand-3 buy 0.01 BTC/USD at 10,100 (entry, 0.01 filled): filled"
    assert [line.split(" ", 1)[1] for line in lines[2:]] == [told]


def test_lines_go_on_when_the_driver_forgets_old_decisions(driver: LiveDriver) -> None:
    lines: list[str] = []
    shown = LiveLines(lines.append)
    shown.started(driver)
    for number in range(200):
        driver.recent.append(decided(Verdict.FIRED, f"rule-{number}"))
        shown.tell()
    assert sum("rule-" in line for line in lines) == 200


def test_what_is_logged_becomes_a_note() -> None:
    notes: list[Note] = []
    handler = LogToNotes(notes.append, lambda: AT)
    log = logging.Logger("any")
    log.addHandler(handler)
    log.warning("careful")
    log.error("broken\nin detail")
    assert notes == [Note(AT, "warning", "careful"), Note(AT, "alarm", "broken")]
