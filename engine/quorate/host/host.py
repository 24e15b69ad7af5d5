"""Hold the plugins of one engine: check, order, ask, isolate and list them.

pluggy stops a call at the first exception and drops None, so its list cannot say who
answered. The host asks one implementation at a time and keeps each answer's owner.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, get_args, get_type_hints

import pluggy

from quorate.contract.hookspecs import Hooks
from quorate.contract.vocabulary import Fact, Function
from quorate.host.find import Found, describe, find_plugins

log = logging.getLogger(__name__)

FAULTS_IN_A_ROW = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one plugin answered to one hook; ``error`` is "" unless it raised."""

    plugin: str
    value: Any
    error: str
    took_ms: float


@dataclass(slots=True, kw_only=True)
class Plugin:
    """One plugin and how it fares; ``fault`` says why it is refused or switched off."""

    name: str
    source: str
    where: str
    version: str
    hooks: tuple[str, ...] = ()
    fault: str = ""
    faults: int = 0
    faults_in_a_row: int = 0
    calls: int = 0
    took_ms: float = 0.0

    @property
    def active(self) -> bool:
        """Whether it is asked."""
        return not self.fault


@dataclass(frozen=True, slots=True)
class _Implementation:
    plugin: Plugin
    function: Callable[..., Any]
    arguments: tuple[str, ...]
    kinds: tuple[type, ...]


@dataclass(slots=True)
class Host:
    """The plugins of one engine, in load order, and what they bring.

    ``on_fault`` is called with (plugin, where, error, off) whenever one fails.
    """

    plugins: dict[str, Plugin] = field(default_factory=dict)
    facts: dict[str, Fact] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    on_fault: Callable[[str, str, str, bool], None] | None = None
    _hooks: dict[str, list[_Implementation]] = field(default_factory=dict)

    def ask(self, hook: str, **given: object) -> list[Answer]:
        """Return every active plugin's answer in load order; never raises for one."""
        return [
            self._call(hook, implementation, given)
            for implementation in self._hooks.get(hook, ())
            if implementation.plugin.active
        ]

    def ask_first(self, hook: str, **given: object) -> Answer | None:
        """Return the first answer that is not None, the last loaded plugin first.

        An answer with an error counts as the first one: it is for the caller to judge.
        """
        for implementation in reversed(self._hooks.get(hook, [])):
            if implementation.plugin.active:
                answer = self._call(hook, implementation, given)
                if answer.value is not None or answer.error:
                    return answer
        return None

    def tell(
        self, hook: str, record: object, given: Callable[[str], dict[str, object]]
    ) -> Iterator[Answer]:
        """Ask the plugins that want this kind of record, one after the other.

        A hook's annotation of ``record`` says which kinds it wants: all for none.
        ``given`` returns the arguments for a plugin's name, when its turn comes.
        """
        for implementation in self._hooks.get(hook, ()):
            wanted = not implementation.kinds or isinstance(
                record, implementation.kinds
            )
            if wanted and implementation.plugin.active:
                name = implementation.plugin.name
                yield self._call(hook, implementation, given(name))

    def implements(self, hook: str) -> bool:
        """Return whether any active plugin implements ``hook``."""
        return any(item.plugin.active for item in self._hooks.get(hook, ()))

    def _call(
        self, hook: str, implementation: _Implementation, given: dict[str, object]
    ) -> Answer:
        plugin = implementation.plugin
        arguments = [given[name] for name in implementation.arguments]
        started = perf_counter()
        value, error = None, ""
        try:
            value = implementation.function(*arguments)
        except Exception as caught:  # noqa: BLE001 - isolation is the point
            error = describe(caught)
        took_ms = (perf_counter() - started) * 1e3
        plugin.calls += 1
        plugin.took_ms += took_ms
        if error:
            self.blame(plugin.name, hook, error)
        else:
            plugin.faults_in_a_row = 0
        return Answer(plugin=plugin.name, value=value, error=error, took_ms=took_ms)

    def blame(self, name: str, where: str, error: str) -> None:
        """Count a fault of a plugin; switch it off after several in a row."""
        plugin = self.plugins[name]
        plugin.faults += 1
        plugin.faults_in_a_row += 1
        off = plugin.faults_in_a_row >= FAULTS_IN_A_ROW
        if off:
            plugin.fault = (
                f"switched off: failed {plugin.faults_in_a_row} times in a row, "
                f"last in {where}: {error}"
            )
        log.warning("plugin %s failed in %s: %s", name, where, error)
        if self.on_fault is not None:
            self.on_fault(name, where, error, off)

    def settle(self, name: str) -> None:
        """Note that a plugin's fact could be computed: its faults are not in a row."""
        self.plugins[name].faults_in_a_row = 0


