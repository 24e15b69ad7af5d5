"""An order as the exchange keeps it, and as REST tells of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

from .clock import SECOND_MS
from .fees import Rates
from .pairs import Pair

_ZERO = Decimal(0)
_BASE_FEE_STEP = Decimal("1e-8")


@dataclass(slots=True, kw_only=True)
class BookOrder:
    """One order, from its arrival on. ``limit`` is None for a market order.

    ``amount`` is in base currency, or in quote currency when ``in_quote``. ``status``
    is open, closed, canceled, expired, or forgotten after a restart that lost it.
    ``rates`` are those at its arrival: what it holds is enough for its fees.
    """

    txid: str
    pair: Pair
    side: str
    order_type: str
    amount: Decimal
    limit: Decimal | None
    time_in_force: str
    rates: Rates
    opened_ms: int
    post_only: bool = False
    fee_in_base: bool = False
    in_quote: bool = False
    cl_ord_id: str = ""
    userref: int | None = None
    expires_ms: int = 0
    status: str = "open"
    reason: str | None = None
    closed_ms: int = 0
    changed_ms: int = field(init=False)
    filled: Decimal = _ZERO
    cost: Decimal = _ZERO
    fee: Decimal = _ZERO
    trades: list[str] = field(default_factory=list)
    _due: Decimal = _ZERO

    def __post_init__(self) -> None:
        self.changed_ms = self.opened_ms

    @property
    def open(self) -> bool:
        """Whether it can still trade."""
        return self.status == "open"

    @property
    def buys(self) -> bool:
        """Whether it is a buy."""
        return self.side == "buy"

    @property
    def remaining(self) -> Decimal:
        """What is not filled: in quote currency when the amount is."""
        return self.amount - (self.cost if self.in_quote else self.filled)

    @property
    def average(self) -> Decimal:
        """The mean price of its fills, 0 without any."""
        return self.cost / self.filled if self.filled else _ZERO

    @property
    def fee_currency(self) -> str:
        """What its fees are paid in."""
        return self.pair.base if self.fee_in_base else self.pair.quote

    @property
    def flags(self) -> str:
        """Its flags as Kraken lists them."""
        names = ["fcib" if self.fee_in_base else "fciq"]
        names += ["post"] * self.post_only + ["viqc"] * self.in_quote
        return ",".join(names)

    def lock(self) -> tuple[str, Decimal]:
        """Return the currency and the amount that its rest needs, fees included."""
        price, left = self.limit or _ZERO, self.remaining
        if self.buys:
            return self.pair.quote, self.with_fee(price * left)
        much = left if self.fee_currency == self.pair.quote else self.with_fee(left)
        return self.pair.base, much

    def with_fee(self, much: Decimal) -> Decimal:
        """Return what is spent in all when ``much`` is, the largest fee included.

        A buy that pays its fee in base currency pays it from what it receives.
        """
        if not much or (self.buys and self.fee_in_base):
            return much
        step, rate = self._fee_step, max(self.rates.taker, self.rates.maker)
        return much + (much * rate).quantize(step, ROUND_CEILING)

    def next_fee(self, price: Decimal, amount: Decimal, *, maker: bool) -> Decimal:
        """Return the fee of a fill, so that all fees together are rounded once."""
        rate = self.rates.maker if maker else self.rates.taker
        self._due += rate * (amount if self.fee_in_base else amount * price)
        return self._due.quantize(self._fee_step, ROUND_HALF_UP) - self.fee

    @property
    def _fee_step(self) -> Decimal:
        if self.fee_in_base:
            return _BASE_FEE_STEP
        return Decimal(1).scaleb(-self.pair.cost_decimals)

    def sentence(self) -> str:
        """Return the order in Kraken's words: buy 0.01000000 XBTUSD @ limit 60001.0."""
        what = f"{self.side} {self.amount:.8f} {self.pair.altname} @ {self.order_type}"
        return what if self.limit is None else f"{what} {self._price(self.limit)}"

    def as_rest(self, trades: Sequence[str] | None = None) -> dict[str, object]:
        """Return the order as OpenOrders, ClosedOrders and QueryOrders tell it."""
        told: dict[str, object] = {
            "refid": None,
            "userref": self.userref,
            "status": self.status,
            "opentm": self.opened_ms / SECOND_MS,
            "starttm": 0,
            "expiretm": self.expires_ms / SECOND_MS if self.expires_ms else 0,
            "descr": self._descr(),
            "vol": f"{self.amount:.8f}",
            "vol_exec": f"{self.filled:.8f}",
            "cost": f"{self.cost:.{self.pair.cost_decimals}f}",
            "fee": f"{self.fee:.{8 if self.fee_in_base else self.pair.cost_decimals}f}",
            "price": self._price(self.average),
            "stopprice": self._price(_ZERO),
            "limitprice": self._price(_ZERO),
            "misc": "",
            "oflags": self.flags,
        }
        if self.cl_ord_id:
            told["cl_ord_id"] = self.cl_ord_id
        if not self.open:
            told |= {"reason": self.reason, "closetm": self.closed_ms / SECOND_MS}
        if trades:
            told["trades"] = list(trades)
        return told

    def _descr(self) -> dict[str, str]:
        return {
            "pair": self.pair.altname,
            "type": self.side,
            "ordertype": self.order_type,
            "price": "0" if self.limit is None else self._price(self.limit),
            "price2": "0",
            "leverage": "none",
            "order": self.sentence(),
            "close": "",
        }

    def _price(self, price: Decimal) -> str:
        return f"{price:.{self.pair.price_decimals}f}"
