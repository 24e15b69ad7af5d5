"""What can happen: the events a driver brings, the records the journal keeps.

A record changes state; the state is the fold of all records, so a replay of the
journal is a recovery. The answers of a venue (Accepted ... Ended) are events and
records at once. ``at_ms`` is UTC milliseconds; nothing reads a clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from quorate.values.mode import Mode
from quorate.values.rates import RateLimits
from quorate.values.trade import Fill, Intent, Market, Trade


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A run begins: what it trades, under which rules, with what.

    ``source`` says where market data comes from (a tape by name and content hash, or
    an exchange). ``order_deadline_ms`` is how long after its intent the venue may still
    take an order; 0 for no limit.
    """

    at_ms: int
    run: str
    venue: str
    rulebook: str
    source: str
    markets: tuple[Market, ...]
    balances: tuple[tuple[str, Decimal], ...]
    limits: RateLimits | None = None
    order_deadline_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Intended:
    """An order was decided. Durable before the order leaves."""

    at_ms: int
    intent: Intent
    confidence: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The venue took the order and gave it an id."""

    at_ms: int
    client_id: str
    venue_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The venue refused the order, with its raw error strings."""

    at_ms: int
    client_id: str
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """No clear answer came. The order counts as live until evidence says otherwise."""

    at_ms: int
    client_id: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A part of the order, or all of it, was executed."""

    at_ms: int
    client_id: str
    fill: Fill


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The order is over: ``filled``, ``cancelled`` or ``expired``; fills stand.

    ``not_placed``: there is evidence that the venue never took it.
    """

    at_ms: int
    client_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAsked:
    """The engine wants the order gone; durable before the request leaves."""

    at_ms: int
    client_id: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRefused:
    """The venue did not cancel; ``errors`` are its raw strings."""

    at_ms: int
    client_id: str
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """An order that is wanted but not yet intended; it may wait and come back.

    ``amount`` is in base currency before grid and checks. ``quote_amount`` is what an
    entry wants to spend; 0 for a sale. ``since_ms`` is when it was first wanted.
    """

    key: str
    symbol: str
    purpose: str
    rule: str
    position_id: str
    quote_amount: Decimal
    amount: Decimal
    confidence: Decimal | None
    attempt: int
    since_ms: int
    root_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delayed:
    """A proposal waits: for room in a counter, for funds, or before another attempt.

    It is taken up at ``until_ms``, or given up when that is ``give_up_ms``; one that
    is ``for_funds`` is taken up when a position has left.
    """

    at_ms: int
    proposal: Proposal
    until_ms: int
    give_up_ms: int
    why: str
    for_funds: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """A waiting proposal is taken up again, or given up when ``given_up``."""

    at_ms: int
    key: str
    given_up: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """An exit rule decided that a position leaves; its order follows when it can."""

    at_ms: int
    position_id: str
    rule: str
    share: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A position is over and its result final."""

    at_ms: int
    trade: Trade


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """What a rule wanted was not done, and which rule or plugin prevented it.

    For an entry once in each stretch of candles: ``stretch_ms`` is when its market
    condition began to hold. For the exit of ``position_id`` the position stays, and
    is looked at again at the next candle.
    """

    at_ms: int
    symbol: str
    rule: str
    by: str
    stretch_ms: int = 0
    position_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """An assistant learned a number for a symbol; it counts until ``expires_ms``."""

    at_ms: int
    what: str
    symbol: str
    value: Decimal
    expires_ms: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """A tuning rule turned a param, inside its bounds. Values as text, as in YAML.

    ``back`` says that the param returns to what its file says.
    """

    at_ms: int
    param: str
    old: str
    new: str
    rule: str
    why: str
    back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """Entries stop for a symbol, or for all when ``symbol`` is "*"."""

    at_ms: int
    symbol: str
    until_ms: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorSeen:
    """A venue's error and the rule that resolved it; "" when none matched.

    ``learn`` is what that rule wants learned from it ("minimum"), "" for nothing.
    """

    at_ms: int
    symbol: str
    client_id: str
    error: str
    rule: str
    learn: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginFault:
    """A plugin failed in a hook or a fact."""

    at_ms: int
    plugin: str
    where: str
    error: str
    off: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeSet:
    """What may be sent changes; ``why`` names the rule, the command or the signal.

    A kill switch that fired is named in ``rule``, and in ``symbol`` where it held. It
    is spent then, for all of the symbol's quote currency, until it is ``Rearmed``.
    """

    at_ms: int
    mode: Mode
    why: str
    rule: str = ""
    symbol: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rearmed:
    """A kill switch has ceased to hold where it fired: it may fire again."""

    at_ms: int
    rule: str
    symbol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadowed:
    """A shadow rule has said what it would have done about something; it does so once.

    ``about`` is a position, a symbol, or "" for the whole run; ``since_ms`` is when the
    stretch of candles began that an entry spoke of, else 0.
    """

    at_ms: int
    rule: str
    about: str
    since_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """Entries may go on in a symbol that was stopped; "*" lifts every stop."""

    at_ms: int
    symbol: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketsSeen:
    """The venue's market rules are others than those known before."""

    at_ms: int
    markets: tuple[Market, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BalancesSeen:
    """The venue holds other amounts than the fills explain: a deposit, a fee, a hand.

    Each pair is a currency and its new total.
    """

    at_ms: int
    balances: tuple[tuple[str, Decimal], ...]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesChanged:
    """The run goes on under another rulebook, named by its hash."""

    at_ms: int
    rulebook: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesRefused:
    """The files hold other rules, which have errors: the last good ones stay.

    ``problems`` are told as `check` tells them. ``rulebook`` is the hash of the files,
    "" when they could not be read.
    """

    at_ms: int
    rulebook: str
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesHeld:
    """The files hold rules that permit more; they wait until a person accepts them.

    ``loosened`` says what permits more, a line each.
    """

    at_ms: int
    rulebook: str
    loosened: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The venue has an order or a trade that this journal did not ask for.

    ``what`` is "order" or "trade", ``venue_id`` its id at the venue.
    """

    at_ms: int
    what: str
    venue_id: str
    symbol: str
    detail: str


Answer = Accepted | Refused | Unknown | Filled | Ended | CancelRefused
Record = (
    Started
    | Intended
    | Answer
    | CancelAsked
    | Delayed
    | Resumed
    | Leaving
    | Closed
    | Declined
    | Learned
    | Tuned
    | Stopped
    | ErrorSeen
    | PluginFault
    | ModeSet
    | Rearmed
    | Shadowed
    | Released
    | MarketsSeen
    | BalancesSeen
    | RulesChanged
    | RulesRefused
    | RulesHeld
    | Found
)
