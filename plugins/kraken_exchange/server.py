"""The loopback exchange: a server on this machine that speaks Kraken's protocol.

REST under ``/0/public`` and ``/0/private``, the websocket protocol v2 under
``/ws/public`` and ``/ws/private``, and ``/control`` for tests and rehearsals.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

from aiohttp import web

from quorate import Keys, VenueError

from .calls import Calls
from .control import control_routes
from .core import Core
from .faults import Faults
from .replies import CLOSE, HALF, HANG, Reply
from .sockets import Socket
from .streams import Streams

TICK_SECONDS = 0.1
"""How often the market is looked at, in wall time."""
BEATS_EVERY = 10
"""Ticks between two heartbeats: about one second, as Kraken has it."""
_LARGEST_BODY = 1_000_000


class KrakenExchange:
    """A server that unmodified ccxt takes for Kraken when its URLs lead here."""

    name = "kraken"

    def __init__(self, core: Core, faults: Faults, keys: Keys) -> None:
        self.keys = keys
        self.core = core
        self.faults = faults
        self.calls = Calls(core, faults)
        self.streams = Streams(self.calls)
        self.calls.restarted = self.streams.close_all
        self.url = ""
        self._runner: web.AppRunner | None = None
        self._market: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._connections = 0

    async def start(self, host: str, port: int) -> str:
        """Listen on a loopback address; return the URL."""
        _must_be_loopback(host)
        self._stopping = asyncio.Event()
        runner = web.AppRunner(
            self._application(), access_log=None, shutdown_timeout=0.5
        )
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            raise VenueError(
                f"port {port} of {host} cannot be used: {error.strerror or error}; "
                f"choose another, or 0 for any free one"
            ) from None
        self._runner = runner
        self._market = asyncio.create_task(self._run_market())
        at = runner.addresses[0]
        shown = f"[{at[0]}]" if ":" in at[0] else at[0]
        self.url = f"http://{shown}:{at[1]}"
        return self.url

    async def stop(self) -> None:
        """Stop listening, and let go of every connection."""
        self._stopping.set()
        if self._market is not None:
            self._market.cancel()
            await asyncio.gather(self._market, return_exceptions=True)
        self.streams.close_all()
        await self.calls.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def workspace(self, url: str) -> str:
        """Return the ``exchange:`` section that leads here."""
        return workspace_section(url, self.core)

    def ledger(self) -> Mapping[str, Any]:
        """Return what the exchange knows of its account."""
        self.core.advance()
        ledger: Mapping[str, Any] = self.core.ledger_dict()
        return ledger

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=_LARGEST_BODY)
        application.add_routes(
            [
                web.get("/0/public/{method}", self._public),
                web.post("/0/public/{method}", self._public),
                web.post("/0/private/{method}", self._private),
                web.get("/ws/public", self._websocket),
                web.get("/ws/private", self._websocket),
                *control_routes(self),
            ]
        )
        return application

    async def _public(self, request: web.Request) -> web.StreamResponse:
        fields = dict(request.query)
        if request.method == "POST":
            fields |= {name: str(text) for name, text in (await request.post()).items()}
        reply = await self.calls.public(request.match_info["method"], fields)
        return await self._send(request, reply)

    async def _private(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        method = request.match_info["method"]
        reply = await self.calls.private(method, raw, request.headers)
        return await self._send(request, reply)

    async def _send(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        if reply.manner == HANG:
            await self._until_gone(request)
        if reply.manner in (HANG, CLOSE):
            _hang_up(request)
        if reply.manner == HALF:
            return await self._send_half(request, reply)
        return web.Response(
            body=reply.body, status=reply.status, content_type=reply.content_type
        )

    async def _send_half(
        self, request: web.Request, reply: Reply
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": reply.content_type})
        response.content_length = len(reply.body)
        await response.prepare(request)
        await response.write(reply.body[: len(reply.body) // 2])
        _hang_up(request)
        return response

    async def _until_gone(self, request: web.Request) -> None:
        """Wait until the caller hangs up, or the server stops."""
        while request.transport is not None and not self._stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), TICK_SECONDS)

    async def _websocket(self, request: web.Request) -> web.WebSocketResponse:
        connection = web.WebSocketResponse(
            timeout=1.0, max_msg_size=_LARGEST_BODY, compress=False
        )
        await connection.prepare(request)
        self._connections += 1
        one = Socket(self.calls, connection, self._connections, self.streams.greet)
        self.streams.sockets.add(one)
        try:
            await one.serve()
        finally:
            self.streams.sockets.discard(one)
        return connection

    async def _run_market(self) -> None:
        ticks = 0
        while True:
            await asyncio.sleep(TICK_SECONDS)
            ticks += 1
            try:
                self.core.advance()
                self.streams.publish()
                if ticks % BEATS_EVERY == 0:
                    self.streams.beat()
            except Exception as error:  # noqa: BLE001 - the exchange goes on
                self.calls.note_defect(error)


def workspace_section(url: str, core: Core) -> str:
    """Return the ``exchange:`` section of a quorate.yaml that trades at ``url``.

    ccxt keeps one connection for each URL, so that each of its four has its own; its
    pings follow the protocol v2 where the URL says so. Spans are exchange time: where
    that runs faster, they are longer, or the wire would be too slow for them.
    """
    pace = core.clock.pace
    urls = ccxt_urls(url)
    streams = "".join(f"          {name}: {at}\n" for name, at in urls["ws"].items())
    spans = "" if pace == 1 else _spans(pace)
    return (
        "exchange:\n"
        "  name: kraken\n"
        f"  tier: {core.options.tier}\n"
        f"  symbols: [{', '.join(core.market.symbols)}]\n"
        "  keys: file:kraken.key\n"
        f"  pace: {pace:g}\n"
        f"{spans}"
        "  ccxt:\n"
        "    urls:\n"
        "      api:\n"
        f"        public: {urls['public']}\n"
        f"        private: {urls['private']}\n"
        "        ws:\n"
        f"{streams}"
    )


def _spans(pace: float) -> str:
    """Return the spans of exchange time as long on the wall as they usually are.

    Kraken takes no deadline that is more than 60 s ahead.
    """
    return (
        f"  deadline: {min(50, round(5 * pace))}s\n"
        f"  clock_margin: {min(60, round(2 * pace))}s\n"
        f"  stale_after: {min(86_400, round(30 * pace))}s\n"
    )


def ccxt_urls(url: str) -> dict[str, Any]:
    """Return what ccxt's ``urls["api"]`` has to be merged with."""
    ws = url.replace("http", "ws", 1)
    return {
        "public": url,
        "private": url,
        "ws": {
            "public": f"{ws}/ws/public?v1",
            "publicV2": f"{ws}/ws/public?v2",
            "private": f"{ws}/ws/private?v1",
            "privateV2": f"{ws}/ws/private?v2",
        },
    }


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _must_be_loopback(host: str) -> None:
    try:
        loopback = ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback:
        raise VenueError(
            f"the exchange listens on this machine only; 127.0.0.1, not {host!r}"
        )
