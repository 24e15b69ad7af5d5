"""Pins: notice when something has put another function in the place of one.

A venue sends orders through methods of a library that any code in the process could
replace. What is pinned is compared by identity: the pin keeps the very objects, so that
no other can pass for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import is_
from types import CellType, FunctionType, ModuleType
from typing import Any

_NOTHING = object()


@dataclass(frozen=True, slots=True)
class _Pin:
    """One name of one holder, and what stood there with the insides of a function."""

    holder: Any
    name: str
    value: Any
    insides: tuple[Any, ...]

    def changed(self) -> str:
        now = vars(self.holder).get(self.name, _NOTHING)
        if now is self.value:
            insides = tuple(_insides(now))
            if len(insides) == len(self.insides) and all(
                map(is_, insides, self.insides)
            ):
                return ""
            return f"{_named(self.holder)}.{self.name} was given other code"
        if self.value is _NOTHING:
            return f"{_named(self.holder)}.{self.name} was put in the way"
        if now is _NOTHING:
            return f"{_named(self.holder)}.{self.name} was taken away"
        where = getattr(now, "__module__", None) or type(now).__module__
        return f"{_named(self.holder)}.{self.name} was replaced from {where}"


@dataclass(slots=True)
class Pins:
    """What is pinned. ``changed`` is cheap: a few comparisons for each name."""

    _pins: list[_Pin] = field(default_factory=list)
    _classes: list[tuple[Any, type]] = field(default_factory=list)

    def add(self, holder: Any, *names: str) -> None:
        """Pin functions of a module, a class or an object; all of them for no names.

        Of a class its ancestors are pinned too; of an object its class, and that
        nothing in the object itself hides a method of that class.

        Raises:
            AttributeError: there is no such name.
        """
        for name in names:
            getattr(holder, name)
        wanted = set(names)
        if isinstance(holder, ModuleType):
            self._add(holder, wanted or _functions(holder))
            return
        kind = holder if isinstance(holder, type) else type(holder)
        line = [one for one in kind.__mro__ if one is not object]
        wanted = wanted or set().union(*map(_functions, line))
        for one in line:  # a name may come up in a class before the one that has it
            self._add(one, wanted)
        if kind is not holder:
            self._classes.append((holder, kind))
            if hasattr(holder, "__dict__"):
                self._add(holder, wanted)

    def changed(self) -> list[str]:
        """Return what is not as it was pinned, in words; [] when all is."""
        found = [
            f"an object of {_named(kind)} was given another class"
            for holder, kind in self._classes
            if type(holder) is not kind
        ]
        return found + [told for pin in self._pins if (told := pin.changed())]

    def _add(self, holder: Any, names: set[str]) -> None:
        for name in sorted(names):
            value = vars(holder).get(name, _NOTHING)
            self._pins.append(_Pin(holder, name, value, tuple(_insides(value))))


def pin(*holders: Any) -> Pins:
    """Pin every function of modules, classes and objects."""
    pins = Pins()
    for holder in holders:
        pins.add(holder)
    return pins


def _functions(holder: Any) -> set[str]:
    return {name for name, value in vars(holder).items() if any(_bodies(value))}


def _bodies(value: Any) -> Iterator[FunctionType]:
    """Yield the Python functions in a function, a method or a property."""
    if isinstance(value, staticmethod | classmethod):
        value = value.__func__
    if isinstance(value, property):
        yield from (
            one
            for one in (value.fget, value.fset, value.fdel)
            if isinstance(one, FunctionType)
        )
    elif isinstance(value, FunctionType):
        yield value


def _insides(value: Any) -> Iterator[Any]:
    for body in _bodies(value):
        yield body.__code__
        yield body.__defaults__
        yield body.__kwdefaults__
        # A wrapped function is in a cell; other cells may change with every call.
        for cell in body.__closure__ or ():
            if isinstance(wrapped := _content(cell), FunctionType):
                yield wrapped
                yield wrapped.__code__


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return None


def _named(holder: Any) -> str:
    kind = holder if isinstance(holder, type | ModuleType) else type(holder)
    return kind.__name__.rpartition(".")[2]
