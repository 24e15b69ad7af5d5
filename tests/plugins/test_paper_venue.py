from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import ROUND_CEILING, Decimal
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate import (
    Accepted,
    Answer,
    CancelRefused,
    Ended,
    Filled,
    Intent,
    Liquidity,
    MarketNow,
    OrderType,
    Purpose,
    RateLimits,
    Refused,
    Side,
    SimulatedVenue,
    TimeInForce,
    VenueError,
)

Load = Callable[[str], ModuleType]
T0 = 1_700_000_000_000
UNIT = Decimal("1e-8")

PAPER: Mapping[str, Any] = {
    "balances": {"USD": 10000, "BTC": 10},
    "fees": {"maker": Decimal("0.0025"), "taker": Decimal("0.004")},
    "latency": 250,
    "spread": Decimal("0.002"),
    "slippage": Decimal("0.01"),
    "participation": Decimal("0.1"),
    "tier": "starter",
    "markets": [
        {
            "match": "BTC/USD",
            "price_step": "0.1",
            "amount_step": "0.0001",
            "min_amount": "0.001",
            "min_cost": "0.5",
        },
        {
            "match": "*/USD",
            "price_step": "0.01",
            "amount_step": "0.01",
            "min_amount": 1,
            "min_cost": "0.5",
            "venue_symbol": "ODD",
            "hidden_min_amount": 5,
        },
    ],
}


def moment(
    price: str | Decimal = "100", volume: str | Decimal = "100", at_ms: int = T0
) -> MarketNow:
    return MarketNow(
        at_ms=at_ms,
        price=Decimal(price),
        volume=Decimal(volume),
        candle_ms=at_ms - at_ms % 60_000,
    )


def order(
    client_id: str = "a", side: str = "buy", amount: str = "1", **changes: Any
) -> Intent:
    limit = changes.pop("limit", None)
    return Intent(
        client_id=client_id,
        root_id=client_id,
        symbol=changes.pop("symbol", "BTC/USD"),
        venue_symbol=changes.pop("venue_symbol", "BTC/USD"),
        side=Side(side),
        type=OrderType.MARKET if limit is None else OrderType.LIMIT,
        time_in_force=TimeInForce(changes.pop("tif", "GTC")),
        post_only=changes.pop("post_only", False),
        amount=Decimal(amount),
        limit_price=None if limit is None else Decimal(limit),
        reference_price=Decimal(100),
        purpose=Purpose.ENTRY,
        rule="r",
        attempt=1,
        max_attempts=1,
        cancel_after_ms=0,
        position_id="p",
        made_ms=changes.pop("made_ms", T0),
    )


def limits_of(load_plugin: Load, tier: str) -> RateLimits:
    limits = load_plugin("rate_limit").rate_limits(tier)
    assert isinstance(limits, RateLimits)
    return limits


@pytest.fixture(scope="session")
def open_venue(load_plugin: Load) -> Callable[..., Any]:
    plugin = load_plugin("paper_venue")

    def open_one(limits: RateLimits | None = None, **changes: Any) -> Any:
        venue = plugin.venue("paper", {**PAPER, **changes}, limits)
        venue.open_markets(("BTC/USD", "DOGE/USD"))
        return venue

    return open_one


@pytest.fixture
def venue(open_venue: Callable[..., Any]) -> Any:
    return open_venue()


def said(answers: list[Answer]) -> list[str]:
    """Return the answers in short: what they say, and amounts at prices."""
    words = []
    for answer in answers:
        if isinstance(answer, Filled):
            fill = answer.fill
            words.append(f"{fill.liquidity} {fill.amount.normalize()} at {fill.price}")
        elif isinstance(answer, Ended):
            words.append(answer.reason)
        elif isinstance(answer, Refused | CancelRefused):
            words.extend(answer.errors)
        else:
            words.append(type(answer).__name__.lower())
    return words


def balances(venue: Any) -> dict[str, Decimal]:
    return dict(venue.open_balances(("USD", "BTC", "DOGE")))


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


# Taking


