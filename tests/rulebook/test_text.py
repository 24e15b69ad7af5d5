"""Rule files: what is refused, with its place, and what comes out of the rest."""

from __future__ import annotations

import json
import os
import pathlib
import time
import unicodedata
from decimal import Decimal
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from quorate.rulebook import text
from quorate.rulebook.diagnostics import Problem, Span
from quorate.rulebook.nodes import MAX_DEPTH
from quorate.rulebook.scalars import Unclear, read_plain
from quorate.rulebook.source import MAX_BYTES, MAX_PROBLEMS, UNSEEN
from quorate.rulebook.text import CODES, Document, parse_document, read_document

HOSTILE = pathlib.Path(__file__).parent / "hostile"
CORPUS = pathlib.Path(__file__).parents[3].joinpath("shared", "corpus", "hostile_yaml")
READERS: list[Any] = [yaml.SafeLoader]
if hasattr(yaml, "CSafeLoader"):
    READERS.append(yaml.CSafeLoader)

ENTRY = "entry:\n  - id: quorum\n    when: confidence > 0.75\n"

# What an editor or a formatter would repair in a file is written with escapes here:
# name, bytes, code, line, column, part of the message.
BYTES = [
    ("utf_16", ENTRY.encode("utf-16"), "Y103", 1, 1, "UTF-16"),
    ("utf_16_le", ENTRY.encode("utf-16-le"), "Y103", 1, 1, "UTF-16"),
    ("utf_16_be", ENTRY.encode("utf-16-be"), "Y103", 1, 1, "UTF-16"),
    ("utf_32", ENTRY.encode("utf-32"), "Y103", 1, 1, "UTF-32"),
    ("utf_32_le", ENTRY.encode("utf-32-le"), "Y103", 1, 1, "UTF-32"),
    ("utf_32_be", ENTRY.encode("utf-32-be"), "Y103", 1, 1, "UTF-32"),
    ("latin_1", "a: Ü\nb: é\n".encode("latin-1"), "Y103", 1, 4, "byte 0xDC"),
    ("cut_off", "a: x\nb: é".encode()[:-1], "Y103", 2, 4, "byte 0xC3"),
    ("surrogate", b"a: \xed\xa0\x80\n", "Y103", 1, 4, "byte 0xED"),
    ("null", b"entry:\n  - id: quo\0rum\n", "Y104", 2, 12, "U+0000"),
    ("bell", b"entry:\n  - id: quo\arum\n", "Y104", 2, 12, "control character"),
    ("escape", b"a: \x1b[31mred\n", "Y104", 1, 4, "U+001B"),
    ("next_line", "a: x\u0085b: y\n".encode(), "Y104", 1, 5, "U+0085"),
    ("bidi", "a: ok \u202e live\n".encode(), "Y104", 1, 7, "U+202E"),
    ("isolate", "# \u2066 note\na: 1\n".encode(), "Y104", 1, 3, "U+2066"),
    ("zero_width", "wh\u200ben: x\n".encode(), "Y104", 1, 3, "U+200B"),
    ("soft_hyphen", "when\u00ad: x\n".encode(), "Y104", 1, 5, "U+00AD"),
    ("nbsp", "a:\n \u00a0b: 1\n".encode(), "Y104", 2, 2, "U+00A0"),
    ("line_separator", "a: x \u2028 b\n".encode(), "Y104", 1, 6, "U+2028"),
    ("mark_within", b"a: 1\n\xef\xbb\xbfb: 2\n", "Y104", 2, 1, "U+FEFF"),
    ("two_marks", b"\xef\xbb\xbf\xef\xbb\xbfa: 1\n", "Y104", 1, 1, "U+FEFF"),
    ("filler", "a: x\u3164\n".encode(), "Y104", 1, 5, "U+3164"),
    ("tag_letter", "a: x\U000e0041\n".encode(), "Y104", 1, 5, "U+E0041"),
    ("tab_indent", b"entry:\n\t- id: x\n", "Y105", 2, 1, "indentation"),
    ("tab_after_spaces", b"a:\n  - b: 1\n  \tc: 2\n", "Y105", 3, 3, "indentation"),
    ("tab_in_text", b"a: x\ty\n", "Y105", 1, 4, "within a text"),
    ("tab_in_quotes", b'a: "x\ty"\n', "Y105", 1, 4, "within a text"),
    ("tab_in_key", b"a\tb: 1\n", "Y105", 1, 1, "within a text"),
    ("tab_in_block", b"a: |\n  x\ty\n", "Y105", 1, 4, "within a text"),
    ("conflict_cr", b"a: 1\r=======\rb: 1\r", "Y106", 2, 1, "conflict"),
    ("nothing", b"", "Y107", 1, 1, "empty"),
    ("only_a_mark", b"\xef\xbb\xbf", "Y107", 1, 1, "empty"),
    ("only_blanks", b" \n\n\t\n", "Y107", 1, 1, "empty"),
    ("too_large", b"a: 1\n" + b"# x\n" * 70_000, "Y102", 1, 1, "256 KB"),
    ("many_values", b"a: [" + b"1," * 60_000 + b"]", "Y117", 1, 100_001, "50,000"),
]


