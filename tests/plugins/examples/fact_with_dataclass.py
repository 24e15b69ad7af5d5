"""A fact, kept in a dataclass whose annotations are texts."""

from __future__ import annotations

from dataclasses import dataclass

from quorate import Desk, Fact, Stage, hookimpl


@dataclass(slots=True)
class Funding:
    """What is known about funding."""

    rate: float = 0.01


@hookimpl
def facts() -> list[Fact]:
    """Return the funding rate."""
    return [
        Fact(
            name="funding_rate",
            stage=Stage.ACCOUNT,
            help="what holding costs",
            compute=rate,
        )
    ]


def rate(desk: Desk) -> float:
    """Return the rate now."""
    return Funding().rate