@pytest.mark.parametrize(
    ("intent", "volume", "expected"),
    [
        # Half the spread is 0.1%, full slippage 1% at a tenth of the volume.
        (order(amount="5"), "100", ["accepted", "taker 5 at 100.6", "filled"]),
        (
            order(amount="5", side="sell"),
            "100",
            ["accepted", "taker 5 at 99.4", "filled"],
        ),
        # 100.65 and 99.35.. are between two steps: the worse one counts.
        (order(amount="5.5"), "100", ["accepted", "taker 5.5 at 100.7", "filled"]),
        (
            order(amount="5.5", side="sell"),
            "100",
            ["accepted", "taker 5.5 at 99.3", "filled"],
        ),
        # A market order always leaves: past the participation at a worse price,
        (
            order(amount="5", side="sell"),
            "10",
            ["accepted", "taker 1 at 98.9", "taker 4 at 95.1", "filled"],
        ),
        # but no worse than the whole candle would cost;
        (
            order(amount="5", side="sell"),
            "1",
            ["accepted", "taker 0.1 at 98.9", "taker 4.9 at 90.8", "filled"],
        ),
        # without volume at full slippage.
        (order(), "0", ["accepted", "taker 1 at 101.1", "filled"]),
        (order(side="sell"), "0", ["accepted", "taker 1 at 98.9", "filled"]),
        # A limit caps the price, never the other way round.
        (order(limit="100.2"), "10", ["accepted", "taker 1 at 100.2", "filled"]),
        (order(limit="105"), "10", ["accepted", "taker 1 at 101.1", "filled"]),
        (
            order(side="sell", limit="99.8"),
            "10",
            ["accepted", "taker 1 at 99.8", "filled"],
        ),
        # The best price is on the grid, against the taker: 100.1 and 99.9.
        (order(limit="100"), "100", ["accepted"]),
        (order(side="sell", limit="100"), "100", ["accepted"]),
        # Beyond the participation the rest rests, is cancelled, or all of it is.
        (order(amount="2", limit="102"), "10", ["accepted", "taker 1 at 101.1"]),
        (
            order(amount="2", limit="102", tif="IOC"),
            "10",
            ["accepted", "taker 1 at 101.1", "cancelled"],
        ),
        (order(amount="2", limit="102", tif="FOK"), "10", ["accepted", "cancelled"]),
        (
            order(amount="1", limit="102", tif="FOK"),
            "10",
            ["accepted", "taker 1 at 101.1", "filled"],
        ),
        (order(limit="99", tif="IOC"), "10", ["accepted", "cancelled"]),
        (order(limit="99", tif="FOK"), "10", ["accepted", "cancelled"]),
        # Nothing trades in a candle without volume.
        (order(limit="105"), "0", ["accepted"]),
        (order(limit="105", tif="IOC"), "0", ["accepted", "cancelled"]),
        (order(limit="90", post_only=True), "10", ["accepted"]),
    ],
)
def test_an_order_takes_what_is_there(
    venue: Any, intent: Intent, volume: str, expected: list[str]
) -> None:
    assert said(venue.arrive(intent, moment(volume=volume))) == expected


def test_all_fills_of_a_candle_share_its_volume(venue: Any) -> None:
    first = venue.arrive(order("a", amount="6", limit="102"), moment())
    second = venue.arrive(order("b", "sell", "6", limit="98"), moment())
    later = venue.arrive(order("c", "sell", "2", limit="98"), moment(at_ms=T0 + 60_000))
    assert said(first) == ["accepted", "taker 6 at 100.7", "filled"]
    assert said(second) == ["accepted", "taker 4 at 98.9"]
    assert said(later) == ["accepted", "taker 2 at 99.7", "filled"]


def test_a_sale_never_slips_to_nothing(open_venue: Callable[..., Any]) -> None:
    venue = open_venue(slippage=1, participation="0.001")
    answers = venue.arrive(order(side="sell", amount="10"), moment(volume="1"))
    prices = [answer.fill.price for answer in answers if isinstance(answer, Filled)]
    assert prices == [Decimal("49.9"), Decimal("0.1")]


# Making


