"""What became of a request: decided by the raw reply, never by an exception's class.

Source of the table that this follows: measured replies of ccxt 4.5, which reports an
order that was accepted as a timeout, as an error, and as a success without an id.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quorate import NOT_SENT, Accepted, CancelOutcome, CancelReply, Refused, Unknown

from .adapter import Adapter
from .lanes import NoTurn
from .scrub import scrubbed
from .wire import Errand, NotSent, Reply


def never_left(errand: Errand, failure: BaseException | None) -> bool:
    """Return whether it is certain that no byte of a POST reached the exchange."""
    if not errand.sent:
        return True
    return not errand.replies and _no_connection(failure)


def of_send(
    adapter: Adapter,
    client_id: str,
    errand: Errand,
    told: object,
    failure: BaseException | None,
    secrets: tuple[str, ...] = (),
) -> Accepted | Refused | Unknown:
    """Return what became of an order: ``told`` is what ccxt returned, if it did."""
    if never_left(errand, failure):
        error = scrubbed(f"{NOT_SENT}{describe(failure)}", secrets)
        return Refused(at_ms=0, client_id=client_id, errors=(error,))
    reply = errand.replies[-1] if errand.replies else None
    if reply is not None:
        codes, ids = adapter.read_errors(reply.body), _ids(adapter, reply, told)
        if codes == () and len(ids) == 1 and 200 <= reply.status < 300:
            return Accepted(at_ms=0, client_id=client_id, venue_id=ids[0])
        if not ids and _refused(adapter.refusals.have_all(codes or ()), reply):
            errors = tuple(scrubbed(code, secrets) for code in codes or ())
            return Refused(at_ms=0, client_id=client_id, errors=errors)
    why = scrubbed(_why(reply, failure), secrets)
    return Unknown(at_ms=0, client_id=client_id, why=why)


def of_cancel(
    adapter: Adapter,
    errand: Errand,
    failure: BaseException | None,
    secrets: tuple[str, ...] = (),
) -> CancelReply:
    """Return what became of a cancel."""
    if never_left(errand, failure):
        why = f"{NOT_SENT}{describe(failure)}"
        return _unknown_cancel(why, secrets)
    reply = errand.replies[-1] if errand.replies else None
    if reply is not None:
        codes = adapter.read_errors(reply.body)
        fine = 200 <= reply.status < 300 and reply.body is not None
        if codes == () and fine and adapter.cancelled(reply.body):
            return CancelReply(outcome=CancelOutcome.TAKEN)
        if _refused(adapter.cancel_refusals.have_all(codes or ()), reply):
            errors = tuple(scrubbed(code, secrets) for code in codes or ())
            return CancelReply(outcome=CancelOutcome.REFUSED, errors=errors)
    return _unknown_cancel(_why(reply, failure), secrets)


def describe(failure: BaseException | None) -> str:
    """Return an error in words."""
    if failure is None:
        return "no reason given"
    if isinstance(failure, NotSent | NoTurn):
        return str(failure)
    return f"{type(failure).__name__}: {failure}"


def _unknown_cancel(why: str, secrets: tuple[str, ...]) -> CancelReply:
    errors = (scrubbed(why, secrets),)
    return CancelReply(outcome=CancelOutcome.UNKNOWN, errors=errors)


def _refused(listed: bool, reply: Reply) -> bool:
    # A server that failed knows nothing of the order, whatever its body says.
    return listed and reply.status < 500


def _ids(adapter: Adapter, reply: Reply, told: object) -> tuple[str, ...]:
    if adapter.read_ids is not None:
        return adapter.read_ids(reply.body)
    # Where ids stand is not known: take ccxt's word if the raw reply has it too.
    order_id: Any = told.get("id") if isinstance(told, Mapping) else None
    known = isinstance(order_id, str) and order_id and order_id in reply.text
    return (order_id,) if known and reply.body is not None else ()


def _why(reply: Reply | None, failure: BaseException | None) -> str:
    if reply is None:
        return describe(failure)
    return f"HTTP {reply.status}: {reply.text or 'an empty reply'}"


def _no_connection(failure: BaseException | None) -> bool:
    from aiohttp import ClientConnectorError  # noqa: PLC0415 - ccxt has it by now

    while failure is not None:
        if isinstance(failure, ClientConnectorError):
            return True
        failure = failure.__cause__
    return False
