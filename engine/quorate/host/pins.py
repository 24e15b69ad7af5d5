"""Pins: notice when something has put another function in the place of one.

A venue sends orders through methods of a library that any code in the process could
replace. What is pinned is compared by identity: the pin keeps the very objects, so that
no other can pass for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

_NOTHING = object()


@dataclass(frozen=True, slots=True)
class _Body:
    """A function, and what stood in it. ``cells`` pairs a cell with a function in it.

    A wrapped function is in a cell; what else is in cells may change with every call.
    """

    function: FunctionType
    code: CodeType
    defaults: object
    keywords: object
    cells: tuple[tuple[CellType, FunctionType | None, CodeType | None], ...]

    def same(self) -> bool:
        """Return whether the function still has what stood in it."""
        function = self.function
        return (
            function.__code__ is self.code
            and function.__defaults__ is self.defaults
            and function.__kwdefaults__ is self.keywords
            and (not self.cells or self._wraps_the_same())
        )

    def _wraps_the_same(self) -> bool:
        for cell, wrapped, code in self.cells:
            now, now_code = _wrapped(cell)
            if now is not wrapped or now_code is not code:
                return False
        return True


@dataclass(frozen=True, slots=True)
class _Pin:
    """One name of one holder, and what stood there with the insides of a function."""

    holder: Any
    name: str
    value: Any
    bodies: tuple[_Body, ...]

    def same(self) -> bool:
        """Return whether the name still stands for what was pinned."""
        if vars(self.holder).get(self.name, _NOTHING) is not self.value:
            return False
        return not self.bodies or all(map(_Body.same, self.bodies))

    def changed(self) -> str:
        """Return what is not as it was, in words."""
        now = vars(self.holder).get(self.name, _NOTHING)
        if now is self.value:
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
        return found + [pin.changed() for pin in self._pins if not pin.same()]

    def _add(self, holder: Any, names: set[str]) -> None:
        for name in sorted(names):
            value = vars(holder).get(name, _NOTHING)
            bodies = tuple(map(_body, _bodies(value)))
            self._pins.append(_Pin(holder, name, value, bodies))


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


def _body(function: FunctionType) -> _Body:
    cells = tuple((cell, *_wrapped(cell)) for cell in function.__closure__ or ())
    return _Body(
        function,
        function.__code__,
        function.__defaults__,
        function.__kwdefaults__,
        cells,
    )


def _wrapped(cell: CellType) -> tuple[FunctionType | None, CodeType | None]:
    """Return the function in a cell and its code, None when there is none."""
    try:
        content = cell.cell_contents
    except ValueError:  # it is empty
        return None, None
    if isinstance(content, FunctionType):
        return content, content.__code__
    return None, None


def _named(holder: Any) -> str:
    kind = holder if isinstance(holder, type | ModuleType) else type(holder)
    return kind.__name__.rpartition(".")[2]
