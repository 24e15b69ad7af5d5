"""The process of one plugin in live trading: `python -m quorate.host.worker_main`.

It reads calls from its standard input and answers on its standard output. What the
engine says is trusted, so calls are pickles; what a plugin says is not, so answers are
plain values. What a plugin prints goes nowhere.
"""

from __future__ import annotations

import os
import pickle
import sys
from typing import Any

import numpy as np

from quorate.contract.vocabulary import Fact, Function, Stage
from quorate.host.admit import Refusal, check_declared, implementations
from quorate.host.far_desk import FarDesk
from quorate.host.fence import Fence, limit
from quorate.host.find import describe
from quorate.host.load import import_held, stated, too_new
from quorate.host.memory import Mirror
from quorate.host.plain import encode
from quorate.host.plugin import Plugin
from quorate.host.talk import (
    ANSWER,
    ASK,
    FAULT,
    LENGTH_BYTES,
    READY,
    REMEMBER,
    REMEMBERED,
    TOLD,
    Load,
    is_offered,
)

_ERRORS = {"KeyError": KeyError}
"""What a desk raises that a plugin may want to catch."""


class Process:
    """The plugin's side of the line: takes calls, and asks the engine meanwhile."""

    def __init__(self, reading: int, writing: int) -> None:
        self.reading, self.writing = reading, writing
        self.functions: dict[str, Any] = {}
        self.columns: set[str] = set()
        self.memory = Mirror()
        self.fence = Fence(())

    def serve(self) -> None:
        """Load the plugin, then take calls until the engine hangs up."""
        loaded: Load = self._read()
        limit()
        sys.path[:] = loaded.sys_path
        self.fence = Fence((*loaded.readable, *loaded.sys_path))
        self.fence.raise_up()
        try:
            self._write([READY, self._load(loaded), ""])
        except BaseException as error:  # noqa: BLE001 - a plugin may raise anything
            assert loaded.content is not None
            main = loaded.content.path(loaded.content.main)
            refused = isinstance(error, Refusal)
            self._write([READY, {}, str(error) if refused else describe(error, main)])
        while True:
            self._take(self._read())

    def _load(self, loaded: Load) -> dict[str, Any]:
        """Import the plugin; return what it brings, in plain values.

        Raises:
            Refusal: it cannot be used.
        """
        content = loaded.content
        if fault := too_new(stated(content, "requires")):
            raise Refusal(fault)
        top, _, _ = loaded.module.partition(".")
        if top in sys.modules:
            raise Refusal(f"its module {top!r} has the name of one that is loaded")
        module: Any = import_held(top, content, loaded.module)
        for part in filter(None, loaded.attribute.split(".")):
            module = getattr(module, part)
        plugin = Plugin(name=loaded.name, source="", where="", version="")
        hooks = implementations(module, plugin)
        facts = hooks["facts"].function() if "facts" in hooks else []
        functions = hooks["functions"].function() if "functions" in hooks else []
        _check("facts", facts, Fact)
        _check("functions", functions, Function)
        self._keep(hooks, facts, functions)
        return {
            "left_out": [hook for hook in hooks if not is_offered(hook)],
            "hooks": {
                hook: [list(found.arguments), [kind.__name__ for kind in found.kinds]]
                for hook, found in hooks.items()
                if is_offered(hook)
            },
            "facts": [_told_fact(fact) for fact in facts],
            "functions": [_told_function(function) for function in functions],
        }

    def _keep(self, hooks: Any, facts: list[Fact], functions: list[Function]) -> None:
        for hook, found in hooks.items():
            if is_offered(hook):
                self.functions[hook] = found.function
        for fact in facts:
            self.functions[f"fact {fact.name}"] = fact.compute
            if fact.stage in (Stage.MARKET, Stage.QUORUM):
                self.columns.add(f"fact {fact.name}")
        for function in functions:
            self.functions[f"function {function.name}"] = function.compute
            self.columns.add(f"function {function.name}")
        self.columns.add("vote")

    def _take(self, message: tuple[Any, ...]) -> None:
        kind, call, where, given, *more = message
        self.fence.more_time()
        reply: list[Any]
        if kind == REMEMBER:
            reply = self._remember(call, given, *more)
        else:
            try:
                value = self.functions[where](*given)
                if value is not None and where in self.columns:
                    value = np.asarray(value, dtype=np.float64)
                reply = [ANSWER, call, value]
            except BaseException as error:  # noqa: BLE001 - a plugin may raise anything
                reply = [FAULT, call, describe(error)]
        try:
            self._write(reply)
        except (ValueError, MemoryError) as error:
            self._write([FAULT, call, f"answered with {describe(error)}"])

    def _remember(
        self, call: int, given: list[Any], at: int | None, whole: dict[Any, Any] | None
    ) -> list[Any]:
        """Fold a record into the memory; ``at`` is where the hook takes that."""
        if whole is not None:
            self.memory.adopt(whole)
        if at is not None:
            given.insert(at, self.memory.held)
        fault = ""
        try:
            self.functions["remember"](*given)
        except BaseException as error:  # noqa: BLE001 - a plugin may raise anything
            fault = describe(error)
        try:
            return [REMEMBERED, call, fault, *self.memory.changes()]
        except ValueError as error:
            return [FAULT, call, f"the memory holds {error}"]

    def ask(self, call: int, question: str, arguments: tuple[str, ...]) -> Any:
        """Return what the engine's desk answers; take the calls that this leads to."""
        self._write([ASK, call, question, list(arguments)])
        while True:
            message = self._read()
            if message[0] != TOLD:
                self._take(message)
                continue
            _, value, error, kind = message
            if error:
                raise _ERRORS.get(kind, RuntimeError)(error)
            if question == "recall" and kind == "memory":
                if value is not None:
                    self.memory.adopt(value)
                return self.memory.held
            return value

    def _read(self) -> Any:
        length = int.from_bytes(self._bytes(LENGTH_BYTES), "big")
        return pickle.loads(self._bytes(length))

    def _bytes(self, count: int) -> bytes:
        parts = []
        while count:
            part = os.read(self.reading, count)
            if not part:
                os._exit(0)  # the engine is gone, or done
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _write(self, reply: list[Any]) -> None:
        data = encode(reply)
        data = len(data).to_bytes(LENGTH_BYTES, "big") + data
        while data:
            data = data[os.write(self.writing, data) :]


def _check(hook: str, items: object, wanted: type[Fact] | type[Function]) -> None:
    try:
        check_declared(items, wanted, {})
    except Refusal as refusal:
        raise Refusal(f"{hook}: {refusal}") from None


def _told_fact(fact: Fact) -> dict[str, Any]:
    return {
        "name": fact.name,
        "stage": str(fact.stage),
        "help": fact.help,
        "kind": str(fact.kind),
        "unit": [fact.unit.quote, fact.unit.base, fact.unit.time],
        "low": fact.low,
        "high": fact.high,
        "values": tuple(fact.values),
        "moves": str(fact.moves),
        "params": tuple(fact.params),
    }


def _told_function(function: Function) -> dict[str, Any]:
    unit = function.unit
    return {
        "name": function.name,
        "help": function.help,
        "series": function.series,
        "numbers": tuple(function.numbers),
        "defaults": tuple(function.defaults),
        "unit": None if unit is None else [unit.quote, unit.base, unit.time],
    }


def main() -> None:
    """Serve the engine on standard input and output; the plugin never sees them."""
    reading, writing = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for known in (0, 1, 2):
        os.dup2(nowhere, known)
    os.close(nowhere)
    process = Process(reading, writing)
    FarDesk.line = process
    process.serve()


if __name__ == "__main__":
    main()
