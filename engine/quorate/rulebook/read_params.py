"""Read params from rule files, lay overlays and settings over them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from quorate.contract.vocabulary import DURATION, RATIO, UNITS, Kind, Unit
from quorate.rulebook.diagnostics import Problem, Span, did_you_mean
from quorate.rulebook.literals import NUMBER
from quorate.rulebook.nodes import Path
from quorate.rulebook.params import Param, Params, ParamValue, Setting, read_value
from quorate.rulebook.shape import source_line
from quorate.rulebook.text import Document

_FORM = "write a number, a percentage (0.5%), a duration (30s, 4h), or true / false"


class _Reader:
    """Collects params and problems over several files."""

    def __init__(self) -> None:
        self.params: dict[str, Param] = {}
        self.problems: list[Problem] = []

    def complain(
        self, code: str, message: str, document: Document, path: Path, advice: str = ""
    ) -> None:
        span = document.span(path)
        line = source_line(document, span)
        self.problems.append(Problem(code, message, span, help=advice, source=line))

    def declare(self, document: Document, name: str, raw: Mapping[str, Any]) -> None:
        """Take a param of the rulebook itself."""
        path: Path = ("params", name)
        if name in self.params:
            first = self.params[name].settings[0].origin
            self.complain("R401", f"param `{name}` is declared twice", document, path)
            self.problems[-1] = replace(
                self.problems[-1], related=(("first declared here", first),)
            )
            return
        read = self._value(document, raw["value"], (*path, "value"))
        if read is None:
            return
        value, kind, unit = read
        unit = UNITS[raw["unit"]] if "unit" in raw else unit or RATIO
        param = Param(
            name=name,
            kind=kind,
            unit=unit,
            low=self._bound(document, raw, "min", name, kind, unit),
            high=self._bound(document, raw, "max", name, kind, unit),
            about=raw.get("about", ""),
            settings=(),
        )
        span = document.span((*path, "value"))
        self._check_bounds(document, param, value, (*path, "value"))
        param = replace(param, settings=(Setting(value, span, "rules"),))
        self.params[name] = self._by_symbol(document, param, raw, ())

    def overlay(self, document: Document, name: str, raw: Mapping[str, Any]) -> None:
        """Lay an overlay's value over a declared param."""
        path: Path = ("params", name)
        param = self.params.get(name)
        if param is None:
            near = did_you_mean(name, self.params)
            advice = f'did you mean "{near}"?' if near else ""
            self.complain(
                "R402",
                f"there is no param `{name}` for the overlay to set",
                document,
                path,
                advice,
            )
            return
        for key in raw:
            if key not in ("value", "for", "about"):
                self.complain(
                    "R402",
                    f"an overlay cannot change `{key}` of a param",
                    document,
                    (*path, key),
                )
        value = self._fitting(document, param, raw["value"], (*path, "value"))
        if value is None:
            return
        span = document.span((*path, "value"))
        param = replace(
            param, settings=(*param.settings, Setting(value, span, "overlay"))
        )
        self.params[name] = self._by_symbol(document, param, raw, param.by_symbol)

    def set(self, name: str, text: str) -> None:
        """Lay one ``name=value`` of the command line over everything."""
        span = Span("--set")
        param = self.params.get(name)
        if param is None:
            near = did_you_mean(name, self.params)
            advice = f'did you mean "{near}"?' if near else ""
            self.problems.append(
                Problem("R402", f"there is no param `{name}`", span, help=advice)
            )
            return
        read = read_value(_plain(text))
        value = None if read is None else _fit(param, read)
        if value is None:
            message = f"`{text}` is not a value for `{name}`"
            self.problems.append(Problem("R403", message, span, help=_FORM))
            return
        reason = param.refusal(value)
        if reason:
            self.problems.append(Problem("R403", reason, span))
            return
        setting = Setting(value, span, "--set")
        # What is said last and for this run counts for every symbol.
        self.params[name] = replace(
            param, settings=(*param.settings, setting), by_symbol=()
        )

    def _value(
        self, document: Document, raw: object, path: Path
    ) -> tuple[ParamValue, Kind, Unit | None] | None:
        read = read_value(raw)
        if read is None:
            self.complain("R403", f"`{raw}` is not a value", document, path, _FORM)
        return read

    def _fitting(
        self, document: Document, param: Param, raw: object, path: Path
    ) -> ParamValue | None:
        read = self._value(document, raw, path)
        if read is None:
            return None
        value = _fit(param, read)
        if value is None:
            self.complain(
                "R403",
                f"`{raw}` is not what `{param.name}` measures ({_what(param)})",
                document,
                path,
            )
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
        if read[2] is not None and read[2] != unit:
            self.complain(
                "R403",
                f"`{key}` does not measure what `value` measures",
                document,
                path,
            )
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
    return Decimal(text) if re.fullmatch(rf"[+-]?{NUMBER}", text) else text


def _fit(param: Param, read: tuple[ParamValue, Kind, Unit | None]) -> ParamValue | None:
    """Return the value read if it measures what the param measures."""
    value, kind, unit = read
    if kind is not param.kind:
        return None
    # A bare number may stand for a ratio or a price, never for a duration.
    if unit is None and param.unit != DURATION:
        return value
    return value if unit == param.unit else None


def _what(param: Param) -> str:
    return "a switch" if param.kind is Kind.FLAG else str(param.unit)


def read_params(
    rules: Iterable[Document],
    overlays: Sequence[Iterable[Document]],
    settings: Iterable[tuple[str, str]],
) -> tuple[Params, list[Problem]]:
    """Return the params of the rulebook with everything laid over them, and problems.

    ``overlays`` are laid on in order; ``settings`` are the command line's, last.
    """
    reader = _Reader()
    for document in rules:
        for name, raw in document.value.get("params", {}).items():
            reader.declare(document, name, raw)
    for overlay in overlays:
        for document in overlay:
            for name, raw in document.value.get("params", {}).items():
                reader.overlay(document, name, raw)
    for name, text in settings:
        reader.set(name, text)
    return Params(reader.params), reader.problems
