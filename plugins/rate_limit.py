"""Know how much of Kraken's call limits an account has left, and how long to wait.

Kraken keeps two counters. The matching engine counts orders for each pair: every
order adds 1, also one that is refused, and pulling a resting order adds the more the
younger it is. The private REST queries are counted for the key; placing and
cancelling are not among them. Both decay steadily.

Sources: docs.kraken.com/api/docs/guides/spot-ratelimits (matching engine) and
docs.kraken.com/exchange/guides/rest/ratelimits.md (REST). That the engine's own cancel
of an IOC remainder costs nothing is a reading of the first page, not a sentence in it.

The mirror kept here is never below the venue's counter: a call counts in full from
the moment it is intended, and begins to decay when the venue has answered it.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from decimal import Decimal
from typing import Any

from quorate import (
    DURATION,
    Accepted,
    CancelAsked,
    CancelRefused,
    Desk,
    Ended,
    Fact,
    Intended,
    Moves,
    OrderView,
    Purpose,
    RateCounter,
    RateLimits,
    Refused,
    Stage,
    Started,
    Unknown,
    hookimpl,
)

_NAME = "rate_limit"
_ZERO = Decimal(0)

# An order younger than so many ms costs so much to cancel.
_CANCEL_COSTS = (
    (5_000, Decimal(8)),
    (10_000, Decimal(6)),
    (15_000, Decimal(5)),
    (45_000, Decimal(4)),
    (90_000, Decimal(2)),
    (300_000, Decimal(1)),
)

# For each tier: order limit and decay a second, REST limit and decay a second.
_TIERS = {
    "starter": ("60", "1", "15", "0.33"),
    "intermediate": ("125", "2.34", "20", "0.5"),
    "pro": ("180", "3.75", "20", "1"),
}

# Private queries, 1 point each: balances, fees and open orders when a run starts;
# open and closed orders when an order without a clear answer is looked for.
_START_CALLS = Decimal(3)
_EVIDENCE_CALLS = Decimal(2)


@hookimpl
def rate_limits(tier: str) -> RateLimits | None:
    """Return Kraken's limits of an account tier, None for a tier it does not have."""
    if tier not in _TIERS:
        return None
    order_limit, order_decay, rest_limit, rest_decay = map(Decimal, _TIERS[tier])
    return RateLimits(
        order_limit=order_limit,
        order_decay=order_decay,
        add_cost=Decimal(1),
        cancel_costs=_CANCEL_COSTS,
        rest_limit=rest_limit,
        rest_decay=rest_decay,
    )


Told = (
    Started
    | Intended
    | CancelAsked
    | Accepted
    | Refused
    | Unknown
    | CancelRefused
    | Ended
)


@hookimpl
def remember(memory: MutableMapping[str, Any], record: Told, desk: Desk) -> None:
    """Keep the counters: by symbol, of the key, and what is still on its way."""
    limits = desk.limits
    if limits is None:
        return
    match record:
        case Started():
            _use(memory, limits, record.at_ms)
            _query(memory, limits, _START_CALLS, record.at_ms)
        case Intended(intent=intent):
            _send(memory, "add", intent.client_id, intent.symbol, limits.add_cost)
        case CancelAsked():
            _send_cancel(memory, limits, record, desk)
        case Accepted() | Refused():
            _settle(memory, limits, "add", record)
        case Unknown():
            _settle(memory, limits, "add", record)
            _query(memory, limits, _EVIDENCE_CALLS, record.at_ms)
        case CancelRefused():
            _settle(memory, limits, "cancel", record)
        case Ended():
            _settle(memory, limits, "add", record)
            _settle(memory, limits, "cancel", record)


def _use(memory: MutableMapping[str, Any], limits: RateLimits, at_ms: int) -> None:
    # The account may have moved to another tier since the last run.
    for counter in memory.get("engine", {}).values():
        counter.add(_ZERO, at_ms)
        counter.decay = limits.order_decay
    if "rest" in memory:
        memory["rest"].add(_ZERO, at_ms)
        memory["rest"].decay = limits.rest_decay


def _query(
    memory: MutableMapping[str, Any], limits: RateLimits, calls: Decimal, at_ms: int
) -> None:
    rest = memory.setdefault("rest", RateCounter(limits.rest_decay))
    rest.add(calls, at_ms)


def _send(
    memory: MutableMapping[str, Any],
    call: str,
    client_id: str,
    symbol: str,
    cost: Decimal,
) -> None:
    on_the_way = memory.setdefault("on_the_way", {})
    _, before = on_the_way.get((call, client_id), (symbol, _ZERO))
    on_the_way[call, client_id] = (symbol, before + cost)


