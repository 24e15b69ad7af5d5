"""One websocket connection of a ccxt.pro object, every frame of it as it came.

ccxt keeps the connection (dialing, pings, proxies, TLS); what comes is handed on
before ccxt reads it, exactly: its own parser makes floats of every number.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from typing import Any

from .figures import Refusals

log = logging.getLogger(__name__)

HANG_UP_S = 1.0
"""How long the other side is waited for when a connection is closed."""

Take = Callable[[dict[str, Any]], bool]
"""Takes a frame; True when it is dealt with, and nothing for ccxt."""

_numbers = count(1)


class Line:
    """A connection to ``url``: ``dial`` it, wait until ``broken``, then ``hang_up``.

    ``read`` makes an object of a frame's text, and raises ``ValueError`` for one that
    is none.
    """

    def __init__(
        self,
        exchange: Any,
        url: str,
        take: Take,
        refusals: Refusals,
        read: Callable[[str], object] = json.loads,
    ) -> None:
        self._exchange = exchange
        self._url = url
        self._take = take
        self._read = read
        self._refusals = refusals
        self._client: Any = None
        self._broken: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def dial(self, messages: Sequence[object]) -> None:
        """Connect, and send the messages when connected; returns at once."""
        exchange = self._exchange
        # ccxt waits longer each time by itself; our own pauses are enough.
        (getattr(exchange, "ws_dial_backoff", None) or {}).pop(self._url, None)
        client = self._client = exchange.client(self._url)
        ccxt_reads = client.handle_text_or_binary_message
        on_error, on_close = client.on_error_callback, client.on_close_callback

        def receive(data: Any) -> None:
            if not self._receive(data):
                try:
                    ccxt_reads(data)
                except Exception as error:  # noqa: BLE001 - else it would read no more
                    self._refusals.note("frame", type(error).__name__)

        def failed(client: Any, error: Any) -> None:
            self._end(f"{type(error).__name__}: {error}")
            on_error(client, error)

        def closed(client: Any, code: Any) -> None:
            self._end(f"the connection was closed ({code})")
            on_close(client, code)

        client.handle_text_or_binary_message = receive
        client.on_error_callback, client.on_close_callback = failed, closed
        for message in messages:
            name = f"quorate:{next(_numbers)}"
            answer = exchange.watch(self._url, name, message, name)
            answer.add_done_callback(_swallow)

    async def broken(self) -> str:
        """Wait until the connection is lost; return why."""
        return await asyncio.shield(self._broken)

    async def hang_up(self) -> None:
        """Close the connection, if it is not; nothing of it is taken any more."""
        self._end("hung up")
        client, clients = self._client, self._exchange.clients or {}
        if client is None:
            return
        if clients.get(self._url) is client:
            del clients[self._url]
        if client.connection is None and not client.connected.done():
            # ccxt still dials, and cannot be told to stop: closed once it is through.
            client.connected.add_done_callback(lambda _: _close_late(client))
            return
        await _close(client)

    def _receive(self, data: Any) -> bool:
        if self._broken.done():
            return True
        try:
            text = data.decode() if isinstance(data, bytes) else data
            frame = self._read(text)
        except (ValueError, TypeError, RecursionError) as error:
            self._refusals.note("frame", f"no JSON ({type(error).__name__})")
            return True
        if not isinstance(frame, dict):
            return False
        try:
            return self._take(frame)
        except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as e:
            self._refusals.note("frame", f"of an unknown shape ({type(e).__name__})")
            return True

    def _end(self, why: str) -> None:
        if not self._broken.done():
            self._broken.set_result(why)


async def _close(client: Any) -> None:
    with suppress(Exception):
        await asyncio.wait_for(client.close(), HANG_UP_S)


_closing: set[asyncio.Task[None]] = set()
"""Kept here until they are done: nobody else holds these tasks."""


def _close_late(client: Any) -> None:
    task = asyncio.ensure_future(_close(client))
    _closing.add(task)
    task.add_done_callback(_closing.discard)


def _swallow(answer: asyncio.Future[Any]) -> None:
    """Take note of an answer that nobody waits for: frames say it all."""
    if not answer.cancelled():
        answer.exception()
