"""How an unquoted YAML word reads: as exactly one thing, or not at all.

YAML 1.1 (PyYAML) and YAML 1.2 (most editors) read ``on``, ``010``, ``1e3`` or ``12:30``
differently. Whoever wrote it meant one of the two; a word on which they differ is
refused with the way to write each. Numbers are exact: int or Decimal, never float.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

# More digits than any price or amount has; what is longer is a slip or an attack.
MAX_DIGITS = 18

Scalar = str | bool | int | Decimal | None


@dataclass(frozen=True, slots=True)
class Unclear:
    """Why a word is refused, with the code of its kind and what to write instead.

    ``instead`` is what was most likely meant, "" when that is anybody's guess.
    """

    code: str
    message: str
    help: str
    instead: str = ""


_PLAIN = {"true": True, "false": False, "null": None, "~": None}
_SWITCH = {"yes": "true", "on": "true", "y": "true"}
_SWITCH |= {"no": "false", "off": "false", "n": "false"}
_SWITCH |= {"true": "true", "false": "false", "null": "null"}

_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_INTEGER = re.compile(r"[-+]?[0-9]+")
# Both versions want a point before, and 1.1 a sign after, the exponent's e.
_SHARED_EXPONENT = re.compile(r"[-+]?[0-9]*\.[0-9]*[eE][-+][0-9]+|[^eE]*")
_UNDERSCORED = re.compile(r"[-+]?[0-9.][0-9_.]*(?:[eE][-+]?[0-9_]+)?")
_BASED = re.compile(r"([-+]?)0([xob])([0-9a-f_]+)", re.IGNORECASE)
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-9]+)+(?:\.[0-9_]*)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ]\s*[0-9].*)?")
_ENDLESS = re.compile(r"[-+]?\.?(?:nan|inf|infinity)", re.IGNORECASE)
_BASES = {"x": ("hexadecimal", 16), "o": ("octal", 8), "b": ("binary", 2)}


def read_plain(word: str) -> Scalar | Unclear:
    """Return what an unquoted word means, or why that cannot be told for certain.

    A number comes back as int, or as Decimal when it has a point. Whatever is neither
    a number nor true, false, null or ``~`` is text: units are read by higher layers.
    """
    if word in _PLAIN:
        return _PLAIN[word]
    if meant := _SWITCH.get(word.casefold()):
        hint = f"write {meant}, or quote it if the text is meant: {quoted(word)}"
        return Unclear("Y121", f'"{word}" is ambiguous', hint, meant)
    if word in ("=", "<<"):
        hint = f"quote it: {quoted(word)}"
        return Unclear("Y112", f'"{word}" has a meaning of its own in YAML', hint)
    if word[:1] not in "+-.0123456789" and not _ENDLESS.fullmatch(word):
        return word
    return _read_number(word)


def quoted(text: str) -> str:
    """Return ``text`` as a quoted YAML value, cut short for a message."""
    text = brief(text)
    if '"' not in text and "\\" not in text:
        return f'"{text}"'
    return "'" + text.replace("'", "''") + "'"


def brief(text: str) -> str:
    """Return ``text`` cut to what fits into a message."""
    return text if len(text) <= 60 else text[:57] + "..."


def _read_number(word: str) -> Scalar | Unclear:
    if _NUMBER.fullmatch(word):
        return _unclear_number(word) or _exact(word)
    if _ENDLESS.fullmatch(word):
        what = "not-a-number" if "nan" in word.casefold() else "not a finite number"
        message = f'"{brief(word)}" is {what}'
        return Unclear("Y126", message, f"write a number, or quote it: {quoted(word)}")
    return _unclear_notation(word) or word


def _unclear_notation(word: str) -> Unclear | None:
    if match := _BASED.fullmatch(word):
        return _based(word, match)
    if _BASE_60.fullmatch(word):
        message = f'"{brief(word)}" is a base-60 number in YAML 1.1'
        hint = f"quote it: {quoted(word)}; a duration is written 90s, 5m or 4h"
        return Unclear("Y123", message, hint)
    if _DATE.fullmatch(word):
        message = f'"{brief(word)}" is a date in YAML 1.1'
        return Unclear("Y123", message, f"quote it: {quoted(word)}")
    if "_" in word and _UNDERSCORED.fullmatch(word):
        message = f'"{brief(word)}" has underscores: YAML 1.2 reads it as text'
        bare = word.replace("_", "")
        return Unclear("Y124", message, f"write {brief(bare)}", bare)
    return None


def _based(word: str, match: re.Match[str]) -> Unclear | None:
    sign, letter, digits = match.groups()
    name, base = _BASES[letter.lower()]
    hint = f"write it in decimal, or quote it: {quoted(word)}"
    try:
        bare = digits.replace("_", "")
        # 0x_ is a number without a digit, on which PyYAML stumbles.
        if bare and len(bare) <= MAX_DIGITS:
            hint = f"write {sign}{int(bare, base)}"
    except ValueError:
        return None  # 0b12 or 0o9 is text to every reader
    return Unclear("Y122", f'"{brief(word)}" is {_a(name)} number', hint)


def _a(name: str) -> str:
    return f"an {name}" if name == "octal" else f"a {name}"


def _unclear_number(word: str) -> Unclear | None:
    body = word.lstrip("+-")
    digits = re.split("[eE]", body)[0].replace(".", "").lstrip("0")
    if len(digits) > MAX_DIGITS:
        message = f"the number has more than {MAX_DIGITS} digits"
        return Unclear("Y127", message, "round it, or quote it if it is a text")
    if len(body) > 1 and body[0] == "0" and body[1].isdigit():
        message = f'"{brief(word)}" has a leading zero: YAML 1.1 reads it as octal'
        hint = f"write {brief(_stripped(word))}"
        return Unclear("Y122", message, hint)
    if not _SHARED_EXPONENT.fullmatch(word):
        return _unclear_exponent(word)
    if word[0] in "+-" and word[1] == ".":
        message = f'"{brief(word)}" is text in YAML 1.1 and a number in YAML 1.2'
        written = f"{word[0]}0{body}"
        return Unclear("Y125", message, f"write {brief(written)}", written)
    return _unclear_size(word)


def _stripped(word: str) -> str:
    sign = word[:1] if word[:1] in "+-" else ""
    rest = word.lstrip("+-").lstrip("0")
    return sign + (rest if rest[:1].isdigit() else "0" + rest)


def _unclear_exponent(word: str) -> Unclear:
    if unclear := _unclear_size(word):
        return unclear
    message = f'"{brief(word)}" is text in YAML 1.1 and a number in YAML 1.2'
    written = f"{Decimal(word):f}"
    return Unclear("Y125", message, f"write {written}", written)


def _unclear_size(word: str) -> Unclear | None:
    """Refuse magnitudes beyond MAX_DIGITS digits either side of the point."""
    if abs(float(word)) == float("inf"):
        message = f'"{brief(word)}" overflows to infinity'
        return Unclear("Y126", message, "write a number that can occur")
    power = re.split("[eE]", word)[1:]
    # A long exponent is not even turned into a number: that alone would take memory.
    far = power and len(power[0].lstrip("+-0")) > 2
    if far or (power and abs(Decimal(word).adjusted()) > MAX_DIGITS):
        message = f'"{brief(word)}" is out of range'
        return Unclear("Y126", message, "write a number that can occur")
    return None


def _exact(word: str) -> int | Decimal:
    return int(word) if _INTEGER.fullmatch(word) else Decimal(word)