@pytest.mark.parametrize(
    ("intent", "price", "volume", "expected"),
    [
        (order(limit="90"), "90", "100", []),
        (order(limit="90"), "89.95", "100", []),
        (order(limit="90"), "89.9", "100", ["maker 1 at 90", "filled"]),
        (order(limit="90"), "50", "100", ["maker 1 at 90", "filled"]),
        (order(limit="90"), "50", "5", ["maker 0.5 at 90"]),
        (order(limit="90"), "50", "0", []),
        (order(side="sell", limit="110"), "110", "100", []),
        (order(side="sell", limit="110"), "110.1", "100", ["maker 1 at 110", "filled"]),
        (order(side="sell", limit="110"), "99", "100", []),
    ],
)
def test_what_rests_fills_once_the_market_trades_beyond_it(
    venue: Any, intent: Intent, price: str, volume: str, expected: list[str]
) -> None:
    assert said(venue.arrive(intent, moment())) == ["accepted"]
    assert said(venue.trade("BTC/USD", moment(price, volume))) == expected


def test_the_best_price_fills_first_then_the_oldest(venue: Any) -> None:
    for client_id, limit in (("low", "89"), ("old", "90"), ("young", "90")):
        venue.arrive(order(client_id, limit=limit), moment())
    assert [each.client_id for each in venue.resting("BTC/USD")] == [
        *("old", "young", "low")
    ]
    answers = venue.trade("BTC/USD", moment("80", "15"))
    assert said(answers) == ["maker 1 at 90", "filled", "maker 0.5 at 90"]
    assert [each.client_id for each in venue.resting("BTC/USD")] == ["young", "low"]


def test_a_trade_of_another_symbol_fills_nothing(venue: Any) -> None:
    venue.arrive(order(limit="90"), moment())
    assert venue.trade("DOGE/USD", moment("1")) == []
    assert venue.resting("DOGE/USD") == ()


def test_an_order_that_rests_is_told_to_the_tape(venue: Any) -> None:
    venue.arrive(order(limit="90"), moment())
    (resting,) = venue.resting("BTC/USD")
    assert (resting.side, resting.limit_price) == (Side.BUY, Decimal(90))


def test_fills_in_parts_add_up_and_have_ids_of_their_own(venue: Any) -> None:
    answers = venue.arrive(order(amount="2", limit="102"), moment(volume="10"))
    for minute in (1, 2, 3):
        now = moment("90", "4", T0 + minute * 60_000)
        answers += venue.trade("BTC/USD", now)
    fills = [answer.fill for answer in answers if isinstance(answer, Filled)]
    assert [str(fill.amount.normalize()) for fill in fills] == [
        "1",
        "0.4",
        "0.4",
        "0.2",
    ]
    assert [fill.trade_id for fill in fills] == ["a-1", "a-1.4", "a-1.8", "a-2"]
    assert [fill.liquidity for fill in fills] == [Liquidity.TAKER, *["maker"] * 3]
    assert isinstance(answers[-1], Ended)


# Cancelling


def test_a_cancel_ends_an_order_and_frees_its_funds(venue: Any) -> None:
    venue.arrive(order(limit="90"), moment())
    assert venue.free("USD") == 10000 - Decimal("90.225")
    (ended,) = venue.cancel("a", T0 + 5)
    assert ended == Ended(at_ms=T0 + 5, client_id="a", reason="cancelled")
    assert venue.free("USD") == 10000


@pytest.mark.parametrize("gone", ["never sent", "a"])
def test_a_cancel_of_nothing_is_refused(venue: Any, gone: str) -> None:
    venue.arrive(order(), moment())
    errors = ("EOrder:Unknown order",)
    refusal = CancelRefused(at_ms=T0, client_id=gone, errors=errors)
    assert venue.cancel(gone, T0) == [refusal]


# Money


@pytest.mark.parametrize(
    ("currency", "side", "dollars", "bitcoins", "fee"),
    [
        ("quote", "buy", "-100.6008", "1", "0.4008 USD"),
        ("quote", "sell", "99.4008", "-1", "0.3992 USD"),
        ("base", "buy", "-100.2", "0.996", "0.004 BTC"),
        ("base", "sell", "99.4008", "-1", "0.3992 USD"),
    ],
)
def test_a_fee_is_paid_in_its_currency(
    open_venue: Callable[..., Any],
    currency: str,
    side: str,
    dollars: str,
    bitcoins: str,
    fee: str,
) -> None:
    venue = open_venue(fees={**PAPER["fees"], "currency": currency})
    fill = venue.arrive(order(side=side), moment())[1].fill
    assert f"{fill.fee.normalize()} {fill.fee_currency}" == fee
    assert balances(venue)["USD"] - 10000 == Decimal(dollars)
    assert balances(venue)["BTC"] - 10 == Decimal(bitcoins)


