"""What a part of an expression means, and whether two parts go together."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from quorate.contract.vocabulary import RATIO, Kind, Unit
from quorate.rulebook.diagnostics import did_you_mean
from quorate.rulebook.literals import write_quantity
from quorate.rulebook.terms import Name, Want


@dataclass(frozen=True, slots=True)
class Meaning:
    """The kind and unit of a part; ``kind`` None when it is wrong already.

    ``unit`` None adapts to whatever it meets, as a plain number does. ``name`` is set
    when the part is just that name, ``literal`` when it is just that value, and
    ``fixed`` when it mentions no name at all.
    """

    kind: Kind | None
    unit: Unit | None = RATIO
    values: tuple[str, ...] = ()
    name: Name | None = None
    literal: Decimal | str | bool | None = None
    fixed: bool = False

    @property
    def number(self) -> Decimal | None:
        """Return the literal number that this is, if it is one."""
        return self.literal if isinstance(self.literal, Decimal) else None


NodeT = TypeVar("NodeT", bound=ast.expr)
Read = tuple[ast.expr, Meaning]
"""A part of the tree, spelled out, with what it means."""

WRONG = Meaning(None)
FLAG = Meaning(Kind.FLAG)

KIND_WORDS = {Kind.NUMBER: "a number", Kind.FLAG: "a flag", Kind.TEXT: "a text"}


def number_meaning(
    unit: Unit | None, *, fixed: bool = False, literal: Decimal | None = None
) -> Meaning:
    """Return the meaning of a number."""
    return Meaning(Kind.NUMBER, unit, literal=literal, fixed=fixed)


def at_place(node: NodeT, place: ast.expr) -> NodeT:
    """Return ``node``, standing where ``place`` stands in the text."""
    return ast.copy_location(node, place)


def exact_constant(value: Decimal, place: ast.expr) -> ast.Constant:
    """Return the literal of an exact number, standing where ``place`` stands."""
    node = ast.Constant(0)
    vars(node)["value"] = value
    return at_place(node, place)


def unit_words(unit: Unit | None) -> str:
    """Return a unit with its article, for example ``a ratio``."""
    word = str(unit if unit is not None else RATIO)
    if not word.isalpha():
        return f"of unit {word}"
    if word == "money":
        return word
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


def beyond(name: Name, value: Decimal) -> str | None:
    """Return why no value of ``name`` reaches ``value``, or None when one does.

    The answer comes with a suggestion when the number looks like a percentage.
    """
    low, high = name.low, name.high
    under = low is not None and value < low
    over = high is not None and value > high
    if not under and not over:
        return None
    if low is not None and high is not None:
        told = f"{name.name} lies between {_bound(name, low)} and {_bound(name, high)}"
    elif high is not None:
        told = f"{name.name} is at most {_bound(name, high)}"
    else:
        told = f"{name.name} is at least {_bound(name, low or Decimal(0))}"
    share = value / 100
    fits = (low is None or share >= low) and (high is None or share <= high)
    if over and name.unit == RATIO and fits:
        return f"{told}; did you mean {write_quantity(share, RATIO)}?"
    return told


def _bound(name: Name, value: Decimal) -> str:
    if name.unit == RATIO:
        return f"{value.normalize():f}"
    return write_quantity(value, name.unit)


def text_mismatch(left: Meaning, right: Meaning) -> Iterator[tuple[str, str]]:
    """Yield why two texts can never be equal: a message and a hint."""
    for one, other in ((left, right), (right, left)):
        if one.values and isinstance(other.literal, str):
            if other.literal not in one.values:
                yield unlisted(other.literal, one.values, _named(one))
            return
    if left.values and right.values and not set(left.values) & set(right.values):
        yield f"{_named(left)} and {_named(right)} have no value in common", ""


def unlisted(word: str, values: tuple[str, ...], owner: str) -> tuple[str, str]:
    """Return the message and hint for a text that ``owner`` never is."""
    near = did_you_mean(word, values)
    hint = f"did you mean {near!r}?" if near else f"it is one of {', '.join(values)}"
    return f"{owner} is never {word!r}", hint


def meant_text(hint: str) -> str:
    """Return what a hint says was meant, "" when it says something else."""
    words = "did you mean "
    return hint[len(words) : -1] if hint.startswith(words) else ""


def _named(meaning: Meaning) -> str:
    return meaning.name.name if meaning.name else "the text"


def inexact_equality(left: Meaning, right: Meaning) -> bool:
    """Return whether ``==`` between these numbers would compare fractions.

    Only a plain name without unit, not confined to fractions (a count, such as
    ``samples``), may be compared with ``==``, and only with a whole literal.
    """
    for one, other in ((left, right), (right, left)):
        name, number = one.name, other.number
        if name is not None and number is not None and other.unit is None:
            fraction = name.high is not None and name.high <= 1
            whole = number == number.to_integral_value()
            return not whole or fraction or name.unit != RATIO
    return True


def condition_hint(source: str, meaning: Meaning, want: Want) -> str:
    """Return how to make a condition of what is none, "" when that is not clear."""
    if want.kinds != (Kind.FLAG,):
        return ""
    if meaning.kind is Kind.NUMBER:
        return f"compare it, as in {source} > 0"
    if isinstance(meaning.literal, str):
        return "the quotes make it a text; remove them"
    return "compare it with == or !="
