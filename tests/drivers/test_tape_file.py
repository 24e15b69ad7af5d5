"""Tapes: every format reads, real files read, and a bad file is refused by its row."""

import dataclasses
import gzip
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, ipc, parquet

from quorate.drivers.tape_checks import without_noise
from quorate.drivers.tape_file import (
    COLUMNS,
    content_hash,
    fill_gaps,
    read_tape,
    read_tapes,
    write_tape,
)
from quorate.errors import TapeError
from quorate.values.market import Candles

MINUTE = 60_000
START = 1_641_081_600_000  # 2022-01-02 00:00 UTC
DATA = Path(__file__).parents[3] / "shared" / "data"
REAL = pytest.mark.skipif(not DATA.is_dir(), reason="the real tapes are not here")
HEADER = "time,open,high,low,close,volume"
DAY = 1440  # minutes
SUFFIXES = [".csv", ".csv.gz", ".parquet", ".feather", ".arrow"]


def rows_at(*minutes: float, step: int = MINUTE) -> list[str]:
    return [f"{START + int(m * step)},10,12,9,11,5" for m in minutes]


def lines(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows, ""])


def tape(folder: Path, text: str, name: str = "BTC_USD-1m.csv") -> Path:
    path = folder / name
    data = text.encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def some(count: int = 50, symbol: str = "BTC/USD") -> Candles:
    rng = np.random.default_rng(4)
    opened, closed = (rng.integers(9_000, 11_000, count) / 100 for _ in range(2))
    return Candles(
        symbol=symbol,
        timeframe_ms=MINUTE,
        time_ms=START + MINUTE * np.arange(count, dtype=np.int64),
        open=opened,
        high=np.maximum(opened, closed) + 1,
        low=np.minimum(opened, closed) - 1,
        close=closed,
        volume=rng.random(count) * 100,
        stale=np.zeros(count, dtype=np.bool_),
    )


def assert_same(one: Candles, other: Candles) -> None:
    assert (one.symbol, one.timeframe_ms) == (other.symbol, other.timeframe_ms)
    for name in ("time_ms", *COLUMNS[1:], "stale"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_written_reads_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"BTC_USD-1m{suffix}"
    write_tape(some(), path)
    assert_same(read_tape(path), some())
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_stale_candles_are_left_out_and_filled_in_again(
    tmp_path: Path, suffix: str
) -> None:
    keep = np.ones(50, dtype=np.bool_)
    keep[[3, 20, 21, 22]] = False
    names = ("time_ms", *COLUMNS[1:], "stale")
    holed = dataclasses.replace(some(), **{n: getattr(some(), n)[keep] for n in names})
    filled = fill_gaps(holed)
    path = tmp_path / f"BTC_USD-1m{suffix}"
    write_tape(filled, path)
    assert_same(read_tape(path), holed)
    assert_same(fill_gaps(read_tape(path)), filled)


def test_missing_candles_are_flat_at_the_last_close(tmp_path: Path) -> None:
    path = tape(tmp_path, lines(*rows_at(0, 1, 2, 5, 6)))
    filled = fill_gaps(read_tape(path))
    assert filled.stale.tolist() == [False] * 3 + [True] * 2 + [False] * 2
    assert filled.time_ms.tolist() == [START + MINUTE * m for m in range(7)]
    for name in ("open", "high", "low", "close"):
        assert getattr(filled, name)[3:5].tolist() == [11, 11]
    assert filled.volume[3:5].tolist() == [0, 0]
    assert filled.open[5] == 10
    assert fill_gaps(filled) is filled


def test_filling_is_bounded() -> None:
    ends = dataclasses.replace(
        some(2), time_ms=np.array([START, START + 30_000_000 * MINUTE])
    )
    with pytest.raises(TapeError, match="30,000,001 candles from first to last"):
        fill_gaps(ends)


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("BTC_USD-1m-2022-01.csv", "BTC/USD"),
        ("BTC-USD.csv", "BTC/USD"),
        ("BTC_USDT-1m.csv", "BTC/USDT"),
        ("BTC-USD-1m.csv", "BTC/USD"),
        ("1INCH_EUR.csv", "1INCH/EUR"),
        ("ETH_BTC.2022.csv", "ETH/BTC"),
        ("ETH_BTC_1m.CSV", "ETH/BTC"),
        ("ETH_BTC_1m.CSV.GZ", "ETH/BTC"),
    ],
)
def test_the_file_name_tells_the_symbol(tmp_path: Path, name: str, symbol: str) -> None:
    text = lines(*rows_at(0, 1, 2))
    path = tape(tmp_path, text, name)
    if name.endswith(".GZ"):
        path.write_bytes(gzip.compress(text.encode()))
    assert read_tape(path).symbol == symbol


