"""Orders: choose how an order is sent, and bring its parts together to one draft."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from quorate.contract.decisions import Value
from quorate.contract.records import Proposal
from quorate.contract.views import Draft
from quorate.host.host import Host
from quorate.rulebook.rules import Formula, How, OrderRule
from quorate.stages.answers import Answers, Conditions, MarketDesk, Moment
from quorate.values.trade import Market, OrderType, Purpose, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The rule that says how an entry is sent, and the inputs it was chosen on."""

    rule: OrderRule | None
    inputs: Mapping[str, Value]


def choose(
    answers: Answers,
    rules: tuple[OrderRule, ...],
    conditions: Conditions,
    moment: Moment,
) -> Choice:
    """Return the first rule that holds; a rule that is not known does not hold."""
    context = answers.context(conditions.reads, moment, exact=True)
    mask, _ = conditions.evaluate(context)
    held = {rule.id for bit, (rule, _) in enumerate(conditions.keys) if mask >> bit & 1}
    inputs = {name: getattr(context, name) for name in conditions.reads}
    for rule in rules:
        if rule.when is None or rule.id in held:
            return Choice(rule=rule, inputs=inputs)
    return Choice(rule=None, inputs=inputs)


def draft_order(
    answers: Answers,
    host: Host,
    proposal: Proposal,
    how: How,
    moment: Moment,
    *,
    price: Formula | None,
) -> Draft | None:
    """Return the order that assistants agree on, None when nothing is left of it.

    ``price`` is the formula of the limit price. The amount of a sale or a retry comes
    with the proposal; that of an entry is what its money buys, by the execution
    assistant. A plugin may lower what stands there, never raise it.

    Raises:
        NotKnown, ArithmeticError: the limit price cannot be computed.
    """
    desk = moment.desk
    reference = desk.price(proposal.symbol)
    if reference is None:
        return None
    entering = proposal.purpose == Purpose.ENTRY
    limit: Decimal | None = None
    if how.type is OrderType.LIMIT:
        limit = reference if price is None else answers.value(price, moment)
        if limit <= 0:
            raise ArithmeticError(f"the limit price must be above 0, was {limit}")
    draft = Draft(
        symbol=proposal.symbol,
        venue_symbol=desk.market.venue_symbol,
        side=Side.BUY if entering else Side.SELL,
        purpose=proposal.purpose,
        rule=proposal.rule,
        type=how.type,
        time_in_force=how.time_in_force,
        post_only=how.post_only,
        quote_amount=proposal.quote_amount,
        amount=proposal.amount,
        limit_price=limit,
        reference_price=reference,
        attempt=proposal.attempt,
    )
    return _coordinate(host, draft, desk)


def _coordinate(host: Host, draft: Draft, desk: MarketDesk) -> Draft | None:
    def given(_: str) -> dict[str, object]:
        return {"draft": draft, "desk": desk}  # as the plugin before left it

    for answer in host.tell("coordinate", draft, given):
        changed = answer.value
        if changed is None:
            continue
        reason = _objection(draft, changed, desk.market)
        if reason:
            host.blame(answer.plugin, "coordinate", reason)
            continue
        draft = changed
    return draft if draft.amount > 0 else None


def _objection(before: Draft, after: object, market: Market) -> str:
    """Return why a coordinated draft is not used, "" when it is."""
    if not isinstance(after, Draft):
        return f"must return a Draft or None, was {type(after).__name__}"
    for name in _SETTLED:
        if getattr(before, name) != getattr(after, name):
            return f"must not change {name}"
    if (after.limit_price is None) != (before.limit_price is None):
        return "must not change whether there is a limit price"
    for number in (after.amount, after.limit_price):
        if number is not None and not _usable(number):
            return f"must give finite decimal numbers from 0 up, was {number!r}"
    return _off_grid(before, after, market) or _too_much(before, after)


def _off_grid(before: Draft, after: Draft, market: Market) -> str:
    if after.amount != before.amount and after.amount % market.amount_step:
        return f"amount must be a multiple of {market.amount_step}, was {after.amount}"
    limit = after.limit_price
    if limit != before.limit_price and limit and limit % market.price_step:
        return f"price must be a multiple of {market.price_step}, was {limit}"
    return ""


def _too_much(before: Draft, after: Draft) -> str:
    if before.amount and after.amount > before.amount:
        return f"must not raise the amount from {before.amount} to {after.amount}"
    price = after.limit_price or after.reference_price
    if not before.amount and after.amount * price > before.quote_amount:
        return f"spends more than {before.quote_amount}"
    return ""


_SETTLED = (
    *("symbol", "side", "purpose", "rule", "type", "time_in_force", "post_only"),
    *("quote_amount", "attempt", "reference_price"),
)
"""What rules and proposal have settled, and no assistant may change."""


def _usable(number: object) -> bool:
    return isinstance(number, Decimal) and number.is_finite() and number >= 0
