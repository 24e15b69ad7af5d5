"""Expressions over the real vocabulary: mostly well typed, some not, all random."""

from __future__ import annotations

import random
from collections.abc import Mapping

from quorate.contract.vocabulary import Function, Kind
from quorate.rulebook.terms import Name

RULES = {
    "exits": "- {{id: fuzzed, when: {0}, then: {{sell: 100%}}}}",
    "entry": "- {{id: fuzzed, when: {0}, then: {{side: buy, quote_amount: '100'}}}}",
    "checks": "- {{id: fuzzed, require: {0}}}",
    "vetoes": "- {{id: fuzzed, assistant: risk, veto: {0}}}",
    "switches": "- {{id: fuzzed, when: {0}, then: {{mode: halted}}}}",
    "errors": "- {{id: fuzzed, match: XYZ, when: {0}, then: {{retry: false}}}}",
    "orders": "- {{id: fuzzed, when: {0}, then: {{type: market}}}}",
    "tuning": "- {{id: fuzzed, when: {0}, min_samples: 5, "
    "then: {{set: {{use_ioc: true}}}}}}",
}
"""A rule of each section that asks for a condition, by the names it may mention."""

LITERALS = ("0", "1", "2", "0.5", "100", "1e6", "5%", "-3%", "30s", "4h", "1d", "0.001")
DEPTH = 3


def rule(section: str, condition: str) -> bytes:
    """Return a rule file with one rule of a section."""
    quoted = "'" + condition.replace("'", "''") + "'"
    where = "votes" if section == "vetoes" else section
    return f"{where}:\n  {RULES[section].format(quoted)}\n".encode()


class Grammar:
    """Makes conditions of the names that a section may mention."""

    def __init__(
        self,
        names: Mapping[str, Name],
        functions: Mapping[str, Function],
        draw: random.Random,
    ) -> None:
        self.draw = draw
        self.functions = sorted(functions)
        self.series = sorted(name for name, one in names.items() if one.series)
        self.flags = [name for name in sorted(names) if names[name].kind is Kind.FLAG]
        self.texts = [name for name in sorted(names) if names[name].kind is Kind.TEXT]
        self.values = {name: one.values for name, one in names.items()}
        self.numbers: dict[str, list[str]] = {}
        for name in sorted(names):
            if names[name].kind is Kind.NUMBER:
                self.numbers.setdefault(str(names[name].unit), []).append(name)

    def condition(self, depth: int = DEPTH) -> str:
        """Return a condition."""
        draw = self.draw
        if depth == 0 or draw.random() < 0.3:
            return self._comparison(depth)
        one, other = self.condition(depth - 1), self.condition(depth - 1)
        form = draw.choice(
            ["{0} and {1}", "{0} or {1}", "not ({0})", "({0}) and ({1})", "({0})"]
        )
        if draw.random() < 0.1:
            form = "({0}) if ({1}) else ({0})"
        return form.format(one, other)

    def _comparison(self, depth: int) -> str:
        draw = self.draw
        if self.flags and draw.random() < 0.2:
            return draw.choice(self.flags)
        if self.texts and draw.random() < 0.15:
            return self._text()
        unit = draw.choice(sorted(self.numbers))
        sign = draw.choice(["<", "<=", ">", ">="])
        left, right = self.number(unit, depth), self.number(unit, depth)
        if draw.random() < 0.08:
            return f"{left} {sign} {right} {sign} {self.number(unit, 0)}"
        return f"{left} {sign} {right}"

    def _text(self) -> str:
        name = self.draw.choice(self.texts)
        word = self.draw.choice(self.values[name] or ("x",))
        form = self.draw.choice(["{0} == '{1}'", "{0} != '{1}'", "{0} in ('{1}', 'x')"])
        return form.format(name, word)

    def number(self, unit: str, depth: int) -> str:
        """Return a number, most often of a unit."""
        draw = self.draw
        if draw.random() < 0.05:
            unit = draw.choice([*self.numbers])
        pool = self.numbers[unit]
        if depth == 0 or draw.random() < 0.4:
            return draw.choice([*pool, *pool, draw.choice(LITERALS)])
        if self.series and self.functions and draw.random() < 0.15:
            name = draw.choice(self.functions)
            return f"{name}({draw.choice(self.series)}, {draw.choice([2, 9, 14])})"
        one, other = self.number(unit, depth - 1), self.number(unit, depth - 1)
        form = draw.choice(
            [
                *("({0} + {1})", "({0} - {1})", "min({0}, {1})", "max({0}, {1})"),
                *("abs({0})", "-{0}", "{0} * 2", "{0} / 3", "({0} if {2} else {1})"),
                *("{0} * ({1} / {0})", "clamp({0}, {1}, {1})", "{0} / {1}"),
            ]
        )
        flag = draw.choice(self.flags) if self.flags else "True"
        return form.format(one, other, flag)