def test_a_fee_is_rounded_up(open_venue: Callable[..., Any]) -> None:
    fees = {"maker": Decimal("0.001234567891"), "taker": Decimal("0.001234567891")}
    answers = open_venue(fees=fees).arrive(order(), moment())
    fill = answers[1].fill
    exact_fee = fill.price * fees["taker"]
    assert exact_fee < fill.fee < exact_fee + UNIT
    assert fill.fee % UNIT == 0


def test_a_fee_is_never_more_than_what_is_received(
    open_venue: Callable[..., Any],
) -> None:
    fine = {**PAPER["markets"][0], "amount_step": "1e-10", "min_amount": "1e-10"}
    venue = open_venue(
        markets=[{**fine, "match": "*", "min_cost": 0}],
        fees={**PAPER["fees"], "currency": "base"},
        balances={"USD": 1},
    )
    venue.arrive(order(amount="1e-9"), moment())
    assert balances(venue)["BTC"] == 0


def test_funds_that_rest_in_the_book_are_not_there_twice(venue: Any) -> None:
    venue.arrive(order("a", "sell", "9", limit="110"), moment())
    assert venue.free("BTC") == 1
    refusal = venue.arrive(order("b", "sell", "1.0001"), moment())
    assert said(refusal) == ["EOrder:Insufficient funds"]
    assert said(venue.arrive(order("c", "sell"), moment()))[-1] == "filled"


def test_a_buy_needs_its_fee_as_well(open_venue: Callable[..., Any]) -> None:
    cost = Decimal(90) + Decimal(90) * Decimal("0.004")
    poor, rich = (open_venue(balances={"USD": cost - each}) for each in (UNIT, 0))
    intent = order(limit="90")
    assert said(poor.arrive(intent, moment())) == ["EOrder:Insufficient funds"]
    assert said(rich.arrive(intent, moment())) == ["accepted"]


def test_fills_in_parts_pay_no_more_than_was_locked(
    open_venue: Callable[..., Any],
) -> None:
    fees = {"maker": "0.00333333", "taker": "0.00333333"}
    intent = order(amount="0.05", limit="90.1")
    cost = Decimal("4.505")
    fee = (cost * Decimal("0.00333333")).quantize(UNIT, ROUND_CEILING)
    venue = open_venue(fees=fees, balances={"USD": cost + fee})
    assert said(venue.arrive(intent, moment())) == ["accepted"]
    for minute in range(1, 51):
        venue.trade("BTC/USD", moment("80", "0.01", T0 + minute * 60_000))
    assert venue.resting("BTC/USD") == ()
    assert balances(venue) == {"USD": 0, "BTC": Decimal("0.05"), "DOGE": 0}


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


# Everything adds up, whatever happens

steps = st.one_of(
    st.tuples(
        st.just("arrive"),
        st.sampled_from(("buy", "sell")),
        st.integers(1, 60_000),
        st.none() | st.integers(900, 1_100),
        st.sampled_from(("GTC", "GTC", "IOC", "FOK")),
        st.booleans(),
    ),
    st.tuples(st.just("cancel"), st.integers(0, 40)),
    st.tuples(st.just("trade"), st.integers(800, 1_200), st.integers(0, 3_000)),
    st.tuples(st.just("wait"), st.integers(1, 90_000)),
)


