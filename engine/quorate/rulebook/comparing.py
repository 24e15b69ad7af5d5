"""What changed between two rulebooks: in meaning, not in text.

Every difference of a condition says which way it goes and shows a moment in which the
two differ. What permits an order, or trading, that was refused before is marked: a
running engine takes it up only when a person has said so.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from quorate.rulebook.build import SECTIONS
from quorate.rulebook.changes import Change, Comparison, What
from quorate.rulebook.cross import formulas
from quorate.rulebook.diagnostics import Span
from quorate.rulebook.params import Param
from quorate.rulebook.permitting import (
    Permits,
    asks_approval,
    permits_by_param,
    permits_by_shift,
    permits_by_tuning,
    permits_by_word,
    refuses,
)
from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.rules import Formula, Headed, How
from quorate.rulebook.sections import APPROVAL, POLICIES, Hit
from quorate.rulebook.shifting import (
    Shift,
    Shifted,
    Side,
    change_of,
    meet,
    same_text,
    shift_of,
)
from quorate.rulebook.solving import Solver


def compare(old: Rulebook, new: Rulebook, solver: Solver | None = None) -> Comparison:
    """Return what changed from ``old`` to ``new``; deterministic, evaluates no rule.

    A ``solver`` looks for differences that drawing moments has not found.
    """
    return _Comparer(old, new, solver).run()


@dataclass(frozen=True, slots=True)
class _Pair:
    """One rule as it was and as it is; None where it is not."""

    section: str
    old: Any
    new: Any


class _Comparer:
    def __init__(self, old: Rulebook, new: Rulebook, solver: Solver | None) -> None:
        self.old, self.new, self.solver = old, new, solver
        self.changes: list[Change] = []
        self.rewritten: list[str] = []

    def run(self) -> Comparison:
        for section in SECTIONS:
            if section == "symbols":
                self._aliases()
            else:
                self._section(section)
        params = list(self._params())
        return Comparison(
            old=self.old.digest,
            new=self.new.digest,
            changes=(*params, *self.changes),
            rewritten=tuple(self.rewritten),
        )

    def _section(self, section: str) -> None:
        before = {rule.id: rule for rule in getattr(self.old, section)}
        after = {rule.id: rule for rule in getattr(self.new, section)}
        for name in dict.fromkeys((*before, *after)):
            pair = _Pair(section, before.get(name), after.get(name))
            if pair.old is None or pair.new is None:
                self.changes.append(_come_or_gone(pair, self.new))
            else:
                self._rule(pair)
        self.changes += self._approval(section, before, after)
        if section in FIRST_MATCH:
            self.changes += self._moved(section, before, after)
        elif section == "checks":
            adjusting = [
                {name: rule for name, rule in found.items() if rule.amount is not None}
                for found in (before, after)
            ]
            for moved in self._moved(section, *adjusting):
                self.changes.append(replace(moved, permits=Permits.MAYBE))

    def _rule(self, pair: _Pair) -> None:
        count, alike = len(self.changes), True
        for key, before, after in _parts(pair.old, pair.new):
            if isinstance(before, Formula) or isinstance(after, Formula):
                written = (before and before.text) == (after and after.text)
                alike = alike and written
                self.changes += self._formula(pair, key, before, after)
            elif before != after:
                self.changes.append(_plain_change(pair, key, before, after))
        if len(self.changes) == count and not alike:
            self.rewritten.append(pair.new.id)

    def _formula(
        self, pair: _Pair, key: str, before: Formula | None, after: Formula | None
    ) -> Iterator[Change]:
        told: Shifted | None = None
        for symbol in self._symbols(before, after):
            old, new = Side(self.old, before, symbol), Side(self.new, after, symbol)
            found = _shifted(key, old, new, self.solver)
            if found is None or found.shift is Shift.SAME or found == told:
                continue
            told = told or found
            yield Change(
                section=pair.section,
                id=pair.new.id,
                what=What.CHANGED,
                key=key,
                old=before.text if before else "",
                new=after.text if after else "",
                old_place=before.expression.place if before else pair.old.place,
                new_place=after.expression.place if after else pair.new.place,
                shift=found.shift,
                witnesses=found.witnesses,
                permits=permits_by_shift(
                    pair.section, pair.old, pair.new, key, found.shift
                )
                or permits_by_tuning(self.new, pair.section, pair.new),
                symbols=symbol or "",
            )

    def _symbols(self, *found: Formula | None) -> list[str | None]:
        """Return no symbol, and each pattern for which a param that is read differs."""
        names = {name for one in found if one for name in one.expression.reads}
        patterns: dict[str | None, None] = {None: None}
        for book in (self.old, self.new):
            for name in sorted(names & book.params.by_name.keys()):
                param = book.params.by_name[name]
                patterns.update({pattern: None for pattern, _ in param.by_symbol})
        return list(patterns)

    def _approval(
        self, section: str, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> Iterator[Change]:
        """Yield the entries that no longer need that no veto holds."""
        if section != "entry":
            return
        asked = all(asks_approval(self.old, rule) for rule in before.values())
        for name, rule in after.items():
            known = before.get(name)
            asked_before = asked if known is None else asks_approval(self.old, known)
            if asked_before and not asks_approval(self.new, rule):
                yield Change(
                    section=section,
                    id=name,
                    what=What.CHANGED,
                    key=APPROVAL,
                    old="needed",
                    new="not needed",
                    old_place=known.place if known else None,
                    new_place=rule.place,
                    permits=Permits.MORE,
                )

    def _moved(
        self, section: str, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> Iterator[Change]:
        """Yield the rules that come before others they came after, where it matters."""
        old = [name for name in before if name in after]
        new = [name for name in after if name in before]
        matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
        kept: set[str] = set()
        for block in matcher.get_matching_blocks():
            kept |= set(old[block.a : block.a + block.size])
        for name in new:
            if name not in kept:
                yield self._move(section, name, old, new, after)

    def _move(
        self,
        section: str,
        name: str,
        old: Sequence[str],
        new: Sequence[str],
        after: Mapping[str, Any],
    ) -> Change:
        passed = [
            other
            for other in new
            if (old.index(name) < old.index(other))
            != (new.index(name) < new.index(other))
        ]
        witness = None
        for other in passed:
            sides = (
                Side(self.new, getattr(after[one], "when", None))
                for one in (name, other)
            )
            witness = witness or meet(*sides)
        return Change(
            section=section,
            id=name,
            what=What.MOVED,
            old=f"number {old.index(name) + 1}",
            new=f"number {new.index(name) + 1}",
            new_place=after[name].place,
            shift=Shift.OTHER if witness else Shift.SAME,
            witnesses=(witness,) if witness else (),
            readers=tuple(passed),
        )

    def _aliases(self) -> None:
        old = {(one.match, one.means): one.place for one in self.old.symbols}
        new = {(one.match, one.means): one.place for one in self.new.symbols}
        for key in dict.fromkeys((*old, *new)):
            if key in old and key in new:
                continue
            self.changes.append(
                Change(
                    section="symbols",
                    id=key[0],
                    what=What.GONE if key in old else What.NEW,
                    old=key[1] if key in old else "",
                    new=key[1] if key in new else "",
                    old_place=old.get(key),
                    new_place=new.get(key),
                )
            )

    def _params(self) -> Iterator[Change]:
        before, after = self.old.params.by_name, self.new.params.by_name
        for name in dict.fromkeys((*before, *after)):
            old, new = before.get(name), after.get(name)
            readers = tuple(sorted(_readers(self.old, name) | _readers(self.new, name)))
            for key, was, now, places in _settings(old, new):
                what = What.CHANGED if old and new else What.NEW if new else What.GONE
                yield Change(
                    section="params",
                    id=name,
                    what=what,
                    key=key,
                    old=was,
                    new=now,
                    old_place=places[0],
                    new_place=places[1],
                    permits=permits_by_param(self.new, name, key),
                    readers=readers,
                )


FIRST_MATCH = tuple(
    section for section, policy in POLICIES.items() if policy.hit is Hit.FIRST
)
"""Sections whose order counts: the first rule that holds decides."""

HEAD = frozenset(one.name for one in fields(Headed))
"""What people say of a rule: it changes nothing about what the rule does."""

CONDITIONS = ("when", "require", "veto", "until", "reallocate")


def _shifted(key: str, old: Side, new: Side, solver: Solver | None) -> Shifted | None:
    """Return what became of one part, None when it is the same to the letter."""
    both = old.formula is not None and new.formula is not None
    if both and same_text(old, new):
        return None
    if key == "when" or (both and key in CONDITIONS):
        return shift_of(old, new, solver)
    return change_of(old, new) if both else Shifted(None)


def _parts(old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield (key, before, after) of the parts of two rules of one kind."""
    for one in fields(old):
        before, after = getattr(old, one.name), getattr(new, one.name)
        if one.name in HEAD:
            continue
        if isinstance(before, How) and isinstance(after, How):
            yield from _parts(before, after)
        elif one.name in ("lets", "settings"):
            names = dict.fromkeys((*dict(before), *dict(after)))
            for name in names:
                yield (
                    f"{one.name}.{name}",
                    dict(before).get(name),
                    dict(after).get(name),
                )
        elif hasattr(before, "pattern"):
            yield one.name, before.pattern, after.pattern
        else:
            yield one.name, before, after