def manifest() -> list[dict[str, Any]]:
    document, problems = read_document(HOSTILE / "manifest.yaml")
    assert not problems
    assert document
    entries: list[dict[str, Any]] = document.value["documents"]
    return entries


def corpus() -> list[dict[str, Any]]:
    path = CORPUS / "MANIFEST.json"
    entries: list[dict[str, Any]] = []
    if path.exists():
        entries = json.loads(path.read_text("utf-8"))
    return entries


def refused(data: bytes, shown: str = "rules/entry.yaml") -> Problem:
    document, problems = parse_document(data, shown)
    assert document is None
    assert problems
    return problems[0]


def accepted(content: str | bytes) -> Document:
    data = content.encode() if isinstance(content, str) else content
    document, problems = parse_document(data, "rules/entry.yaml")
    assert problems == []
    assert document is not None
    return document


def check(problem: Problem, want: dict[str, Any]) -> None:
    assert problem.code in CODES
    if "code" in want:
        assert problem.code == want["code"]
    if "line" in want:
        assert problem.span.line == want["line"]
    if "column" in want:
        assert problem.span.column == want["column"]
    assert str(want.get("says", "")) in f"{problem.message} {problem.help}"
    assert problem.message
    assert problem.span.end_line >= problem.span.line or not problem.span.end_line


@pytest.fixture(params=READERS, ids=lambda reader: reader.__name__)
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setattr(text, "_Reader", request.param)
    return request.param


# -- hostile documents


@pytest.mark.parametrize("want", manifest(), ids=lambda want: want["file"])
def test_hostile_document_is_refused_at_its_place(
    want: dict[str, Any], reader: object
) -> None:
    document, problems = read_document(HOSTILE / want["file"], want["file"])
    if want["level"] == "rulebook":
        assert problems == []
        assert document is not None
        return
    assert document is None
    check(problems[0], want)
    assert problems[0].help


@pytest.mark.parametrize(
    ("data", "code", "line", "column", "says"),
    [row[1:] for row in BYTES],
    ids=[row[0] for row in BYTES],
)
def test_hostile_bytes_are_refused_at_their_place(
    data: bytes, code: str, line: int, column: int, says: str, reader: object
) -> None:
    want = {"code": code, "line": line, "column": column, "says": says}
    check(refused(data), want)


@pytest.mark.parametrize(
    "want",
    [
        pytest.param(want, id=want["file"])
        for want in corpus()
        or [{"file": "", "expect": "", "what": "no corpus is beside this repository"}]
    ],
)
def test_foreign_corpus(want: dict[str, Any], reader: object) -> None:
    if not want["file"]:
        pytest.skip(want["what"])
    document, problems = read_document(CORPUS / want["file"], want["file"])
    if want["expect"] == "accepted":
        assert problems == []
    if document is None:
        place = {"line": want.get("line", problems[0].span.line)}
        place["column"] = want.get("col", problems[0].span.column)
        check(problems[0], place)


# Sound YAML whose defect shows only to who knows the shape of a rule.
SHAPE_ONLY = {
    "bad_action.yaml", "bad_id.yaml", "bool_quoted.yaml", "case_key.yaml",
    "decimal_comma.yaml", "dup_rule_id.yaml", "empty_rules.yaml",
    "expr_block_literal.yaml", "expr_quoted_twice.yaml", "expr_units.yaml",
    "long_line_200k.yaml", "priority_text.yaml", "size_negative.yaml",
    "unknown_top.yaml", "when_bool.yaml", "when_list.yaml", "when_map.yaml",
    "when_number.yaml",
}  # fmt: skip


def test_foreign_corpus_is_refused_as_far_as_yaml_goes() -> None:
    if not corpus():
        pytest.skip("no corpus is beside this repository")
    loaded = {
        want["file"]
        for want in corpus()
        if want["expect"] == "rejected" and read_document(CORPUS / want["file"])[0]
    }
    assert loaded == SHAPE_ONLY


