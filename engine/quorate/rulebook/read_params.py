"""Read params from rule files, lay overlays and settings over them."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from quorate.contract.vocabulary import DURATION, RATIO, UNITS, Kind, Unit
from quorate.rulebook.check_calls import ARITHMETIC
from quorate.rulebook.diagnostics import Problem, Span, did_you_mean, rewording
from quorate.rulebook.literals import NUMBER, read_literal
from quorate.rulebook.nodes import Path
from quorate.rulebook.params import Param, Params, ParamValue, Setting, read_value
from quorate.rulebook.shape import source_line
from quorate.rulebook.text import Document

_FORM = "write a number, a percentage (0.5%), a duration (30s, 4h), or true / false"
_NUMBER = re.compile(rf"([+-]?)({NUMBER})", re.ASCII)
_OVERLAID = ("value", "for", "about")

_Read = tuple[ParamValue, Kind, Unit | None]


class _Reader:
    """Collects params and problems over several files.

    ``taken`` are the names of facts and functions. ``unread`` are the names of params
    that could not be read.
    """

    def __init__(self, taken: Collection[str], unread: Collection[str]) -> None:
        self.params: dict[str, Param] = {}
        self.problems: list[Problem] = []
        self.unread = set(unread)
        self._taken = taken

    def complain(
        self,
        code: str,
        message: str,
        document: Document,
        path: Path,
        advice: str = "",
        related: tuple[tuple[str, Span], ...] = (),
        near: Iterable[str] = (),
    ) -> None:
        # A problem of the param itself is shown at its name.
        span = document.span(path)
        if len(path) == 2:
            span = document.key_spans.get(path, span)
        line = source_line(document, span)
        edit, word = None, str(path[-1])
        if found := did_you_mean(word, near):
            advice = f'did you mean "{found}"?'
            edit = rewording(span, line, word, found)
        self.problems.append(
            Problem(code, message, span, advice, line, related=related, edit=edit)
        )

    def declare(self, document: Document, name: str, raw: Mapping[str, Any]) -> None:
        """Take a param of the rulebook itself."""
        path: Path = ("params", name)
        if name in self.params:
            first = self.params[name].settings[0].origin
            message = f"param `{name}` is declared twice"
            related = (("first declared here", first),)
            self.complain("R401", message, document, path, related=related)
            return
        if name in self._taken or name in ARITHMETIC or keyword.iskeyword(name):
            self.complain("R404", f"`{name}` is already a name", document, path)
            return
        read = self._value(document, raw["value"], (*path, "value"))
        unit = None if read is None else self._unit(document, raw, name, read)
        if read is None or unit is None:
            self.unread.add(name)
            return
        value, kind, _ = read
        written = [str(raw.get(key, "")) for key in ("value", "min", "max")]
        param = Param(
            name=name,
            kind=kind,
            unit=unit,
            low=self._bound(document, raw, "min", name, kind, unit),
            high=self._bound(document, raw, "max", name, kind, unit),
            about=raw.get("about", ""),
            settings=(),
            percent=any(text.endswith("%") for text in written),
        )
        if param.low is not None and param.high is not None and param.low > param.high:
            was = f"{param.write(param.low)} is above `max` {param.write(param.high)}"
            self.complain("R403", f"`min` {was}", document, (*path, "min"))
        else:
            self._check_bounds(document, param, value, (*path, "value"))
        span = document.span((*path, "value"))
        param = replace(param, settings=(Setting(value, span, "rules"),))
        self.params[name] = self._by_symbol(document, param, raw, ())

    def overlay(
        self,
        document: Document,
        name: str,
        raw: Mapping[str, Any],
        seen: dict[str, Span],
    ) -> None:
        """Lay an overlay's value over a declared param; ``seen`` says what it set."""
        path: Path = ("params", name)
        if name in seen:
            message = f"param `{name}` is set twice in one overlay"
            related = (("first set here", seen[name]),)
            self.complain("R401", message, document, path, related=related)
            return
        seen[name] = document.key_spans[path]
        param = self.params.get(name)
        if param is None:
            if name not in self.unread:
                message = f"there is no param `{name}` for the overlay to set"
                self.complain("R402", message, document, path, near=self.params)
            return
        for key in raw:
            if key not in _OVERLAID:
                message = f"an overlay cannot change `{key}` of a param"
                self.complain("R402", message, document, (*path, key))
        value = self._fitting(document, param, raw["value"], (*path, "value"))
        if value is None:
            return
        span = document.span((*path, "value"))
        setting = Setting(value, span, "overlay")
        param = replace(param, settings=(*param.settings, setting))
        # What is said for a symbol goes before what is said for all.
        self.params[name] = self._by_symbol(document, param, raw, param.by_symbol)

    def set(self, name: str, text: str) -> None:
        """Lay one ``name=value`` of the command line over everything."""
        span = Span("--set")
        param = self.params.get(name)
        if param is None:
            if name not in self.unread:
                message = f"there is no param `{name}`"
                near = did_you_mean(name, self.params)
                advice = f'did you mean "{near}"?' if near else ""
                self.problems.append(Problem("R402", message, span, advice))
            return
        read = read_value(_plain(text))
        value = None if read is None else _fit(param, read)
        if value is None:
            message = f"`{text}` is not what `{name}` measures ({_what(param)})"
            self.problems.append(Problem("R403", message, span, _FORM))
            return
        reason = param.refusal(value)
        if reason:
            self.problems.append(Problem("R403", f"{reason}, was {text}", span))
            return
        setting = Setting(value, span, "--set")
        # What is said last and for this run counts for every symbol.
        self.params[name] = replace(
            param, settings=(*param.settings, setting), by_symbol=()
        )

    def _value(self, document: Document, raw: object, path: Path) -> _Read | None:
        read = read_value(raw)
        if read is None:
            message = f"`{path[-1]}` is not a number or a switch, was {raw!r}"
            self.complain("R403", message, document, path, _FORM)
        return read

    def _unit(
        self, document: Document, raw: Mapping[str, Any], name: str, read: _Read
    ) -> Unit | None:
        """Return what a param measures, None when it says two things."""
        _, kind, unit = read
        if "unit" not in raw:
            return unit or RATIO
        said = UNITS[raw["unit"]]
        path: Path = ("params", name, "unit")
        if kind is Kind.FLAG:
            self.complain("R403", "a switch has no `unit`", document, path)
            return None
        if said == DURATION and unit is None:
            message = f"a duration needs its unit in the value, was {raw['value']}"
            advice = f"write {raw['value']}s for seconds"
            path = ("params", name, "value")
            self.complain("R403", message, document, path, advice)
            return None
        if unit not in (None, said):
            message = f"`unit` is {raw['unit']}, but `value` is a {unit}"
            self.complain("R403", message, document, path)
            return None
        return said

    def _fitting(
        self, document: Document, param: Param, raw: object, path: Path
    ) -> ParamValue | None:
        read = self._value(document, raw, path)
        if read is None:
            return None
        value = _fit(param, read)
        if value is None:
            message = f"`{raw}` is not what `{param.name}` measures ({_what(param)})"
            self.complain("R403", message, document, path)
            return None
        self._check_bounds(document, param, value, path)
        return value

    def _bound(
        self,
        document: Document,
        raw: Mapping[str, Any],
        key: str,
        name: str,
        kind: Kind,
        unit: Unit,
    ) -> Decimal | None:
        if key not in raw:
            return None
        path: Path = ("params", name, key)
        read = self._value(document, raw[key], path)
        if read is None:
            return None
        value = read[0]
        if kind is not Kind.NUMBER or isinstance(value, bool | str):
            self.complain("R403", f"a switch has no `{key}`", document, path)
            return None
        if not _measures(read[2], unit):
            message = f"`{key}` does not measure what `value` measures ({unit})"
            self.complain("R403", message, document, path)
            return None
        return value

    def _check_bounds(
        self, document: Document, param: Param, value: ParamValue, path: Path
    ) -> None:
        reason = param.refusal(value)
        if reason:
            self.complain("R403", f"{reason}, was {param.write(value)}", document, path)

    def _by_symbol(
        self,
        document: Document,
        param: Param,
        raw: Mapping[str, Any],
        before: tuple[tuple[str, Setting], ...],
    ) -> Param:
        found = []
        for pattern, raw_value in raw.get("for", {}).items():
            path: Path = ("params", param.name, "for", pattern)
            value = self._fitting(document, param, raw_value, path)
            if value is not None:
                setting = Setting(value, document.span(path), f"for {pattern}")
                found.append((pattern, setting))
        return replace(param, by_symbol=(*found, *before))


