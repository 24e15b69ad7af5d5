"""Judge plugins before they are used: their hooks, and the names they declare."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, get_args, get_type_hints

import pluggy

from quorate.contract.hookspecs import Hooks
from quorate.contract.records import Record
from quorate.contract.vocabulary import Fact, Function, Kind, Unit
from quorate.host.find import describe
from quorate.host.plugin import Implementation, Plugin
from quorate.rulebook.diagnostics import did_you_mean

HOOKS = tuple(name for name in vars(Hooks) if not name.startswith("_"))
"""Every hook, in the order of the road of one trade."""

RECORDS: tuple[type, ...] = get_args(Record)
"""Every kind of record."""

# Words of the rule language; a fact of this name could never be mentioned.
_WORDS = frozenset(
    ("and", "or", "not", "in", "is", "if", "else", "min", "max", "abs", "clamp")
)
_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


class Refusal(Exception):  # noqa: N818 - a judgement, not an error
    """A plugin cannot be used; the message says why."""


def implementations(module: object, plugin: Plugin) -> dict[str, Implementation]:
    """Return the hooks that a module implements.

    Raises:
        Refusal: one of them cannot be used, or there is none.
    """
    manager = pluggy.PluginManager("quorate")
    manager.add_hookspecs(Hooks)
    found: dict[str, Implementation] = {}
    for attribute in dir(module):
        options = manager.parse_hookimpl_opts(module, attribute)
        if options is None:
            continue
        function = getattr(module, attribute)
        hook = options.get("specname") or attribute
        if hook in found:
            raise Refusal(f"hook {hook!r} is implemented twice")
        _check_function(hook, function, options)
        arguments = tuple(inspect.signature(function).parameters)
        kinds = _record_kinds(hook, function) if "record" in arguments else ()
        found[hook] = Implementation(plugin, function, arguments, kinds)
    if not found:
        raise Refusal("it implements no hook; mark a function with @hookimpl")
    return found


def _check_function(hook: str, function: Any, options: Mapping[str, Any]) -> None:
    if hook not in HOOKS:
        near = did_you_mean(hook, HOOKS)
        advice = f"did you mean {near!r}?" if near else f"they are {', '.join(HOOKS)}"
        raise Refusal(f"there is no hook {hook!r}; {advice}")
    if options.get("wrapper") or options.get("hookwrapper"):
        raise Refusal(f"hook {hook!r} is a wrapper; it would hide what others answer")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise Refusal(f"hook {hook!r} is a coroutine; hooks are plain functions")
    if inspect.isgeneratorfunction(function):
        raise Refusal(f"hook {hook!r} is a generator; hooks return their answer")
    allowed = hook_arguments(hook)
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.default is not parameter.empty:
            raise Refusal(f"hook {hook!r}: argument {name!r} has a default; remove it")
        if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD:
            raise Refusal(
                f"hook {hook!r}: write plain arguments, no *, ** or /; "
                f"was {parameter.kind.description} {name!r}"
            )
        if name not in allowed:
            near = did_you_mean(name, allowed)
            advice = f"did you mean {near!r}?" if near else _listed(allowed)
            raise Refusal(f"hook {hook!r} has no argument {name!r}; {advice}")


def hook_arguments(hook: str) -> tuple[str, ...]:
    """Return the names of the arguments that a hook may take."""
    spec = inspect.signature(getattr(Hooks, hook))
    return tuple(name for name in spec.parameters if name != "self")


def _listed(arguments: Collection[str]) -> str:
    return f"it has {', '.join(arguments) or 'none'}"


def _record_kinds(hook: str, function: Any) -> tuple[type, ...]:
    """Return the record classes that ``record`` is annotated with, () for all."""
    annotation = getattr(function, "__annotations__", {}).get("record", Record)
    alone = SimpleNamespace(__annotations__={"record": annotation})
    space = getattr(function, "__globals__", {})
    try:
        hint = get_type_hints(alone, globalns=space)["record"]
    except Exception as error:
        reason = f"hook {hook!r}: the annotation of 'record' cannot be read"
        raise Refusal(f"{reason}: {describe(error)}") from error
    if hint is Any or hint is object:
        return ()
    kinds = get_args(hint) or (hint,)
    for kind in kinds:
        if kind not in RECORDS:
            name = getattr(kind, "__name__", str(kind))
            near = did_you_mean(name, [known.__name__ for known in RECORDS])
            advice = f"; did you mean {near}?" if near and near != name else ""
            raise Refusal(f"hook {hook!r}: {name} is not a kind of record{advice}")
    return () if set(kinds) == set(RECORDS) else kinds


def check_declared(
    items: object, wanted: type[Fact] | type[Function], owners: Mapping[str, str]
) -> None:
    """Hold the facts or functions that a plugin declares to what rules can use.

    Raises:
        Refusal: one of them cannot be used, or its name is taken.
    """
    kind = wanted.__name__
    if not isinstance(items, list):
        raise Refusal(f"must return a list of {kind}s, was {type(items).__name__}")
    names: set[str] = set()
    for item in items:
        if not isinstance(item, wanted):
            raise Refusal(f"must list {kind}s, was {type(item).__name__}")
        if not isinstance(item.name, str) or not _NAME.fullmatch(item.name):
            raise Refusal(f"{item.name!r} is not a lower-case name")
        if item.name in _WORDS:
            raise Refusal(f"{item.name!r} is a word of the rule language")
        if item.name in owners or item.name in names:
            owner = owners.get(item.name, "itself")
            raise Refusal(f"{item.name!r} is already declared by {owner}")
        names.add(item.name)
        flaw = _fact_flaw(item) if isinstance(item, Fact) else _function_flaw(item)
        if flaw:
            raise Refusal(f"{item.name!r} {flaw}")


def _fact_flaw(fact: Fact) -> str:
    bounds = [bound for bound in (fact.low, fact.high) if bound is not None]
    if not callable(fact.compute):
        return "has no function to compute it"
    if not fact.help:
        return "has no help"
    if not all(isinstance(bound, Decimal) and bound.is_finite() for bound in bounds):
        return "has a bound that is not a finite Decimal; leave it out for none"
    if fact.low is not None and fact.high is not None and fact.low > fact.high:
        return "has a low bound above its high one"
    if fact.kind is not Kind.NUMBER and (bounds or fact.unit != Unit()):
        return f"is a {fact.kind}, which has neither unit nor bounds"
    if fact.values and fact.kind is not Kind.TEXT:
        return f"is a {fact.kind}, which lists no values"
    return ""


def _function_flaw(function: Function) -> str:
    if not callable(function.compute):
        return "has no function to compute it"
    if not function.help:
        return "has no help"
    if function.series < 1:
        return "takes no column of candles"
    if len(function.defaults) > len(function.numbers):
        return "has more defaults than numbers"
    if not all(math.isfinite(default) for default in function.defaults):
        return "has a default that is not finite"
    return ""
