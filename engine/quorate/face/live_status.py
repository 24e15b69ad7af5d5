"""What a live run shows while it trades: a page on a terminal, lines otherwise.

The page is drawn from a thread of rich's at a fixed rate, from what the driver holds;
it never asks anything and the run never waits for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from quorate.contract.decisions import Decision, Verdict
from quorate.drivers.live import LiveDriver, Note
from quorate.drivers.secrecy import redact
from quorate.face import text
from quorate.face.live_decisions import decision_line
from quorate.face.live_words import order_line, status_word
from quorate.flow.state import State
from quorate.values.mode import Mode
from quorate.values.numbers import ONE, exact
from quorate.values.rates import RateCounter, RateLimits
from quorate.values.trade import Position

TIMES_A_SECOND = 4
_ROWS = 8
_TROUBLE = 60
"""How many characters of a stream's trouble stand in the head, which is one line."""

_STREAMS = ("market", "orders")
_STYLES = {"info": "", "warning": "yellow", "alarm": "bold red"}
_MODES = {Mode.ACTIVE: "green", Mode.REDUCE_ONLY: "yellow", Mode.HALTED: "bold red"}

_COUNTED = {"rest": "queries"}
"""What an assistant's rate counters count, when it is not the orders of a symbol."""

_QUIET = (Verdict.PASSED,)
"""Decisions that are not worth a line of their own: each order has several."""

Echo = Callable[[str], None]


@dataclass(slots=True)
class LiveStatus:
    """The page of one run; ``driver`` is there once the run has started."""

    title: str
    console: Console
    driver: LiveDriver | None = None
    notes: list[Note] = field(default_factory=list)
    _live: Live | None = None

    def note(self, note: Note) -> None:
        """Keep a note for the page."""
        self.notes = [*self.notes, note][-_ROWS:]

    def started(self, driver: LiveDriver) -> None:
        """Begin to show a run."""
        self.driver = driver

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the page while the body runs, and its last state afterwards."""
        with Live(
            get_renderable=self.page,
            console=self.console,
            refresh_per_second=TIMES_A_SECOND,
            redirect_stdout=False,
            redirect_stderr=True,
        ) as self._live:
            yield

    def hide(self) -> None:
        """Draw no more, and give the terminal back."""
        if self._live is not None:
            self._live.stop()

    def page(self) -> Group:
        """Return what is shown now."""
        try:
            parts = list(self._parts())
        except RuntimeError:  # the state changed while it was read: the next is due
            parts = [Text(self.title)]
        return Group(*parts)

    def _parts(self) -> Iterator[Text | Table]:
        driver = self.driver
        if driver is None:
            yield Text(f"{self.title}: comparing with the exchange ...")
            yield from self._notes()
            return
        state = driver.flow.state
        yield self._head(driver, state)
        yield from self._positions(driver, state)
        yield from self._orders(state)
        yield from _counters(state, driver.now_ms())
        yield from self._decisions(driver)
        yield from self._notes()

    def _head(self, driver: LiveDriver, state: State) -> Text:
        head = Text(f"{self.title}  ", no_wrap=True, overflow="ellipsis")
        head.append(str(state.mode), style=_MODES[state.mode])
        if state.mode is not Mode.ACTIVE:
            head.append(f" ({state.mode_why})")
        head.append(f"  {text.moment(driver.now_ms() // 1000 * 1000)}")
        for name in _STREAMS:
            trouble = driver.streams.get(name, "not yet")
            style = "yellow" if trouble else "green"
            head.append(f"  {name} {_in_short(trouble) or 'ok'}", style=style)
        head.append("  (Ctrl-C leaves in order)", style="dim")
        return head

    def _positions(self, driver: LiveDriver, state: State) -> Iterator[Table]:
        held = [one for one in list(state.positions.values()) if one.bought]
        if held:
            headings = ("position", "symbol", "held", "entry", "price", "net", "age")
            table = _table(headings, left=2)
            for position in held[:_ROWS]:
                table.add_row(*_position_row(position, driver, state))
            if len(held) > _ROWS:
                table.caption = f"and {len(held) - _ROWS} more"
            yield table

    def _orders(self, state: State) -> Iterator[Table]:
        live = list(state.live.values())
        if live:
            table = _table(("open orders", "status"), left=2)
            for order in live[-_ROWS:]:
                table.add_row(order_line(order), status_word(order))
            yield table

    def _decisions(self, driver: LiveDriver) -> Iterator[Text]:
        recent = [one for one in list(driver.recent) if one.verdict not in _QUIET]
        for decision in recent[-_ROWS:]:
            yield Text(redact(decision_line(decision)), style="dim")

    def _notes(self) -> Iterator[Text]:
        for note in self.notes:
            yield Text(redact(note_line(note)), style=_STYLES.get(note.level, ""))


@dataclass(slots=True)
class LiveLines:
    """A plain line for each note, decision and order, when there is no terminal."""

    echo: Echo
    driver: LiveDriver | None = None
    _told: Decision | None = None
    _statuses: dict[str, str] = field(default_factory=dict)
    _over: frozenset[str] = frozenset()

    def note(self, note: Note) -> None:
        """Print a note, after what came before it."""
        self.tell()
        self._print(note_line(note))

    def started(self, driver: LiveDriver) -> None:
        """Begin to print what a run does."""
        self.driver = driver
        state = driver.flow.state
        self._over = frozenset(state.finished)
        self._print(f"{text.moment(driver.now_ms())} started, mode {state.mode}")

    def tell(self) -> None:
        """Print what is new since the last call."""
        driver = self.driver
        if driver is None:
            return
        for decision in self._new(list(driver.recent)):
            if decision.verdict not in _QUIET:
                self._print(decision_line(decision))
        self._tell_orders(driver, driver.flow.state)

    def _tell_orders(self, driver: LiveDriver, state: State) -> None:
        """Print orders that have moved on, those that are over at last."""
        now = text.moment(driver.now_ms())
        for client_id, order in list(state.finished.items()):
            if client_id not in self._over:
                told = order.end_reason or "; ".join(order.errors) or order.status
                self._print(f"{now} {order_line(order)}: {told}")
        self._over = frozenset(state.finished)
        before, self._statuses = self._statuses, {}
        for client_id, order in list(state.live.items()):
            status = f"{order.status} {order.filled}"
            self._statuses[client_id] = status
            if before.get(client_id) != status:
                self._print(f"{now} {order_line(order)}: {status_word(order)}")

    def _new(self, recent: list[Decision]) -> list[Decision]:
        """Return the decisions after the last one that was printed."""
        for place in range(len(recent) - 1, -1, -1):
            if recent[place] is self._told:
                recent = recent[place + 1 :]
                break
        if recent:
            self._told = recent[-1]
        return recent

    def _print(self, line: str) -> None:
        self.echo(redact(line))


class LogToNotes(logging.Handler):
    """Shows what is logged as notes, so that it does not tear the page."""

    def __init__(self, note: Callable[[Note], None], now_ms: Callable[[], int]) -> None:
        super().__init__()
        self._note, self._now_ms = note, now_ms

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record; its name is logging's."""
        level = "alarm" if record.levelno >= logging.ERROR else "warning"
        first = self.format(record).partition("\n")[0]
        self._note(Note(self._now_ms(), level, first))


