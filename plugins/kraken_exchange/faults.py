"""Faults on demand: what goes wrong, where, how often; seeded, and given as data.

A fault is a mapping:

    {at: AddOrder, kind: reply_lost, share: 5%, times: 3, skip: 1}

``at`` names a call ("AddOrder", "Cancel*", "private/*", "public/*", "*" for any), a
request over a socket ("ws:add_order") or a stream ("ws:executions", "ws:*").
``value`` is an error string, an HTTP status or milliseconds of exchange time, as the
kind asks. ``after`` says whether the engine had the request first. ``share`` of the
events are hit, the first ``skip`` of them never, and at most ``times`` of them.

Each draw is keyed by its event, so that one fault more or less, or another order of
events, leaves the draws of all others as they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from difflib import get_close_matches
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import Any

from quorate import VenueError

ANSWER, FRAME = "answer", "frame"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a kind of fault does: to an answer or a frame, with which value.

    ``value`` is "" for none, or "errors", "status" or "ms". ``after`` is what holds
    when a fault does not say.
    """

    strikes: tuple[str, ...]
    value: str = ""
    after: bool = True
    must: bool = True
    """Whether ``value`` has to be given."""


KINDS: Mapping[str, Kind] = {
    "error": Kind((ANSWER,), "errors", after=False),
    "http": Kind((ANSWER,), "status", after=False),
    "reply_lost": Kind((ANSWER,)),
    "reply_late": Kind((ANSWER,), "ms"),
    "delay_before": Kind((ANSWER,), "ms"),
    "garbage": Kind((ANSWER,)),
    "truncated": Kind((ANSWER,)),
    "html": Kind((ANSWER,)),
    "empty": Kind((ANSWER,)),
    "no_txid": Kind((ANSWER,)),
    "odd_descr": Kind((ANSWER,)),
    "close": Kind((ANSWER, FRAME)),
    "close_mid_body": Kind((ANSWER,)),
    "restart": Kind((ANSWER, FRAME)),
    "clock_skew": Kind((ANSWER,), "ms"),
    "ws_drop": Kind((FRAME,)),
    "ws_duplicate": Kind((FRAME,)),
    "ws_reorder": Kind((FRAME,)),
    "ws_silence": Kind((FRAME,), "ms"),
}
"""Every kind, and what it takes."""

OVER_A_SOCKET = frozenset(
    ("error", "reply_lost", "reply_late", "delay_before", "close", "restart")
)
"""What can happen to a request that comes over a socket."""

CALLS = {
    "public": (
        "Time",
        "SystemStatus",
        "Assets",
        "AssetPairs",
        "Ticker",
        "OHLC",
        "Depth",
        "Trades",
    ),
    "private": (
        "AddOrder",
        "AmendOrder",
        "CancelOrder",
        "CancelAll",
        "CancelAllOrdersAfter",
        "Balance",
        "BalanceEx",
        "OpenOrders",
        "ClosedOrders",
        "QueryOrders",
        "TradesHistory",
        "QueryTrades",
        "TradeVolume",
        "GetWebSocketsToken",
        "GetApiKeyInfo",
    ),
}
REQUESTS = ("add_order", "amend_order", "cancel_order", "cancel_all", "subscribe")
CHANNELS = ("executions", "balances", "ticker", "ohlc", "book", "trade", "heartbeat")

