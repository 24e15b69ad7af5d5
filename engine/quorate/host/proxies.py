"""Let a plugin in its own process stand among the others: its hooks, facts, functions.

What the process says of itself is held to the same rules as a plugin that is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from types import NoneType
from typing import Any

import numpy as np

from quorate.contract.records import Learned
from quorate.contract.views import FaultView, OrderView
from quorate.contract.vocabulary import Fact, Function, Kind, Moves, Stage, Unit
from quorate.host.admit import HOOKS, RECORDS, Refusal, hook_arguments
from quorate.host.find import LONGEST, Told
from quorate.host.plugin import Implementation, Plugin
from quorate.host.talk import is_offered
from quorate.host.worker import Worker

MOST_LESSONS = 100
"""How much may be learned from one record."""

_FACTS = (int, float, str, Decimal, np.ndarray, NoneType)
_RECORDS = {kind.__name__: kind for kind in RECORDS}


def proxies(worker: Worker, plugin: Plugin) -> dict[str, Implementation]:
    """Return the hooks that a plugin's process offers, to be called like any others.

    Raises:
        Refusal: what the process says of itself cannot be used.
    """
    brings = worker.brings
    try:
        plugin.left_out = tuple(str(hook) for hook in brings["left_out"])
        facts = [_fact(worker, told) for told in brings["facts"]]
        functions = [_function(worker, told) for told in brings["functions"]]
        found = {
            hook: _implementation(worker, plugin, hook, *said)
            for hook, said in brings["hooks"].items()
        }
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise Refusal(f"its process says nonsense of itself: {error}") from None
    if not found:
        hooks = ", ".join(plugin.left_out)
        raise Refusal(f"live trading asks only quorate's own plugins for {hooks}")
    for hook, declared in (("facts", facts), ("functions", functions)):
        if hook in found:
            found[hook] = Implementation(plugin, _returning(declared), (), ())
    return found


def _returning(value: object) -> Callable[[], object]:
    return lambda: value


def _implementation(
    worker: Worker, plugin: Plugin, hook: str, arguments: Any, kinds: Any
) -> Implementation:
    known = hook_arguments(hook) if hook in HOOKS and is_offered(hook) else ()
    names = tuple(arguments)
    if not set(names) <= set(known) or len(set(names)) < len(names):
        raise ValueError(f"hook {hook!r} with arguments {', '.join(map(str, names))}")
    wanted = tuple(_RECORDS[kind] for kind in kinds)
    return Implementation(plugin, _asker(worker, hook, names), names, wanted)


def _asker(worker: Worker, hook: str, names: tuple[str, ...]) -> Callable[..., Any]:
    """Return what asks the process for a hook's answer and holds that to its type."""
    judge = _JUDGES.get(hook, lambda value: value)

    def ask(*given: Any) -> Any:
        told = dict(zip(names, given, strict=True))
        rows = len(told["candles"]) if "candles" in told else 0
        desk = told.get("desk")
        if "aliases" in told:
            given = tuple(dict(g) if g is told["aliases"] else g for g in given)
        return judge(worker.call(hook, list(given), rows=rows, desk=desk))

    def remember(*given: Any) -> None:
        told = dict(zip(names, given, strict=True))
        at = names.index("memory") if "memory" in names else None
        memory = told.pop("memory", {})
        worker.remember(memory, list(told.values()), at, told.get("desk"))

    return remember if hook == "remember" else ask


def _objection(value: Any) -> Any:
    return value if value is None else str(value)[:LONGEST]


def _lessons(value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > MOST_LESSONS:
        raise Told(f"must return a list of up to {MOST_LESSONS} lessons")
    if not all(isinstance(one, Learned) for one in value):
        raise Told("must return a list of Learned")
    return value


_JUDGES: Mapping[str, Callable[[Any], Any]] = {
    "check": _objection,
    "learn": _lessons,
}


def _fact(worker: Worker, told: Mapping[str, Any]) -> Fact:
    stage, where = Stage(told["stage"]), f"fact {told['name']}"
    low, high = told["low"], told["high"]
    if not all(one is None or isinstance(one, Decimal) for one in (low, high)):
        raise ValueError(f"{where} has a bound that is no Decimal")
    return Fact(
        name=told["name"],
        stage=stage,
        help=str(told["help"]),
        compute=_computer(worker, where, stage),
        kind=Kind(told["kind"]),
        unit=_unit(told["unit"]),
        low=low,
        high=high,
        values=tuple(map(str, told["values"])),
        moves=Moves(told["moves"]),
        params=tuple(map(str, told["params"])),
    )


def _computer(worker: Worker, where: str, stage: Stage) -> Callable[[Any], Any]:
    def compute(view: Any) -> Any:
        rows, desk = 0, None
        if stage is Stage.MARKET:
            rows = len(view)
        elif stage is Stage.QUORUM:
            rows = sum(len(ballot.scores) for ballot in view)
        elif stage is Stage.ACCOUNT:
            desk = view
        elif isinstance(view, OrderView | FaultView):
            desk = view.desk
        value = worker.call(where, [view], rows=rows, desk=desk)
        if not isinstance(value, _FACTS):
            kind = type(value).__name__
            raise Told(f"must give a number, a flag or a text, was {kind}")
        return value

    return compute


def _function(worker: Worker, told: Mapping[str, Any]) -> Function:
    where, series, unit = f"function {told['name']}", told["series"], told["unit"]
    if type(series) is not int:
        raise ValueError(f"{where} takes no number of columns")

    def compute(*given: Any) -> Any:
        return worker.call(where, list(given), rows=len(given[0]) * series)

    return Function(
        name=told["name"],
        help=str(told["help"]),
        series=series,
        numbers=tuple(map(str, told["numbers"])),
        defaults=tuple(map(float, told["defaults"])),
        compute=compute,
        unit=None if unit is None else _unit(unit),
    )


def _unit(told: Any) -> Unit:
    quote, base, time = told
    if not all(type(one) is int for one in told):
        raise ValueError("a unit is three whole numbers")
    return Unit(quote, base, time)
