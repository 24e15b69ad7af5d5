"""The market behind the exchange: it follows its tapes, and so do resting orders."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module
from itertools import pairwise

import numpy as np
import pytest

from quorate import VenueError
from quorate.drivers.path import Path

hand = import_module("core_by_hand")
MINUTE_MS = hand.MINUTE_MS
START_MS = hand.START_MS
ByHand = hand.ByHand
flat = hand.flat
part = hand.part
tape = hand.tape

ROWS = [
    (50_000, 50_300, 49_700, 50_100),
    (50_100, 50_400, 50_000, 50_200),
    (50_200, 50_500, 49_900, 50_000),
]


def test_the_price_takes_the_way_of_the_tape() -> None:
    """The driver of recorded runs and the exchange see the same market."""
    candles = tape(ROWS)
    desk, path = ByHand(candles, start_row=0), Path(candles)
    for second in range(1, 180):
        if second % 60 == 0:
            continue  # at a close the tape's driver still sees the candle that closed
        desk.passed = second
        there = path.price(int(candles.time_ms[0]) + second * 1000)
        assert there is not None
        assert float(desk.core.market.price("BTC/USD")) == pytest.approx(there, abs=0.1)


def test_the_tape_goes_on_from_its_beginning_without_a_jump() -> None:
    desk = ByHand(tape(ROWS), start_row=0)
    prices = []
    for _ in range(400):
        desk.passed += 6
        prices.append(float(desk.core.market.price("BTC/USD")))
    steps = np.abs(np.diff(prices)) / prices[:-1]
    # The steepest line: 600 dollars in 20 seconds, looked at every 6.
    assert steps.max() < 0.004
    desk.passed = 180
    assert desk.core.market.price("BTC/USD") == Decimal(50_000)


def test_720_candles_of_history_are_there_at_once() -> None:
    for desk in (ByHand(tape(ROWS)), ByHand(flat(minutes=2_000))):
        result = desk.look("OHLC", pair="XBTUSD", interval="1")
        rows = result["XXBTZUSD"]
        assert len(rows) == 720
        times = [row[0] for row in rows]
        assert times == list(range(times[0], times[0] + 720 * 60, 60))
        assert times[-1] * 1000 == START_MS
        assert result["last"] == times[-2]


def test_the_last_candle_is_under_way() -> None:
    desk = ByHand(tape(ROWS, volume=6.0), start_row=0)
    desk.passed = 30
    *_, row = desk.look("OHLC", pair="XBTUSD")["XXBTZUSD"]
    assert row[:7] == [
        START_MS // 1000,
        "50000.0",
        "50000.0",
        "49700.0",
        "50000.0",
        row[5],
        "3.00000000",
    ]
    desk.passed = 61
    *_, closed, _ = desk.look("OHLC", pair="XBTUSD")["XXBTZUSD"]
    assert closed[1:5] == ["50000.0", "50300.0", "49700.0", "50100.0"]
    assert closed[6] == "6.00000000"


def test_candles_since_a_moment_come_after_it() -> None:
    desk = ByHand(tape(ROWS), start_row=0)
    desk.passed = 150
    since = START_MS // 1000
    rows = desk.look("OHLC", pair="XBTUSD", since=str(since))["XXBTZUSD"]
    assert [row[0] for row in rows] == [since + 60, since + 120]
    assert desk.look("OHLC", pair="XBTUSD", since=str(since + 120))["XXBTZUSD"] == []


def test_longer_candles_are_made_of_minutes() -> None:
    desk = ByHand(tape(ROWS * 10), start_row=0)
    minutes = 13
    desk.passed = minutes * 60
    rows = desk.look("OHLC", pair="XBTUSD", interval="5")["XXBTZUSD"]
    ones = desk.look("OHLC", pair="XBTUSD", interval="1")["XXBTZUSD"]
    five = rows[-2]
    inside = [row for row in ones if five[0] <= row[0] < five[0] + 300]
    assert len(inside) == 5
    assert five[1] == inside[0][1]
    assert Decimal(five[2]) == max(Decimal(row[2]) for row in inside)
    assert Decimal(five[3]) == min(Decimal(row[3]) for row in inside)
    assert five[4] == inside[-1][4]
    assert Decimal(five[6]) == sum(Decimal(row[6]) for row in inside)


@pytest.mark.parametrize("interval", [1, 5, 15, 30, 60, 240, 1440, 10080, 21600])
def test_candles_of_every_length_go_back_sixty_days_at_most(interval: int) -> None:
    desk = ByHand(tape(ROWS * 10))
    desk.passed = 12_345
    rows = desk.look("OHLC", pair="XBTUSD", interval=str(interval))["XXBTZUSD"]
    assert len(rows) in {min(720, 86_400 // interval), 86_400 // interval + 1}
    assert {row[0] % (interval * 60) for row in rows} == {0}
    now = START_MS // 1000 + 12_345
    assert rows[-1][0] == now // (interval * 60) * interval * 60
    for _, opened, high, low, close, vwap, *_ in rows:
        assert float(low) <= min(float(opened), float(close), float(vwap))
        assert float(high) >= max(float(opened), float(close), float(vwap))
    for before, after in pairwise(rows):
        assert before[4] == after[1]
        assert after[0] - before[0] == interval * 60


@pytest.mark.parametrize(
    ("method", "query", "error"),
    [
        ("OHLC", {"pair": "XBTMOON"}, "EQuery:Unknown asset pair"),
        ("OHLC", {"pair": "XBTUSD", "interval": "2"}, "EGeneral:Invalid arguments"),
        ("OHLC", {"pair": "XBTUSD", "since": "then"}, "EGeneral:Invalid arguments"),
        ("Depth", {"pair": "XBTUSD", "count": "501"}, "EGeneral:Invalid arguments"),
        ("Ticker", {"pair": "XBTUSD,XBTMOON"}, "EQuery:Unknown asset pair"),
        ("Assets", {"asset": "MOON"}, "EQuery:Unknown asset"),
        ("Moon", {}, "EGeneral:Unknown method"),
    ],
)
def test_a_question_that_cannot_be_answered(
    method: str, query: dict[str, str], error: str
) -> None:
    desk = ByHand()
    with pytest.raises(part("refusal").KrakenError) as refused:
        desk.look(method, **query)
    assert refused.value.errors[0].startswith(error)


def test_assets_and_pairs_have_krakens_names() -> None:
    desk = ByHand(flat(), flat(symbol="NEW/USD", price=1.25))
    assets, pairs = desk.look("Assets"), desk.look("AssetPairs")
    assert {"XXBT", "XETH", "XXDG", "ZUSD", "ZEUR", "USDT", "SOL"} <= assets.keys()
    assert assets["XXBT"]["altname"] == "XBT"
    assert {"XXBTZUSD", "XETHXXBT", "XDGUSD", "XXDGXXBT", "XBTUSDT"} <= pairs.keys()
    btc = pairs["XXBTZUSD"]
    assert (btc["altname"], btc["wsname"]) == ("XBTUSD", "XBT/USD")
    assert (btc["base"], btc["quote"]) == ("XXBT", "ZUSD")
    assert (btc["pair_decimals"], btc["lot_decimals"]) == (1, 8)
    assert (btc["ordermin"], btc["costmin"], btc["tick_size"]) == (
        "0.00005",
        "0.5",
        "0.1",
    )
    assert btc["fees"] == btc["fees_maker"] == []
    assert pairs["NEWUSD"]["pair_decimals"] == 2
    assert {pair["status"] for pair in pairs.values()} == {"online", "cancel_only"}
    assert desk.look("Assets", asset="XBT,ZUSD").keys() == {"XXBT", "ZUSD"}


def test_a_ticker_tells_of_now_and_of_the_day() -> None:
    desk = ByHand(tape(ROWS), start_row=0)
    desk.passed = 40
    ticker = desk.look("Ticker", pair="XBT/USD")["XXBTZUSD"]
    assert ticker["c"][0] == "50300.0"
    assert Decimal(ticker["b"][0]) < 50_300 < Decimal(ticker["a"][0])
    assert Decimal(ticker["l"][1]) <= Decimal(ticker["l"][0]) <= Decimal("49700.0")
    assert Decimal(ticker["h"][1]) >= Decimal("50300.0")
    assert desk.look("Ticker").keys() == {"XXBTZUSD"}


def test_a_book_is_in_order_and_what_we_took_is_gone() -> None:
    desk = ByHand(liquidity={"depth": Decimal("0.5")})
    before = desk.look("Depth", pair="XBTUSD", count="5")["XXBTZUSD"]
    asks = [Decimal(level[0]) for level in before["asks"]]
    bids = [Decimal(level[0]) for level in before["bids"]]
    assert asks == sorted(asks)
    assert bids == sorted(bids, reverse=True)
    assert bids[0] < asks[0]
    desk.order("buy", "0.2")
    after = desk.look("Depth", pair="XBTUSD", count="5")["XXBTZUSD"]
    assert after["asks"][0][1] == "0.30000000"
    assert after["bids"] == before["bids"]
    desk.wait(60)
    assert desk.look("Depth", pair="XBTUSD")["XXBTZUSD"]["asks"][0][1] == "0.50000000"


def test_trades_of_others_go_on_from_the_last() -> None:
    desk = ByHand(tape(ROWS), start_row=0)
    desk.passed = 70
    first = desk.look("Trades", pair="XBTUSD", count="4")
    assert len(first["XXBTZUSD"]) == 4
    assert desk.look("Trades", pair="XBTUSD", since=first["last"])["XXBTZUSD"] == []
    desk.passed = 100
    then = desk.look("Trades", pair="XBTUSD", since=first["last"])["XXBTZUSD"]
    assert [row[6] for row in then] == [5, 6]
    assert [row[0] for row in then] == ["50000.00000", "50400.00000"]


def test_a_resting_buy_fills_at_its_limit_when_the_market_goes_through() -> None:
    desk = ByHand(tape(ROWS), start_row=0)
    txid = desk.order(price="49850")
    desk.wait(9.9)
    assert desk.seen(txid)["status"] == "open"
    desk.wait(1)
    order = desk.seen(txid)
    assert (order["status"], order["price"]) == ("closed", "49850.0")
    assert order["fee"] == "1.24625"  # 0.25 % of 498.50
    (trade,) = desk.core.ledger.trades
    # From 50,000 down to 49,700 in 20 seconds: the ask is at the limit after 10.2.
    assert trade.at_ms - START_MS == pytest.approx(10_171, abs=3)
    assert trade.maker


@pytest.mark.parametrize(("side", "mean"), [("buy", 0.7123456), ("sell", 0.7123464)])
def test_an_order_at_the_price_that_is_shown_rests(side: str, mean: float) -> None:
    """The real price is between two ticks: its rounding must fill nobody."""
    desk = ByHand(
        flat(mean, symbol="ADA/USD"),
        balances={"USD": Decimal(100), "ADA": Decimal(100)},
        liquidity={"spread": Decimal(0)},
    )
    shown = desk.core.market.price("ADA/USD")
    assert shown == Decimal("0.712346")
    post = {"pair": "ADAUSD", "price": shown, "oflags": "post"}
    if side == "sell":
        post["price"] = shown + Decimal("0.000001")
    txid = desk.order(side, "10", **post)
    desk.wait(120)
    assert desk.seen(txid)["vol_exec"] == "0.00000000"


def test_a_resting_sale_fills_too_and_one_out_of_reach_does_not() -> None:
    desk = ByHand(tape(ROWS), start_row=0)
    reached = desk.order("sell", price="50250")
    not_reached = desk.order("sell", price="50600")
    desk.wait(170)
    assert desk.seen(reached)["status"] == "closed"
    assert desk.seen(not_reached)["status"] == "open"


def test_a_resting_order_gets_no_more_than_its_share_of_a_minute() -> None:
    desk = ByHand(tape(ROWS, volume=1.0), start_row=0)
    txid = desk.order("buy", "0.25", price="49950")
    desk.wait(59)
    assert desk.seen(txid)["vol_exec"] == "0.10000000"
    desk.wait(90)
    assert desk.seen(txid)["vol_exec"] == "0.20000000"


def test_orders_nearer_to_the_market_come_first() -> None:
    desk = ByHand(tape(ROWS, volume=1.0), start_row=0)
    far = desk.order("buy", "0.08", price="49800")
    near = desk.order("buy", "0.08", price="49900")
    desk.wait(59)
    assert desk.seen(near)["vol_exec"] == "0.08000000"
    assert desk.seen(far)["vol_exec"] == "0.02000000"


def test_a_jump_through_several_orders_fills_the_nearest_first() -> None:
    desk = ByHand(flat(volume=1.0))
    near = {"buy": "49900", "sell": "50100"}
    far = {"buy": "49000", "sell": "51000"}
    for side, jump in (("buy", 40_000), ("sell", 60_000)):
        last = desk.order(side, "0.08", price=far[side])
        first = desk.order(side, "0.08", price=near[side])
        desk.core.force_price("BTC/USD", Decimal(jump))
        desk.wait(1)
        assert desk.seen(first)["vol_exec"] == "0.08000000"
        assert desk.seen(last)["vol_exec"] == "0.02000000"
        desk.ask("CancelAll")
        desk.core.force_price("BTC/USD", Decimal(50_000))


def test_a_forced_price_is_a_jump_and_the_tape_goes_on_from_there() -> None:
    desk = ByHand(flat())
    buy, sale = desk.order("buy", price="45000"), desk.order("sell", price="51000")
    desk.wait(30)
    desk.core.force_price("BTC/USD", Decimal(40_000))
    assert desk.core.market.price("BTC/USD") == 40_000
    desk.wait(0.001)
    assert desk.seen(buy)["price"] == "45000.0"
    assert desk.seen(sale)["status"] == "open"
    desk.wait(40)
    *_, jumped, now = desk.look("OHLC", pair="XBTUSD")["XXBTZUSD"]
    assert jumped[1:5] == ["50000.0", "50000.0", "40000.0", "40000.0"]
    assert now[1:5] == ["40000.0"] * 4


def test_a_clock_that_is_set_back_lets_nothing_happen_twice() -> None:
    desk = ByHand(tape(ROWS), start_row=0)
    txid = desk.order("buy", price="49850")
    desk.wait(15)
    assert desk.seen(txid)["status"] == "closed"
    desk.core.clock.shift(-10_000)
    desk.wait(15)
    assert len(desk.core.ledger.trades) == 1
    desk.core.clock.shift(10 * MINUTE_MS)
    desk.wait(1)
    assert desk.look("Time")["unixtime"] * 1000 == START_MS + 10 * MINUTE_MS + 21_000


def test_a_pace_makes_all_of_it_faster() -> None:
    seconds = [100.0]
    clock = part("clock").Clock(START_MS, 60.0, lambda: seconds[0])
    seconds[0] += 2
    assert clock.now_ms() == START_MS + 120_000


def test_tapes_are_shown_at_the_moment_they_share() -> None:
    early, late = tape(ROWS), tape(ROWS, symbol="ETH/USD")
    late.time_ms[:] += MINUTE_MS
    desk = ByHand(early, late, start_row=0)
    assert desk.core.market.price("BTC/USD") == 50_100
    assert desk.core.market.price("ETH/USD") == 50_000


def test_a_tape_must_have_candles_of_one_minute() -> None:
    hours = flat()
    object.__setattr__(hours, "timeframe_ms", 3_600_000)
    with pytest.raises(VenueError, match="candles of one minute"):
        ByHand(hours)
