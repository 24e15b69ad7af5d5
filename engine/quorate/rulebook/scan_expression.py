"""Read an expression letter by letter before any parser sees it."""

from __future__ import annotations

import keyword
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass, field

from quorate.rulebook.literals import NUMBER, SUFFIXES, Literal, read_literal
from quorate.rulebook.terms import Defect

MAX_CHARACTERS = 400
MAX_BRACKETS = 5
JOINING = frozenset({"and", "or", "not", "in", "if", "else"})
TRUTHS = frozenset({"True", "False"})

_TOKEN = re.compile(
    rf"""(?P<space>[ ]+)
    |(?P<string>'[^'\\]*'|"[^"\\]*")
    |(?P<number>{NUMBER})
    |(?P<word>[A-Za-z_]\w*)
    |(?P<sign>&&|\|\||==|!=|<=|>=|=>|=<|<>|\*\*|//|->|:=|<<|>>|.)""",
    re.ASCII | re.VERBOSE,
)
_SIGNS = frozenset(
    ["==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "**", "(", ")", ","]
)
_SLIPS = {
    "=": "==",
    "&&": "and",
    "||": "or",
    "=>": ">=",
    "=<": "<=",
    "<>": "!=",
    "!": "not",
    "&": "and",
    "|": "or",
}
_WORD_SLIPS = {
    "true": "True",
    "false": "False",
    "and": "and",
    "or": "or",
    "not": "not",
    "in": "in",
    "is": "==",
}
_FOREIGN = {
    ".": "attributes (a.b) are",
    "[": "square brackets are",
    "]": "square brackets are",
    "{": "curly brackets are",
    "}": "curly brackets are",
    ":": "a colon is",
    ":=": "assignment is",
    ";": "a second statement is",
    "#": "a comment is",
    "\\": "a backslash is",
    "//": "rounding division is",
    "'": "a text without its closing quote is",
    '"': "a text without its closing quote is",
}
_WORD_LETTERS = string.ascii_letters + string.digits + "_"
_LOOKALIKES = {
    "\u2018": "'",
    "\u2019": "'",
    "\u201c": '"',
    "\u201d": '"',
    "\u2212": "-",
    "\u2013": "-",
    "\u2265": ">=",
    "\u2264": "<=",
    "\u2260": "!=",
    "\u00d7": "*",
    "\u00a0": "an ordinary space",
}


@dataclass(slots=True)
class Scan:
    """An expression whose unit suffixes are blanked out, so that columns stay true.

    ``literals`` holds the numbers by the column (from 0) they start at.
    """

    text: str
    literals: dict[int, Literal] = field(default_factory=dict)
    defects: list[Defect] = field(default_factory=list)


def scan(text: str) -> Scan:
    """Return ``text`` ready for a parser, or with the defects that forbid it."""
    found = Scan(text)
    early = _whole(text)
    if early is not None:
        found.defects.append(early)
        return found
    _tokens(found)
    return found


def _whole(text: str) -> Defect | None:
    if len(text) > MAX_CHARACTERS:
        message = f"the expression has {len(text)} characters; {MAX_CHARACTERS} fit"
        return Defect(
            "R301", message, 0, MAX_CHARACTERS, "name parts of it with `let` or params"
        )
    if not text.strip():
        return Defect("R300", "the expression is empty", 0, max(1, len(text)))
    for at, letter in enumerate(text):
        if " " <= letter <= "~":
            continue
        if letter in "\r\n":
            message, hint = "the expression has more than one line", "write it on one"
        else:
            message = f"the character U+{ord(letter):04X} is not printable ASCII"
            hint = f"write {_LOOKALIKES.get(letter, 'plain letters and signs')}"
        return Defect("R302", message, at, at + 1, hint)
    return None


def _tokens(found: Scan) -> None:
    at, depth, before, value = 0, 0, "", False
    text = found.text
    while at < len(text):
        match = _TOKEN.match(text, at)
        assert match is not None, "the last alternative takes any character"
        token, kind = match[0], match.lastgroup or ""
        end = match.end()
        if kind == "number":
            end = _number(found, token, at)
        elif kind == "sign":
            found.defects.extend(_sign(token, at, value))
            depth += (token == "(") - (token == ")")
            if depth > MAX_BRACKETS:
                message = f"more than {MAX_BRACKETS} brackets inside each other"
                found.defects.append(Defect("R306", message, at, end))
                return
        elif kind == "word":
            found.defects.extend(_word(token, at, text[end : end + 1]))
        if kind != "space":
            starts = _is_value(kind, token)
            if value and starts and not found.defects:
                message = f"an operator is missing between {before} and {token}"
                found.defects.append(Defect("R303", message, at, end))
            value, before = starts or token == ")", text[at:end]
        at = end


def _is_value(kind: str, token: str) -> bool:
    return kind in ("number", "string") or (kind == "word" and token not in JOINING)


def _number(found: Scan, number: str, at: int) -> int:
    text = found.text
    after = re.compile(r"%|[A-Za-z_]\w*", re.ASCII).match(text, at + len(number))
    suffix = after[0] if after else ""
    end = at + len(number) + len(suffix)
    literal = read_literal(number, suffix)
    rest = len(text[end:]) - len(text[end:].lstrip(_WORD_LETTERS))
    if isinstance(literal, str) or rest:
        end += rest
        told = (
            literal if isinstance(literal, str) else f"{text[at:end]} is not a number"
        )
        units = ", ".join(SUFFIXES)
        hint = f"numbers are written 1000, 0.5 or 1e3; units are {units}"
        found.defects.append(Defect("R307", told, at, end, hint))
        return end
    found.literals[at] = literal
    blank = " " * len(suffix)
    found.text = text[: at + len(number)] + blank + text[end:]
    return end


def _sign(sign: str, at: int, after_value: bool) -> Iterator[Defect]:
    end = at + len(sign)
    if sign in _SIGNS:
        return
    if sign == "%":
        hint = "write the number and % together, as in 0.5%"
        yield Defect("R308", "% is percent; there is no modulo", at, end, hint)
    elif sign in _SLIPS:
        hint = instead = _SLIPS[sign]
        if sign == "=" and not after_value:
            hint, instead = ">= or ==", ""
        message = f"{sign} is not an operator of the rule language"
        if sign == "!":
            instead = "not "
        yield Defect("R304", message, at, end, f"did you mean `{hint}`?", instead)
    else:
        what = _FOREIGN.get(sign, f"{sign} is")
        hint = "`/` divides" if sign == "//" else ""
        message = f"{what} not part of the rule language"
        yield Defect("R305", message, at, end, hint)


def _word(word: str, at: int, following: str) -> Iterator[Defect]:
    end = at + len(word)
    if word in JOINING or word in TRUTHS:
        return
    if following in ("'", '"') and following:
        message = f"a letter before the quotes ({word}{following}...) is not allowed"
        yield Defect("R305", message, at, end)
    elif word.lower() in _WORD_SLIPS:
        instead = _WORD_SLIPS[word.lower()]
        message = f"{word} is not a word of the rule language"
        hint = f"did you mean `{instead}`?"
        yield Defect("R304", message, at, end, hint, instead)
    elif keyword.iskeyword(word):
        message = f"`{word}` is not part of the rule language"
        yield Defect("R305", message, at, end)