@pytest.mark.parametrize(
    "name", ["candles.csv", "BTC-1m.csv", "BTC.csv", "XBTUSD_1.csv", "btc_usd.csv"]
)
def test_a_name_without_a_symbol_asks_for_it(tmp_path: Path, name: str) -> None:
    path = tape(tmp_path, lines(*rows_at(0, 1, 2)), name)
    with pytest.raises(TapeError, match=r"say it as SYMBOL=path.*BTC/USD="):
        read_tape(path)
    assert read_tape(path, symbol="BTC/USD").symbol == "BTC/USD"
    assert read_tapes([f"ETH/USD={path}"])[0].symbol == "ETH/USD"


def iso(minute: int) -> datetime:
    return datetime.fromtimestamp(START / 1000 + 60 * minute, UTC)


TIMES: dict[str, Callable[[int], object]] = {
    "s": lambda m: START // 1000 + 60 * m,
    "s with a fraction": lambda m: f"{START // 1000 + 60 * m}.0",
    "ms": lambda m: START + MINUTE * m,
    "us": lambda m: (START + MINUTE * m) * 1_000,
    "ns": lambda m: (START + MINUTE * m) * 1_000_000,
    "ISO": lambda m: iso(m).strftime("%Y-%m-%d %H:%M:%S"),
    "ISO with T": lambda m: iso(m).strftime("%Y-%m-%dT%H:%M:%S.000"),
    "ISO with Z": lambda m: iso(m).strftime("%Y-%m-%dT%H:%M:%SZ"),
    "ISO with offset": lambda m: iso(m).isoformat(),
}


@pytest.mark.parametrize("way", TIMES)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_times_are_read_however_they_are_written(
    tmp_path: Path, way: str, suffix: str
) -> None:
    times = [TIMES[way](minute) for minute in range(3)]
    path = tmp_path / f"BTC_USD-1m{suffix}"
    if suffix == ".csv":
        path.write_text(lines(*(f"{t},10,12,9,11,5" for t in times)))
    else:
        if way == "s with a fraction":
            times = [float(str(t)) for t in times]
        parquet.write_table(pa.table(arrow_columns(times)), path)
    assert read_tape(path).time_ms.tolist() == [START, START + MINUTE, START + 120_000]


def arrow_columns(times: Any, **other: Any) -> dict[str, Any]:
    values = {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 5.0}
    columns = {name: [value] * len(times) for name, value in values.items()}
    return {"time": times, **columns, **other}


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "+02:00"])
def test_timestamps_of_any_unit_are_read(
    tmp_path: Path, unit: str, zone: str | None
) -> None:
    ms = pa.array([START, START + MINUTE]).cast(pa.timestamp("ms", zone))
    path = tmp_path / "BTC_USD.feather"
    feather.write_feather(
        pa.table(arrow_columns(ms.cast(pa.timestamp(unit, zone)))), path
    )
    assert read_tape(path).time_ms.tolist() == [START, START + MINUTE]


def test_days_are_read_as_dates(tmp_path: Path) -> None:
    path = tape(
        tmp_path,
        lines(*(f"2022-01-0{d},1,1,1,1,0" for d in (1, 2)), header=HEADER),
        "BTC_USD-1d.csv",
    )
    assert read_tape(path).timeframe_ms == 86_400_000
    days = pa.array([18_993, 18_994], pa.date32())
    other = tmp_path / "BTC_USD-1d.parquet"
    parquet.write_table(pa.table(arrow_columns(days)), other)
    assert_same_times(read_tape(path), read_tape(other))


def assert_same_times(one: Candles, other: Candles) -> None:
    assert one.time_ms.tolist() == other.time_ms.tolist()


def test_an_arrow_stream_is_read_too(tmp_path: Path) -> None:
    table = pa.table(arrow_columns([START, START + MINUTE]))
    path = tmp_path / "BTC_USD.arrow"
    with ipc.new_stream(path, table.schema) as stream:
        stream.write_table(table)
    assert len(read_tape(path)) == 2


def test_header_case_extra_columns_and_blank_lines_do_not_matter(
    tmp_path: Path,
) -> None:
    text = (
        "\ufeffTrades,Timestamp, Open ,HIGH,low,Close,Volume,note\n"
        f"3,{START},10,12,9,11,5,a\n\n"
        f"4,{START + MINUTE},10,12,9,11,5,\n"
    )
    candles = read_tape(tape(tmp_path, text))
    assert candles.time_ms.tolist() == [START, START + MINUTE]
    assert candles.volume.tolist() == [5, 5]


