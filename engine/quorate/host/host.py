"""Hold the plugins of one engine: order, ask, isolate and list them.

pluggy stops a call at the first exception and drops None, so its list cannot say who
answered. The host asks one implementation at a time and keeps each answer's owner.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from quorate.contract.vocabulary import Fact, Function
from quorate.errors import PluginError
from quorate.host.accepted import Acceptance, objection, version_of
from quorate.host.admit import Refusal, check_declared, implementations
from quorate.host.find import BUNDLED, Found, describe, find_plugins
from quorate.host.load import load
from quorate.host.plugin import Answer, Implementation, Plugin
from quorate.host.proxies import proxies
from quorate.host.worker import STARTING, Budget, Worker, to_load
from quorate.rulebook.diagnostics import did_you_mean

__all__ = ["FAULTS_IN_A_ROW", "Answer", "Host", "Plugin", "open_host"]

log = logging.getLogger(__name__)

FAULTS_IN_A_ROW = 3
DIGITS = 12
"""How much of a plugin's hash names it."""

_Item = TypeVar("_Item", Fact, Function)

# A plugin that checks orders and was switched off lets none of them pass unchecked.
_MUST_ANSWER = "check"


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
    _hooks: dict[str, list[Implementation]] = field(default_factory=dict)
    _workers: dict[str, Worker] = field(default_factory=dict)
    _wanted: dict[tuple[str, type], tuple[Implementation, ...]] = field(
        default_factory=dict
    )

    def identity(self) -> str:
        """Return what names the active plugins: each one's content, or its version."""
        return " ".join(
            f"{plugin.name}@{plugin.digest[:DIGITS] or plugin.version}"
            for plugin in self.plugins.values()
            if plugin.active
        )

    def ask(self, hook: str, **given: object) -> list[Answer]:
        """Return every active plugin's answer in load order; never raises for one.

        A check whose plugin was switched off answers with that as its error.
        """
        answers = []
        for implementation in self._hooks.get(hook, ()):
            plugin = implementation.plugin
            if plugin.active:
                answers.append(self._call(hook, implementation, given))
            elif hook == _MUST_ANSWER:
                name, fault = plugin.name, plugin.fault
                answers.append(Answer(plugin=name, error=fault, off=True))
        return answers

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
        wanted = self._wanted.get((hook, type(record)))
        if wanted is None:
            wanted = self._wanted[hook, type(record)] = tuple(
                implementation
                for implementation in self._hooks.get(hook, ())
                if not implementation.kinds or isinstance(record, implementation.kinds)
            )
        for implementation in wanted:
            if not implementation.plugin.fault:
                name = implementation.plugin.name
                yield self._call(hook, implementation, given(name))

    def implements(self, hook: str) -> bool:
        """Return whether any active plugin implements ``hook``."""
        return any(item.plugin.active for item in self._hooks.get(hook, ()))

    def voters(self) -> frozenset[str]:
        """Return the plugins that vote by themselves."""
        return frozenset(item.plugin.name for item in self._hooks.get("vote", ()))

    def _call(
        self, hook: str, implementation: Implementation, given: dict[str, object]
    ) -> Answer:
        plugin = implementation.plugin
        arguments = [given[name] for name in implementation.arguments]
        if hook in plugin.unjudged:
            plugin.unjudged.discard(hook)
            plugin.rows.pop(hook, None)
        started = perf_counter()
        value, error = None, ""
        try:
            value = implementation.function(*arguments)
        except (Exception, SystemExit) as caught:  # noqa: BLE001 - isolation is the point
            error = describe(caught)
        took_ms = (perf_counter() - started) * 1e3
        plugin.calls += 1
        plugin.took_ms += took_ms
        if error:
            self.blame(plugin.name, hook, error)
        elif plugin.rows:
            # The caller may still find the answer faulty: the next call settles it.
            plugin.unjudged.add(hook)
        return Answer(plugin=plugin.name, value=value, error=error, took_ms=took_ms)

    def blame(self, name: str, where: str, error: str) -> None:
        """Count a fault of a plugin at a hook or fact, also for a faulty answer.

        Several in a row at one place switch it off, which is reported once.
        """
        plugin = self.plugins[name]
        plugin.unjudged.discard(where)
        worker = self._workers.get(name)
        if worker is not None:
            if error == STARTING:
                return  # it cannot help it
            worker.start()
        plugin.faults += 1
        row = plugin.rows[where] = plugin.rows.get(where, 0) + 1
        off = row >= FAULTS_IN_A_ROW and plugin.active
        if off:
            plugin.fault = (
                f"switched off: failed {row} times in a row, last in {where}: {error}"
            )
            if worker is not None:
                worker.close()
        log.warning("plugin %s failed in %s: %s", name, where, error)
        if self.on_fault is not None:
            self.on_fault(name, where, error, off)

    def close(self) -> None:
        """End the processes of plugins. The host is not asked any more."""
        for worker in self._workers.values():
            worker.close()

    def settle(self, name: str, where: str) -> None:
        """Note that a plugin succeeded at a fact: its faults there are not in a row."""
        self.plugins[name].rows.pop(where, None)


