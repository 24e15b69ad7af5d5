from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate import (
    Answer,
    Intent,
    RateLimits,
    Refused,
    SimulatedVenue,
    VenueError,
)

paper = import_module("paper_orders")
PAPER = paper.PAPER
T0 = paper.T0
balances = paper.balances
moment = paper.moment
order = paper.order
said = paper.said

Load = Callable[[str], ModuleType]


def limits_of(load_plugin: Load, tier: str) -> RateLimits:
    limits = load_plugin("rate_limit").rate_limits(tier)
    assert isinstance(limits, RateLimits)
    return limits


# Opening


def test_it_is_a_simulated_venue_and_only_that_of_its_name(load_plugin: Load) -> None:
    plugin = load_plugin("paper_venue")
    opened: SimulatedVenue | None = plugin.venue("paper", PAPER, None)
    assert opened is not None
    assert (opened.name, opened.latency_ms) == ("paper", 250)
    assert plugin.venue("kraken", PAPER, None) is None


def test_a_symbol_trades_by_the_first_pattern_it_matches(venue: Any) -> None:
    markets = venue.open_markets(["BTC/USD", "DOGE/USD"])
    bitcoin, doge = markets["BTC/USD"], markets["DOGE/USD"]
    assert (bitcoin.base, bitcoin.quote) == ("BTC", "USD")
    assert (bitcoin.venue_symbol, doge.venue_symbol) == ("BTC/USD", "ODD")
    assert (bitcoin.price_step, doge.price_step) == (Decimal("0.1"), Decimal("0.01"))
    assert doge.min_amount == 1
    assert (doge.maker_fee, doge.taker_fee) == (Decimal("0.0025"), Decimal("0.004"))
    assert doge.status == "online"