def test_numbers_of_other_types_are_read(tmp_path: Path) -> None:
    whole = pa.array([5, 6], pa.int64())
    text = pa.array(["10", "10.5"])
    path = tmp_path / "BTC_USD.parquet"
    columns = arrow_columns([START, START + MINUTE], volume=whole, open=text)
    parquet.write_table(pa.table(columns), path)
    assert read_tape(path).open.tolist() == [10, 10.5]
    assert read_tape(path).volume.tolist() == [5, 6]


def test_one_candle_takes_its_timeframe_from_the_name(tmp_path: Path) -> None:
    candles = read_tape(tape(tmp_path, lines(*rows_at(0)), "BTC_USD-5m.csv"))
    assert candles.timeframe_ms == 5 * MINUTE
    with pytest.raises(TapeError, match="one candle does not tell its timeframe"):
        read_tape(tape(tmp_path, lines(*rows_at(0)), "BTC_USD.csv"))


def test_prices_lose_their_binary_noise() -> None:
    noisy = np.array([5.330000000000001e-05, 0.0497, 0.047500099999999996])
    assert without_noise(noisy).tolist() == [5.33e-05, 0.0497, 0.0475001]
    for scale in range(-8, 9):
        exact = [float(f"{n}e{scale}") for n in (1.2345, 9.99999, 0.7, 3.0)]
        noise = np.nextafter(np.array(exact), np.inf)
        assert without_noise(noise).tolist() == exact
        assert without_noise(np.array(exact)).tolist() == exact


def test_a_longer_gap_can_be_allowed(tmp_path: Path) -> None:
    path = tape(tmp_path, lines(*rows_at(0, 1, 9 * DAY)))
    with pytest.raises(TapeError, match=r"split the file there"):
        read_tape(path)
    assert len(read_tape(path, max_gap_ms=10 * DAY * MINUTE)) == 3


def test_a_symbol_of_another_form_is_refused(tmp_path: Path) -> None:
    path = tape(tmp_path, lines(*rows_at(0, 1)))
    with pytest.raises(TapeError, match="a symbol is written like BTC/USD"):
        read_tape(path, symbol="BTCUSD")


def test_too_many_rows_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quorate.drivers.tape_file.MOST_ROWS", 49)
    for suffix in SUFFIXES:
        path = tmp_path / f"BTC_USD-1m{suffix}"
        write_tape(some(50), path)
        with pytest.raises(TapeError, match="holds more than 49 rows"):
            read_tape(path)


def test_several_tapes_keep_their_own_ranges(tmp_path: Path) -> None:
    first = tape(tmp_path, lines(*rows_at(0, 1, 2)))
    second = tape(tmp_path, lines(*rows_at(5, 6)), "ETH_USD-1m.csv")
    tapes = read_tapes([first, f"ETH/USD={second}"])
    assert [(one.symbol, len(one)) for one in tapes] == [("BTC/USD", 3), ("ETH/USD", 2)]


def test_a_symbol_twice_or_another_timeframe_is_refused(tmp_path: Path) -> None:
    first = tape(tmp_path, lines(*rows_at(0, 1)))
    again = tape(tmp_path, lines(*rows_at(5, 6)), "BTC_USD-1m-later.csv")
    longer = tape(tmp_path, lines(*rows_at(0, 5)), "ETH_USD-5m.csv")
    with pytest.raises(TapeError, match="BTC/USD is already in"):
        read_tapes([first, again])
    with pytest.raises(TapeError, match=r"holds 5m candles, .* holds 1m;"):
        read_tapes([first, longer])


def test_the_content_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    path = tape(tmp_path, lines(*rows_at(0, 1)))
    assert content_hash(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_unknown_ending_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match="a tape is a file ending in"):
        write_tape(some(), tmp_path / "BTC_USD.json")


def test_a_year_of_minutes_reads_back(tmp_path: Path) -> None:
    year = some(525_600)
    path = tmp_path / "BTC_USD-1m.csv.gz"
    write_tape(year, path)
    assert np.array_equal(read_tape(path).close, year.close)


@REAL
def test_the_real_minutes_read() -> None:
    candles = read_tape(DATA / "BTC_USD-1m-2022-01.csv.gz")
    assert (candles.symbol, candles.timeframe_ms) == ("BTC/USD", MINUTE)
    assert len(candles) == 45_031
    assert fill_gaps(candles) is candles


@REAL
def test_the_real_five_minute_files_read_together() -> None:
    tapes = read_tapes(sorted(DATA.glob("*-5m-*.csv.gz")))
    assert len(tapes) == 10
    for one in tapes:
        filled = fill_gaps(one)
        assert set(np.diff(filled.time_ms).tolist()) == {5 * MINUTE}
        assert len(filled) == len(one) + filled.stale.sum()
        # The files were written with binary noise, the market has eight decimals.
        assert one.close.tolist() == [round(price, 8) for price in one.close.tolist()]
