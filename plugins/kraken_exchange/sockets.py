"""One connection over the websocket protocol v2: requests in, frames out.

Sources: docs.kraken.com/api/docs/websocket-v2: subscribe, executions, balances, ticker,
ohlc, book, add_order, ping, status, heartbeat.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from .calls import Calls
from .clock import rfc3339
from .faults import Fault
from .orders_ws import METHODS, rest_form, ws_result
from .refusal import KrakenError
from .replies import Outcome, encode
from .subscriptions import PRIVATE, Subscription, read_subscriptions

MOST_WAITING = 20_000
"""Frames that may wait for a slow reader before its connection is closed."""

_CLOSE = object()


class Socket:
    """A connection, its subscriptions and what waits to be sent on it.

    ``greet`` is called with a new subscription, to send its snapshot.
    """

    def __init__(
        self,
        calls: Calls,
        connection: web.WebSocketResponse,
        number: int,
        greet: Callable[[Socket, Subscription], None],
    ) -> None:
        self.calls = calls
        self.subscriptions: dict[tuple[str, str, int], Subscription] = {}
        self.told = 0
        """Frames that were put on their way, heartbeats included."""
        self._connection = connection
        self._number = number
        self._greet = greet
        self._waiting: asyncio.Queue[object] = asyncio.Queue()
        self._sequences: Counter[str] = Counter()
        self._held: str | None = None
        self._silent_until_ms = 0

    async def serve(self) -> None:
        """Answer until the connection is closed by either side."""
        writer = asyncio.create_task(self._write())
        self._tell_status()
        try:
            async for message in self._connection:
                if message.type is WSMsgType.TEXT:
                    self._receive(message.data)
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    def close(self) -> None:
        """Close the connection once what waits has been sent."""
        self._waiting.put_nowait(_CLOSE)

    def frame(self, channel: str, kind: str, data: Any, **more: Any) -> None:
        """Put a frame of a channel on its way; private ones are numbered."""
        message = {"channel": channel, "type": kind, "data": data, **more}
        if channel in PRIVATE:
            self._sequences[channel] += 1
            message["sequence"] = self._sequences[channel]
        self.frame_text(channel, encode(message))

    def frame_text(self, channel: str, text: str) -> None:
        """Put a frame that is encoded already on its way, faults and all."""
        for fault in self.calls.frame_faults(f"ws:{channel}"):
            if self._strike(fault, text):
                return
        self._put(text)

    def heartbeat(self) -> None:
        """Say that the connection lives though there is nothing to say."""
        self.frame_text("heartbeat", '{"channel":"heartbeat"}')

    def _strike(self, fault: Fault, text: str) -> bool:
        """Let a fault have a frame; return whether the frame is dealt with."""
        match fault.kind:
            case "ws_duplicate":
                self._put(text)
                return False
            case "ws_reorder":
                if self._held is not None:
                    return False
                self._held = text
            case "ws_silence":
                now_ms = self.calls.core.clock.now_ms()
                self._silent_until_ms = now_ms + fault.value
            case "close":
                self.close()
            case "restart":
                # A frame may come from the midst of matching: not under its feet.
                asyncio.get_running_loop().call_soon(self.calls.restart)
        return True

    def _put(self, text: str) -> None:
        self.told += 1
        if self.calls.core.clock.now_ms() < self._silent_until_ms:
            return
        if self._waiting.qsize() >= MOST_WAITING:
            self.close()
            return
        self._waiting.put_nowait(text)
        if self._held is not None:
            held, self._held = self._held, None
            self._waiting.put_nowait(held)

    async def _write(self) -> None:
        while True:
            item = await self._waiting.get()
            if item is _CLOSE:
                # The reader ends when the other side answers, or is gone.
                await self._connection.close(code=WSCloseCode.GOING_AWAY)
                return
            try:
                await self._connection.send_str(str(item))
            except (ConnectionError, RuntimeError):
                return

    def _receive(self, text: str) -> None:
        try:
            message = json.loads(text, parse_float=Decimal)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            self._put(encode({"error": "Malformed request", "success": False}))
            return
        work = self._answer(message, self._now())
        # On its own, so that one that is delayed holds up no other.
        task = asyncio.create_task(self.calls.outlive(work))
        task.add_done_callback(self._report)

    def _report(self, task: asyncio.Task[Any]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.calls.note_defect(error)

    async def _answer(self, message: Mapping[str, Any], time_in: str) -> None:
        method = message.get("method")
        params = message.get("params")
        given = params if isinstance(params, Mapping) else {}
        if method == "ping":
            self._reply({"method": "pong"}, message, time_in)
        elif method == "subscribe":
            await self._subscribe(given, message, time_in)
        elif method == "unsubscribe":
            self._unsubscribe(given, message, time_in)
        elif method in METHODS:
            await self._order(str(method), given, message, time_in)
        else:
            self._refuse(str(method), "Unsupported method", message, time_in)

    async def _subscribe(
        self, params: Mapping[str, Any], message: Mapping[str, Any], time_in: str
    ) -> None:
        def ask() -> object:
            core = self.calls.core
            wanted = read_subscriptions(params, core.market.symbols)
            return wanted, core.session(params.get("token", "")) if any(
                one.channel in PRIVATE for one in wanted
            ) else ""

        outcome, fault = await self.calls.carry("ws:subscribe", None, ask)
        if fault is not None and self._broken(fault, "subscribe", message, time_in):
            return
        if outcome.errors:
            self._refuse("subscribe", outcome.errors[0], message, time_in)
            return
        for one in outcome.result[0]:
            if one.key in self.subscriptions:
                error = "Already subscribed"
                self._refuse(
                    "subscribe", error, message, time_in, symbol=one.symbol or None
                )
                continue
            self.subscriptions[one.key] = one
            result = self._acknowledged(one)
            ack = {"method": "subscribe", "result": result, "success": True}
            self._reply(ack, message, time_in)
            self._greet(self, one)

    def _acknowledged(self, one: Subscription) -> dict[str, Any]:
        more = {"maxratecount": self.calls.core.threshold} if one.ratecounter else {}
        return one.acknowledged() | more

    def _unsubscribe(
        self, params: Mapping[str, Any], message: Mapping[str, Any], time_in: str
    ) -> None:
        try:
            wanted = read_subscriptions(params, self.calls.core.market.symbols)
        except KrakenError as error:
            self._refuse("unsubscribe", error.errors[0], message, time_in)
            return
        for one in wanted:
            if self.subscriptions.pop(one.key, None) is None:
                self._refuse("unsubscribe", "Subscription Not Found", message, time_in)
                continue
            result = {"channel": one.channel}
            if one.symbol:
                result["symbol"] = one.symbol
            done = {"method": "unsubscribe", "result": result, "success": True}
            self._reply(done, message, time_in)

    async def _order(
        self,
        method: str,
        params: Mapping[str, Any],
        message: Mapping[str, Any],
        time_in: str,
    ) -> None:
        core = self.calls.core
        try:
            key = core.session(params.get("token", ""))
            forms = rest_form(method, params)
        except KrakenError as error:
            seen = self.calls.tap.note(core.clock.now_ms(), "ws", method, params)
            seen.outcome = Outcome(errors=error.errors).as_dict()
            self._refuse(method, error.errors[0], message, time_in)
            return
        for form in forms:
            seen = self.calls.tap.note(core.clock.now_ms(), "ws", METHODS[method], form)

            def ask(form: Mapping[str, str] = form) -> object:
                return core.private(METHODS[method], form, key)

            outcome, fault = await self.calls.carry(f"ws:{method}", seen, ask)
            if fault is not None and self._broken(fault, method, message, time_in):
                continue
            if outcome.errors:
                self._refuse(method, outcome.errors[0], message, time_in)
                continue
            result = ws_result(method, outcome.result, form)
            done = {"method": method, "result": result, "success": True}
            self._reply(done, message, time_in)

    def _broken(
        self, fault: Fault, method: str, message: Mapping[str, Any], time_in: str
    ) -> bool:
        """Answer as a fault has it; return whether that is all that is told."""
        if fault.kind == "error":
            self._refuse(method, fault.value[0], message, time_in)
        elif fault.kind == "close":
            self.close()
        return True

    def _refuse(
        self,
        method: str,
        error: str,
        message: Mapping[str, Any],
        time_in: str,
        **more: Any,
    ) -> None:
        said = {name: value for name, value in more.items() if value is not None}
        refusal = {"error": error, "method": method, "success": False, **said}
        self._reply(refusal, message, time_in)

    def _reply(
        self, answer: dict[str, Any], message: Mapping[str, Any], time_in: str
    ) -> None:
        if "req_id" in message:
            answer["req_id"] = message["req_id"]
        self._put(encode({**answer, "time_in": time_in, "time_out": self._now()}))

    def _tell_status(self) -> None:
        status = {
            "version": "2.0.10",
            "system": "online",
            "api_version": "v2",
            "connection_id": self._number,
        }
        self.frame("status", "update", [status])

    def _now(self) -> str:
        return rfc3339(self.calls.core.clock.now_ms())