def test_hostile_documents_are_refused_quickly() -> None:
    slow = [
        want["file"]
        for want in manifest()
        # The best of several: other work on the machine is not what is measured.
        if min(took_ms(HOSTILE / want["file"]) for _ in range(3)) > 100
    ]
    assert slow == []


def took_ms(path: pathlib.Path) -> float:
    started = time.perf_counter()
    read_document(path)
    return (time.perf_counter() - started) * 1000


def test_every_code_has_a_hostile_document() -> None:
    covered = {want["code"] for want in manifest() if want["level"] == "text"}
    covered |= {row[2] for row in BYTES}
    assert covered | {"Y101"} == set(CODES)


def test_every_hostile_file_is_in_the_manifest() -> None:
    files = {path.name for path in HOSTILE.glob("*.yaml")} - {"manifest.yaml"}
    assert files == {want["file"] for want in manifest()}


@pytest.mark.skipif(len(READERS) < 2, reason="PyYAML without libyaml")
def test_both_readers_report_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for each in READERS:
        monkeypatch.setattr(text, "_Reader", each)
        paths = sorted(HOSTILE.glob("*.yaml"))
        documents = [read_document(path, path.name) for path in paths]
        documents += [parse_document(row[1], row[0]) for row in BYTES]
        found.append(documents)
    assert found[0] == found[1]


# -- files


def test_missing_file_is_a_problem(tmp_path: pathlib.Path) -> None:
    document, problems = read_document(tmp_path / "none.yaml", "rules/none.yaml")
    assert document is None
    assert problems[0].code == "Y101"
    assert str(problems[0].span) == "rules/none.yaml:1:1"


def test_folder_is_a_problem(tmp_path: pathlib.Path) -> None:
    assert read_document(tmp_path)[1][0].code == "Y101"


def test_name_with_a_null_is_a_problem() -> None:
    assert read_document(pathlib.Path("a\0b.yaml"))[1][0].code == "Y101"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipe_is_refused_without_waiting_for_it(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    assert read_document(tmp_path / "pipe.yaml")[1][0].code == "Y101"


def test_file_of_exactly_the_limit_is_read(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "large.yaml"
    head = b"a: 1\n#"
    path.write_bytes(head + b"x" * (MAX_BYTES - len(head)))
    assert read_document(path)[0] is not None
    path.write_bytes(head + b"x" * (MAX_BYTES - len(head) + 1))
    assert read_document(path)[1][0].code == "Y102"


# -- what is accepted


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("0", 0), ("70", 70), ("-3", -3), ("+3", 3), ("-0", 0),
        ("0.75", Decimal("0.75")), ("1.10", Decimal("1.10")), ("5.", Decimal(5)),
        (".5", Decimal("0.5")), ("-1.5", Decimal("-1.5")), ("0.0", Decimal("0.0")),
        ("1.0e-3", Decimal("0.001")), ("1.5E+3", Decimal(1500)),
        ("123456789012345678", 123456789012345678),
        ("0.000000000000000001", Decimal("1e-18")),
        ("true", True), ("false", False), ("null", None), ("~", None),
    ],
)  # fmt: skip
def test_plain_word_is_an_exact_value(word: str, value: object, reader: object) -> None:
    got = accepted(f"a: {word}").value["a"]
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    "word",
    [
        "0.5%", "30s", "4h", "1m", "15m", "10%", "-1%", "100%", "1.5e-3x", "BTC/*",
        "1 if fast > slow else 0", "confidence > min_confidence and risk_approved",
        "0,5", "1.2.3", "1-2", "10 - 3", "-x", "+", ".", "..", "2026-01", "0b12",
        "0o9", "0xg", "1e", "e3", "yes please", "none", "nano", "info", "x:y",
        "1INCH/USDT", "1:x", "a#b", "amount * (1 + minimum_buffer)", "a_1", "1_a",
        "EOrder:Rate limit exceeded", "a == 'b'", "<", "<<<", "==", "=x",
    ],
)  # fmt: skip
def test_other_plain_words_are_text(word: str, reader: object) -> None:
    document = accepted(f"a: {word}")
    assert document.value == {"a": word}
    assert document.styles["a",] == ""


@pytest.mark.parametrize("word", ["on", "010", "1e3", "12:30", "2026-01-31", "1", "~"])
def test_quotes_make_any_word_a_text(word: str, reader: object) -> None:
    document = accepted(f"'{word}': \"{word}\"\nb: '{word}'")
    assert document.value == {word: word, "b": word}
    assert document.styles == {(word,): '"', ("b",): "'"}