class Ledger:
    """What the answers alone say of the account."""

    def __init__(self, held: Mapping[str, Decimal]) -> None:
        self.held = dict(held)
        self.intents: dict[str, Intent] = {}
        self.filled: dict[str, Decimal] = defaultdict(Decimal)
        self.open: dict[str, Intent] = {}
        self.trade_ids: set[str] = set()

    def read(self, answers: list[Answer]) -> None:
        for answer in answers:
            ours = answer.client_id
            if isinstance(answer, Accepted):
                self.open[ours] = self.intents[ours]
            elif isinstance(answer, Filled):
                self.fill(self.open[ours], answer)
            elif isinstance(answer, Ended):
                intent = self.open.pop(ours)
                done = self.filled[ours] == intent.amount
                assert (answer.reason == "filled") == done

    def fill(self, intent: Intent, filled: Filled) -> None:
        fill, sign = filled.fill, 1 if intent.side is Side.BUY else -1
        assert fill.amount > 0
        assert fill.fee >= 0
        assert fill.fee % UNIT == 0
        assert fill.trade_id not in self.trade_ids
        self.trade_ids.add(fill.trade_id)
        if intent.limit_price is not None:
            assert sign * fill.price <= sign * intent.limit_price
        self.filled[intent.client_id] += fill.amount
        assert self.filled[intent.client_id] <= intent.amount
        self.held["BTC"] += sign * fill.amount
        self.held["USD"] -= sign * fill.cost_quote
        self.held[fill.fee_currency] -= fill.fee

    def locked(self, currency: str, fee_in_base: bool, rate: Decimal) -> Decimal:
        locked = Decimal(0)
        for intent in self.open.values():
            rest = intent.amount - self.filled[intent.client_id]
            if intent.side is Side.SELL:
                locked += rest if currency == "BTC" else 0
            elif currency == "USD":
                assert intent.limit_price is not None
                cost = rest * intent.limit_price
                units = (cost * rate / UNIT).to_integral_value(ROUND_CEILING)
                locked += cost + (0 if fee_in_base else units * UNIT)
        return locked


@settings(max_examples=150, deadline=None)
@given(
    walk=st.lists(steps, max_size=40),
    currency=st.sampled_from(("quote", "base")),
    maker=st.sampled_from(("0", "0.0025", "0.00333333", "0.0051")),
)
def test_everything_adds_up(
    open_venue: Callable[..., Any],
    walk: list[tuple[Any, ...]],
    currency: str,
    maker: str,
) -> None:
    fees = {"maker": maker, "taker": "0.0040000007", "currency": currency}
    venue = open_venue(fees=fees, balances={"USD": 500, "BTC": 5})
    ledger = Ledger({"USD": Decimal(500), "BTC": Decimal(5)})
    price, volume, at_ms = Decimal(100), Decimal(100), T0
    for number, (kind, *given_) in enumerate(walk):
        answers: list[Answer] = []
        if kind == "wait":
            at_ms += given_[0]
        elif kind == "cancel":
            answers = venue.cancel(f"o{given_[0]}", at_ms)
        elif kind == "trade":
            price, volume = Decimal(given_[0]) / 10, Decimal(given_[1]) / 100
            answers = venue.trade("BTC/USD", moment(price, volume, at_ms))
        else:
            side, size, limit, tif, post_only = given_
            intent = order(
                f"o{number}",
                side,
                str(Decimal(size) / 10_000),
                limit=None if limit is None else Decimal(limit) / 10,
                tif=tif,
                post_only=post_only and limit is not None,
            )
            ledger.intents[intent.client_id] = intent
            answers = venue.arrive(intent, moment(price, volume, at_ms))
        ledger.read(answers)
        assert all(answer.at_ms == at_ms for answer in answers)
        assert ledger.held == venue.open_balances(("USD", "BTC"))
        for each in ("USD", "BTC"):
            locked = ledger.locked(each, currency == "base", Decimal(maker))
            assert venue.free(each) == ledger.held[each] - locked >= 0
        resting = {each.client_id for each in venue.resting("BTC/USD")}
        assert resting == set(ledger.open)


@given(walk=st.lists(st.integers(1, 30_000), min_size=1, max_size=20))
def test_limit_orders_never_get_more_than_their_share(
    open_venue: Callable[..., Any], walk: list[int]
) -> None:
    venue = open_venue()
    got = Decimal(0)
    for number, size in enumerate(walk):
        side = "buy" if number % 2 else "sell"
        limit = "105" if side == "buy" else "95"
        intent = order(f"o{number}", side, str(Decimal(size) / 10_000 + 1), limit=limit)
        answers = venue.arrive(intent, moment(volume="33.333"))
        answers += venue.trade(
            "BTC/USD", moment("80" if number % 3 else "120", "33.333")
        )
        got += sum(a.fill.amount for a in answers if isinstance(a, Filled))
        assert got <= Decimal("3.3333")
