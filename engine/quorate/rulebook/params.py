"""Params: numbers and switches that may be turned, with bounds and origins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase

from quorate.contract.vocabulary import RATIO, Kind, Unit
from quorate.rulebook.diagnostics import Span
from quorate.rulebook.literals import read_quantity, write_quantity

ParamValue = Decimal | bool | str


@dataclass(frozen=True, slots=True)
class Setting:
    """One value of a param, and where it was written.

    ``by`` says by what: "rules", "overlay", "for BTC/*" or "--set".
    """

    value: ParamValue
    origin: Span
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One param: its kind, unit, bounds, help, and its settings, strongest last.

    Ratios are fractions and durations milliseconds. ``percent`` says that the rule
    file writes it in percent.
    """

    name: str
    kind: Kind
    unit: Unit
    low: Decimal | None
    high: Decimal | None
    about: str
    settings: tuple[Setting, ...]
    by_symbol: tuple[tuple[str, Setting], ...] = ()
    percent: bool = False

    def setting_for(self, symbol: str | None) -> Setting:
        """Return the setting in force for ``symbol``; None: for no symbol."""
        if symbol is not None:
            for pattern, setting in self.by_symbol:
                if fnmatchcase(symbol, pattern):
                    return setting
        return self.settings[-1]

    def refusal(self, value: ParamValue) -> str:
        """Return why ``value`` cannot be the param's, "" when it can."""
        if isinstance(value, Decimal):
            if self.low is not None and value < self.low:
                return f"{self.name} must be at least {self.write(self.low)}"
            if self.high is not None and value > self.high:
                return f"{self.name} must be at most {self.write(self.high)}"
        return ""

    def hold(self, value: ParamValue) -> ParamValue:
        """Return the allowed value nearest to ``value``."""
        if not isinstance(value, Decimal):
            return value
        if self.low is not None:
            value = max(value, self.low)
        if self.high is not None:
            value = min(value, self.high)
        return value

    def write(self, value: ParamValue) -> str:
        """Return ``value`` as a rule file writes it: 0.5%, 30s, true."""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, Decimal):
            if self.percent or self.unit != RATIO:
                return write_quantity(value, self.unit)
            text = f"{value:f}"
            return text.rstrip("0").rstrip(".") if "." in text else text
        return value


@dataclass(frozen=True, slots=True)
class Params:
    """All params by name."""

    by_name: Mapping[str, Param] = field(default_factory=dict)

    def effective(
        self, symbol: str, tuned: Mapping[str, ParamValue]
    ) -> dict[str, ParamValue]:
        """Return every param's value for ``symbol``; a tuned value goes before all."""
        return {
            name: tuned[name] if name in tuned else param.setting_for(symbol).value
            for name, param in self.by_name.items()
        }


def read_value(raw: object) -> tuple[ParamValue, Kind, Unit | None] | None:
    """Return a YAML value as a param's value, kind and unit; None when it is none.

    The unit is None for a plain number, which may measure anything.
    """
    if isinstance(raw, bool):
        return raw, Kind.FLAG, RATIO
    if isinstance(raw, int | Decimal):
        return Decimal(raw), Kind.NUMBER, None
    if isinstance(raw, str):
        quantity = read_quantity(raw)
        if quantity is not None:
            return quantity[0], Kind.NUMBER, quantity[1]
    return None


def read_tuned(text: str) -> ParamValue:
    """Return a value that ``Param.write`` wrote."""
    if text in ("true", "false"):
        return text == "true"
    quantity = read_quantity(text)
    if quantity is not None:
        return quantity[0]
    return Decimal(text)
