"""Hold an exchange's balances against the journal's fills and positions. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from quorate.contract.records import Answer, Filled
from quorate.drivers.snapshot import Difference, Snapshot
from quorate.flow.booking import book
from quorate.flow.state import State
from quorate.values.numbers import ZERO, plain
from quorate.values.trade import Market


@dataclass(slots=True)
class Books:
    """The account's balances in both books; ``answers`` are about to be booked.

    Only the currencies of known markets are looked at, and none that an order trades
    of which it is not known what became: that order may explain the difference.
    """

    state: State
    snapshot: Snapshot
    answers: Mapping[str, Sequence[Answer]]
    waits: Sequence[str] = ()
    markets: dict[str, Market] = field(init=False)
    moves: dict[str, Decimal] = field(init=False)

    def __post_init__(self) -> None:
        self.markets = {**self.state.markets, **self.snapshot.markets}
        self.moves = self._moves()

    def _moves(self) -> dict[str, Decimal]:
        """Return what the fills that are about to be booked move."""
        moves: dict[str, Decimal] = {}
        for client_id, answers in self.answers.items():
            order = self.state.order(client_id)
            assert order is not None
            for answer in answers:
                if isinstance(answer, Filled):
                    market = self.markets[order.intent.symbol]
                    for currency, gain in book(answer.fill, order.intent, market).moves:
                        moves[currency] = moves.get(currency, ZERO) + gain
        return moves

    def _compared(self) -> Iterator[tuple[str, Decimal, Decimal]]:
        """Yield each currency, the journal's total and the exchange's."""
        if not self.snapshot.steady:
            return
        known = {
            name for one in self.markets.values() for name in (one.base, one.quote)
        }
        for currency in sorted(known - self._unsure()):
            ours = self.state.balances.get(currency, ZERO)
            ours += self.moves.get(currency, ZERO)
            yield currency, ours, self.snapshot.balances.get(currency, ZERO)

    def _unsure(self) -> set[str]:
        """Return the currencies of the orders that wait."""
        orders = filter(None, map(self.state.order, self.waits))
        markets = [self.markets[order.intent.symbol] for order in orders]
        return {name for one in markets for name in (one.base, one.quote)}

    def unexplained(self) -> tuple[tuple[str, Decimal], ...]:
        """Return the totals to adopt, such that the fills lead to the exchange's."""
        return tuple(
            (currency, theirs - self.moves.get(currency, ZERO))
            for currency, ours, theirs in self._compared()
            if ours != theirs
        )

    def lacking(self) -> dict[str, str]:
        """Return the symbols whose positions hold more than is there, and of what.

        Less than a step of the amount is lacking to rounding.
        """
        lacking: dict[str, str] = {}
        for currency, _, theirs in self._compared():
            held, room, symbols = self.moves.get(currency, ZERO), ZERO, []
            for symbol, positions in self.state.held_in.items():
                market = self.markets[symbol]
                if market.base == currency and positions:
                    held += sum((one.held for one in positions.values()), ZERO)
                    room = max(room, market.amount_step)
                    symbols.append(symbol)
            if symbols and held - theirs >= room:
                lacking |= dict.fromkeys(symbols, currency)
        return lacking

    def differences(self) -> Iterator[Difference]:
        """Yield where the two books differ, and what is done about it."""
        lacking = self.lacking()
        for currency, ours, theirs in self._compared():
            symbols = [one for one, name in lacking.items() if name == currency]
            if ours != theirs or symbols:
                yield Difference(
                    what="balance",
                    about=currency,
                    symbol=" ".join(symbols),
                    journal=plain(ours),
                    exchange=plain(theirs),
                    done="quarantined" if symbols else "adopted",
                )
        if not self.snapshot.steady:
            yield Difference(
                what="balance",
                about="",
                symbol="",
                journal="not compared",
                exchange="something traded while it was asked",
                done="noted",
            )
