"""Time a section of 50 rules over 40 names: fused, by hand, by simpleeval, by columns.

Every engine's answers are compared before anything is timed. The hand-written function
is timed again right next to each sample, so that a busy machine slows both; what counts
is the median of the ratios. Run ``python benchmarks/rules.py [--json] [--rounds N]``.
"""

from __future__ import annotations

import argparse
import ast
import gc
import json
import random
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "engine"))

from quorate.contract.vocabulary import Kind
from quorate.rulebook.compile_columns import compile_columns_section
from quorate.rulebook.compile_function import fuse
from quorate.rulebook.diagnostics import Span
from quorate.rulebook.expression import Expression, Name, Want, read_expression
from quorate.rulebook.parse_expression import SimpleExpression

COUNT = 50
ROWS = 100_000
NUMBERS = [f"fact_{index}" for index in range(32)]
FLAGS = [f"flag_{index}" for index in range(8)]
KINDS = {
    **dict.fromkeys(NUMBERS, Kind.NUMBER),
    **dict.fromkeys(FLAGS, Kind.FLAG),
}
SHAPES = (
    "{a} > 0.75 and {p} and {b} < 0.2",
    "{a} > 0.7",
    "{a} < {b}",
    "({a} - {b}) / {b} >= {c}",
    "min(abs({a} - {b}), {c}) / max({b}, 0.0001) > 3 * (1 + {a})",
)


@dataclass(frozen=True)
class Result:
    """One engine against the hand-written function, both per rule in nanoseconds."""

    engine: str
    nanoseconds: float
    ratio: float
    goal: str
    met: bool | None


def make_rules() -> list[tuple[str, Expression]]:
    """Return the rules, the shapes in turn over names chosen by a fixed seed."""
    chance = random.Random(7)
    names = {name: Name(name, kind) for name, kind in KINDS.items()}
    rules = []
    for index in range(COUNT):
        a, b, c = chance.sample(NUMBERS, 3)
        text = SHAPES[index % len(SHAPES)].format(a=a, b=b, c=c, p=chance.choice(FLAGS))
        place = Span("rules.yaml", index + 1, 1)
        expression, problems = read_expression(text, names, {}, Want.flag(), place)
        if expression is None:
            raise SystemExit(f"{text}: {problems}")
        rules.append((f"rule-{index}", expression))
    return rules


def write_by_hand(rules: list[tuple[str, Expression]]) -> Callable[[Any], int]:
    """Return one plain function of the same conditions, without isolation or guard."""
    used = {name for _, expression in rules for name in expression.reads}
    lines = ["def section(context):"]
    lines += [f"    {name} = context.{name}" for name in KINDS if name in used]
    lines.append("    mask = 0")
    for index, (_, expression) in enumerate(rules):
        text = ast.unparse(_Plain().visit(ast.parse(expression.text, mode="eval")))
        lines += [f"    if {text}:", f"        mask |= {1 << index}"]
    lines.append("    return mask")
    scope: dict[str, Any] = {}
    exec("\n".join(lines), scope)
    function: Callable[[Any], int] = scope["section"]
    return function


