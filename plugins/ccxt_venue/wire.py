"""What goes over the wire and comes back: one place that every ccxt request passes.

``wired`` puts a layer between a ccxt class and the network. It gives each request its
turn in a lane, keeps the raw reply of the call it belongs to, refuses to hand ccxt a
reply that is no answer (of a page of HTML it would make an empty account), and never
writes to ccxt's log, which has the key in it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any, cast
from urllib.parse import unquote_plus, urlsplit

from quorate import NoAnswer, plain

from .adapter import Adapter
from .lanes import Lane, Urgency

PATIENCE_S = 60.0
"""How long a question waits for its turn."""


class NotSent(Exception):  # noqa: N818 - what happened, not what was done wrong
    """A request was held back; nothing of it left this machine."""


class Unclear(NoAnswer):
    """What came is no answer; ``codes`` are its raw errors, where it has any."""

    def __init__(self, why: str, codes: tuple[str, ...] = ()) -> None:
        super().__init__(why)
        self.codes = codes


@dataclass(frozen=True)
class Reply:
    """One reply as it came: HTTP status and text."""

    path: str
    status: int
    text: str

    @cached_property
    def body(self) -> object:
        """The reply as JSON, None when it is not that."""
        try:
            return cast(object, json.loads(self.text))
        except (ValueError, RecursionError):
            return None


@dataclass(slots=True)
class Errand:
    """One call of ours: how urgent it is, what it must carry, and what came back.

    The request has to carry ``words`` in some value and each of ``figures`` as an exact
    number; it may not leave after ``leave_by_ms``. ``question`` says that its reply has
    to be an answer. ``exact`` keeps ccxt's numbers as the text they came in.
    """

    urgency: Urgency = Urgency.ASK
    patience_s: float = PATIENCE_S
    question: bool = True
    exact: bool = True
    words: tuple[str, ...] = ()
    figures: tuple[Decimal, ...] = ()
    leave_by_ms: int = 0
    sent: bool = False
    replies: list[Reply] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms an exchange object may use the wire."""

    adapter: Adapter
    lane: Lane
    public_lane: Lane
    now_ms: Callable[[], int]


errand_now: ContextVar[Errand | None] = ContextVar("errand_now", default=None)
_path_now: ContextVar[tuple[str, Lane] | None] = ContextVar("_path_now", default=None)

# Not one of logging's own tree: nobody can turn its level down by name.
_QUIET = logging.Logger("ccxt", logging.WARNING)
_QUIET.parent = logging.getLogger()


