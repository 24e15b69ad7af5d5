"""A stand-in for an exchange's server: scripted replies, each request as it came."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import unused_port

Answer = Callable[["Request"], Any] | Any


@dataclass(slots=True)
class Request:
    """One request: what stood on the wire."""

    method: str
    path: str
    query: dict[str, str]
    body: str


@dataclass(slots=True)
class Stub:
    """A server whose replies are set by the path they answer, JSON unless ``str``."""

    url: str
    answers: dict[str, Answer]
    requests: list[Request] = field(default_factory=list)

    def sent_to(self, path: str, method: str = "POST") -> list[Request]:
        """Return the requests to a path, in the order they came."""
        return [
            one for one in self.requests if one.path == path and one.method == method
        ]


@asynccontextmanager
async def stub(answers: Mapping[str, Answer]) -> AsyncIterator[Stub]:
    """Serve ``answers``, by "GET /path" or "/path" for any method."""
    port = unused_port()
    served = Stub(f"http://127.0.0.1:{port}", dict(answers))

    async def reply(request: web.Request) -> web.StreamResponse:
        body = (await request.read()).decode()
        seen = Request(request.method, request.path, dict(request.query), body)
        served.requests.append(seen)
        by_method = f"{request.method} {request.path}"
        answer = served.answers.get(by_method, served.answers.get(request.path))
        if answer is None:
            return web.Response(status=404, text=f"no {by_method} here")
        told = answer(seen) if callable(answer) else answer
        if isinstance(told, web.StreamResponse):
            return told
        return web.json_response(told)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", reply)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield served
    finally:
        await runner.cleanup()
