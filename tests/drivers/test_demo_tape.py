"""The synthetic market: repeatable, plausible, and the bundled tapes made by it."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from quorate.drivers.demo_tape import (
    DEMO_CANDLES,
    DEMO_SEED,
    demo_candles,
    demo_tapes,
    generate,
    write_demo,
)
from quorate.drivers.tape_file import COLUMNS, fill_gaps, read_tapes
from quorate.values.market import Candles

MINUTE = 60_000
START = 1_740_960_000_000


def made(seed: int = 7, count: int = 5000, symbol: str = "BTC/USD") -> Candles:
    return generate(symbol, START, count, seed, 100.0, decimals=2, own=0.5)


def changes(candles: Candles) -> np.ndarray:
    return np.diff(np.log(candles.close))


def test_the_bundled_tapes_are_made_again_from_the_seed(tmp_path: Path) -> None:
    write_demo(tmp_path)
    bundled = demo_tapes()
    assert [path.name for path in bundled] == [
        "BTC_USD-1m-synthetic.csv.gz",
        "ETH_USD-1m-synthetic.csv.gz",
    ]
    for path in bundled:
        # Unpacked: how well zlib packs may change with its version.
        again = gzip.decompress((tmp_path / path.name).read_bytes())
        assert again == gzip.decompress(path.read_bytes())


def test_writing_the_demo_twice_makes_the_same_bytes(tmp_path: Path) -> None:
    write_demo(tmp_path / "first")
    write_demo(tmp_path / "second")
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()


def test_the_bundled_tapes_read_back_as_they_were_made() -> None:
    read = [fill_gaps(tape) for tape in read_tapes(demo_tapes())]
    for tape, made_again in zip(read, demo_candles(), strict=True):
        assert len(tape) == DEMO_CANDLES
        assert tape.symbol == made_again.symbol
        for name in ("time_ms", *COLUMNS[1:], "stale"):
            np.testing.assert_array_equal(
                getattr(tape, name), getattr(made_again, name)
            )


def test_the_readme_says_that_the_data_is_synthetic_and_from_which_seed() -> None:
    text = (demo_tapes()[0].parent / "README.txt").read_text()
    assert text.startswith("SYNTHETIC")
    assert str(DEMO_SEED) in text
    assert "quorate.drivers.demo_tape" in text


def test_equal_arguments_make_equal_candles_and_another_seed_others() -> None:
    assert made().close.tolist() == made().close.tolist()
    assert made().close.tolist() != made(seed=8).close.tolist()


def test_candles_are_whole_and_on_the_grid_of_prices() -> None:
    candles = made()
    assert len(candles) == 5000
    assert set(np.diff(candles.time_ms).tolist()) == {MINUTE}
    for name in ("open", "high", "low", "close"):
        column = getattr(candles, name)
        assert (column > 0).all()
        assert column.tolist() == [round(value, 2) for value in column.tolist()]
        assert (candles.low <= column).all()
        assert (column <= candles.high).all()
    assert (candles.volume[~candles.stale] > 0).all()


def test_silent_minutes_are_stale_flat_and_without_volume() -> None:
    candles = made()
    silent = np.flatnonzero(candles.stale)
    assert 0 < len(silent) < 100
    for row in silent.tolist():
        last = candles.close[row - 1]
        assert candles.volume[row] == 0
        assert candles.open[row] == candles.high[row] == candles.low[row] == last


def test_wild_minutes_come_in_clusters_and_the_wildest_are_rare() -> None:
    moved = changes(made(count=20_000))
    wild = np.abs(moved)
    assert np.corrcoef(wild[:-10], wild[10:])[0, 1] > 0.1
    assert abs(np.corrcoef(moved[:-1], moved[1:])[0, 1]) < 0.1
    assert ((moved / moved.std()) ** 4).mean() > 5


def test_symbols_of_one_seed_move_together() -> None:
    bitcoin, ether = changes(made()), changes(made(symbol="ETH/USD"))
    assert 0.5 < np.corrcoef(bitcoin, ether)[0, 1] < 0.95


@pytest.mark.parametrize(
    ("start", "count", "price", "own"),
    [(START, 0, 1.0, 1.0), (START, 1, 0.0, 1.0), (START, 1, 1.0, 2.0), (5, 1, 1.0, 1)],
)
def test_what_makes_no_market_is_refused(
    start: int, count: int, price: float, own: float
) -> None:
    with pytest.raises(ValueError, match="synthetic candles need"):
        generate("BTC/USD", start, count, 1, price, own=own)


def test_a_single_candle_can_be_made() -> None:
    assert len(generate("BTC/USD", START, 1, 1, 100.0)) == 1
