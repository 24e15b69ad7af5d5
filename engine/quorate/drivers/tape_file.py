"""Tapes: recorded candles in CSV, Parquet and Feather files, read and written."""

from __future__ import annotations

import csv
import dataclasses
import gzip
import hashlib
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from quorate.drivers.tape_checks import (
    MOST_ROWS,
    PRICES,
    Flaw,
    common_step,
    filled_rows,
    grid_flaw,
    price_flaw,
    time_flaw,
    without_noise,
)
from quorate.drivers.tape_name import (
    split_source,
    suffix_of,
    symbol_of,
    timeframe_of,
)
from quorate.drivers.tape_text import (
    first_bad_cell,
    line_of_row,
    read_header,
    time_way,
)
from quorate.errors import TapeError
from quorate.values.market import Candles, Floats, Times
from quorate.values.timeframes import format_timeframe

COLUMNS = ("time", *PRICES, "volume")
MAX_GAP_MS = 7 * 86_400_000
_TIME_NAMES = ("time", "timestamp", "date")
_UNREADABLE = (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error)
_NS_PER = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}


def read_tape(
    path: Path, *, symbol: str | None = None, max_gap_ms: int = MAX_GAP_MS
) -> Candles:
    """Return the candles recorded in ``path``; missing ones stay missing.

    The file has the columns time (or timestamp, or date; UTC), open, high, low,
    close and volume. ``symbol`` is read from the file name when it is None:
    ``BTC_USD-1m-2022-01.csv.gz`` holds BTC/USD. A gap longer than ``max_gap_ms``
    is refused.

    Raises:
        TapeError: the file cannot be used; the message says where and what to do.
    """
    symbol = symbol_of(path, symbol)
    named_ms = timeframe_of(path)
    if not path.is_file():
        what = "is not a file" if path.exists() else "there is no such file"
        raise TapeError(f"{path}: {what}")
    table = _load(path)
    if not table.num_rows:
        raise TapeError(f"{path}: has no candles; fetch the file again")
    time_ms = _times(path, table.column("time"))
    _refuse(path, time_flaw(time_ms))
    timeframe_ms = common_step(time_ms) or named_ms
    if timeframe_ms is None:
        raise TapeError(
            f"{path}: one candle does not tell its timeframe; "
            f"name it in the file name, as in BTC_USD-1m.csv"
        )
    _refuse(path, grid_flaw(time_ms, timeframe_ms, max_gap_ms))
    if named_ms not in {None, timeframe_ms}:
        raise TapeError(
            f"{path}: holds {format_timeframe(timeframe_ms)} candles, which is not "
            f"what its name says; rename it or fetch the right file"
        )
    columns = {n: _floats(path, n, table.column(n)) for n in (*PRICES, "volume")}
    columns |= {name: without_noise(columns[name]) for name in PRICES}
    _refuse(path, price_flaw(columns))
    stale = np.zeros(len(time_ms), dtype=np.bool_)
    return Candles(
        symbol=symbol,
        timeframe_ms=timeframe_ms,
        time_ms=time_ms,
        stale=stale,
        **columns,
    )


def read_tapes(sources: Iterable[Path | str]) -> list[Candles]:
    """Return the candles of several files, each over its own time, as they are.

    A source is a path, or the text ``SYMBOL=path``.

    Raises:
        TapeError: a file cannot be used, two hold the same symbol, or their
            timeframes differ.
    """
    tapes: dict[str, tuple[Path, Candles]] = {}
    for source in sources:
        symbol, path = split_source(source)
        candles = read_tape(path, symbol=symbol)
        if candles.symbol in tapes:
            raise TapeError(
                f"{path}: {candles.symbol} is already in "
                f"{tapes[candles.symbol][0]}; give one file for each symbol"
            )
        for other, first in tapes.values():
            if first.timeframe_ms != candles.timeframe_ms:
                raise TapeError(
                    f"{path}: holds {format_timeframe(candles.timeframe_ms)} candles, "
                    f"{other} holds {format_timeframe(first.timeframe_ms)}; "
                    f"give files of one timeframe"
                )
        tapes[candles.symbol] = (path, candles)
    return [candles for _, candles in tapes.values()]