def _plain(text: str) -> object:
    if text in ("true", "false"):
        return text == "true"
    match = _NUMBER.fullmatch(text)
    literal = read_literal(match[2], "") if match else ""
    if match is None or isinstance(literal, str):
        return text
    return -literal.value if match[1] == "-" else literal.value


def _fit(param: Param, read: _Read) -> ParamValue | None:
    """Return the value read if it measures what the param measures."""
    value, kind, unit = read
    fits = kind is param.kind and _measures(unit, param.unit)
    return value if fits else None


def _measures(unit: Unit | None, wanted: Unit) -> bool:
    # A bare number may stand for a ratio or a price, never for a duration.
    return wanted != DURATION if unit is None else unit == wanted


def _what(param: Param) -> str:
    return "a switch" if param.kind is Kind.FLAG else str(param.unit)


def read_params(
    rules: Iterable[Document],
    overlays: Sequence[Iterable[Document]],
    settings: Iterable[tuple[str, str]],
    *,
    taken: Collection[str] = (),
    unread: Collection[str] = (),
) -> tuple[Params, list[Problem], frozenset[str]]:
    """Return the params with everything laid over them, problems, and unread names.

    ``overlays`` are laid on in order; ``settings`` are the command line's, last.
    ``taken`` are names that params must not take, ``unread`` those of params whose
    shape is wrong; the names returned are these and those with a wrong value.
    """
    reader = _Reader(taken, unread)
    for document in rules:
        for name, raw in document.value.get("params", {}).items():
            reader.declare(document, name, raw)
    for overlay in overlays:
        seen: dict[str, Span] = {}
        for document in overlay:
            for name, raw in document.value.get("params", {}).items():
                reader.overlay(document, name, raw, seen)
    for name, text in settings:
        reader.set(name, text)
    return Params(reader.params), reader.problems, frozenset(reader.unread)