def open_host(
    folder: Path | None = None,
    *,
    without: Iterable[str] = (),
    installed: bool = True,
    live: bool = False,
    accepted: Mapping[str, Acceptance] | None = None,
    budget: Budget | None = None,
) -> Host:
    """Load all plugins and return their host; a plugin that cannot be used is listed.

    ``folder`` is a workspace's own plugins folder. ``without`` names plugins that are
    left out. In ``live`` trading only bundled plugins and those in ``accepted`` are
    loaded; of the others no code runs. The accepted ones run in processes of their own,
    each call within the ``budget``: ``close`` the host to end them.

    Raises:
        PluginError: ``without`` names a plugin that is not there.
    """
    host = Host()
    left_out = set(without)
    seen: set[str] = set()
    for found in find_plugins(folder, installed=installed, without=left_out):
        seen.add(found.name)
        if found.name in left_out:
            continue
        plugin = _enlist(host, found)
        if live and not plugin.fault:
            plugin.fault = objection(found, accepted or {})
        if plugin.fault:
            continue
        if live and found.source != BUNDLED:
            _admit_apart(host, plugin, found, budget or Budget())
        else:
            _admit(host, plugin, load(found))
    for name in sorted(left_out - seen):
        near = did_you_mean(name, sorted(seen))
        advice = f'; did you mean "{near}"?' if near else ""
        raise PluginError(f"there is no plugin {name!r} to leave out{advice}")
    return host


def _enlist(host: Host, found: Found) -> Plugin:
    """Return a plugin that is listed; nothing of it has run."""
    plugin = Plugin(
        name=found.name,
        source=found.source,
        where=found.where,
        version=version_of(found),
        fault=found.fault,
        digest=found.content.sha256 if found.content is not None else "",
    )
    if found.name in host.plugins:
        taken = host.plugins[found.name].where
        plugin.fault = f"the name {found.name!r} is taken by {taken}; rename the file"
        plugin.name = f"{found.name} ({found.where})"
    host.plugins[plugin.name] = plugin
    return plugin


def _admit(host: Host, plugin: Plugin, loaded: Found) -> None:
    """Take a plugin that was imported here."""
    plugin.version = loaded.version
    plugin.fault = loaded.fault
    if not plugin.fault:
        _take(host, plugin, lambda: implementations(loaded.module, plugin))


def _admit_apart(host: Host, plugin: Plugin, found: Found, budget: Budget) -> None:
    """Take a plugin that runs in a process of its own."""
    plugin.apart = True
    worker = Worker(to_load(found), budget)
    plugin.fault = worker.wait()
    if not plugin.fault:
        _take(host, plugin, lambda: proxies(worker, plugin))
    if plugin.fault:
        worker.close()
        return
    worker.blame = lambda where, error: host.blame(plugin.name, where, error)
    host._workers[plugin.name] = worker
    if plugin.left_out:
        hooks = ", ".join(plugin.left_out)
        log.warning("plugin %s is not asked for %s in live trading", plugin.name, hooks)


def _take(
    host: Host, plugin: Plugin, offered: Callable[[], dict[str, Implementation]]
) -> None:
    try:
        hooks = offered()
        plugin.hooks = tuple(hooks)
        _declare(host, plugin, hooks)
    except Refusal as refusal:
        plugin.fault = str(refusal)
        return
    for hook, implementation in hooks.items():
        host._hooks.setdefault(hook, []).append(implementation)


def _declare(host: Host, plugin: Plugin, hooks: dict[str, Implementation]) -> None:
    """Take the plugin's facts and functions into the vocabulary, all or none."""
    facts = _declared(host, hooks, "facts", Fact, host.owners)
    owners = host.owners | dict.fromkeys((fact.name for fact in facts), "itself")
    functions = _declared(host, hooks, "functions", Function, owners)
    host.facts.update({fact.name: fact for fact in facts})
    host.functions.update({function.name: function for function in functions})
    names = [fact.name for fact in facts] + [function.name for function in functions]
    host.owners.update(dict.fromkeys(names, plugin.name))


def _declared(
    host: Host,
    hooks: dict[str, Implementation],
    hook: str,
    wanted: type[_Item],
    owners: dict[str, str],
) -> list[_Item]:
    """Return what a plugin declares by one hook, [] when it has no such hook."""
    if hook not in hooks:
        return []
    answer = host._call(hook, hooks[hook], {})
    if answer.error:
        raise Refusal(f"{hook}: {answer.error}")
    try:
        check_declared(answer.value, wanted, owners)
    except Refusal as refusal:
        raise Refusal(f"{hook}: {refusal}") from None
    declared: list[_Item] = answer.value
    return declared