def fill_gaps(candles: Candles) -> Candles:
    """Return the candles on a full grid: missing ones stay flat at the last close.

    A filled candle has no volume and is stale. Candles without gaps return as they
    are.

    Raises:
        TapeError: the full grid is too long to hold.
    """
    if len(candles) < 2:
        return candles
    span = int(candles.time_ms[-1] - candles.time_ms[0]) // candles.timeframe_ms + 1
    if span == len(candles):
        return candles
    if span > MOST_ROWS:
        raise TapeError(
            f"{candles.symbol}: {span:,} candles from first to last, "
            f"more than {MOST_ROWS:,}; split the tape"
        )
    rows, missing = filled_rows(candles.time_ms, candles.timeframe_ms)
    close = candles.close[rows]
    step = np.arange(span, dtype=np.int64) * candles.timeframe_ms
    return dataclasses.replace(
        candles,
        time_ms=candles.time_ms[0] + step,
        open=np.where(missing, close, candles.open[rows]),
        high=np.where(missing, close, candles.high[rows]),
        low=np.where(missing, close, candles.low[rows]),
        close=close,
        volume=np.where(missing, 0.0, candles.volume[rows]),
        stale=missing | candles.stale[rows],
    )


def write_tape(candles: Candles, path: Path) -> None:
    """Write the candles that happened to ``path``, in the format of its name.

    Stale candles are left out: ``fill_gaps`` puts back all but trailing ones.

    Raises:
        TapeError: the name has no known ending.
    """
    suffix = suffix_of(path)
    happened = ~candles.stale
    columns: dict[str, Any] = {"time": candles.time_ms[happened]}
    columns |= {n: getattr(candles, n)[happened] for n in COLUMNS[1:]}
    # Written beside and moved into place, so that no half-written tape is left.
    part = path.with_name(path.name + ".part")
    if suffix == ".csv":
        part.write_bytes(_csv_bytes(columns))
    elif suffix == ".csv.gz":
        # Without the clock in the header: the same candles make the same bytes.
        part.write_bytes(gzip.compress(_csv_bytes(columns), compresslevel=6, mtime=0))
    else:
        _write_table(columns, part, suffix)
    part.replace(path)