def test_values_and_keys_have_their_places(reader: object) -> None:
    document = accepted(
        "# rules\n"
        "entry:\n"
        "  - id: quorum\n"
        '    when: "confidence > 0.75"   # sure\n'
        "    then: {side: buy, amount: 5}\n"
        "\n"
        "exits: []\n"
    )
    assert document.span(("entry",)) == at(3, 3, 5, 33)
    assert document.span(("entry", 0)) == at(3, 5, 5, 33)
    assert document.span(("entry", 0, "id")) == at(3, 9, 3, 15)
    assert document.span(("entry", 0, "when")) == at(4, 11, 4, 30)
    assert document.span(("entry", 0, "then")) == at(5, 11, 5, 33)
    assert document.span(("entry", 0, "then", "amount")) == at(5, 31, 5, 32)
    assert document.span(("exits",)) == at(7, 8, 7, 10)
    assert document.key_spans["entry", 0, "then", "side"] == at(5, 12, 5, 16)
    assert document.key_spans["exits",] == at(7, 1, 7, 6)
    assert document.lines[3] == '    when: "confidence > 0.75"   # sure'


def at(line: int, column: int, end_line: int, end_column: int) -> Span:
    return Span("rules/entry.yaml", line, column, end_line, end_column)


def test_unknown_path_has_the_place_of_its_nearest_ancestor() -> None:
    document = accepted(ENTRY)
    assert document.span(("entry", 0, "then", "side")) == document.span(("entry", 0))
    assert document.span(("exits",)) == document.span(())


def test_merge_keeps_own_keys_and_the_place_of_what_is_merged(reader: object) -> None:
    document = accepted(
        "params:\n"
        "  a: &a {value: 1, max: 5}\n"
        "  b: &b {value: 2, min: 0}\n"
        "  c: {<<: [*a, *b], value: 3}\n"
        "  d: *a\n"
    )
    assert document.value["params"]["c"] == {"value": 3, "max": 5, "min": 0}
    assert document.span(("params", "c", "max")) == at(2, 25, 2, 26)
    assert document.key_spans["params", "c", "min"] == at(3, 20, 3, 23)
    assert document.span(("params", "d")) == at(5, 6, 5, 8)
    assert document.span(("params", "d", "max")) == at(2, 25, 2, 26)


def test_anchored_text_starts_behind_its_anchor(reader: object) -> None:
    document = accepted("a: &sure confidence > 0.75\nb: *sure\n")
    assert document.span(("a",)) == at(1, 10, 1, 27)
    assert document.value == {"a": "confidence > 0.75", "b": "confidence > 0.75"}


def test_block_texts_keep_style_and_place(reader: object) -> None:
    document = accepted("a: |\n  one\n  two\n\nb: >-\n  one\n  two\n# end\n")
    assert document.value == {"a": "one\ntwo\n", "b": "one two"}
    assert document.styles == {("a",): "|", ("b",): ">"}
    assert document.span(("a",)) == at(1, 4, 3, 6)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_are_all_alike(end: str, reader: object) -> None:
    document = accepted(ENTRY.replace("\n", end))
    assert document.value == accepted(ENTRY).value
    assert document.spans == accepted(ENTRY).spans
    assert document.lines == accepted(ENTRY).lines


def test_byte_order_mark_shifts_no_column(reader: object) -> None:
    assert accepted(b"\xef\xbb\xbf" + ENTRY.encode()) == accepted(ENTRY)


def test_tabs_between_tokens_and_in_comments_are_blanks(reader: object) -> None:
    document = accepted("a:\t1\nb:\t[x,\tz]\t# one\ttwo\n")
    assert document.value == {"a": 1, "b": ["x", "z"]}


def test_visible_characters_of_any_script_are_text(reader: object) -> None:
    document = accepted("about: größer / 買い 🚀 é\nb: 1\n")
    assert document.value["about"] == "größer / 買い 🚀 é"
    assert document.span(("about",)).end_column == 8 + len("größer / 買い 🚀 é")


def test_depth_is_counted_to_the_limit(reader: object) -> None:
    accepted("a: " + "[" * (MAX_DEPTH - 1) + "1" + "]" * (MAX_DEPTH - 1))
    assert refused(b"a: " + b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH).code == "Y118"


# -- many problems


