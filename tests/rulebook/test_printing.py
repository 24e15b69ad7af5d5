"""How a problem prints."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.rulebook.diagnostics import Problem, Severity, Span
from quorate.rulebook.printing import WIDTH, as_dict, render, visible
from quorate.rulebook.text import parse_document


def problem(source: str, column: int, end: int, line: int = 7) -> Problem:
    span = Span("rules/entry.yaml", line, column, line, end)
    return Problem("R301", "unknown name", span, source=source)


def marked(printed: str) -> str:
    """Return what stands above the carets."""
    _, line, carets, *_ = printed.split("\n")
    start = carets.index("^")
    return line[start : start + carets.count("^")]


def test_problem_prints_like_a_compiler_s() -> None:
    whole = Problem(
        "R301",
        'unknown name "confidense"',
        Span("rules/entry.yaml", 7, 11, 7, 21),
        'did you mean "confidence"?',
        "    when: confidense > min_confidence",
        related=(("first used here", Span("rules/other.yaml", 4, 3)),),
    )
    assert render(whole) == (
        'rules/entry.yaml:7:11: error R301: unknown name "confidense"\n'
        "  7 |     when: confidense > min_confidence\n"
        "    |           ^^^^^^^^^^\n"
        '  help: did you mean "confidence"?\n'
        "  rules/other.yaml:4:3: first used here"
    )


def test_warning_says_so() -> None:
    warning = Problem("R4", "odd", Span("a", 1, 1), severity=Severity.WARNING)
    assert render(warning) == "a:1:1: warning R4: odd"


def test_number_of_the_line_widens_the_margin() -> None:
    printed = render(problem("when: x", 7, 8, line=1234)).split("\n")
    assert printed[1:] == ["  1234 | when: x", "       |       ^"]


def test_place_without_an_end_gets_one_caret() -> None:
    without = Problem("R1", "odd", Span("a", 1, 3), source="abcdef")
    assert marked(render(without)) == "c"


def test_place_of_several_lines_is_marked_to_the_end_of_the_first() -> None:
    several = Problem("R1", "odd", Span("a", 1, 3, 4, 2), source="abcdef  ")
    assert marked(render(several)) == "cdef"


def test_place_behind_the_line_gets_a_caret_behind_it() -> None:
    printed = render(problem("when:", 9, 10)).split("\n")
    assert printed[2] == "    |      ^"


@pytest.mark.parametrize("column", [1, 50, 300, 990, 1000])
def test_long_line_is_cut_around_the_place(column: int) -> None:
    source = "".join(f"{number:04d}," for number in range(200))
    printed = render(problem(source, column, column + 4))
    assert marked(printed) == source[column - 1 : column + 3]
    assert max(map(len, printed.split("\n"))) <= WIDTH + 12
    assert printed.split("\n")[1].count("...") == 1 + (1 < column < 950)


def test_very_long_line_is_cut_quickly() -> None:
    printed = render(problem("x" * 10**6, 500_000, 900_000))
    assert len(printed) < 400


def test_tabs_and_wide_characters_keep_the_carets_in_place() -> None:
    printed = render(problem("a:\t買い > x", 9, 10)).split("\n")
    assert printed[1] == "  7 | a:    買い > x"
    # Each of the two wide characters takes two columns of a terminal.
    assert printed[2] == "    | " + " " * 13 + "^"


def test_combining_characters_take_no_column() -> None:
    printed = render(problem("e\u0301 > x", 6, 7)).split("\n")
    assert printed[2] == "    | " + " " * 4 + "^"


def test_what_cannot_be_seen_is_escaped_everywhere() -> None:
    hostile = Problem(
        "Y104",
        "bell \a in \u202e",
        Span("rules/\x1b[31m.yaml", 1, 3, 1, 4),
        "no \u200b\U000e0041",
        "x \u202e y\u00a0\u2028",
        related=(("first \x07", Span("b\x00", 1, 1)),),
    )
    printed = render(hostile)
    assert all(part.isprintable() for part in printed.split("\n"))
    assert "bell \\u0007 in \\u202E" in printed
    assert "no \\u200B\\U000E0041" in printed
    assert marked(printed) == "\\u202E"


def test_line_breaks_do_not_break_a_message() -> None:
    assert render(Problem("R1", "a\nb", Span("a", 1, 1))).count("\n") == 0


@given(st.text(max_size=200), st.integers(0, 210), st.integers(0, 210))
def test_any_line_prints_visibly(source: str, column: int, end: int) -> None:
    printed = render(problem(source, column, end))
    assert all(part.isprintable() for part in printed.split("\n"))
    assert len(printed.split("\n")) in (1, 3)
    assert visible(visible(source)) == visible(source)


def test_dict_goes_through_json() -> None:
    _, problems = parse_document(b"a: 1\nb: 2\na: \xe2\x9c\x93\n", "rules/x.yaml")
    assert json.loads(json.dumps(as_dict(problems[0]))) == {
        "code": "Y119",
        "severity": "error",
        "message": 'duplicate key "a", first used on line 1',
        "help": "delete one of the two",
        "path": "rules/x.yaml",
        "line": 3,
        "column": 1,
        "end_line": 3,
        "end_column": 2,
        "source": "a: ✓",
        "related": [
            {
                "message": "first used here",
                "path": "rules/x.yaml",
                "line": 1,
                "column": 1,
                "end_line": 1,
                "end_column": 2,
            }
        ],
        "edit": None,
    }


def test_dict_gives_a_place_without_an_end_one_character() -> None:
    got = as_dict(Problem("R1", "odd", Span("a", 2, 3)))
    assert (got["end_line"], got["end_column"]) == (2, 4)