class _Plain(ast.NodeTransformer):
    """Write min, max and abs of two plain parts as a careful hand would: inline."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        first = ast.unparse(node.args[0])
        assert isinstance(node.func, ast.Name)
        if node.func.id == "abs":
            text = f"(d if (d := {first}) >= 0 else -d)"
        else:
            sign, second = "<" if node.func.id == "min" else ">", node.args[1]
            other = ast.unparse(second)
            text = f"({other} if {other} {sign} (e := {first}) else e)"
        return ast.parse(text, mode="eval").body


class Context:
    """The names as slots, which is what a careful hand would use."""

    __slots__ = tuple(KINDS)


def make_data() -> tuple[dict[str, Any], list[Any]]:
    """Return columns of chance values, and contexts of their first rows."""
    chance = np.random.default_rng(11)
    columns: dict[str, Any] = {name: chance.random(ROWS) for name in NUMBERS}
    columns.update({name: chance.random(ROWS) > 0.5 for name in FLAGS})
    contexts = []
    for row in range(64):
        context = Context()
        for name in KINDS:
            setattr(context, name, columns[name][row].item())
        contexts.append(context)
    return columns, contexts


def over(function: Callable[[Any], Any], contexts: list[Any]) -> Callable[[], int]:
    """Return what times one pass over ``contexts``, per rule in nanoseconds x 1000."""

    def sample() -> int:
        started = perf_counter_ns()
        for context in contexts:
            function(context)
        return (perf_counter_ns() - started) * 1000 // (len(contexts) * COUNT)

    return sample


def check_equal(
    by_hand: Callable[[Any], int], engines: dict[str, Any], contexts: list[Any]
) -> None:
    """Refuse to time engines that do not agree."""
    for row, context in enumerate(contexts):
        mask = by_hand(context)
        for name in ("guarded", "raw"):
            if engines[name](context) != (mask, ()):
                raise SystemExit(f"{name} differs in row {row}")
        simple = sum(bool(f(context)) << i for i, f in enumerate(engines["simple"]))
        column = sum(bool(c[row]) << i for i, c in enumerate(engines["columns"]))
        if simple != mask or column != mask:
            raise SystemExit(f"simpleeval or columns differ in row {row}")


def measure(rounds: int) -> list[Result]:
    """Return the medians of interleaved samples."""
    rules = make_rules()
    columns, contexts = make_data()
    by_hand = write_by_hand(rules)
    guarded = fuse(rules, exact=False)
    raw = fuse(rules, exact=False, guard=False)
    simple = [SimpleExpression(one, exact=False) for _, one in rules]
    section = compile_columns_section(rules)
    answers = {"guarded": guarded, "raw": raw, "simple": simple}
    check_equal(by_hand, {**answers, "columns": section(columns)[0]}, contexts)

    def pass_columns() -> int:
        started = perf_counter_ns()
        section(columns)
        return (perf_counter_ns() - started) * 1000 // (ROWS * COUNT)

    def evaluate_all(context: Any) -> None:
        for one in simple:
            one(context)

    floor = over(by_hand, contexts)
    samplers: dict[str, Callable[[], int]] = {
        "fused, guarded": over(guarded, contexts),
        "fused, no guard": over(raw, contexts),
        "simpleeval, parsed before": over(evaluate_all, contexts[:4]),
        "columns": pass_columns,
    }
    taken: dict[str, list[tuple[int, int]]] = {name: [] for name in samplers}
    order = list(samplers)
    chance = random.Random(3)
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            chance.shuffle(order)
            for name in order:
                before = floor()
                sample = samplers[name]()
                taken[name].append((sample, (before + floor()) // 2))
    finally:
        gc.enable()
    return judge(taken)


def judge(taken: dict[str, list[tuple[int, int]]]) -> list[Result]:
    """Return every engine's median, its ratio to the hand-written one, the verdict."""
    time = {
        name: statistics.median(sample for sample, _ in pairs) / 1000
        for name, pairs in taken.items()
    }
    ratio = {
        name: statistics.median(sample / floor for sample, floor in pairs)
        for name, pairs in taken.items()
    }
    floors = [floor for pairs in taken.values() for _, floor in pairs]
    fused = ratio["fused, guarded"]
    slower = ratio["simpleeval, parsed before"] / fused
    faster = fused / ratio["columns"]
    rows = [Result("by hand", statistics.median(floors) / 1000, 1.0, "", None)]
    goals = {
        "fused, guarded": ("<= 1.2 x by hand", fused <= 1.2),
        "fused, no guard": ("<= 1.2 x by hand", ratio["fused, no guard"] <= 1.2),
        "simpleeval, parsed before": (
            f"fused >= 40 x faster: {slower:.0f} x",
            slower >= 40,
        ),
        "columns": (f">= 20 x faster than fused: {faster:.0f} x", faster >= 20),
    }
    for name, (goal, met) in goals.items():
        rows.append(Result(name, time[name], ratio[name], goal, met))
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--rounds", type=int, default=60, help="samples (1 to 300)")
    options = parser.parse_args()
    results = measure(min(max(options.rounds, 1), 300))
    if options.json:
        print(json.dumps([vars(result) for result in results], indent=2))
        return
    print(f"{COUNT} rules, {len(KINDS)} names, {ROWS:,} rows of columns; medians")
    print(f"{'':28}{'ns/rule':>9}{'ratio':>9}  goal")
    for one in results:
        verdict = "" if one.met is None else ("  met" if one.met else "  NOT MET")
        figures = f"{one.nanoseconds:9.1f}{one.ratio:8.3g}x"
        print(f"{one.engine:28}{figures}  {one.goal}{verdict}")


if __name__ == "__main__":
    main()
