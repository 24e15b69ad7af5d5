"""What a tape's file name says: its format, symbol and timeframe."""

from __future__ import annotations

import re
from pathlib import Path

from quorate.errors import TapeError
from quorate.values.timeframes import parse_timeframe

SUFFIXES = (".csv", ".csv.gz", ".parquet", ".feather", ".arrow")

_NAME = re.compile(r"([A-Z0-9]{1,16})[_-]([A-Z][A-Z0-9]{0,15})(?=[-_.]|$)(.*)")
_SYMBOL = re.compile(r"[A-Z0-9]{1,16}/[A-Z][A-Z0-9]{0,15}")
_TIMEFRAME = re.compile(r"[0-9]+[mhd]")


def suffix_of(path: Path) -> str:
    """Return the ending that says the format of ``path``, in lower case.

    Raises:
        TapeError: no format has this ending.
    """
    for suffix in SUFFIXES:
        if path.name.lower().endswith(suffix):
            return suffix
    raise TapeError(f"{path}: a tape is a file ending in {', '.join(SUFFIXES)}")


def symbol_of(path: Path, given: str | None) -> str:
    """Return the symbol ``given``, or else the one in the name of ``path``.

    ``BTC_USD-1m-2022-01.csv.gz`` and ``BTC-USD.csv`` hold BTC/USD.

    Raises:
        TapeError: neither tells the symbol.
    """
    found = _name_parts(path)
    symbol = given or (f"{found[1]}/{found[2]}" if found else None)
    if symbol is None:
        raise TapeError(
            f"{path}: the file name does not tell the symbol; "
            f"say it as SYMBOL=path, for example BTC/USD={path}"
        )
    if not _SYMBOL.fullmatch(symbol):
        raise TapeError(f"{path}: a symbol is written like BTC/USD, was {symbol!r}")
    return symbol


def timeframe_of(path: Path) -> int | None:
    """Return the timeframe in the name of ``path`` in ms, None when it has none.

    Raises:
        TapeError: the name has a timeframe that candles cannot have.
    """
    found = _name_parts(path)
    words = re.split(r"[-_.]", found[3] if found else path.name)
    for word in words:
        if _TIMEFRAME.fullmatch(word):
            try:
                return parse_timeframe(word)
            except ValueError as fault:
                raise TapeError(f"{path}: {fault}; rename the file") from fault
    return None


def split_source(source: Path | str) -> tuple[str | None, Path]:
    """Return the symbol and the path of ``SYMBOL=path``; None for a path alone."""
    if isinstance(source, Path):
        return None, source
    symbol, equals, path = source.partition("=")
    if equals and _SYMBOL.fullmatch(symbol):
        return symbol, Path(path)
    return None, Path(source)


def _name_parts(path: Path) -> re.Match[str] | None:
    return _NAME.fullmatch(path.name[: -len(suffix_of(path))])
