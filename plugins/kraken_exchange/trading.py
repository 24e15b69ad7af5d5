"""Private methods that change something: add, amend, cancel, the dead man's switch."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from . import admission, fees
from .admission import Form, Wish, is_true, text
from .clock import SECOND_MS, rfc3339
from .counters import Counters
from .executions import Event, full
from .market import Level
from .matching import MatchingEngine
from .orders import BookOrder
from .pairs import Listing, Pair
from .refusal import KrakenError, invalid, refused

Result = dict[str, object]

_LONGEST_STOP_S = 86_400


class Trading:
    """What AddOrder and its like do.

    ``status`` is the mode of each market; ``hidden_minimums`` are smallest amounts
    that are larger than those AssetPairs tells of, as it happens on the real exchange.
    """

    def __init__(
        self,
        engine: MatchingEngine,
        counters: Counters,
        pairs: Listing,
        rates: Callable[[], fees.Rates],
        tell: Callable[[Event], None],
    ) -> None:
        self.engine = engine
        self.counters = counters
        self.pairs = pairs
        self.status: dict[str, str] = {}
        self.hidden_minimums: dict[str, Decimal] = {}
        self._rates = rates
        self._tell = tell

    def mode(self, symbol: str) -> str:
        """Return the mode of a market; one without a tape takes no orders."""
        if symbol not in self.engine.market.tracks:
            return "cancel_only"
        return self.status.get(symbol, "online")

    def add(self, form: Form, now_ms: int) -> Result:
        """AddOrder: check, let in, match.

        Raises:
            KrakenError: the order is refused; nothing of it stays but its count.
        """
        pair = admission.find_pair(form, self.pairs)
        self.counters.add(pair.symbol, now_ms)
        admission.check_deadline(form, now_ms)
        wish = admission.read(form, pair, now_ms)
        admission.check_mode(self.mode(pair.symbol), wish)
        self._check_size(wish)
        self._check_place(wish)
        order = self._order(wish, now_ms)
        takes = self.engine.takes(order)
        if takes and order.post_only:
            raise refused("EOrder:Post only order")
        self._check_funds(order, takes)
        descr = {"order": order.sentence()}
        if wish.validate:
            return {"descr": descr}
        self.engine.arrive(order, takes)
        return {"descr": descr, "txid": [order.txid]}

    def amend(self, form: Form, now_ms: int) -> Result:
        """AmendOrder: change amount and limit of a resting order.

        The amount is the whole one, what is filled included.

        Raises:
            KrakenError: there is no such order, or it cannot be like this.
        """
        order = self._find(form)
        symbol = order.pair.symbol
        self.counters.amend(symbol, now_ms - order.changed_ms, now_ms)
        admission.check_deadline(form, now_ms)
        if self.mode(symbol) in ("cancel_only", "maintenance"):
            raise refused(f"EService:Market in {self.mode(symbol)} mode")
        before = order.amount, order.limit
        order.amount, order.limit = self._amended(order, form)
        try:
            takes = self._check_amended(order, form)
        except KrakenError:
            order.amount, order.limit = before
            raise
        order.changed_ms = now_ms
        amend_id = self.engine.new_id("T")
        self._tell(full(order, "amended", now_ms) | {"amend_id": amend_id})
        self.engine.amended(order, takes, now_ms)
        return {"amend_id": amend_id}

    def _amended(self, order: BookOrder, form: Form) -> tuple[Decimal, Decimal]:
        amount, limit = order.amount, order.limit or Decimal(0)
        if text(form, "trigger_price"):
            raise invalid("trigger_price")
        if text(form, "order_qty"):
            amount = admission.positive(form, "order_qty")
        if text(form, "limit_price"):
            limit = admission.positive(form, "limit_price")
        admission.check_price(limit, order.pair)
        if amount <= order.filled:
            raise invalid("order_qty")
        self._check_least(order.pair, amount, limit)
        return amount, limit

    def _check_amended(self, order: BookOrder, form: Form) -> list[Level]:
        """Return what an order takes now that it is changed."""
        takes = self.engine.takes(order)
        if takes and (order.post_only or is_true(form, "post_only")):
            raise refused("EOrder:Post only order")
        currency, needed = order.lock()
        _, kept = self.engine.ledger.holds.get(order.txid, (currency, Decimal(0)))
        if needed - kept > self.engine.ledger.free(currency):
            raise refused("EOrder:Insufficient funds")
        return takes

    def cancel(self, form: Form, now_ms: int) -> Result:
        """CancelOrder: by txid, userref or cl_ord_id.

        Raises:
            KrakenError: no such order is open.
        """
        orders = [self._find(form)] if text(form, "cl_ord_id") else self._named(form)
        return self._cancel(orders, now_ms)

    def cancel_all(self, now_ms: int) -> Result:
        """CancelAll: every open order."""
        return self._cancel(list(self.engine.open.values()), now_ms)

    def cancel_all_after(self, form: Form, now_ms: int) -> Result:
        """CancelAllOrdersAfter: set the dead man's switch anew, or off with 0.

        Raises:
            KrakenError: the timeout is not a number of seconds up to a day.
        """
        given = text(form, "timeout")
        if not given.isdecimal() or int(given) > _LONGEST_STOP_S:
            raise invalid("timeout")
        seconds = int(given)
        self.engine.stop_ms = now_ms + seconds * SECOND_MS if seconds else None
        stop_ms = self.engine.stop_ms
        return {
            "currentTime": _whole_second(now_ms),
            "triggerTime": "0" if stop_ms is None else _whole_second(stop_ms),
        }

    def _check_size(self, wish: Wish) -> None:
        pair, price = wish.pair, wish.limit
        if price is not None:
            admission.check_price(price, pair)
        else:
            bid, ask = self.engine.market.touch(pair.symbol)
            price = ask if wish.side == "buy" else bid
        amount = wish.amount
        if "viqc" in wish.flags:
            amount = round(wish.amount / price, pair.amount_decimals)
        self._check_least(pair, amount, price)

    def _check_least(self, pair: Pair, amount: Decimal, price: Decimal) -> None:
        least = max(pair.min_amount, self.hidden_minimums.get(pair.symbol, Decimal(0)))
        admission.check_size(pair, amount, price, least)

    def _check_place(self, wish: Wish) -> None:
        """Refuse a client id that an open order has, and one order too many."""
        for order in self.engine.open.values():
            if wish.cl_ord_id and order.cl_ord_id == wish.cl_ord_id:
                raise invalid("cl_ord_id")
        if len(self.engine.open_of(wish.pair.symbol)) >= self.counters.tier.most_open:
            raise refused("EOrder:Orders limit exceeded")

    def _check_funds(self, order: BookOrder, takes: list[Level]) -> None:
        currency, needed = order.lock()
        if order.limit is None:
            cost = sum((price * amount for price, amount in takes), Decimal(0))
            left = order.remaining
            if order.buys and not order.in_quote and takes:
                # What the book does not have now is counted at its worst price.
                taken = sum((amount for _, amount in takes), Decimal(0))
                cost += (left - taken) * takes[-1][0]
            if order.buys:
                cost = max(cost, left) if order.in_quote else cost
                currency, needed = order.pair.quote, order.with_fee(cost)
        if needed > self.engine.ledger.free(currency):
            raise refused("EOrder:Insufficient funds")

    def _order(self, wish: Wish, now_ms: int) -> BookOrder:
        # A validation draws no id: what follows must not depend on it.
        return BookOrder(
            txid="" if wish.validate else self.engine.new_id("O"),
            pair=wish.pair,
            side=wish.side,
            order_type=wish.order_type,
            amount=wish.amount,
            limit=wish.limit,
            time_in_force=wish.time_in_force,
            rates=self._rates(),
            opened_ms=now_ms,
            post_only="post" in wish.flags,
            fee_in_base="fcib" in wish.flags,
            in_quote="viqc" in wish.flags,
            cl_ord_id=wish.cl_ord_id,
            userref=wish.userref,
            expires_ms=wish.expires_ms,
        )

    def _find(self, form: Form) -> BookOrder:
        cl_ord_id = text(form, "cl_ord_id")
        if not cl_ord_id:
            return self._named(form)[0]
        for order in self.engine.open.values():
            if order.cl_ord_id == cl_ord_id:
                return order
        raise refused("EOrder:Unknown order")

    def _named(self, form: Form) -> list[BookOrder]:
        name = text(form, "txid")
        if not name:
            raise invalid("txid")
        order = self.engine.open.get(name)
        if order is not None:
            return [order]
        found = [o for o in self.engine.open.values() if str(o.userref) == name]
        if not found:
            raise refused("EOrder:Unknown order")
        return found

    def _cancel(self, orders: list[BookOrder], now_ms: int) -> Result:
        for order in orders:
            age_ms = now_ms - order.changed_ms
            self.counters.cancel(order.pair.symbol, age_ms, now_ms)
            self.engine.end(order, "canceled", "User requested", now_ms)
        return {"count": len(orders)}


def _whole_second(at_ms: int) -> str:
    return rfc3339(at_ms - at_ms % SECOND_MS).replace(".000000", "")