def open_host(
    folder: Path | None = None,
    *,
    without: Iterable[str] = (),
    installed: bool = True,
) -> Host:
    """Load all plugins and return their host; a plugin that cannot be used is listed.

    ``folder`` is a workspace's own plugins folder. ``without`` names plugins that are
    left out.
    """
    host = Host()
    manager = pluggy.PluginManager("quorate")
    manager.add_hookspecs(Hooks)
    left_out = set(without)
    for found in find_plugins(folder, installed=installed):
        if found.name in left_out:
            continue
        _admit(host, manager, found)
    return host


def _admit(host: Host, manager: pluggy.PluginManager, found: Found) -> None:
    name = found.name
    plugin = Plugin(
        name=name,
        source=found.source,
        where=found.where,
        version=found.version,
        fault=found.fault,
    )
    if name in host.plugins:
        taken = host.plugins[name]
        plugin.fault = f"the name {name!r} is taken by {taken.where}; rename the file"
        name = f"{name} ({found.where})"
        plugin.name = name
    host.plugins[name] = plugin
    if plugin.fault or found.module is None:
        return
    implementations, reason = _implementations(manager, found.module, plugin)
    if reason:
        plugin.fault = reason
        return
    plugin.hooks = tuple(implementations)
    for hook, implementation in implementations.items():
        host._hooks.setdefault(hook, []).append(implementation)
    _declare(host, plugin)


def _implementations(
    manager: pluggy.PluginManager, module: object, plugin: Plugin
) -> tuple[dict[str, _Implementation], str]:
    """Return the module's hooks, or why it is refused."""
    found: dict[str, _Implementation] = {}
    for attribute in dir(module):
        options = manager.parse_hookimpl_opts(module, attribute)
        if options is None:
            continue
        function = getattr(module, attribute)
        hook = options.get("specname") or attribute
        reason = _refusal(manager, hook, function, options)
        if reason:
            return {}, reason
        arguments = tuple(inspect.signature(function).parameters)
        kinds = _record_kinds(function)
        found[hook] = _Implementation(plugin, function, arguments, kinds)
    if not found:
        return {}, "it implements no hook; mark a function with @hookimpl"
    return found, ""


def _refusal(
    manager: pluggy.PluginManager, hook: str, function: Any, options: Any
) -> str:
    """Return why a hook implementation cannot be used, "" when it can."""
    spec = getattr(Hooks, hook, None)
    if spec is None or not hasattr(manager.hook, hook):
        known = ", ".join(sorted(name for name in vars(Hooks) if name[0] != "_"))
        return f"unknown hook {hook!r}; the hooks are {known}"
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return f"hook {hook!r} is a coroutine; hooks are plain functions"
    if options.get("wrapper") or options.get("hookwrapper"):
        return f"hook {hook!r} is a wrapper; it would hide what others answer"
    allowed = [name for name in inspect.signature(spec).parameters if name != "self"]
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.default is not inspect.Parameter.empty:
            return f"hook {hook!r}: argument {name!r} has a default; remove it"
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            return f"hook {hook!r}: name the arguments instead of *{name}"
        if name not in allowed:
            given = ", ".join(allowed) or "none"
            return f"hook {hook!r} has no argument {name!r}; it has {given}"
    return ""


def _record_kinds(function: Any) -> tuple[type, ...]:
    """Return the record classes a hook's ``record`` is annotated with, () for all."""
    try:
        hint = get_type_hints(function).get("record")
    except (NameError, TypeError):
        return ()
    kinds = get_args(hint) or (hint,)
    return tuple(kind for kind in kinds if isinstance(kind, type))


def _declare(host: Host, plugin: Plugin) -> None:
    """Take the plugin's facts and functions into the vocabulary, all or none."""
    mine = list(_hook_of(host, plugin))
    for hook, registry, wanted in (
        ("facts", host.facts, Fact),
        ("functions", host.functions, Function),
    ):
        for implementation in mine:
            if implementation[0] != hook:
                continue
            answer = host._call(hook, implementation[1], {})
            reason = answer.error or _clash(host, answer.value, wanted)
            if reason:
                plugin.fault = f"{hook}: {reason}"
                return
            for item in answer.value:
                registry[item.name] = item
                host.owners[item.name] = plugin.name


def _hook_of(host: Host, plugin: Plugin) -> Iterator[tuple[str, _Implementation]]:
    for hook, implementations in host._hooks.items():
        for implementation in implementations:
            if implementation.plugin is plugin:
                yield hook, implementation


def _clash(host: Host, items: object, wanted: type[Fact] | type[Function]) -> str:
    """Return what is wrong with the declared items, "" when nothing is."""
    if not isinstance(items, list):
        return f"must return a list, was {type(items).__name__}"
    names: set[str] = set()
    for item in items:
        if not isinstance(item, wanted):
            return f"must list {wanted.__name__}s, was {type(item).__name__}"
        if not item.name.isidentifier() or not item.name.islower():
            return f"{item.name!r} is not a lower-case name"
        if item.name in host.owners or item.name in names:
            owner = host.owners.get(item.name, "itself")
            return f"{item.name!r} is already declared by {owner}"
        names.add(item.name)
    return ""
