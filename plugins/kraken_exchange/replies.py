"""Answers as bytes on the wire, whole or broken."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from .faults import Fault

SEND, HANG, CLOSE, HALF = "send", "hang", "close", "half"

_UNSENT = {"reply_lost": HANG, "close": CLOSE, "restart": CLOSE}

_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>{title}</title></head>"
    "<body><center><h1>{title}</h1></center><hr></body></html>\n"
)
_EDGE = {
    520: "Web server is returning an unknown error",
    521: "Web server is down",
    522: "Connection timed out",
    523: "Origin is unreachable",
    524: "A timeout occurred",
    525: "SSL handshake failed",
    526: "Invalid SSL certificate",
    530: "Origin DNS error",
}
"""What Cloudflare's own statuses mean (developers.cloudflare.com, 5xx errors)."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer over HTTP.

    ``manner`` is how it goes out: sent, never sent while the caller waits (hang), the
    connection closed instead (close) or in the middle of the body (half).
    """

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    manner: str = SEND


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the engine says to a request: a result, or errors in Kraken's own words."""

    result: Any = None
    errors: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it as the tap keeps it."""
        return {"errors": list(self.errors)} if self.errors else {"result": self.result}


def encode(value: Any) -> str:
    """Return JSON in which a Decimal is a number with all its digits.

    Prices and amounts over a socket are numbers, and the checksum of a book is made of
    their digits, trailing zeros included.
    """
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, Mapping):
        inner = ",".join(f"{_text(key)}:{encode(item)}" for key, item in value.items())
        return f"{{{inner}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{','.join(map(encode, value))}]"
    return json.dumps(value)


def _text(key: object) -> str:
    return json.dumps(str(key))


def answer(outcome: Outcome) -> bytes:
    """Return the body of a REST answer: HTTP 200 also for errors."""
    payload: dict[str, Any] = {"error": list(outcome.errors)}
    if not outcome.errors:
        payload["result"] = outcome.result
    return json.dumps(payload, default=str).encode()


def reply(outcome: Outcome, fault: Fault | None) -> Reply:
    """Return the answer to a call, as a fault leaves it."""
    if fault is None:
        return Reply(answer(outcome))
    if fault.kind == "error":
        return Reply(answer(Outcome(errors=fault.value)))
    if fault.kind == "http":
        return _page(fault.value)
    if fault.kind in _UNSENT:
        return Reply(b"", manner=_UNSENT[fault.kind])
    if fault.kind in ("no_txid", "odd_descr"):
        return Reply(answer(_odd(outcome, fault.kind)))
    return _spoiled(answer(outcome), fault.kind)


def _spoiled(whole: bytes, kind: str) -> Reply:
    if kind == "close_mid_body":
        return Reply(whole, manner=HALF)
    if kind == "truncated":
        return Reply(whole[: len(whole) * 2 // 3])
    if kind == "html":
        return Reply(_PAGE.format(title="Welcome").encode(), 200, "text/html")
    return Reply(b"\x00\xff\xfe not JSON at all \x00" if kind == "garbage" else b"")


def _page(status: int) -> Reply:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = _EDGE.get(status, "Unknown")
    page = _PAGE.format(title=f"{status} {phrase}")
    return Reply(page.encode(), status, "text/html")


def _odd(outcome: Outcome, kind: str) -> Outcome:
    """Return a success without its id, or with a sentence nobody expects."""
    if outcome.errors or not isinstance(outcome.result, Mapping):
        return outcome
    result = dict(outcome.result)
    if kind == "no_txid":
        result.pop("txid", None)
    elif "descr" in result:
        result["descr"] = {"order": "taken"}
    return Outcome(result)
