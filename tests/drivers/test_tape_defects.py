"""Bad tapes, as data: what is wrong, and what the refusal says."""

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from quorate.drivers.tape_file import read_tape
from quorate.errors import TapeError

MINUTE = 60_000
START = 1_641_081_600_000  # 2022-01-02 00:00 UTC
DAY = 1440  # minutes
HEADER = "time,open,high,low,close,volume"


def rows_at(*minutes: float, step: int = MINUTE) -> list[str]:
    return [f"{START + int(m * step)},10,12,9,11,5" for m in minutes]


def lines(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows, ""])


def tape(folder: Path, text: str, name: str = "BTC_USD-1m.csv") -> Path:
    path = folder / name
    data = text.encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def arrow_columns(times: Any, **other: Any) -> dict[str, Any]:
    values = {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 5.0}
    columns = {name: [value] * len(times) for name, value in values.items()}
    return {"time": times, **columns, **other}


def row(open_: object, high: object, low: object, close: object, volume: object) -> str:
    return f"{START + 2 * MINUTE},{open_},{high},{low},{close},{volume}"


GOOD = rows_at(0, 1)
BAD_ROWS: dict[str, tuple[str, str]] = {
    "text for a price": (row("ten", 12, 9, 11, 5), ":4: open 'ten' is not a number"),
    "text for a volume": (row(10, 12, 9, 11, "x"), ":4: volume 'x' is not a number"),
    "empty price": (row("", 12, 9, 11, 5), ":4: open is not a number; correct"),
    "nan price": (row(10, "nan", 9, 11, 5), ":4: high is not a number"),
    "infinite price": (row(10, "inf", 9, 11, 5), ":4: high is not a number"),
    "infinite volume": (row(10, 12, 9, 11, "inf"), ":4: volume is not a number"),
    "zero price": (row(10, 12, 0, 11, 5), ":4: low must be above zero (low 0)"),
    "negative price": (row(-10, 12, 9, 11, 5), ":4: open must be above zero"),
    "high below low": (row(10, 9, 12, 11, 5), ":4: high is below low (high 9, low"),
    "open above high": (row(13, 12, 9, 11, 5), ":4: open is outside low and high"),
    "close below low": (row(10, 12, 9, 8, 5), ":4: close is outside low and high"),
    "negative volume": (row(10, 12, 9, 11, -5), ":4: volume must not be negative"),
    "too few columns": (f"{START + 2 * MINUTE},10,12", ":4: the row has 3 columns"),
    "text for a time": ("soon,10,12,9,11,5", ":4: time 'soon' is not a time like"),
    "another way of time": ("2022-01-02,10,12,9,11,5", ":4: time '2022-01-02' is not"),
    "no time": (",10,12,9,11,5", ":4: time is missing"),
    "the same time": (rows_at(1)[0], ":4: time 2022-01-02T00:01:00.000Z stands twice"),
    "an earlier time": (rows_at(-1)[0], ":4: time 2022-01-01T23:59:00.000Z is before"),
    "off the grid": (rows_at(1, 2, 3.5)[2], ":4: time 2022-01-02T00:03:30.000Z is off"),
    "before 2009": ("0,10,12,9,11,5", ":4: time 1970-01-01T00:00:00.000Z is not betw"),
    "after 2100": ("9999999999999,10,12,9,11,5", ":4: time 2286-11-20T17:46:39.999Z"),
    "far off": ("9223372036854775807,10,12,9,11,5", "is not between 2009 and 2100"),
    "beyond any float": (row(1e308, 1e308, "-1e308", 1, 5), ":4: low must be above"),
    "a long gap": (rows_at(9 * DAY)[0], ":4: 9.0 days are missing before 2022-01-11"),
}


@pytest.mark.parametrize("defect", BAD_ROWS)
@pytest.mark.parametrize("name", ["BTC_USD-1m.csv", "BTC_USD-1m.csv.gz"])
def test_a_bad_row_is_refused_by_its_line(
    tmp_path: Path, defect: str, name: str
) -> None:
    bad, message = BAD_ROWS[defect]
    path = tape(tmp_path, lines(*GOOD, bad), name)
    with pytest.raises(TapeError) as refused:
        read_tape(path)
    assert str(refused.value).startswith(str(path))
    assert message in str(refused.value)


def test_the_line_counts_blank_lines(tmp_path: Path) -> None:
    path = tape(tmp_path, lines(GOOD[0], "", "", GOOD[1], row(10, 9, 12, 11, 5)))
    with pytest.raises(TapeError, match=r"csv:6: high is below low"):
        read_tape(path)


