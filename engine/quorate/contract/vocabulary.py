"""The names a rule may use: their type, unit, range, stage and help."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """The type of a value in a rule."""

    NUMBER = "number"
    FLAG = "flag"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Unit:
    """A dimension as exponents of quote currency, base currency and time.

    price x amount = money, price / price = ratio: the exponents add and subtract.
    """

    quote: int = 0
    base: int = 0
    time: int = 0

    def times(self, other: Unit, power: int = 1) -> Unit:
        """Return the unit of a product (``power=1``) or a quotient (``power=-1``)."""
        return Unit(
            self.quote + power * other.quote,
            self.base + power * other.base,
            self.time + power * other.time,
        )

    def __str__(self) -> str:
        """Return the field's word for this unit, or its exponents."""
        if self in _WORDS:
            return _WORDS[self]
        parts = (("quote", self.quote), ("base", self.base), ("time", self.time))
        return "*".join(f"{name}^{power}" for name, power in parts if power)


RATIO = Unit()
MONEY = Unit(quote=1)
PRICE = Unit(quote=1, base=-1)
AMOUNT = Unit(base=1)
DURATION = Unit(time=1)

_WORDS = {
    RATIO: "ratio",
    MONEY: "money",
    PRICE: "price",
    AMOUNT: "amount",
    DURATION: "duration",
}
UNITS = {word: unit for unit, word in _WORDS.items()}


class Stage(StrEnum):
    """From where on the road of a trade a fact is known.

    MARKET facts are columns of candles, in every timeframe; QUORUM facts are columns
    computed from the votes; the others are single values of one moment.
    """

    MARKET = "market"
    QUORUM = "quorum"
    ACCOUNT = "account"
    ORDER = "order"
    POSITION = "position"
    FAULT = "fault"


class Moves(StrEnum):
    """What can change a fact; the tape skips candles by it.

    ``state`` facts change only with an order, a fill or another recorded event;
    ``clock`` facts also as time passes; ``market`` facts with every candle. ``time``
    facts change with the moment alone: of its desk ``compute`` reads only ``now_ms``,
    which may be an array of moments.
    """

    STATE = "state"
    CLOCK = "clock"
    TIME = "time"
    MARKET = "market"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One name of the vocabulary, and how to compute it.

    ``compute`` takes the view of its stage and returns a number, a bool or a text:

    - MARKET: ``Candles`` in, an array as long as they are out; row ``i`` uses rows up
      to ``i`` only;
    - QUORUM: a list of ``Ballot`` in, an array out, row by row;
    - ACCOUNT: a ``Desk``; ORDER: an ``OrderView``; FAULT: a ``FaultView``;
    - POSITION: a ``PositionView``; arithmetic that works on floats and arrays alike.

    None or NaN means "not known": a check that needs it refuses, an entry stays out.
    ``params`` are the params of the rulebook that ``compute`` reads from its desk, and
    those that its plugin's hooks need to make what it reads.
    ``low`` and ``high`` bound a number, ``values`` lists what a text may be.
    Durations are milliseconds. A fact that was renamed may stay under its old name,
    with the new one as ``instead``: rules go on, and a check says what to write.
    """

    name: str
    stage: Stage
    help: str
    compute: Callable[[Any], Any]
    kind: Kind = Kind.NUMBER
    unit: Unit = RATIO
    low: Decimal | None = None
    high: Decimal | None = None
    values: tuple[str, ...] = ()
    moves: Moves = Moves.STATE
    params: tuple[str, ...] = ()
    instead: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function of candle columns that a rule may call, for example ``ema(close, 9)``.

    The first ``series`` arguments are columns, the ``numbers`` further ones are
    literals, with ``defaults`` for those left out. ``compute`` takes arrays and floats
    and returns one array of the same length, NaN while it warms up. ``unit`` is the
    unit of the result; None means that of the first series.
    """

    name: str
    help: str
    series: int
    numbers: tuple[str, ...]
    defaults: tuple[float, ...]
    compute: Callable[..., Any]
    unit: Unit | None = RATIO