def _send_cancel(
    memory: MutableMapping[str, Any],
    limits: RateLimits,
    asked: CancelAsked,
    desk: Desk,
) -> None:
    order = desk.order(asked.client_id)
    if order is None or not order.live:
        return
    # Not accepted yet means as young as can be; it only grows older on the way.
    age_ms = asked.at_ms - order.accepted_ms if order.accepted_ms else 0
    cost = limits.cancel_cost(age_ms)
    _send(memory, "cancel", asked.client_id, order.intent.symbol, cost)


def _settle(
    memory: MutableMapping[str, Any],
    limits: RateLimits,
    call: str,
    answer: Accepted | Refused | Unknown | Ended | CancelRefused,
) -> None:
    sent = memory.get("on_the_way", {}).pop((call, answer.client_id), None)
    if sent is None:
        return
    symbol, cost = sent
    counters = memory.setdefault("engine", {})
    counter = counters.setdefault(symbol, RateCounter(limits.order_decay))
    counter.add(cost, answer.at_ms)


def _rate_counter(desk: Desk) -> Decimal | None:
    if desk.limits is None:
        return None
    memory = desk.recall(_NAME)
    counter = memory.get("engine", {}).get(desk.symbol)
    sent = memory.get("on_the_way", {}).values()
    on_the_way = sum((cost for symbol, cost in sent if symbol == desk.symbol), _ZERO)
    return on_the_way + (counter.read(desk.now_ms) if counter else _ZERO)


def _rate_max(desk: Desk) -> Decimal | None:
    return desk.limits.order_limit if desk.limits else None


def _rest_counter(desk: Desk) -> Decimal | None:
    if desk.limits is None:
        return None
    rest = desk.recall(_NAME).get("rest")
    return rest.read(desk.now_ms) if rest else _ZERO


def _rest_max(desk: Desk) -> Decimal | None:
    return desk.limits.rest_limit if desk.limits else None


def _order_cost(view: OrderView) -> Decimal | None:
    return view.desk.limits.add_cost if view.desk.limits else None


def _rate_threshold(view: OrderView) -> Decimal | None:
    limits = view.desk.limits
    if limits is None:
        return None
    if view.draft.purpose != Purpose.ENTRY:
        return limits.order_limit
    reserve = view.desk.param("exit_reserve")
    if not isinstance(reserve, Decimal):
        return None
    return limits.order_limit * (1 - reserve)


def _rate_wait(view: OrderView) -> int | None:
    limits, counted = view.desk.limits, _rate_counter(view.desk)
    threshold = _rate_threshold(view)
    if limits is None or counted is None or threshold is None:
        return None
    if limits.add_cost > threshold:
        return None  # no waiting makes it fit
    now = RateCounter(limits.order_decay, counted, view.desk.now_ms)
    return now.wait_ms(limits.add_cost, threshold, view.desk.now_ms)


def _count(
    name: str,
    text: str,
    compute: Callable[[Any], Any],
    stage: Stage = Stage.ACCOUNT,
    moves: Moves = Moves.STATE,
    params: tuple[str, ...] = (),
) -> Fact:
    return Fact(
        name=name,
        stage=stage,
        help=f"{text}; not known, so a check refuses, when the account's limits are "
        "not known",
        compute=compute,
        low=_ZERO,
        moves=moves,
        params=params,
    )


_WAIT = Fact(
    name="rate_wait",
    stage=Stage.ORDER,
    help="how long until order_cost fits below rate_threshold, 0s when it fits now; "
    "not known, so a check refuses, when it never fits or the account's limits are "
    "not known",
    compute=_rate_wait,
    unit=DURATION,
    low=_ZERO,
    moves=Moves.CLOCK,
    params=("exit_reserve",),
)


@hookimpl
def facts() -> list[Fact]:
    """Return the counters, their ceilings, and what an order costs or must wait."""
    return [
        _count(
            "rate_counter",
            "the matching engine's counter of the symbol, calls under way in full",
            _rate_counter,
            moves=Moves.CLOCK,
        ),
        _count(
            "rate_max",
            "where the matching engine refuses further orders of the symbol",
            _rate_max,
        ),
        _count(
            "rest_counter",
            "the key's counter of private queries: those made when a run starts, and "
            "those that looked for an order without an answer",
            _rest_counter,
            moves=Moves.CLOCK,
        ),
        _count("rest_max", "where further private queries are refused", _rest_max),
        _count(
            "order_cost",
            "what sending this order adds to rate_counter",
            _order_cost,
            stage=Stage.ORDER,
        ),
        _count(
            "rate_threshold",
            "how far this order may bring rate_counter: an exit or a take-profit all "
            "of rate_max, an entry what the param exit_reserve leaves of it",
            _rate_threshold,
            stage=Stage.ORDER,
            params=("exit_reserve",),
        ),
        _WAIT,
    ]