BAD_FILES: dict[str, tuple[str, str, str]] = {
    "empty": ("BTC_USD.csv", "", "is empty; fetch the file again"),
    "only a header": ("BTC_USD.csv", lines(), "has no candles"),
    "a column missing": (
        "BTC_USD.csv",
        lines(*GOOD, header="time,open,high,low,close,vol"),
        "column volume is missing; the header must name time, open",
    ),
    "no header": ("BTC_USD.csv", "\n".join(GOOD), "column time is missing"),
    "a column twice": (
        "BTC_USD.csv",
        lines(*GOOD, header="time,open,high,low,Open,volume,close"),
        "column open stands twice",
    ),
    "another timeframe": (
        "BTC_USD-5m.csv",
        lines(*GOOD),
        "holds 1m candles, which is not what its name says",
    ),
    "an odd timeframe": ("BTC_USD-7m.csv", lines(*GOOD), "timeframe must be whole"),
    "half minutes": (
        "BTC_USD.csv",
        lines(*rows_at(0, 0.5, 1)),
        "step between rows is 0.5 minutes",
    ),
    "two days": ("BTC_USD.csv", lines(*rows_at(0, 2 * DAY)), "is 2880 minutes"),
    "wrong ending": ("BTC_USD.txt", lines(*GOOD), "ending in .csv, .csv.gz, .parquet"),
    "not parquet": ("BTC_USD.parquet", lines(*GOOD), "cannot be read to its end as p"),
    "not feather": ("BTC_USD.feather", lines(*GOOD), "cannot be read to its end as f"),
    "first time unreadable": (
        "BTC_USD.csv",
        lines("x,10,12,9,11,5"),
        ":2: time 'x' is not a time",
    ),
    "first row short": ("BTC_USD.csv", lines("1,2"), ":2: the row has 2 columns"),
}


@pytest.mark.parametrize("defect", BAD_FILES)
def test_a_bad_file_is_refused(tmp_path: Path, defect: str) -> None:
    name, text, message = BAD_FILES[defect]
    path = tape(tmp_path, text, name)
    with pytest.raises(TapeError) as refused:
        read_tape(path)
    assert str(refused.value).startswith(str(path))
    assert message in str(refused.value)


def packed(data: bytes) -> dict[str, bytes]:
    whole = gzip.compress(data)
    return {
        "cut in the middle": whole[: len(whole) // 2],
        "cut in its head": whole[:5],
        "cut in its tail": whole[:-4],
        "not packed": data,
        "spoiled": whole[:40] + b"\x00\xff" * 20 + whole[80:],
        "empty": b"",
    }


@pytest.mark.parametrize("defect", packed(b""))
def test_a_broken_gzip_is_refused(tmp_path: Path, defect: str) -> None:
    text = lines(*(f"{START + MINUTE * m},10,12,9,11,{m % 97}" for m in range(5000)))
    path = tmp_path / "BTC_USD-1m.csv.gz"
    path.write_bytes(packed(text.encode())[defect])
    with pytest.raises(TapeError, match="fetch the file again"):
        read_tape(path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "BTC_USD.csv"
    path.write_bytes(bytes(range(256)) * 10)
    with pytest.raises(TapeError, match="fetch the file again"):
        read_tape(path)


def test_what_is_not_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match="there is no such file"):
        read_tape(tmp_path / "BTC_USD.csv")
    (tmp_path / "BTC_USD.csv").mkdir()
    with pytest.raises(TapeError, match="is not a file"):
        read_tape(tmp_path / "BTC_USD.csv")


def test_a_bad_parquet_row_is_refused_by_its_row(tmp_path: Path) -> None:
    path = tmp_path / "BTC_USD.parquet"
    columns = arrow_columns([START, START + MINUTE], low=[9.0, None])
    parquet.write_table(pa.table(columns), path)
    with pytest.raises(TapeError, match="parquet: row 2: low is not a number"):
        read_tape(path)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"time": ["soon", "later"]}, "column time cannot be read as times"),
        ({"open": ["ten", "ten"]}, "column open cannot be read as numbers"),
        ({"time": [START, START + 0.5]}, "column time cannot be read as times"),
        ({"time": [START * 1000, START * 1000 + 1]}, "row 2: time is off the grid"),
        ({"time": [START, None]}, "row 2: time is missing"),
    ],
)
def test_a_bad_parquet_column_is_refused(
    tmp_path: Path, other: dict[str, Any], message: str
) -> None:
    path = tmp_path / "BTC_USD.parquet"
    parquet.write_table(pa.table(arrow_columns([START, START + MINUTE], **other)), path)
    with pytest.raises(TapeError, match=message):
        read_tape(path)
