"""A stand-in for the desk, whose facts come from the test.

What is given is the fact. What is not given is computed by its own plugin from what
is: the cost of an order from its amount and price, a profit from prices and fees. What
needs more than was given is missing, and the test says which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, cast

from quorate.contract.views import Draft, OrderView, PositionView
from quorate.contract.vocabulary import Fact, Moves, Stage
from quorate.host.host import Host
from quorate.rulebook.params import ParamValue
from quorate.rulebook.rulebook import Rulebook
from quorate.stages.answers import Answers, Conditions, MarketDesk, Moment, as_float
from quorate.trials.slots import bare, calls

SYMBOL = "BASE/QUOTE"
"""The symbol of a test that gives none; no param has another value for it."""


class NotGiven(Exception):  # noqa: N818 - what the test left out
    """Something was asked for that the test does not give."""


@dataclass(frozen=True, slots=True)
class Given:
    """A view of which only some parts were given; the others cannot be had."""

    parts: Mapping[str, Any]

    def __getattr__(self, name: str) -> Any:
        """Return a given part.

        Raises:
            NotGiven: the test does not give it.
        """
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self.parts[name]
        except KeyError:
            raise NotGiven(name) from None


@dataclass(slots=True)
class GivenDesk:
    """A desk that knows params, columns, the symbol, its market and the time only."""

    stand: Stand
    symbol: str
    now_ms: int = 0

    def params(self, *, exact: bool) -> Mapping[str, Any]:
        """Return every param's value, those of the test first."""
        params = self.stand.params
        if exact:
            return params
        return {name: as_float(value) for name, value in params.items()}

    def param(self, name: str) -> ParamValue:
        """Return one param's value."""
        return self.stand.params[name]

    @property
    def market(self) -> Any:
        """What is given of the market."""
        return Given(self.stand.market)

    def column(self, name: str) -> float | None:
        """Return what the test gives for a call of an indicator."""
        return cast("float | None", as_float(self.stand.fact(name)))

    def __getattr__(self, name: str) -> Any:
        """Refuse everything else: it was not given.

        Raises:
            NotGiven: always.
        """
        raise NotGiven(name)


@dataclass(slots=True)
class Stand:
    """Where the rules of one rulebook are put to the test.

    ``given`` is what the case at hand gives; ``missing`` what was asked for besides.
    """

    rulebook: Rulebook
    host: Host
    given: dict[str, Any] = field(default_factory=dict)
    missing: dict[str, None] = field(default_factory=dict)
    params: Mapping[str, ParamValue] = field(default_factory=dict)
    market: Mapping[str, Any] = field(default_factory=dict)
    answers: Answers = field(init=False)
    _calls: dict[str, str] = field(default_factory=dict)
    _awake: dict[tuple[str, ...], Stand] = field(default_factory=dict)
    _fused: dict[str, Conditions] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Put stand-ins in the place of the facts; the rules stay what they are."""
        facts = {name: self._stand_in(one) for name, one in self.rulebook.facts.items()}
        self.answers = Answers(replace(self.rulebook, facts=facts), self.host)
        self._calls = {call.name: bare(call.text) for call in calls(self.rulebook)}

    def with_awake(self, ids: tuple[str, ...]) -> Stand:
        """Return the stand in which some shadow rules act."""
        if not ids:
            return self
        if ids not in self._awake:
            self._awake[ids] = Stand(self.rulebook.awakened(ids), self.host)
        return self._awake[ids]

    def set_up(self, given: Mapping[str, Any]) -> None:
        """Take up another case."""
        self.given = dict(given)
        self.missing = {}
        known = self.rulebook.params.by_name
        tuned = {name: value for name, value in given.items() if name in known}
        self.params = self.rulebook.params.effective(self.symbol, tuned)
        self.market = {
            name.removeprefix("market."): value
            for name, value in given.items()
            if name.startswith("market.")
        }

    @property
    def symbol(self) -> str:
        """The symbol of the case at hand."""
        return str(self.given.get("symbol", SYMBOL))

    def desk(self, now_ms: int = 0) -> MarketDesk:
        """Return the desk of the case at hand; when it gives no ``now``, at another."""
        now_ms = int(self.given.get("now") or now_ms)
        return cast("MarketDesk", GivenDesk(self, self.symbol, now_ms))

    def moment(self, **views: Any) -> Moment:
        """Return the moment of the case at hand."""
        return Moment(self.desk(), **views)

    def fact(self, name: str) -> Any:
        """Return a fact or a call's column as given; None if it is missing."""
        name = self._calls.get(name, name)
        if name not in self.given:
            self.missing[name] = None
        return self.given.get(name)

    def need(self, name: str) -> Any:
        """Return something given besides facts.

        Raises:
            NotGiven: it is not.
        """
        if name not in self.given:
            raise NotGiven(name)
        return self.given[name]

    def conditions(self, key: str, make: Callable[[Answers], Conditions]) -> Conditions:
        """Return the fused conditions of a section, made once."""
        if key not in self._fused:
            self._fused[key] = make(self.answers)
        return self._fused[key]

    def _stand_in(self, fact: Fact) -> Fact:
        if fact.stage in (Stage.MARKET, Stage.QUORUM):
            return fact  # they are columns, which the desk gives
        fields_of_view = _FIELDS.get(fact.stage, frozenset())

        def compute(view: Any) -> Any:
            if fact.name in self.given and fact.name not in fields_of_view:
                return self.given[fact.name]
            if fact.moves is Moves.TIME and "now" not in self.given:
                self.missing[fact.name] = None
                return None
            try:
                return fact.compute(self._seen(view))
            except Exception:  # noqa: BLE001 - with half of what it needs, anything
                self.missing[fact.name] = None
                return None

        return replace(fact, compute=compute)

    def _seen(self, view: Any) -> Any:
        """Return a view as far as it was given."""
        if isinstance(view, OrderView):
            return OrderView(view.desk, cast("Draft", self._draft(view.draft)))
        return view

    def _draft(self, draft: Draft) -> Given:
        names = ORDER_KNOWN | (_FIELDS[Stage.ORDER] & self.given.keys())
        if "limit_price" in names:
            names |= {"reference_price"}
        if "side" in names:
            names |= {"purpose"}
        if "reference_price" in names:
            names |= {"limit_price"}
        return Given({name: getattr(draft, name) for name in names})


ORDER_KNOWN = frozenset({"symbol", "venue_symbol", "rule", "attempt", "quote_amount"})
"""What every draft of a test has, given or not."""

_FIELDS: Mapping[Stage, frozenset[str]] = {
    Stage.ORDER: frozenset(one.name for one in fields(Draft)),
    Stage.POSITION: frozenset(one.name for one in fields(PositionView)),
    Stage.FAULT: frozenset({"error"}),
}
"""Facts of these names are read from their view, which is made of what is given."""
