"""Rule files gone wrong: what a hand, a merge or a bad disk makes of good ones.

Everything follows from the random generator that is given: a seed names an input.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

TOKENS = (
    *("|", ">", "|-", ">+", "- ", "? ", ": ", "#", "---", "...", "%YAML 1.1", "\t"),
    *("&a", "*a", "<<: *a", "!!python/name:os.system", "!!binary aGk=", "!x", "!!set"),
    *("[", "]", "{", "}", "'", '"', "`", "@", "~", "null", "yes", "off", "NaN", ".nan"),
    *(".inf", "-.inf", "1e999", "1_000", "0x1F", "0o17", "010", "1:30", "2024-13-45"),
    *("99999999999999999999999999999999", "-0", "0.0000000000000000001", "1e-400"),
    *("% %", "5%%", "1h30", "10 USD", "%", "0.5 %", "1d2h", "-5%"),
    *("__import__('os')", "lambda: 0", "(x for x in y)", "f'{x}'", "a.b", "a[0]"),
    *("a if b", "not", "and or", "==", "=", ":=", "a < b < c < d", "1 if", "**", "//"),
    *("min()", "max(1)", "abs(1, 2)", "ema(close)", "ema(close, 0)", "ema(close, 1e9)"),
    *("ema(ema(close, 9), 21)", "clamp(1, 2)", "close ** 99", "(" * 60, "-" * 90),
    *("'a' in ('b',)", "side == 'buy'", "True", "1 / 0", "0 / 0", "confidence / 0"),
    *("\u202e", "\u00a0", "\ufeff", "\x00", "\x07", "\u2028", "\ud7ff", "\U0001f4a5"),
    *(
        "\uff43onfidence",
        "é",
        "a" * 500,
        "x: {y: {z: {w: 1}}}",
        "<<<<<<< HEAD",
        "=======",
    ),
)
"""Pieces of YAML, units and expressions that readers have stumbled over."""

SIGNS = ("<", "<=", ">", ">=", "==", "!=", "+", "-", "*", "/", "and", "or", "in")


def _delete_line(lines: list[str], draw: random.Random) -> None:
    if lines:
        del lines[draw.randrange(len(lines))]


def _double_line(lines: list[str], draw: random.Random) -> None:
    if lines:
        at = draw.randrange(len(lines))
        lines.insert(at, lines[at])


def _swap_lines(lines: list[str], draw: random.Random) -> None:
    if len(lines) > 1:
        one, other = draw.randrange(len(lines)), draw.randrange(len(lines))
        lines[one], lines[other] = lines[other], lines[one]


def _indent(lines: list[str], draw: random.Random) -> None:
    if lines:
        at = draw.randrange(len(lines))
        room = draw.choice(["", " ", "  ", "      ", "\t"])
        lines[at] = room + (lines[at].lstrip() if draw.random() < 0.5 else lines[at])


def _insert_token(lines: list[str], draw: random.Random) -> None:
    if lines:
        at = draw.randrange(len(lines))
        column = draw.randrange(len(lines[at]) + 1)
        token = draw.choice(TOKENS)
        lines[at] = lines[at][:column] + token + lines[at][column:]


def _replace_word(lines: list[str], draw: random.Random) -> None:
    """Put a token, or a word of another line, in the place of a word."""
    if lines:
        at = draw.randrange(len(lines))
        words = lines[at].split(" ")
        other = draw.choice(lines).split(" ")
        pool = (*TOKENS, *SIGNS) if draw.random() < 0.5 else tuple(other)
        words[draw.randrange(len(words))] = draw.choice(pool)
        lines[at] = " ".join(words)


def _delete_letter(lines: list[str], draw: random.Random) -> None:
    if lines:
        at = draw.randrange(len(lines))
        if lines[at]:
            column = draw.randrange(len(lines[at]))
            lines[at] = lines[at][:column] + lines[at][column + 1 :]


def _change_digit(lines: list[str], draw: random.Random) -> None:
    places = [
        (at, column)
        for at, line in enumerate(lines)
        for column, letter in enumerate(line)
        if letter.isdigit()
    ]
    if places:
        at, column = draw.choice(places)
        digit = draw.choice(["", "0", "9", "-1", "1e9", "."])
        lines[at] = lines[at][:column] + digit + lines[at][column + 1 :]


def _nest(lines: list[str], draw: random.Random) -> None:
    depth = draw.choice([5, 30, 300])
    lines.append("x: " + "[" * depth + draw.choice(["", "]" * depth]))


def _long_word(lines: list[str], draw: random.Random) -> None:
    if lines:
        letter = draw.choice("a1 [{'.-_")
        lines[draw.randrange(len(lines))] += letter * draw.choice([300, 60_000])


def _repeat(lines: list[str], draw: random.Random) -> None:
    if lines:
        lines.extend([draw.choice(lines)] * draw.choice([20, 400]))


LINE_MUTATIONS: tuple[Callable[[list[str], random.Random], None], ...] = (
    _delete_line,
    _double_line,
    _swap_lines,
    _indent,
    _insert_token,
    _insert_token,
    _replace_word,
    _replace_word,
    _replace_word,
    _delete_letter,
    _change_digit,
    _change_digit,
    _nest,
    _repeat,
    _long_word,
)


def mutate(data: bytes, others: Mapping[str, bytes], draw: random.Random) -> bytes:
    """Return a file with one to four things wrong in it."""
    lines = data.decode("utf-8", "replace").split("\n")
    for _ in range(draw.choice([1, 1, 1, 2, 4])):
        if draw.random() < 0.1:
            other = others[draw.choice(sorted(others))].decode("utf-8", "replace")
            part = other.split("\n")
            begin = draw.randrange(len(part))
            place = draw.randrange(len(lines) + 1)
            lines[place:place] = part[begin : begin + draw.randrange(1, 8)]
        else:
            draw.choice(LINE_MUTATIONS)(lines, draw)
    made = bytearray("\n".join(lines).encode("utf-8", "surrogatepass"))
    if draw.random() < 0.08 and made:  # a bad disk, a cut file
        if draw.random() < 0.5:
            del made[draw.randrange(len(made)) :]
        else:
            made[draw.randrange(len(made))] = draw.randrange(256)
    return bytes(made)
