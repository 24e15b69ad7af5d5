"""Read the tapes of a test file: a few candles, and what a run over them comes to.

A tape is run by the engine's own driver against the paper venue, above this layer; here
it is read and held to what can be given and expected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from quorate.contract.vocabulary import AMOUNT, DURATION, MONEY, PRICE, Kind, Unit
from quorate.rulebook.diagnostics import Span
from quorate.rulebook.literals import read_quantity, resolved
from quorate.rulebook.nodes import Path
from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.text import Document
from quorate.trials.book import NONE, Case, RuleTest, Slot, Tape, Written
from quorate.trials.quantities import Misread, read
from quorate.trials.series import read_series
from quorate.trials.slots import of_param
from quorate.values.timeframes import MINUTE_MS, is_timeframe
from quorate.values.trade import OrderType, Purpose, Side, TimeInForce

SECTION = "tapes"
START_MS = 1_736_121_600_000
"""When a tape begins that does not say it: Monday 2025-01-06 00:00 UTC."""

PRICES = ("open", "high", "low", "close")
ENDS = ("filled", "cancelled", "expired", "refused", "open")
"""What became of an order; ``open``: nothing yet, at the end of the tape."""

Complain = Callable[[str, str, Span, str], None]
"""Note a problem: code, message, place, advice."""


def _words(values: Sequence[str]) -> Slot:
    return Slot(kind=Kind.TEXT, values=tuple(values))


_TEXT, _TIME = Slot(kind=Kind.TEXT), Slot(unit=DURATION)
ORDER: Mapping[str, Slot] = {
    "at": _TIME,
    "rule": _TEXT,
    "side": _words(list(Side)),
    "purpose": _words(list(Purpose)),
    "type": _words(list(OrderType)),
    "time_in_force": _words(list(TimeInForce)),
    "amount": Slot(unit=AMOUNT),
    "limit_price": Slot(unit=PRICE),
    "filled": Slot(unit=AMOUNT),
    "price": Slot(unit=PRICE),
    "ends": _words(ENDS),
}
"""What can be expected of one order; ``price`` is the mean price of its fills."""

TRADE: Mapping[str, Slot] = {
    "at": _TIME,
    "entry": _TEXT,
    "exit": _TEXT,
    "amount": Slot(unit=AMOUNT),
    "net_profit": Slot(),
    "profit": Slot(unit=MONEY),
}
"""What can be expected of one closed position, ``net_profit`` as a ratio."""

LISTS: Mapping[str, Mapping[str, Slot]] = {"orders": ORDER, "trades": TRADE}


def outcome_slots(rulebook: Rulebook) -> dict[str, Slot]:
    """Return what can be expected of a whole run, besides its orders and trades."""
    acting = [rule.id for rule in (*rulebook.entry, *rulebook.exits)]
    errors = [rule.id for rule in rulebook.errors]
    return {
        "fires": Slot(kind=Kind.TEXT, values=tuple(acting), many=True),
        "errors": Slot(kind=Kind.TEXT, values=(*errors, NONE), many=True),
        "order_count": Slot(low=Decimal(0)),
        "trade_count": Slot(low=Decimal(0)),
        "open_positions": Slot(low=Decimal(0)),
        "profit": Slot(unit=MONEY),
    }


@dataclass(frozen=True, slots=True)
class TapeReader:
    """Reads the tapes of one document of the right shape."""

    document: Document
    rulebook: Rulebook
    complain: Complain
    unknown: Callable[[str, Path, Mapping[str, Any], str], None]

    def test(self, item: Mapping[str, Any], path: Path) -> RuleTest | None:
        """Return one tape as a test; None when its candles cannot be read."""
        place = self.document.span((*path, "name"))
        tape = self._tape(item, path)
        expected = dict(self._expected(item.get("expect", {}), (*path, "expect")))
        if tape is None:
            return None
        case = Case(row=0, place=place, given={}, expected=expected)
        return RuleTest(
            name=item["name"], section=SECTION, place=place, cases=(case,), tape=tape
        )

    def _tape(self, item: Mapping[str, Any], path: Path) -> Tape | None:
        columns = {
            name: self._series(str(item[name]), (*path, name), PRICE)
            for name in PRICES
            if name in item
        }
        if "volume" in item:
            columns["volume"] = self._series(
                str(item["volume"]), (*path, "volume"), AMOUNT
            )
        lengths = {name: len(column) for name, column in columns.items()}
        if not all(lengths.values()):
            return None
        for name, length in lengths.items():
            if length != lengths["close"]:
                message = f"`{name}` has {length} values, `close` {lengths['close']}"
                self.complain("T507", message, self.document.span((*path, name)), "")
        return Tape(
            symbol=item.get("symbol", "BTC/USD"),
            start_ms=self._start(item, path),
            every_ms=self._every(item, path),
            columns=columns,
            settings=tuple(self._settings(item.get("given", {}), (*path, "given"))),
            venue=resolved(item.get("venue", {})),
        )

    def _series(self, text: str, path: Path, unit: Unit) -> tuple[Decimal | None, ...]:
        try:
            values = read_series(text, unit)
        except ValueError as error:
            self.complain("T507", str(error), self.document.span(path), "")
            return ()
        least = 0 if unit == AMOUNT else Decimal("1e-12")
        if values[0] is None or any(one is not None and one < least for one in values):
            message = f"`{path[-1]}` must begin with a value, and stay above 0"
            self.complain("T503", message, self.document.span(path), "")
        return values

    def _start(self, item: Mapping[str, Any], path: Path) -> int:
        text = item.get("start")
        if text is None:
            return START_MS
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = datetime.fromtimestamp(0, UTC)
        at_ms = int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)
        if at_ms <= 0 or at_ms % MINUTE_MS:
            message = f"`start` must be a whole minute, was {text!r}"
            span = self.document.span((*path, "start"))
            self.complain("T502", message, span, "write '2025-03-03T09:30Z', in UTC")
        return at_ms

    def _every(self, item: Mapping[str, Any], path: Path) -> int:
        text = item.get("every", "1m")
        quantity = read_quantity(text)
        if quantity is not None and quantity[1] == DURATION:
            every_ms = int(quantity[0])
            if every_ms == quantity[0] and is_timeframe(every_ms):
                return every_ms
        message = f"`every` must be a timeframe such as 1m or 15m, was {text}"
        self.complain("T502", message, self.document.span((*path, "every")), "")
        return MINUTE_MS

    def _settings(
        self, given: Mapping[str, Any], path: Path
    ) -> Iterator[tuple[str, str]]:
        params = self.rulebook.params.by_name
        for name, raw in given.items():
            if name not in params:
                self.unknown(name, (*path, name), params, "a tape can give")
            elif self._read(raw, (*path, name), name, of_param(params[name])):
                text = str(raw).lower() if isinstance(raw, bool) else str(raw)
                yield name, text

    def _expected(
        self, expect: Mapping[str, Any], path: Path
    ) -> Iterator[tuple[str, Written]]:
        slots = outcome_slots(self.rulebook)
        for key, raw in expect.items():
            if key in LISTS:
                yield from self._listed(key, raw, (*path, key))
            elif key not in slots:
                known = {**slots, **LISTS}
                self.unknown(key, (*path, key), known, "a tape can expect")
            elif found := self._read(raw, (*path, key), key, slots[key]):
                yield key, found

    def _listed(
        self, key: str, items: Any, path: Path
    ) -> Iterator[tuple[str, Written]]:
        """Yield what is expected of each item, and how many there must be."""
        if not isinstance(items, list) or any(not isinstance(i, dict) for i in items):
            message = f"`{key}` must be a list of mappings"
            self.complain("T502", message, self.document.span(path), "")
            return
        slot, span = Slot(low=Decimal(0), counted=True), self.document.span(path)
        count = Written(Decimal(len(items)), span, slot)
        yield f"{key.removesuffix('s')}_count", count
        for number, item in enumerate(items):
            for name, raw in item.items():
                at = (*path, number, name)
                if name not in LISTS[key]:
                    self.unknown(name, at, LISTS[key], f"one of the {key} can have")
                elif found := self._read(raw, at, name, LISTS[key][name]):
                    yield f"{key}.{number + 1}.{name}", found

    def _read(self, raw: Any, path: Path, key: str, slot: Slot) -> Written | None:
        span = self.document.span(path)
        try:
            return Written(read(raw, key, slot), span, slot)
        except Misread as wrong:
            self.complain(wrong.code, str(wrong), span, wrong.advice)
        return None
