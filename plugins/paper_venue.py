"""Trade on paper: a Kraken-like spot venue over recorded or live market data.

Refusals come in this order, in Kraken's words: unknown pair, rate counter, mode of the
market, price step, amount step, smallest amount, smallest cost, duplicate client id
(text assumed, not documented), open orders of the pair, post-only, funds. Refused
orders count too, but for an unknown pair or a full counter; cancels count by the
order's age and always pass (docs.kraken.com/api/docs/guides/spot-ratelimits).

A taker pays the market's price, worse by half of ``spread`` and by ``slippage`` times
the share taken of what ``participation`` allows in the candle under way; all fills of
a candle share that. A limit order gets no more, at no worse price than its limit; what
is left rests (GTC) or is cancelled (IOC), or all of it is (FOK). A market order always
leaves: past its participation the slippage grows on in the same line, up to what the
whole candle would cost; without volume the share is 1. A resting order fills at its
limit once the market trades a price step beyond it, for it is last in the queue, and
gets no more than the participation.

Fees are rounded up to 1e-8; a resting buy that fills in parts pays in all no more than
was locked for it: its cost at the limit, and the fee if that is in quote currency. A
sale locks its amount. With ``currency: base`` a buy pays from what it receives; a sale
always pays from its proceeds. The same calls always give the same answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

from quorate import (
    Accepted,
    Answer,
    CancelRefused,
    Ended,
    Fill,
    Filled,
    Intent,
    Liquidity,
    Market,
    MarketNow,
    Order,
    RateCounter,
    RateLimits,
    Refused,
    Resting,
    Side,
    SimulatedVenue,
    TimeInForce,
    VenueError,
    ceil_to,
    exact,
    floor_to,
    hookimpl,
    plain,
)

_ZERO = Decimal(0)
_Take = tuple[Decimal, Decimal]  # amount and price
_FEE_STEP = Decimal("1e-8")
_GRID = ("price_step", "amount_step", "min_amount", "min_cost")
# Open orders for each pair: docs.kraken.com/api/docs/guides/spot-ratelimits.
_MOST_OPEN = {"starter": 60, "intermediate": 80, "pro": 225}


@hookimpl
def venue(
    name: str, settings: Mapping[str, Any], limits: RateLimits | None
) -> SimulatedVenue | None:
    """Open the paper venue, None for any other name; refuse settings that cannot be."""
    return PaperVenue(settings, limits) if name == "paper" else None


class PaperVenue:
    """A venue in memory, as SimulatedVenue asks for it.

    ``settings`` is the ``paper`` section of a workspace: ratios as numbers, latency in
    milliseconds. Without ``limits`` no order is refused for its rate.
    """

    name: str = "paper"

    def __init__(self, settings: Mapping[str, Any], limits: RateLimits | None) -> None:
        fees, held = settings.get("fees", {}), settings.get("balances", {})
        self._rules: list[Mapping[str, Any]] = list(settings.get("markets", ()))
        self.latency_ms = int(_number(settings, "latency", 0))
        self._maker, self._taker = _number(fees, "maker"), _number(fees, "taker")
        self._fee_in_base = fees.get("currency", "quote") == "base"
        self._half_spread = _number(settings, "spread", 0) / 2
        self._slippage = _number(settings, "slippage", 0)
        self._participation = _number(settings, "participation")
        if not 0 < self._participation <= 1:
            raise VenueError("paper: participation must be above 0% and at most 100%")
        self._most_open = _MOST_OPEN.get(settings.get("tier", ""), 10**9)
        self._balances = {currency: _number(held, currency) for currency in held}
        self._limits = limits
        self._markets: dict[str, Market] = {}
        self._minimums: dict[str, Decimal] = {}
        self._counters: dict[str, RateCounter] = {}
        self._open: dict[str, Order] = {}
        self._taken: dict[str, tuple[int, Decimal]] = {}

    def open_markets(self, symbols: Iterable[str]) -> Mapping[str, Market]:
        """Return the market rules of each symbol, from the first pattern it matches."""
        return {symbol: self._listed(symbol) for symbol in symbols}

    def open_balances(self, currencies: Iterable[str]) -> Mapping[str, Decimal]:
        """Return what the account holds of each currency, locked included."""
        return {each: self._balances.get(each, _ZERO) for each in currencies}

    def free(self, currency: str) -> Decimal:
        """Return what the account holds of a currency and no resting order locks."""
        locks = [self._lock(order) for order in self._open.values()]
        locked = sum((much for where, much in locks if where == currency), _ZERO)
        return self._balances.get(currency, _ZERO) - locked

    def arrive(self, intent: Intent, now: MarketNow) -> list[Answer]:
        """Answer an order: Refused, or Accepted, fills, and Ended unless it rests."""
        ours, at_ms = intent.client_id, now.at_ms
        error = self._refusal(intent, now)
        if error is not None:
            return [Refused(at_ms=at_ms, client_id=ours, errors=(error,))]
        takes = self._takes(intent, now)
        # As unique as our id, without a number to keep.
        venue_id = f"P-{ours}"
        self._open[ours] = Order(intent=intent, venue_id=venue_id, accepted_ms=at_ms)
        accepted = Accepted(at_ms=at_ms, client_id=ours, venue_id=venue_id)
        fills = [self._fill(ours, take, now, Liquidity.TAKER) for take in takes]
        return [accepted, *fills, *self._ended(ours, at_ms)]

    def cancel(self, client_id: str, at_ms: int) -> list[Answer]:
        """Answer a cancel: Ended, or CancelRefused when no such order rests."""
        order = self._open.pop(client_id, None)
        if order is None:
            errors = ("EOrder:Unknown order",)
            return [CancelRefused(at_ms=at_ms, client_id=client_id, errors=errors)]
        if self._limits is not None:
            cost = self._limits.cancel_cost(at_ms - order.accepted_ms)
            self._counter(order.intent.symbol).add(cost, at_ms)
        return [Ended(at_ms=at_ms, client_id=client_id, reason="cancelled")]

    def trade(self, symbol: str, now: MarketNow) -> list[Answer]:
        """Fill what rests beyond the price, best price first, then oldest first."""
        answers: list[Answer] = []
        for order in self._book(symbol):
            ours, limit = order.intent.client_id, _limit(order)
            beyond = limit - now.price if _buys(order.intent) else now.price - limit
            amount = min(order.remaining, self._room(symbol, now)[1])
            if amount and beyond >= self._markets[symbol].price_step:
                filled = self._fill(ours, (amount, limit), now, Liquidity.MAKER)
                answers.extend((filled, *self._ended(ours, now.at_ms)))
        return answers

    def resting(self, symbol: str) -> tuple[Resting, ...]:
        """Return what rests in the book of ``symbol``: each side's best price first."""
        return tuple(
            Resting(
                client_id=order.intent.client_id,
                symbol=symbol,
                side=order.intent.side,
                limit_price=_limit(order),
            )
            for order in self._book(symbol)
        )

    def _listed(self, symbol: str) -> Market:
        rules = (r for r in self._rules if fnmatchcase(symbol, str(r.get("match"))))
        rule = next(rules, None)
        if rule is None:
            raise VenueError(f"paper: no match for {symbol} in markets; add one")
        base, _, quote = symbol.partition("/")
        grid = {name: _number(rule, name) for name in _GRID}
        if not (quote and grid["price_step"] and grid["amount_step"]):
            raise VenueError(f"paper: {symbol} needs a base, a quote and steps above 0")
        self._markets[symbol] = Market(
            symbol=symbol,
            base=base,
            quote=quote,
            venue_symbol=str(rule.get("venue_symbol", symbol)),
            maker_fee=self._maker,
            taker_fee=self._taker,
            status=str(rule.get("status", "online")),
            **grid,
        )
        hidden = _number(rule, "hidden_min_amount", 0)
        self._minimums[symbol] = max(grid["min_amount"], hidden)
        return self._markets[symbol]

    def _refusal(self, intent: Intent, now: MarketNow) -> str | None:
        market, size = self._markets.get(intent.symbol), intent.amount
        if market is None or market.venue_symbol != intent.venue_symbol:
            return "EQuery:Unknown asset pair"
        if not self._counted(intent, now.at_ms):
            return "EOrder:Rate limit exceeded"
        price = intent.limit_price or now.price
        off_tick = intent.limit_price is not None and price % market.price_step
        least, crosses = self._minimums[intent.symbol], self._crosses(intent, now.price)
        full = len(self._book(intent.symbol)) >= self._most_open
        objections = {
            f"EService:Market in {market.status} mode": not _allowed(intent, market),
            "EOrder:Tick size check failed": off_tick,
            "EGeneral:Invalid arguments:volume": size % market.amount_step,
            "EGeneral:Invalid arguments:volume minimum not met": size < least,
            "EOrder:Cost minimum not met": size * price < market.min_cost,
            "EGeneral:Invalid arguments:cl_ord_id": intent.client_id in self._open,
            "EOrder:Orders limit exceeded": full,
            "EOrder:Post only order": intent.post_only and crosses,
            "EOrder:Insufficient funds": not self._affords(intent, market, now),
        }
        return next((error for error, holds in objections.items() if holds), None)

    def _affords(self, intent: Intent, market: Market, now: MarketNow) -> bool:
        if not _buys(intent):
            return intent.amount <= self.free(market.base)
        takes, limit = self._takes(intent, now), intent.limit_price
        rest = intent.amount - sum(amount for amount, _ in takes)
        # A limit order is covered at its limit, and by the dearer of the two fees.
        costs = [amount * (limit or price) for amount, price in (*takes, (rest, _ZERO))]
        rate = max(self._maker, self._taker)
        return sum(c + self._fee(c, rate) for c in costs) <= self.free(market.quote)

    def _counter(self, symbol: str) -> RateCounter:
        decay = self._limits.order_decay if self._limits else _ZERO
        return self._counters.setdefault(symbol, RateCounter(decay))

    def _counted(self, intent: Intent, at_ms: int) -> bool:
        """Count an order, unless the counter has no room for it."""
        if self._limits is None:
            return True
        counter, cost = self._counter(intent.symbol), self._limits.add_cost
        if counter.read(at_ms) + cost > self._limits.order_limit:
            return False
        counter.add(cost, at_ms)
        return True

    def _book(self, symbol: str) -> list[Order]:
        mine = [each for each in self._open.values() if each.intent.symbol == symbol]
        return sorted(mine, key=lambda o: -_limit(o) if _buys(o.intent) else _limit(o))

    def _fee(self, cost: Decimal, rate: Decimal) -> Decimal:
        """Return the fee of a buy in quote currency."""
        return _ZERO if self._fee_in_base else ceil_to(cost * rate, _FEE_STEP)

    def _lock(self, order: Order) -> tuple[str, Decimal]:
        market = self._markets[order.intent.symbol]
        if not _buys(order.intent):
            return market.base, order.remaining
        cost = order.remaining * _limit(order)
        return market.quote, cost + self._fee(cost, self._maker)

    def _room(self, symbol: str, now: MarketNow) -> tuple[Decimal, Decimal]:
        """Return what was taken of the candle, and what may still be taken of it."""
        candle_ms, taken = self._taken.get(symbol, (0, _ZERO))
        if candle_ms != now.candle_ms:
            taken = _ZERO
        left = self._participation * now.volume - taken
        return taken, max(_ZERO, floor_to(left, self._markets[symbol].amount_step))

    def _price(self, intent: Intent, price: Decimal, slip: Decimal = _ZERO) -> Decimal:
        """Return what a taker pays or gets, on the price grid and against the taker."""
        step = self._markets[intent.symbol].price_step
        away = 1 + self._half_spread + slip
        if _buys(intent):
            return ceil_to(price * away, step)
        # Dividing keeps a sale's price above zero, however far it slips.
        return max(step, floor_to(price / away, step))

    def _crosses(self, intent: Intent, price: Decimal) -> bool:
        best = self._price(intent, price)
        return _within_limit(best, intent) == best

    def _takes(self, intent: Intent, now: MarketNow) -> list[_Take]:
        """Return the amounts and prices that an order takes at once, nearest first."""
        taken, there = self._room(intent.symbol, now)
        parts = [min(intent.amount, there)]
        if intent.limit_price is None:
            parts.append(intent.amount - parts[0])
        elif not self._crosses(intent, now.price):
            return []
        if intent.time_in_force is TimeInForce.FOK and sum(parts) < intent.amount:
            return []
        allowance, takes = self._participation * now.volume, []
        for amount in filter(None, parts):
            taken += amount
            share = min(taken / allowance, 1 / self._participation) if allowance else 1
            price = self._price(intent, now.price, self._slippage * share)
            takes.append((amount, _within_limit(price, intent)))
        return takes

    def _fill(
        self, client_id: str, take: _Take, now: MarketNow, liquidity: Liquidity
    ) -> Filled:
        before, (amount, price) = self._open[client_id], take
        intent, cost = before.intent, amount * price
        market, buying = self._markets[intent.symbol], _buys(intent)
        after = replace(before, filled=before.filled + amount)
        self._open[client_id] = after
        taken, _ = self._room(intent.symbol, now)
        self._taken[intent.symbol] = (now.candle_ms, taken + amount)
        rate = self._maker if liquidity is Liquidity.MAKER else self._taker
        if not buying or self._fee_in_base:
            received = amount if buying else cost
            fee = min(ceil_to(received * rate, _FEE_STEP), received)
        elif liquidity is Liquidity.MAKER:
            fee = self._lock(before)[1] - self._lock(after)[1] - cost
        else:
            fee = self._fee(cost, rate)
        currency = market.base if buying and self._fee_in_base else market.quote
        sign = 1 if buying else -1
        moves = {market.base: sign * amount, market.quote: -sign * cost}
        moves[currency] -= fee
        for each, change in moves.items():
            self._balances[each] = self._balances.get(each, _ZERO) + change
            assert self._balances[each] >= 0, f"{each} was spent but not locked"
        fill = Fill(
            # What is filled so far grows with every fill: unique, no index to keep.
            trade_id=f"{client_id}-{plain(after.filled)}",
            price=price,
            amount=amount,
            fee=fee,
            fee_currency=currency,
            liquidity=liquidity,
        )
        return Filled(at_ms=now.at_ms, client_id=client_id, fill=fill)

    def _ended(self, client_id: str, at_ms: int) -> list[Answer]:
        order = self._open[client_id]
        if order.remaining and _rests(order.intent):
            return []
        del self._open[client_id]
        reason = "cancelled" if order.remaining else "filled"
        return [Ended(at_ms=at_ms, client_id=client_id, reason=reason)]


def _buys(intent: Intent) -> bool:
    return intent.side is Side.BUY


def _limit(order: Order) -> Decimal:
    return order.intent.limit_price or _ZERO  # a market order never rests


def _within_limit(price: Decimal, intent: Intent) -> Decimal:
    """Return ``price``, or the order's limit where that is better for its owner."""
    if intent.limit_price is None:
        return price
    better = min if _buys(intent) else max
    return better(price, intent.limit_price)


def _rests(intent: Intent) -> bool:
    return intent.limit_price is not None and intent.time_in_force is TimeInForce.GTC


def _allowed(intent: Intent, market: Market) -> bool:
    limited, sells = intent.limit_price is not None, not _buys(intent)
    modes = {"post_only": intent.post_only, "limit_only": limited, "reduce_only": sells}
    return market.status == "online" or modes.get(market.status, False)


def _number(section: Mapping[str, Any], key: str, default: object = None) -> Decimal:
    value = section.get(key, default)
    try:
        number = exact(value)
    except (ArithmeticError, TypeError, ValueError):
        number = Decimal(-1)
    if number < 0:
        raise VenueError(f"paper: {key} must be a number from 0 up, was {value!r}")
    return number
