"""Pins: every way to put other code in the place of what was pinned is seen."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

import pytest

from quorate.host.pins import Pins, pin


def made() -> Any:
    """Return a module with classes, made anew for each test."""
    module = types.ModuleType("made")
    text = """
import functools

def send(x): return x

class Wire:
    def fetch(self, x=1): return x

def counted(function):
    calls = 0
    @functools.wraps(function)
    def wrapped(*given):
        nonlocal calls
        calls += 1
        return function(*given)
    return wrapped

class Venue(Wire):
    limit = 3
    def send(self, x): return self.fetch(x)
    @counted
    def cancel(self, x): return x
    @staticmethod
    def sign(x): return x
    @classmethod
    def name(cls): return cls.__name__
    @property
    def url(self): return "u"
"""
    exec(text, module.__dict__)
    module.venue = module.Venue()  # type: ignore[attr-defined]
    return module


def other(*given: Any, **more: Any) -> str:
    return "other"


CHANGES: dict[str, Callable[[Any], object]] = {
    "a method": lambda m: setattr(m.Venue, "send", other),
    "an inherited method": lambda m: setattr(m.Wire, "fetch", other),
    "a method put before": lambda m: setattr(m.Venue, "fetch", other),
    "a method of the object": lambda m: setattr(m.venue, "send", other),
    "an inherited one of it": lambda m: setattr(m.venue, "fetch", other),
    "the code": lambda m: setattr(m.Venue.send, "__code__", other.__code__),
    "the defaults": lambda m: setattr(m.Wire.fetch, "__defaults__", (2,)),
    "a wrapped one's code": lambda m: setattr(
        m.Venue.cancel.__wrapped__, "__code__", other.__code__
    ),
    "a static method": lambda m: setattr(m.Venue, "sign", staticmethod(other)),
    "a class method's code": lambda m: setattr(
        m.Venue.name.__func__, "__code__", other.__code__
    ),
    "a property": lambda m: setattr(m.Venue, "url", property(other)),
    "a method taken away": lambda m: delattr(m.Venue, "send"),
    "the class of the object": lambda m: setattr(
        m.venue, "__class__", type("Fake", (m.Venue,), {})
    ),
    "a partial": lambda m: setattr(m.Venue, "send", functools.partial(other)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_seen_and_named(change: Callable[[Any], object]) -> None:
    module = made()
    pins = pin(module.venue)
    assert pins.changed() == []
    change(module)
    [told] = pins.changed()
    assert told.startswith(("Venue.", "Wire.", "an object of Venue"))


def test_use_is_no_change() -> None:
    module = made()
    pins = pin(module.venue, module, module.Venue)
    module.venue.send(1)
    module.venue.cancel(2)  # its wrapper counts
    module.venue.seen = 5
    module.Venue.limit = 4
    assert pins.changed() == []


def test_a_function_of_a_module_is_pinned() -> None:
    module = made()
    pins = pin(module)
    module.send = other
    [told] = pins.changed()
    assert told == f"made.send was replaced from {__name__}"


def test_names_can_be_chosen() -> None:
    module = made()
    pins = Pins()
    pins.add(module.venue, "send")
    module.Venue.cancel = other
    assert pins.changed() == []
    module.venue.send = other
    assert pins.changed() == ["Venue.send was put in the way"]
    with pytest.raises(AttributeError):
        pins.add(module.venue, "nonsense")
