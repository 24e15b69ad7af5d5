"""The written lists: which raw error codes prove that nothing came of a request.

Everything that is not on a list leaves the outcome unknown. A pattern has ``*`` for any
text. ``doubtful`` wins over ``certain``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Codes:
    """A written list of error codes."""

    certain: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()

    def has(self, code: str) -> bool:
        """Return whether ``code`` is on the list."""
        return _any(self.certain, code) and not _any(self.doubtful, code)

    def have_all(self, codes: Iterable[str]) -> bool:
        """Return whether there are codes, and each is on the list."""
        told = tuple(codes)
        return bool(told) and all(map(self.has, told))


def _any(patterns: Iterable[str], code: str) -> bool:
    return any(fnmatchcase(code, pattern) for pattern in patterns)


# Raised before the matching engine has seen the order, or by it when it refuses one.
# docs.kraken.com/api/docs/guides/spot-errors, .../rest-api/add-order; an order with the
# id of another open one may be our own, sent again on the way: that is looked up.
KRAKEN = Codes(
    certain=(
        "EOrder:Insufficient funds",
        "EOrder:Insufficient margin",
        "EOrder:Margin allowance exceeded",
        "EOrder:Order minimum not met",
        "EOrder:Cost minimum not met",
        "EOrder:Tick size check failed",
        "EOrder:Orders limit exceeded",
        "EOrder:Positions limit exceeded",
        "EOrder:Rate limit exceeded",
        "EOrder:Domain rate limit exceeded",
        "EOrder:Scheduled orders limit exceeded",
        "EOrder:Cannot open position",
        "EOrder:Cannot open opposing position",
        "EOrder:Trading agreement required",
        "EOrder:Reduce only:*",
        "EOrder:Post only order",
        "EOrder:Invalid order",
        "EOrder:Invalid price",
        "EOrder:Invalid price:*",
        "EOrder:Invalid amount",
        "EOrder:Not authorized",
        "EGeneral:Invalid arguments",
        "EGeneral:Invalid arguments:*",
        "EGeneral:Permission denied",
        "EGeneral:Temporary lockout",
        "EGeneral:Too many requests",
        "EGeneral:Unknown method",
        "EQuery:Unknown asset pair",
        "EQuery:Unknown asset",
        "EQuery:Invalid asset pair",
        "EAPI:Invalid key",
        "EAPI:Invalid signature",
        "EAPI:Invalid nonce",
        "EAPI:Rate limit exceeded",
        "EAPI:Feature disabled",
        "EAPI:Bad request",
        "EService:Market in * mode",
        "EService:Deadline elapsed",
        "EService: Throttled:*",
        "EService:Throttled:*",
        "ESession:Invalid session",
        "EAccount:Invalid permissions",
        "EAccount:Invalid permissions:*",
        "EAuth:Account temporary disabled",
        "EAuth:Account unconfirmed",
        "EAuth:Rate limit exceeded",
        "EAuth:Too many requests",
        "ETrade:User Locked",
        "ETrade:Locked",
    ),
    doubtful=("*cl_ord_id*", "*uplicate*"),
)
KRAKEN_CANCEL = Codes(
    certain=(
        "EOrder:Unknown order",
        "EOrder:Invalid order",
        "EGeneral:Invalid arguments",
        "EGeneral:Invalid arguments:*",
        "EGeneral:Permission denied",
        "EGeneral:Temporary lockout",
        "EGeneral:Too many requests",
        "EAPI:Invalid key",
        "EAPI:Invalid signature",
        "EAPI:Invalid nonce",
        "EAPI:Rate limit exceeded",
        "EOrder:Rate limit exceeded",
        "EOrder:Domain rate limit exceeded",
        "EService: Throttled:*",
    )
)
KRAKEN_NOT_FOUND = Codes(("EOrder:Unknown order", "EOrder:Invalid order"))
KRAKEN_RATE = Codes(
    ("EAPI:Rate limit exceeded", "EGeneral:Too many requests", "EService: Throttled:*")
)

# developers.binance.com/docs/binance-spot-api-docs/errors: -1006 and -1007 say that the
# execution status is unknown, -1000, -1001, -1008 and -1016 say nothing of the order.
# "Duplicate order sent." comes when our id is taken: by our own order, perhaps.
BINANCE = Codes(
    certain=(
        "-1002 *",
        "-1003 *",
        "-1013 *",
        "-1014 *",
        "-1015 *",
        "-1020 *",
        "-1021 *",
        "-1022 *",
        "-11?? *",
        "-2010 *",
        "-2014 *",
        "-2015 *",
    ),
    doubtful=("*uplicate*",),
)
BINANCE_CANCEL = Codes(
    ("-1002 *", "-1003 *", "-1021 *", "-1022 *", "-11?? *", "-201[145] *")
)
BINANCE_NOT_FOUND = Codes(("-2013 *",))
BINANCE_RATE = Codes(("-1003 *", "-1015 *"))

# docs.cdp.coinbase.com, Advanced Trade: error_response of Create Order, with the
# reasons of its preview; UNKNOWN_FAILURE_REASON and internal_server_error say nothing.
COINBASE = Codes(
    certain=(
        "UNSUPPORTED_ORDER_CONFIGURATION",
        "INVALID_SIDE",
        "INVALID_PRODUCT_ID",
        "INVALID_SIZE_PRECISION",
        "INVALID_PRICE_PRECISION",
        "INSUFFICIENT_FUND",
        "INSUFFICIENT_FUNDS",
        "INVALID_LEDGER_BALANCE",
        "ORDER_ENTRY_DISABLED",
        "INELIGIBLE_PAIR",
        "INVALID_LIMIT_PRICE_POST_ONLY",
        "INVALID_LIMIT_PRICE",
        "INVALID_NO_LIQUIDITY",
        "INVALID_REQUEST",
        "COMMANDER_REJECTED_NEW_ORDER",
        "PREVIEW_*",
        "INVALID_ARGUMENT",
        "PERMISSION_DENIED",
        "unauthorized",
        "rate_limit_exceeded",
    )
)
COINBASE_CANCEL = Codes(
    (
        "UNKNOWN_CANCEL_ORDER",
        "INVALID_CANCEL_REQUEST",
        "DUPLICATE_CANCEL_REQUEST",
        "COMMANDER_REJECTED_CANCEL_ORDER",
        "unauthorized",
        "rate_limit_exceeded",
    )
)
COINBASE_NOT_FOUND = Codes(("NOT_FOUND", "not_found"))
COINBASE_RATE = Codes(("rate_limit_exceeded",))