def _plain_change(pair: _Pair, key: str, before: Any, after: Any) -> Change:
    return Change(
        section=pair.section,
        id=pair.new.id,
        what=What.CHANGED,
        key=key,
        old=_word(before),
        new=_word(after),
        old_place=pair.old.place,
        new_place=pair.new.place,
        permits=permits_by_word(pair.section, pair.old, pair.new, key),
    )


def _word(value: Any) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(" ".join(map(str, one)) for one in value) or "none"
    return str(value)


def _come_or_gone(pair: _Pair, book: Rulebook) -> Change:
    rule = pair.old or pair.new
    gone = pair.new is None
    permits = permits_by_tuning(book, pair.section, pair.new)
    if refuses(pair.section, rule):
        permits = Permits.MORE if gone else Permits.LESS
    return Change(
        section=pair.section,
        id=rule.id,
        what=What.GONE if gone else What.NEW,
        old_place=rule.place if gone else None,
        new_place=None if gone else rule.place,
        permits=permits,
    )


def _readers(rulebook: Rulebook, param: str) -> set[str]:
    return {
        rule.id
        for section in SECTIONS
        if section != "symbols"
        for rule in getattr(rulebook, section)
        if any(param in formula.expression.names for formula in formulas(rule))
    }


Places = tuple[Span | None, Span | None]


def _settings(
    old: Param | None, new: Param | None
) -> Iterator[tuple[str, str, str, Places]]:
    """Yield (key, before, after, places) of what a param is set to, and its bounds."""
    before, after = _said(old), _said(new)
    for key in dict.fromkeys((*before, *after)):
        was, now = before.get(key, ("", None)), after.get(key, ("", None))
        if was[0] != now[0]:
            yield key, was[0], now[0], (was[1], now[1])


def _said(param: Param | None) -> dict[str, tuple[str, Span | None]]:
    if param is None:
        return {}
    held = param.settings[-1]
    said: dict[str, tuple[str, Span | None]] = {
        "value": (param.write(held.value), held.origin)
    }
    declared = param.settings[0].origin
    for key, bound in (("min", param.low), ("max", param.high)):
        if bound is not None:
            said[key] = param.write(bound), declared
    for pattern, one in param.by_symbol:
        said[f"for {pattern}"] = param.write(one.value), one.origin
    return said