def test_all_problems_are_found_in_one_reading() -> None:
    data = b"a: yes\nb: 010\na: 1\nc: !x 1\nd:\ne: 1e3\n"
    document, problems = parse_document(data, "x.yaml")
    assert document is None
    codes = ["Y121", "Y122", "Y119", "Y113", "Y128", "Y125"]
    assert [problem.code for problem in problems] == codes
    assert [problem.span.line for problem in problems] == [1, 2, 3, 4, 5, 6]
    assert problems[2].related == (("first used here", Span("x.yaml", 1, 1, 1, 2)),)
    assert problems[2].source == "a: 1"


@pytest.mark.parametrize("line", [b"a: 1\n", b"b: \x07\n", b"=======\n", b"? [on]\n"])
def test_number_of_problems_is_limited(line: bytes) -> None:
    _, problems = parse_document(line * 1000, "x.yaml")
    assert 0 < len(problems) <= MAX_PROBLEMS


def test_broken_line_is_reported_once() -> None:
    _, problems = parse_document(b"a: {{ b }} > *c\nd: 1\n", "x.yaml")
    assert len(problems) == 1


# -- anything at all

WORDS = st.sampled_from(
    [
        "a", "b", "yes", "on", "010", "1e3", ".nan", "0.5", "12:30", "-", ":", "?",
        ",", "[", "]", "{", "}", "#", "&", "*", "!", "|", ">", "'", '"', "%", "@", "`",
        "=", "<<", "&a", "*a", "!!int", "---", "...", "\\", "\\ud800", "\\x07",
        "30s", "10%", "~", "null", "true", "2026-01-31", "1_0", "0x1F",
    ]
)  # fmt: skip
BLANKS = st.sampled_from([" ", "\n", "\n  ", "\n    ", "\t", ": ", ", ", "\n- ", ""])
SOUP = st.lists(st.tuples(WORDS, BLANKS), max_size=30).map(
    lambda pairs: "".join(word + blank for word, blank in pairs)
)


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_bytes_never_raise(data: bytes) -> None:
    document, problems = parse_document(data, "x.yaml")
    assert (document is None) == bool(problems)


@settings(max_examples=400)
@given(st.one_of(SOUP, st.text(max_size=200)))
@example("a: {b: c, d}")
@example("? ")
@example("{: 1}")
def test_text_never_raises_and_both_readers_agree(content: str) -> None:
    data = content.encode("utf-8", "surrogatepass")
    results = []
    try:
        for each in READERS:
            text._Reader = each
            results.append(parse_document(data, "x.yaml"))
    finally:
        text._Reader = READERS[-1]
    for document, problems in results:
        assert (document is None) == bool(problems)
        for problem in problems:
            assert problem.code in CODES
            assert 1 <= problem.span.line <= content.count("\n") + 2
    assert results[0][0] == results[-1][0]


@settings(max_examples=300)
@given(SOUP)
def test_what_is_accepted_has_the_value_that_yaml_gives_it(content: str) -> None:
    document, _ = parse_document(content.encode(), "x.yaml")
    if document is not None and "\t" not in content:
        assert as_floats(document.value) == yaml.safe_load(content)


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=20
).filter(lambda value: not UNSEEN.search(value))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)


@settings(max_examples=200)
@given(st.dictionaries(TEXTS, PLAIN, min_size=1))
def test_plain_data_comes_back_as_it_was_written(value: dict[str, Any]) -> None:
    content = json.dumps(value, ensure_ascii=False, indent=1)
    document, problems = parse_document(content.encode(), "x.yaml")
    if {problem.code for problem in problems} <= {"Y118"} and problems:
        return
    assert document is not None
    assert document.value == value
    for path, span in document.spans.items():
        assert span.end_line >= span.line
        assert not path or path in document.key_spans or isinstance(path[-1], int)


def as_floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_floats(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value


@settings(max_examples=500)
@given(st.from_regex(r"[-+]?[0-9._:eExob]{1,12}", fullmatch=True))
def test_a_word_is_read_as_yaml_reads_it_or_refused(word: str) -> None:
    meant = read_plain(word)
    if not isinstance(meant, Unclear):
        loader = yaml.SafeLoader("")
        tag = loader.resolve(yaml.ScalarNode, word, (True, False))  # type: ignore[no-untyped-call]
        assert as_floats(meant) == loader.construct_object(yaml.ScalarNode(tag, word))


def test_unseen_characters_are_those_of_unicode() -> None:
    kept = set("\t\n ")
    for number in range(0x110000):
        character = chr(number)
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp", "Zs"):
            seen = not UNSEEN.match(character)
            assert seen == (character in kept), hex(number)
