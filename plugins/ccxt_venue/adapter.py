"""What differs from exchange to exchange, as data; and the careful default.

An exchange without an adapter is used in the careful way: nothing counts as refused,
orders are looked for by reading through them, no deadline is believed in, and one
private request is on the wire at a time. ``exchange.adapter`` in quorate.yaml says
more about it, or corrects what stands here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from quorate import Rights, TimeInForce

from .refusals import Codes

Errors = Callable[[object], tuple[str, ...] | None]
"""Reads the error codes of a reply; () for none, None when its shape is not known."""
Ids = Callable[[object], tuple[str, ...]]
"""Reads the order ids in the reply to a new order."""
Fees = Callable[[object, str], tuple[Decimal, Decimal] | None]
"""Reads the maker's and the taker's fee of one market id, as ratios."""


class Lookup(StrEnum):
    """How an order is found by our own id."""

    FILTER = "filter"  # open and closed orders, each filtered by it
    DIRECT = "direct"  # one question with it
    SCAN = "scan"  # reading through open and closed orders


def no_errors(body: object) -> tuple[str, ...] | None:
    """Know of no error's shape: a reply of objects or lists counts as an answer."""
    return () if isinstance(body, dict | list) else None


def anything_said(_path: str, body: object) -> bool:
    """Take any object or list for an answer to the question."""
    return isinstance(body, dict | list)


def one_page(body: object) -> tuple[int, int]:
    """Take a reply for all there is."""
    much = len(body) if isinstance(body, dict | list) else 0
    return much, much


def cancel_taken(body: object) -> bool:
    """Take any object or list for a cancel that was taken."""
    return isinstance(body, dict | list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """How one exchange is spoken to through ccxt.

    ``deadline_param`` takes a moment, ``deadline_window_param`` milliseconds from the
    request's own time on; "" for none. ``dead_man`` says that it cancels every order
    when it is not called for a while, as far as ccxt can say so. ``raw_frames`` says
    that its streams are read as they come over the socket. ``path_costs`` are
    the points a private path costs in the REST budget; ``rest_tiers`` its limit and
    decay a second for each tier. ``order_fields`` and ``trade_fields`` say where exact
    figures stand in the raw reply. Fees are the dearest step of the documented ladder:
    used only while the account's own cannot be asked.
    """

    name: str = ""
    client_id_param: str = "clientOrderId"
    client_id_form: str = r"[A-Za-z0-9-]{1,18}"
    cancel_by_client_id: bool = False
    cancel_client_id_param: str = "clientOrderId"
    lookup: Lookup = Lookup.SCAN
    lookup_param: str = "clientOrderId"
    deadline_param: str = ""
    deadline_window_param: str = ""
    deadline_most_ms: int = 60_000
    time_in_force: Mapping[TimeInForce, str] = field(
        default_factory=lambda: {each: each.value for each in TimeInForce}
    )
    send_params: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    market_buy_in_quote: bool = False
    dead_man: bool = False
    raw_frames: bool = False
    strict_nonce: bool = True
    read_errors: Errors = no_errors
    read_ids: Ids | None = None
    answers: Callable[[str, object], bool] = anything_said
    cancelled: Callable[[object], bool] = cancel_taken
    refusals: Codes = field(default_factory=Codes)
    cancel_refusals: Codes = field(default_factory=Codes)
    not_found: Codes = field(default_factory=Codes)
    rate_words: Codes = field(default_factory=Codes)
    order_fields: Mapping[str, str] = field(default_factory=dict)
    trade_fields: Mapping[str, str] = field(default_factory=dict)
    tick_field: str = ""
    status_field: str = ""
    ask_rights: str = ""
    read_rights: Callable[[object], Rights] | None = None
    ask_fees: str = ""
    read_fees: Fees | None = None
    open_params: Mapping[str, Any] = field(default_factory=dict)
    page_param: str = ""
    read_page: Callable[[object], tuple[int, int]] = one_page
    page_size: int = 50
    trades_need_symbol: bool = True
    path_costs: Mapping[str, Decimal] = field(default_factory=dict)
    query_cost: Decimal = Decimal(1)
    rest_tiers: Mapping[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    rest_limit: Decimal = Decimal(10)
    rest_decay: Decimal = Decimal(1)
    public_limit: Decimal = Decimal(10)
    public_decay: Decimal = Decimal(1)
    taker_fee: Decimal = Decimal("0.012")
    maker_fee: Decimal = Decimal("0.006")

    @property
    def has_deadline(self) -> bool:
        """Whether the exchange refuses an order after its deadline by itself."""
        return bool(self.deadline_param or self.deadline_window_param)

    def rest_budget(self, tier: str) -> tuple[Decimal, Decimal]:
        """Return the private counter's limit and decay a second, for a tier."""
        return self.rest_tiers.get(tier, (self.rest_limit, self.rest_decay))

    def cost_of(self, path: str) -> Decimal:
        """Return what a private request to ``path`` adds to the REST counter."""
        return self.path_costs.get(path, self.query_cost)

    def takes(self, client_id: str) -> bool:
        """Return whether the exchange takes this client id."""
        return re.fullmatch(self.client_id_form, client_id) is not None