def test_a_symbol_that_nothing_matches_is_not_traded(venue: Any) -> None:
    with pytest.raises(VenueError, match="no match for BTC/EUR"):
        venue.open_markets(["BTC/EUR"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fees": {"maker": 0}}, "taker must be a number from 0 up, was None"),
        ({"spread": "0.01%"}, "spread must be a number from 0 up, was '0.01%'"),
        ({"balances": {"USD": -1}}, "USD must be a number from 0 up"),
        ({"participation": 0}, "participation must be above 0%"),
        ({"markets": [{"match": "*", "price_step": 0}]}, "amount_step must be"),
        (
            {"markets": [{**PAPER["markets"][0], "price_step": 0}]},
            "steps above 0",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(
    open_venue: Callable[..., Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(VenueError, match=message):
        open_venue(**changes)


# Refusing


def refused(open_venue: Callable[..., Any], intent: Intent, **changes: Any) -> str:
    answers = open_venue(**changes).arrive(intent, moment())
    (refusal,) = answers
    assert isinstance(refusal, Refused)
    assert (refusal.at_ms, refusal.client_id) == (T0, intent.client_id)
    (error,) = refusal.errors
    return error


def mode(status: str) -> dict[str, Any]:
    return {"markets": [{**PAPER["markets"][0], "match": "*", "status": status}]}


@pytest.mark.parametrize(
    ("intent", "changes", "error"),
    [
        (order(symbol="BTC/EUR"), {}, "EQuery:Unknown asset pair"),
        (order(venue_symbol="XBTUSD"), {}, "EQuery:Unknown asset pair"),
        (order(), mode("cancel_only"), "EService:Market in cancel_only mode"),
        (order(), mode("maintenance"), "EService:Market in maintenance mode"),
        (order(limit="100"), mode("post_only"), "EService:Market in post_only mode"),
        (order(), mode("limit_only"), "EService:Market in limit_only mode"),
        (order(), mode("reduce_only"), "EService:Market in reduce_only mode"),
        (order(limit="99.95"), {}, "EOrder:Tick size check failed"),
        (order(amount="0.12345"), {}, "EGeneral:Invalid arguments:volume"),
        (
            order(amount="0.0009"),
            {},
            "EGeneral:Invalid arguments:volume minimum not met",
        ),
        (
            order(symbol="DOGE/USD", venue_symbol="ODD", amount="4.99"),
            {},
            "EGeneral:Invalid arguments:volume minimum not met",
        ),
        (order(amount="0.001"), {}, "EOrder:Cost minimum not met"),
        (order(amount="0.004", limit="100"), {}, "EOrder:Cost minimum not met"),
        (order(limit="100.1", post_only=True), {}, "EOrder:Post only order"),
        (
            order(side="sell", limit="99.9", post_only=True),
            {},
            "EOrder:Post only order",
        ),
        (order(amount="10.0001", side="sell"), {}, "EOrder:Insufficient funds"),
        (order(amount="100", limit="100"), {}, "EOrder:Insufficient funds"),
    ],
)
def test_an_order_is_refused_in_the_words_of_kraken(
    open_venue: Callable[..., Any], intent: Intent, changes: dict[str, Any], error: str
) -> None:
    assert refused(open_venue, intent, **changes) == error


def test_the_first_objection_is_the_answer(open_venue: Callable[..., Any]) -> None:
    everything = order(amount="0.00015", limit="100.15", post_only=True)
    error = refused(open_venue, everything, **mode("cancel_only"))
    assert error == "EService:Market in cancel_only mode"
    assert refused(open_venue, everything) == "EOrder:Tick size check failed"
    on_tick = replace(everything, limit_price=Decimal("100.1"))
    assert refused(open_venue, on_tick) == "EGeneral:Invalid arguments:volume"


@pytest.mark.parametrize(
    "intent",
    [
        order(amount="0.005", limit="100"),
        order(amount="0.001", limit="600"),
        order(symbol="DOGE/USD", venue_symbol="ODD", amount="5"),
        order(side="sell", amount="10"),
    ],
)
def test_an_order_at_the_edge_is_accepted(venue: Any, intent: Intent) -> None:
    assert said(venue.arrive(intent, moment()))[0] == "accepted"


@pytest.mark.parametrize(
    ("intent", "status"),
    [
        (order(limit="90", post_only=True), "post_only"),
        (order(limit="90"), "limit_only"),
        (order(side="sell"), "reduce_only"),
    ],
)
def test_a_mode_lets_its_own_orders_pass(
    open_venue: Callable[..., Any], intent: Intent, status: str
) -> None:
    answers = open_venue(**mode(status)).arrive(intent, moment())
    assert said(answers)[0] == "accepted"


def test_a_client_id_is_unique_among_open_orders_only(venue: Any) -> None:
    assert said(venue.arrive(order(limit="90"), moment())) == ["accepted"]
    again = venue.arrive(order(limit="90"), moment())
    assert said(again) == ["EGeneral:Invalid arguments:cl_ord_id"]
    venue.cancel("a", T0)
    assert said(venue.arrive(order(limit="90"), moment())) == ["accepted"]


def test_a_pair_takes_so_many_open_orders(venue: Any) -> None:
    small = {"amount": "0.01", "limit": "90"}
    for number in range(60):
        venue.arrive(order(f"o{number}", **small), moment())
    refusal = venue.arrive(order("one too many", **small), moment())
    assert said(refusal) == ["EOrder:Orders limit exceeded"]


# Rate counters

TIERS = ("starter", "intermediate", "pro")


@pytest.mark.parametrize(
    ("tier", "tif", "placed"),
    [
        ("starter", "GTC", 7),
        ("intermediate", "GTC", 14),
        ("pro", "GTC", 20),
        ("starter", "IOC", 60),
        ("intermediate", "IOC", 125),
        ("pro", "IOC", 180),
    ],
)
def test_so_many_orders_at_once_until_one_is_refused(
    load_plugin: Load,
    open_venue: Callable[..., Any],
    tier: str,
    tif: str,
    placed: int,
) -> None:
    venue = open_venue(limits_of(load_plugin, tier), tier=tier)
    count = 0
    while True:
        answers = venue.arrive(order(f"o{count}", limit="90", tif=tif), moment())
        if said(answers) == ["EOrder:Rate limit exceeded"]:
            break
        count += 1
        if tif == "GTC":
            assert said(venue.cancel(f"o{count - 1}", T0)) == ["cancelled"]
    assert count == placed


def test_a_refused_order_counts_and_time_takes_it_away(
    load_plugin: Load, open_venue: Callable[..., Any]
) -> None:
    venue = open_venue(limits_of(load_plugin, "starter"))
    for number in range(60):
        venue.arrive(order(f"o{number}", limit="99.95"), moment())
    full = ["EOrder:Rate limit exceeded"]
    assert said(venue.arrive(order(), moment())) == full
    assert said(venue.arrive(order(), moment(at_ms=T0 + 999))) == full
    doge = order("d", amount="5", symbol="DOGE/USD", venue_symbol="ODD")
    assert said(venue.arrive(doge, moment()))[0] == "accepted"
    assert said(venue.arrive(order(), moment(at_ms=T0 + 1_000)))[0] == "accepted"


@pytest.mark.parametrize(("age_ms", "cost"), [(0, 8), (5_000, 6), (300_000, 0)])
def test_a_cancel_counts_by_the_age_of_the_order(
    load_plugin: Load, open_venue: Callable[..., Any], age_ms: int, cost: int
) -> None:
    venue = open_venue(limits_of(load_plugin, "starter"))
    venue.arrive(order("old", limit="90"), moment())
    at_ms = T0 + age_ms
    # What placing it has counted decays in a second.
    counted = cost if age_ms else cost + 1
    assert said(venue.cancel("old", at_ms)) == ["cancelled"]
    probes = [
        said(venue.arrive(order(f"p{n}", limit="90", tif="IOC"), moment(at_ms=at_ms)))
        for n in range(61)
    ]
    assert probes.index(["EOrder:Rate limit exceeded"]) == 60 - counted


@given(
    calls=st.lists(st.tuples(st.integers(0, 2_500), st.booleans()), max_size=40),
    tier=st.sampled_from(TIERS),
)
def test_its_counter_is_that_of_a_count_by_the_millisecond(
    load_plugin: Load,
    open_venue: Callable[..., Any],
    calls: list[tuple[int, bool]],
    tier: str,
) -> None:
    limits = limits_of(load_plugin, tier)
    limits = replace(limits, order_limit=Decimal(20))
    venue = open_venue(limits, tier=tier)
    # In units of 1e-5 points what decays in one millisecond is a whole number.
    per_ms, slow, at_ms = int(limits.order_decay * 100), 0, T0
    for number, (pause_ms, pulled) in enumerate(calls):
        for _ in range(pause_ms):
            slow = max(0, slow - per_ms)
        at_ms += pause_ms
        client_id = f"o{number}"
        answers = venue.arrive(
            order(client_id, amount="0.01", limit="90"), moment(at_ms=at_ms)
        )
        room = slow + 100_000 <= 2_000_000
        assert said(answers) == ["accepted" if room else "EOrder:Rate limit exceeded"]
        slow += 100_000 if room else 0
        if room and pulled:
            venue.cancel(client_id, at_ms)
            slow += 800_000


# Going on


def test_the_same_calls_give_the_same_answers(open_venue: Callable[..., Any]) -> None:
    def run() -> list[Answer]:
        venue = open_venue()
        answers: list[Answer] = venue.arrive(order(amount="2", limit="102"), moment())
        answers += venue.arrive(order("b", "sell", limit="110"), moment(volume="3"))
        answers += venue.trade("BTC/USD", moment("120", "4", T0 + 60_000))
        return [*answers, *venue.cancel("b", T0 + 60_000)]

    assert run() == run()