def note_line(note: Note) -> str:
    """Return a note as one line."""
    level = "" if note.level == "info" else f"{note.level}: "
    return f"{text.moment(note.at_ms)} {level}{note.text}"


def _in_short(trouble: str) -> str:
    """Return the beginning of what a stream complains of; a note has all of it."""
    first = trouble.partition("\n")[0]
    return first if len(first) <= _TROUBLE else f"{first[:_TROUBLE].rstrip()} ..."


def _late(driver: LiveDriver, symbol: str) -> bool:
    """Return whether a price may not be that of now; untraded symbols have one too."""
    lane = driver.view.lanes[symbol]
    return lane.interrupted or bool(driver.streams.get("market"))


def _position_row(
    position: Position, driver: LiveDriver, state: State
) -> tuple[str | Text, ...]:
    price = driver.view.price(position.symbol)
    net = shown = "-"
    if price is not None:
        shown = text.price(exact(price))
    if price is not None and position.held:
        fee = state.markets[position.symbol].taker_fee
        ratio = exact(price) * (ONE - fee) / position.unit_cost - 1
        net = text.percent(ratio, signed=True)
    late = price is not None and _late(driver, position.symbol)
    style = "dim" if late else ""
    return (
        position.id,
        position.symbol
        + (f" leaving ({position.leaving})" if position.leaving else ""),
        text.price(position.held),
        text.price(position.entry_price),
        Text(f"{shown} (stale)" if late else shown, style),
        Text(net, style),
        text.duration(driver.now_ms() - position.opened_ms),
    )


def _counters(state: State, now_ms: int) -> Iterator[Text]:
    """Yield how full the rate counters are, as an assistant remembers them."""
    limits: RateLimits | None = state.limits
    if limits is None:
        return
    counters = [
        (name, counter)
        for memory in list(state.memories.values())
        for name, counter in _found_counters(memory)
    ]
    parts = []
    for name, counter in counters[:_ROWS]:
        what = _COUNTED.get(name, f"orders in {name}")
        most = limits.rest_limit if name in _COUNTED else limits.order_limit
        parts.append(f"{what} {text.number(counter.read(now_ms))} of {most}")
    if parts:
        yield Text(f"rate limits used: {', '.join(parts)} points", style="dim")


def _found_counters(memory: Mapping[str, object]) -> Iterator[tuple[str, RateCounter]]:
    for name, kept in list(memory.items()):
        if isinstance(kept, RateCounter):
            yield name, kept
        elif isinstance(kept, dict):
            for inner, counter in list(kept.items()):
                if isinstance(counter, RateCounter):
                    yield str(inner), counter


def _table(headings: tuple[str, ...], left: int) -> Table:
    table = Table(box=None, pad_edge=False)
    for place, heading in enumerate(headings):
        table.add_column(
            heading,
            justify="left" if place < left else "right",
            header_style="bold",
            no_wrap=True,
        )
    return table