def content_hash(path: Path) -> str:
    """Return the SHA-256 of the file's bytes in hex: what a tape run is named by."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _csv_bytes(columns: dict[str, Any]) -> bytes:
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    lines = [",".join(columns), *(",".join(map(repr, row)) for row in rows), ""]
    return "\n".join(lines).encode()


def _write_table(columns: dict[str, Any], path: Path, suffix: str) -> None:
    # Everywhere here: pyarrow takes a tenth of a second that most commands save.
    import pyarrow  # noqa: PLC0415
    from pyarrow import feather, parquet  # noqa: PLC0415

    table = pyarrow.table(columns)
    if suffix == ".parquet":
        parquet.write_table(table, path)
    else:
        feather.write_feather(table, path)


def _load(path: Path) -> Any:
    """Return an Arrow table with the columns by their names here."""
    import pyarrow  # noqa: PLC0415

    suffix = suffix_of(path)
    try:
        if suffix in {".csv", ".csv.gz"}:
            return _load_csv(path)
        return _load_parquet(path) if suffix == ".parquet" else _load_feather(path)
    except (*_UNREADABLE, pyarrow.ArrowException) as fault:
        raise TapeError(
            f"{path}: cannot be read to its end as {suffix[1:]} ({fault}); "
            f"fetch the file again"
        ) from fault


def _load_csv(path: Path) -> Any:
    import pyarrow  # noqa: PLC0415
    from pyarrow import csv as arrow_csv  # noqa: PLC0415

    header, first = read_header(path)
    if not header:
        raise TapeError(f"{path}: is empty; fetch the file again")
    places = _places(path, header)
    types = dict.fromkeys(COLUMNS, pyarrow.float64())
    way = time_way(first[places["time"]]) if len(first) == len(header) else "whole"
    if way != "number":
        zone = "UTC" if way == "zoned" else None
        whole = way == "whole"
        types["time"] = pyarrow.int64() if whole else pyarrow.timestamp("ns", zone)
    named = {at: name for name, at in places.items()}
    packed = "gzip" if suffix_of(path) == ".csv.gz" else None
    try:
        reader = arrow_csv.open_csv(
            pyarrow.input_stream(str(path), compression=packed),
            arrow_csv.ReadOptions(
                skip_rows=1,
                column_names=[named.get(at, f"#{at}") for at in range(len(header))],
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=types, include_columns=list(COLUMNS)
            ),
        )
        return _gather(path, reader.schema, reader)
    except pyarrow.ArrowInvalid as fault:
        bad = first_bad_cell(path, named)
        if bad is None:
            raise
        raise TapeError(
            f"{path}:{bad[0]}: {bad[1]}; correct or remove the row"
        ) from fault


def _load_parquet(path: Path) -> Any:
    from pyarrow import parquet  # noqa: PLC0415

    with parquet.ParquetFile(path) as file:
        names = file.schema_arrow.names
        places = _places(path, names)
        _refuse_long(path, file.metadata.num_rows)
        table = file.read(columns=[names[at] for at in places.values()])
    return table.select([names[at] for at in places.values()]).rename_columns(
        list(places)
    )


def _load_feather(path: Path) -> Any:
    import pyarrow  # noqa: PLC0415
    from pyarrow import ipc  # noqa: PLC0415

    with pyarrow.OSFile(str(path)) as file:
        try:
            reader = ipc.open_file(file)
        except pyarrow.ArrowInvalid:
            # The other of Arrow's two layouts, for pipes.
            file.seek(0)
            stream = ipc.open_stream(file)
            table = _gather(path, stream.schema, stream)
        else:
            batches = map(reader.get_batch, range(reader.num_record_batches))
            table = _gather(path, reader.schema, batches)
    places = _places(path, table.schema.names)
    return table.select(list(places.values())).rename_columns(list(places))


def _gather(path: Path, schema: Any, batches: Iterable[Any]) -> Any:
    import pyarrow  # noqa: PLC0415

    kept, rows = [], 0
    for batch in batches:
        rows += batch.num_rows
        _refuse_long(path, rows)
        kept.append(batch)
    return pyarrow.Table.from_batches(kept, schema)


def _places(path: Path, header: list[str]) -> dict[str, int]:
    """Return the place of every column, by its name here."""
    names = [cell.strip().lower() for cell in header]
    time = next((name for name in _TIME_NAMES if name in names), "time")
    written = {"time": time} | {name: name for name in COLUMNS[1:]}
    for name in written.values():
        if name not in names:
            raise TapeError(
                f"{path}: column {name} is missing; the header must name "
                f"{', '.join(COLUMNS)}, was {', '.join(header)[:200]!r}"
            )
        if names.count(name) > 1:
            raise TapeError(f"{path}: column {name} stands twice; remove one")
    return {name: names.index(text) for name, text in written.items()}


def _times(path: Path, column: Any) -> Times:
    """Return opening times in ms, from epochs of any unit, dates or text."""
    import pyarrow  # noqa: PLC0415
    from pyarrow import types  # noqa: PLC0415

    kind = column.type
    if column.null_count:
        row = int(np.argmax(column.is_null().to_numpy()))
        _refuse(path, Flaw(row, "time is missing; correct or remove the row"))
    try:
        if types.is_string(kind) or types.is_large_string(kind):
            zoned = time_way(column[0].as_py()) == "zoned"
            column = column.cast(pyarrow.timestamp("ns", "UTC" if zoned else None))
        elif types.is_date(kind):
            column = column.cast(pyarrow.timestamp("ms"))
        kind = column.type
        unit = kind.unit if types.is_timestamp(kind) else None
        numbers = column.cast(pyarrow.int64()).to_numpy()
    except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError) as fault:
        raise TapeError(
            f"{path}: column time cannot be read as times ({fault}); "
            f"write ISO-8601 text or s, ms, us or ns since 1970"
        ) from fault
    ns_per = _NS_PER[unit or _epoch_unit(int(numbers[0]))]
    if ns_per >= _NS_PER["ms"]:
        # Clipped, so that nonsense is refused as such and does not wrap around.
        numbers = np.clip(numbers, -(10**15), 10**15)
        return np.asarray(numbers * (ns_per // _NS_PER["ms"]), dtype=np.int64)
    per_ms = _NS_PER["ms"] // ns_per
    if (numbers % per_ms).any():
        row = int(np.argmax(numbers % per_ms != 0))
        _refuse(path, Flaw(row, "time is off the grid: not a whole millisecond"))
    return np.asarray(numbers // per_ms, dtype=np.int64)


def _epoch_unit(number: int) -> str:
    # From 2009 to 2100 the four units do not overlap, by a factor of hundreds.
    if number < 10**11:
        return "s"
    if number < 10**14:
        return "ms"
    return "us" if number < 10**17 else "ns"


def _floats(path: Path, name: str, column: Any) -> Floats:
    import pyarrow  # noqa: PLC0415

    try:
        column = column.cast(pyarrow.float64(), safe=False)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError) as fault:
        raise TapeError(
            f"{path}: column {name} cannot be read as numbers ({fault}); "
            f"correct the file"
        ) from fault
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _refuse(path: Path, flaw: Flaw | None) -> None:
    if flaw is None:
        return
    if flaw.row is None:
        raise TapeError(f"{path}: {flaw.message}")
    if suffix_of(path) in {".csv", ".csv.gz"}:
        raise TapeError(f"{path}:{line_of_row(path, flaw.row)}: {flaw.message}")
    raise TapeError(f"{path}: row {flaw.row + 1}: {flaw.message}")


def _refuse_long(path: Path, rows: int) -> None:
    if rows > MOST_ROWS:
        raise TapeError(f"{path}: holds more than {MOST_ROWS:,} rows; split it")