_KEYS = ("at", "kind", "value", "after", "share", "times", "skip")
_LONGEST_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault as it was asked for; ``times`` is None for no limit."""

    at: str
    kind: str
    value: Any = None
    after: bool = True
    share: float = 1.0
    times: int | None = None
    skip: int = 0

    def hits(self, name: str) -> bool:
        """Return whether ``name`` ("private/AddOrder", "ws:executions") is meant."""
        if self.at.startswith("ws:") or name.startswith("ws:"):
            return fnmatchcase(name, self.at) and self.at.startswith("ws:")
        return fnmatchcase(name, self.at) or fnmatchcase(
            name.rpartition("/")[2], self.at
        )


@dataclass(slots=True)
class _Armed:
    fault: Fault
    seen: int = 0
    fired: int = 0


class Faults:
    """The faults in force, and how often each has been met."""

    def __init__(self, seed: int = 0, faults: Iterable[Mapping[str, Any]] = ()) -> None:
        self.seed = seed
        self._armed: list[_Armed] = []
        self.add(faults)

    def add(self, faults: Iterable[Mapping[str, Any]]) -> None:
        """Put further faults in force, all or none.

        Raises:
            VenueError: one of them cannot be read; the message says which and why.
        """
        self._armed.extend([_Armed(fault) for fault in read_faults(faults)])

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        self._armed.clear()

    def draw(self, name: str, number: int, strikes: str = ANSWER) -> list[Fault]:
        """Return the faults of event ``number`` at ``name``, in the order given."""
        drawn = []
        for armed in self._armed:
            fault = armed.fault
            if strikes not in KINDS[fault.kind].strikes or not fault.hits(name):
                continue
            armed.seen += 1
            spent = fault.times is not None and armed.fired >= fault.times
            if spent or armed.seen <= fault.skip:
                continue
            if _draw(self.seed, fault, name, number) < fault.share:
                armed.fired += 1
                drawn.append(fault)
        return drawn

    def as_list(self) -> list[dict[str, Any]]:
        """Return the faults with how often each was met (seen) and struck (fired)."""
        return [
            {**asdict(armed.fault), "seen": armed.seen, "fired": armed.fired}
            for armed in self._armed
        ]


def _draw(seed: int, fault: Fault, name: str, number: int) -> float:
    """Return a number from 0 to below 1 that belongs to this fault at this event."""
    key = f"{seed}|{fault.kind}|{fault.at}|{fault.value}|{name}|{number}"
    digest = blake2b(key.encode(), digest_size=7).digest()
    return int.from_bytes(digest) / 2**56


def read_faults(faults: Iterable[Mapping[str, Any]]) -> list[Fault]:
    """Return faults that were given as data.

    Raises:
        VenueError: one of them cannot be used.
    """
    if isinstance(faults, Mapping) or not isinstance(faults, Iterable):
        raise VenueError("faults must be a list of mappings, each with `at` and `kind`")
    return [_read(number, one) for number, one in enumerate(faults, start=1)]


def _read(number: int, said: Mapping[str, Any]) -> Fault:
    try:
        return _fault(said)
    except ValueError as error:
        raise VenueError(f"fault {number}: {error}") from None


def _fault(said: Mapping[str, Any]) -> Fault:
    if not isinstance(said, Mapping):
        raise ValueError(f"must be a mapping with `at` and `kind`, was {said!r}")
    for key in said:
        if key not in _KEYS:
            raise ValueError(f"has no key {key!r}; {_advice(str(key), _KEYS)}")
    kind = said.get("kind")
    if kind not in KINDS:
        near = _advice(str(kind), KINDS) if get_close_matches(str(kind), KINDS) else ""
        kinds = f"the kinds are {', '.join(KINDS)}"
        raise ValueError(
            f"there is no kind {kind!r}; {near} {kinds}".replace("  ", " ")
        )
    at = said.get("at")
    if not isinstance(at, str) or not at:
        raise ValueError('`at` must name a call, such as AddOrder or "ws:executions"')
    _check_place(at, str(kind))
    after = said.get("after", KINDS[str(kind)].after)
    if not isinstance(after, bool):
        raise ValueError(f"`after` must be true or false, was {after!r}")
    share = _number(said, "share", 1, 0, 1)
    times = None if said.get("times") is None else int(_whole(said, "times", 0, 1))
    return Fault(
        at=at,
        kind=str(kind),
        value=_value(str(kind), said.get("value")),
        after=after,
        share=float(share),
        times=times,
        skip=_whole(said, "skip", 0, 0),
    )


def _check_place(at: str, kind: str) -> None:
    """Refuse a kind where it could never strike, and a place that is none."""
    strikes = KINDS[kind].strikes
    if not at.startswith("ws:"):
        if ANSWER not in strikes:
            raise ValueError(
                f"{kind} is for streams; `at` must be like ws:executions, was {at!r}"
            )
        names = [f"{way}/{name}" for way, calls in CALLS.items() for name in calls]
        known = [*names, *(name for calls in CALLS.values() for name in calls)]
    else:
        if ANSWER in strikes and kind not in OVER_A_SOCKET:
            raise ValueError(f"{kind} is for calls over HTTP, not for {at!r}")
        places = (REQUESTS if ANSWER in strikes else ()) + (
            CHANNELS if FRAME in strikes else ()
        )
        known = [f"ws:{name}" for name in places]
    if not any(fnmatchcase(name, at) for name in known):
        raise ValueError(f"{kind} at {at!r} is nothing here; {_advice(at, known)}")


def _value(kind: str, value: Any) -> Any:
    wanted = KINDS[kind].value
    if wanted == "":
        if value is not None:
            raise ValueError(f"{kind} takes no value, was {value!r}")
        return None
    if wanted == "errors":
        texts = (value,) if isinstance(value, str) else tuple(value or ())
        if not texts or not all(isinstance(text, str) and text for text in texts):
            raise ValueError(
                "error needs the exchange's own text as its value, such as "
                f"'EOrder:Insufficient funds', was {value!r}"
            )
        return texts
    low, high = (200, 599) if wanted == "status" else (-_LONGEST_MS, _LONGEST_MS)
    if wanted == "ms" and kind != "clock_skew":
        low = 0
    return _in_range(f"value of {kind}", value, low, high)


def _whole(said: Mapping[str, Any], key: str, default: int, low: int) -> int:
    return _in_range(f"`{key}`", said.get(key, default), low, 10**9)


def _in_range(what: str, value: Any, low: int, high: int) -> int:
    whole = isinstance(value, int | Decimal) and not isinstance(value, bool)
    if not whole or value != int(value) or not low <= value <= high:
        raise ValueError(
            f"{what} must be a whole number from {low} to {high}, was {value!r}"
        )
    return int(value)


def _number(
    said: Mapping[str, Any], key: str, default: float, low: float, high: float
) -> float:
    value = said.get(key, default)
    numeric = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if not numeric or not low <= value <= high:
        raise ValueError(f"`{key}` must be from {low} to {high}, was {value!r}")
    return float(value)


def _advice(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