class Wire:
    """The layer over a ccxt class. ``terms`` are set before the first request."""

    terms: Terms
    id: str
    apiKey: str | None  # noqa: N815 - ccxt's name

    @property
    def verbose(self) -> bool:
        """Never: ccxt would print the key."""
        return False

    @verbose.setter
    def verbose(self, _value: object) -> None:
        """Leave it off."""

    @property
    def logger(self) -> logging.Logger:
        """A logger that takes no debug lines: ccxt's have the key in them."""
        return _QUIET

    @logger.setter
    def logger(self, _value: object) -> None:
        """Keep the quiet one."""

    def number(self, value: object) -> object:
        """Read a figure: as its own text in our calls, as a float elsewhere."""
        errand = errand_now.get()
        return str(value) if errand and errand.exact else float(cast(Any, value))

    async def fetch2(
        self,
        path: str,
        api: Any = "public",
        method: str = "GET",
        params: Any = None,
        config: Any = None,
    ) -> Any:
        """Make a request when its turn has come; a private one once, always."""
        errand = errand_now.get() or Errand(exact=False)
        private = bool(self.apiKey) and "public" not in str(api).lower()
        lane = self.terms.lane if private else self.terms.public_lane
        cost = self.terms.adapter.cost_of(path) if private else Decimal(1)
        sent = {} if params is None else params
        if private and isinstance(sent, dict):
            sent = {**sent, "maxRetriesOnFailure": 0}  # a copy: more may be put in
        calls = errand_now.set(errand), _path_now.set((path, lane))
        try:
            async with lane.turn(errand.urgency, cost, errand.patience_s):
                self._set_window(errand, sent)
                ccxt = cast(Any, super())
                return await ccxt.fetch2(path, api, method, sent, config or {})
        finally:
            errand_now.reset(calls[0])
            _path_now.reset(calls[1])

    async def fetch(
        self, url: str, method: str = "GET", headers: Any = None, body: Any = None
    ) -> Any:
        """Let a request leave if it carries what it must and is not late."""
        errand = errand_now.get()
        if errand is not None:
            self._hold_back(errand, url, body)
            errand.sent = True
        return await cast(Any, super()).fetch(url, method, headers, body)

    def on_rest_response(
        self,
        code: int,
        _reason: str,
        _url: str,
        _method: str,
        _headers: Any,
        body: str,
        *_request: Any,
    ) -> str:
        """Keep a reply; stop one here that is no answer to a question.

        Raises:
            Unclear: what came is no answer, or an error.
        """
        text = body.strip()
        path, lane = _path_now.get() or ("", self.terms.public_lane)
        reply, errand = Reply(path, code, text), errand_now.get()
        codes = self.terms.adapter.read_errors(reply.body)
        if code in (418, 429) or self.terms.adapter.rate_words.have_all(codes or ()):
            lane.budget.exhaust()
        if errand is not None:
            errand.replies.append(reply)
            if errand.question:
                _demand_answer(self.terms.adapter, reply, codes)
        return text

    def _set_window(self, errand: Errand, params: Any) -> None:
        """Say in how many milliseconds the request is too late, where that is how."""
        name = self.terms.adapter.deadline_window_param
        if name and errand.leave_by_ms and isinstance(params, dict):
            left_ms = errand.leave_by_ms - self.terms.now_ms()
            most_ms = self.terms.adapter.deadline_most_ms
            params[name] = max(1, min(left_ms, most_ms))

    def _hold_back(self, errand: Errand, url: str, body: Any) -> None:
        if errand.leave_by_ms and self.terms.now_ms() >= errand.leave_by_ms:
            raise NotSent("its deadline had passed")
        if not errand.words and not errand.figures:
            return
        values = _values(url, body)
        for word in errand.words:
            if not any(word in value for value in values):
                raise NotSent(f"the request would not carry {word}")
        for figure in errand.figures:
            if plain(figure) not in values and figure not in map(_number, values):
                raise NotSent(f"the request would not say {figure}")


def wired(ccxt_class: type) -> type:
    """Return ``ccxt_class`` with the layer over it."""
    return type(ccxt_class.__name__, (Wire, ccxt_class), {})


def _demand_answer(
    adapter: Adapter, reply: Reply, codes: tuple[str, ...] | None
) -> None:
    if codes:
        raise Unclear(f"{reply.path}: {', '.join(codes)}", codes)
    told = f"{reply.path}: HTTP {reply.status}: {reply.text[:100] or 'nothing'}"
    if not 200 <= reply.status < 300 or codes is None:
        raise Unclear(told)
    if not adapter.answers(reply.path, reply.body):
        raise Unclear(f"{told} is no answer to what was asked")


def _values(url: str, body: Any) -> list[str]:
    """Return every value that a request carries, in its address or its body."""
    values = _form(urlsplit(url).query) if "?" in url else []
    text = body if isinstance(body, str) else ""
    if text.startswith(("{", "[")):
        return values + _leaves(json.loads(text, parse_float=str, parse_int=str))
    return values + _form(text)


def _form(text: str) -> list[str]:
    return [unquote_plus(pair.partition("=")[2]) for pair in text.split("&")]


def _leaves(tree: object) -> list[str]:
    if isinstance(tree, dict):
        return [leaf for part in tree.values() for leaf in _leaves(part)]
    if isinstance(tree, list):
        return [leaf for part in tree for leaf in _leaves(part)]
    return [str(tree)]


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
