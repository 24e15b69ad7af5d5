"""Exact numbers and the grids a venue trades on."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

ZERO = Decimal(0)
ONE = Decimal(1)


def exact(value: Decimal | float | str) -> Decimal:
    """Return ``value`` as a Decimal without binary noise; a float by its shortest form.

    Raises:
        ValueError: the value is not a finite number.
    """
    if type(value) is Decimal:
        number = value
    elif isinstance(value, float):
        # repr is the shortest text that reads back; a numpy float64 is a float too.
        number = Decimal(float.__repr__(value))
    else:
        number = Decimal(value)
    if not number.is_finite():
        raise ValueError(f"number must be finite, was {value}")
    return number


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of ``step`` that is not above ``value``."""
    return _multiple(value, step, ROUND_FLOOR)


def ceil_to(value: Decimal, step: Decimal) -> Decimal:
    """Return the smallest multiple of ``step`` that is not below ``value``."""
    return _multiple(value, step, ROUND_CEILING)


def _multiple(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    steps = (value / step).to_integral_value(rounding=rounding)
    multiple = steps * step
    # The quotient has 28 digits: on a very fine grid it may round across a step.
    if rounding == ROUND_FLOOR and multiple > value:
        multiple -= step
    elif rounding == ROUND_CEILING and multiple < value:
        multiple += step
    return multiple


def plain(value: Decimal) -> str:
    """Return ``value`` without an exponent and without trailing zeros, as text."""
    if not value:
        return "0"
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
