"""What came of one quote currency: profit, fees, drawdown, exposure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from quorate.face.figures import Result
from quorate.face.measuring import Tally
from quorate.values.numbers import ZERO
from quorate.values.trade import Trade


def result_of(currency: str, tally: Tally, until_ms: int) -> Result:
    """Return what came of the trades in one quote currency."""
    assert tally.first is not None
    trades = [
        trade for trade in tally.trades if tally.market(trade.symbol).quote == currency
    ]
    start = dict(tally.first.balances).get(currency, ZERO)
    profit = sum((trade.profit_quote for trade in trades), ZERO)
    at_cost = _at_cost(currency, tally)
    fallen, fallen_ratio = _drawdown(start, trades)
    wins, losses = _split(trades)
    many = len(trades)
    best = max(trades, key=lambda trade: trade.profit_quote, default=None)
    worst = min(trades, key=lambda trade: trade.profit_quote, default=None)
    return Result(
        currency=currency,
        start=start,
        final=_cash(currency, tally) + at_cost,
        at_cost=at_cost,
        trades=many,
        wins=len(wins),
        losses=len(losses),
        win_rate=_over(Decimal(len(wins)), many),
        profit=profit,
        profit_ratio=_over(profit, start),
        fees=tally.fees.get(currency, ZERO),
        average=_over(profit, many),
        average_ratio=_over(sum((one.profit_ratio for one in trades), ZERO), many),
        best=best.profit_quote if best else None,
        best_ratio=best.profit_ratio if best else None,
        worst=worst.profit_quote if worst else None,
        worst_ratio=worst.profit_ratio if worst else None,
        profit_factor=_over(sum(wins, ZERO), -sum(losses, ZERO)),
        expectancy_ratio=_expectancy(profit, many, losses),
        drawdown=fallen,
        drawdown_ratio=fallen_ratio,
        losses_in_row=_losses_in_row(trades),
        average_duration_ms=_average_duration(trades),
        exposure=_exposure(currency, trades, tally, until_ms),
    )


def _over(value: Decimal, by: Decimal | int) -> Decimal | None:
    return value / by if by else None


def _split(trades: Iterable[Trade]) -> tuple[list[Decimal], list[Decimal]]:
    """Return the profits of the winning and of the losing trades."""
    profits = [trade.profit_quote for trade in trades]
    return [one for one in profits if one > 0], [one for one in profits if one < 0]


def _expectancy(
    profit: Decimal, many: int, losses: Sequence[Decimal]
) -> Decimal | None:
    """Return the mean profit of a trade for each unit that a losing trade loses."""
    if not many or not losses:
        return None
    return profit / many / (-sum(losses, ZERO) / len(losses))


def _cash(currency: str, tally: Tally) -> Decimal:
    """Return what the account holds of a currency, open positions in it left out."""
    held = sum(
        (
            position.held
            for position in tally.state.positions.values()
            if tally.market(position.symbol).base == currency
        ),
        ZERO,
    )
    return tally.state.balances.get(currency, ZERO) - held


def _at_cost(currency: str, tally: Tally) -> Decimal:
    """Return what the amounts still held have cost, entry fees included."""
    return sum(
        (
            position.unit_cost * position.held
            for position in tally.state.positions.values()
            if position.bought and tally.market(position.symbol).quote == currency
        ),
        ZERO,
    )


def _drawdown(
    start: Decimal, trades: Iterable[Trade]
) -> tuple[Decimal, Decimal | None]:
    """Return the largest fall of the realised balance: in money, and as a ratio."""
    balance = peak = start
    largest, ratio = ZERO, (ZERO if start > 0 else None)
    for trade in trades:
        balance += trade.profit_quote
        peak = max(peak, balance)
        largest = max(largest, peak - balance)
        if peak > 0:
            ratio = max(ratio or ZERO, (peak - balance) / peak)
    return largest, ratio


def _losses_in_row(trades: Iterable[Trade]) -> int:
    longest = here = 0
    for trade in trades:
        here = here + 1 if trade.profit_quote < 0 else 0
        longest = max(longest, here)
    return longest


def _average_duration(trades: Sequence[Trade]) -> int | None:
    if not trades:
        return None
    return sum(trade.closed_ms - trade.opened_ms for trade in trades) // len(trades)


def _exposure(
    currency: str, trades: Iterable[Trade], tally: Tally, until_ms: int
) -> Decimal | None:
    """Return the share of the run during which any position was open."""
    assert tally.first is not None
    run_ms = until_ms - tally.first.at_ms
    spans = [(trade.opened_ms, trade.closed_ms) for trade in trades]
    spans += [
        (position.opened_ms, until_ms)
        for position in tally.state.positions.values()
        if position.bought and tally.market(position.symbol).quote == currency
    ]
    open_ms = covered_ms = 0
    for begin_ms, end_ms in sorted(spans):
        open_ms += max(0, end_ms - max(begin_ms, covered_ms))
        covered_ms = max(covered_ms, end_ms)
    return _over(Decimal(open_ms), run_ms)
