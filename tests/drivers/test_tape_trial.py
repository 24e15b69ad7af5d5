"""Tapes of test files: their candles, and runs over them compared with what is told."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from tests.trials.trial_parts import RULES, book, default, host, sources

from quorate.drivers.tape_trial import Ground, candles_of, run_tape_test
from quorate.face.workspace import open_workspace
from quorate.trials.book import RuleTest, Tape
from quorate.trials.reading import read_tests
from quorate.trials.run import Result

RISE = "close: 100 (+0.03x3 -0.02x3)x12"
FRAMES = "middle_timeframe: 2m, slow_timeframe: 3m"


def ground() -> Ground:
    workspace = open_workspace(RULES.parent)
    return Ground(
        sources=sources(),
        host=host(),
        venue=workspace.venue,
        tier=workspace.tier,
        settings=workspace.settings,
    )


def run(expect: str, more: str = RISE, given: str = FRAMES) -> Result:
    text = f"tapes: [{{name: x, {more}, given: {{{given}}}, expect: {expect}}}]\n"
    found = book(text)
    assert found.problems == ()
    return run_tape_test(found.tapes[0], ground())


def tape(**columns: Any) -> Tape:
    told = {
        name: tuple(None if one is None else Decimal(str(one)) for one in column)
        for name, column in columns.items()
    }
    return Tape(symbol="BTC/USD", start_ms=60_000, every_ms=60_000, columns=told)


def shipped() -> list[RuleTest]:
    file = RULES / "flow.test.yaml"
    return list(read_tests([(file.name, file.read_bytes())], default()).tapes)


@pytest.mark.parametrize("test", shipped(), ids=lambda one: one.name)
def test_the_default_rules_do_on_tapes_what_their_tests_say(test: RuleTest) -> None:
    result = run_tape_test(test, ground())
    assert result.passed, (result.error, result.differences, result.story)


def test_a_candle_opens_where_the_last_closed_and_holds_its_prices() -> None:
    candles = candles_of(tape(close=[10, 12, 9], high=[11, 11, 13], low=[None, 5, 20]))
    assert candles.open.tolist() == [10, 10, 12]
    assert candles.high.tolist() == [11, 12, 13]
    assert candles.low.tolist() == [10, 5, 9]
    assert candles.time_ms.tolist() == [60_000, 120_000, 180_000]


def test_a_candle_without_a_close_is_flat_stale_and_without_volume() -> None:
    candles = candles_of(tape(close=[10, None, 11], volume=[5, 6, 7]))
    assert candles.close.tolist() == [10, 10, 11]
    assert candles.volume.tolist() == [5, 0, 7]
    assert candles.stale.tolist() == [False, True, False]
    assert not np.isnan(candles.open).any()


def test_every_difference_is_told_with_its_place_and_the_story() -> None:
    result = run("{fires: [], orders: [{side: sell}, {}, {at: 1m}], open_positions: 2}")
    found = {one.key: one.found for one in result.differences}
    assert found == {
        "fires": ("quorum",),
        "order_count": 2,
        "orders.1.side": "buy",
        "orders.3.at": None,
        "open_positions": 1,
    }
    assert result.story[0].startswith("order 1, 63m: quorum: buy ")


def test_quotients_are_compared_to_the_places_that_are_written() -> None:
    venue = "venue: {fees: {maker: 0%, taker: 0%}, spread: 0%, slippage: 0%}"
    more = f"{RISE.replace('x12', 'x15')} -0.3x20, {venue}"
    assert run("{trades: [{net_profit: -2.09%}]}", more).passed
    assert run("{trades: [{net_profit: -2.092%}]}", more).passed
    assert not run("{trades: [{net_profit: -2.093%}]}", more).passed
    # It rounds to 2%, and is not 2%.
    assert not run("{trades: [{net_profit: -2%}]}", more).passed


def test_what_prevents_a_run_is_told() -> None:
    venue = "venue: {markets: [{match: 'ETH/*', price_step: 1, amount_step: 1, "
    venue += "min_amount: 1, min_cost: 1}]}"
    result = run("{fires: []}", f"{RISE}, {venue}")
    assert not result.passed
    assert "no match for BTC/USD" in result.error


def test_params_of_a_tape_are_its_own() -> None:
    assert run("{order_count: 0}", given=f"{FRAMES}, min_confidence: 0.95").passed
    assert not run("{order_count: 0}").passed
