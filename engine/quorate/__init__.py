"""quorate: assistants know, rules decide, the engine acts.

What stands here is what plugins may import; nothing else is promised to stay.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quorate.contract.hookspecs import hookimpl
    from quorate.contract.live import (
        Bar,
        CancelOutcome,
        CancelReply,
        Gap,
        Keys,
        LiveVenue,
        LoopbackExchange,
        News,
        OrderReport,
        Rights,
        Tell,
        Tick,
        VenueTrade,
    )
    from quorate.contract.records import (
        Accepted,
        Answer,
        BalancesSeen,
        CancelAsked,
        CancelRefused,
        Closed,
        Declined,
        Delayed,
        Ended,
        ErrorSeen,
        Filled,
        Found,
        Intended,
        Learned,
        Leaving,
        MarketsSeen,
        ModeSet,
        PluginFault,
        Proposal,
        Rearmed,
        Record,
        Refused,
        Released,
        Resumed,
        RulesChanged,
        RulesHeld,
        RulesRefused,
        Shadowed,
        Started,
        Stopped,
        Tuned,
        Unknown,
    )
    from quorate.contract.venue import MarketNow, Resting, SimulatedVenue
    from quorate.contract.views import (
        Ballot,
        Desk,
        Draft,
        FaultView,
        OrderView,
        PositionView,
    )
    from quorate.contract.vocabulary import (
        AMOUNT,
        DURATION,
        MONEY,
        PRICE,
        RATIO,
        Fact,
        Function,
        Kind,
        Moves,
        Stage,
        Unit,
    )
    from quorate.errors import NoAnswer, QuorateError, VenueError
    from quorate.values.market import Candles, Flags, Floats, Times
    from quorate.values.mode import Mode
    from quorate.values.numbers import ceil_to, exact, floor_to, plain
    from quorate.values.rates import RateCounter, RateLimits
    from quorate.values.secret import secret_forms
    from quorate.values.trade import (
        NOT_PLACED,
        NOT_SENT,
        Fill,
        Intent,
        Liquidity,
        Market,
        Order,
        OrderStatus,
        OrderType,
        Position,
        Purpose,
        Side,
        TimeInForce,
        Trade,
    )

__version__ = "0.1.0"

__all__ = [
    "AMOUNT",
    "DURATION",
    "MONEY",
    "NOT_PLACED",
    "NOT_SENT",
    "PRICE",
    "RATIO",
    "Accepted",
    "Answer",
    "BalancesSeen",
    "Ballot",
    "Bar",
    "CancelAsked",
    "CancelOutcome",
    "CancelRefused",
    "CancelReply",
    "Candles",
    "Closed",
    "Declined",
    "Delayed",
    "Desk",
    "Draft",
    "Ended",
    "ErrorSeen",
    "Fact",
    "FaultView",
    "Fill",
    "Filled",
    "Flags",
    "Floats",
    "Found",
    "Function",
    "Gap",
    "Intended",
    "Intent",
    "Keys",
    "Kind",
    "Learned",
    "Leaving",
    "Liquidity",
    "LiveVenue",
    "LoopbackExchange",
    "Market",
    "MarketNow",
    "MarketsSeen",
    "Mode",
    "ModeSet",
    "Moves",
    "News",
    "NoAnswer",
    "Order",
    "OrderReport",
    "OrderStatus",
    "OrderType",
    "OrderView",
    "PluginFault",
    "Position",
    "PositionView",
    "Proposal",
    "Purpose",
    "QuorateError",
    "RateCounter",
    "RateLimits",
    "Rearmed",
    "Record",
    "Refused",
    "Released",
    "Resting",
    "Resumed",
    "Rights",
    "RulesChanged",
    "RulesHeld",
    "RulesRefused",
    "Shadowed",
    "Side",
    "SimulatedVenue",
    "Stage",
    "Started",
    "Stopped",
    "Tell",
    "Tick",
    "TimeInForce",
    "Times",
    "Trade",
    "Tuned",
    "Unit",
    "Unknown",
    "VenueError",
    "VenueTrade",
    "ceil_to",
    "exact",
    "floor_to",
    "hookimpl",
    "plain",
    "secret_forms",
]

_HOMES = (
    "quorate.contract.hookspecs",
    "quorate.contract.live",
    "quorate.contract.records",
    "quorate.contract.venue",
    "quorate.contract.views",
    "quorate.contract.vocabulary",
    "quorate.errors",
    "quorate.values.market",
    "quorate.values.mode",
    "quorate.values.numbers",
    "quorate.values.rates",
    "quorate.values.secret",
    "quorate.values.trade",
)

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import a public name when it is asked for: the command line starts quickly.

        NumPy alone takes longer than everything that --help needs.
        """
        if name in __all__:
            for home in map(import_module, _HOMES):
                if hasattr(home, name):
                    return globals().setdefault(name, getattr(home, name))
        raise AttributeError(f"module 'quorate' has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
