"""Compile checked expressions to Python functions of one context.

A context is any object with the names of the expressions as attributes. Generated
names are prefixed (``n_`` the names of rules, ``t_`` intermediate values, ``q_`` the
rest), so that no name of a rule can meet a name of the generated code.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from quorate.contract.vocabulary import Kind
from quorate.rulebook.diagnostics import Span
from quorate.rulebook.terms import Expression, NotKnown

Faults = tuple[tuple[int, Exception], ...]
Fused = Callable[[Any], tuple[int, Faults]]
"""Give the mask of true rules (bit ``i`` for rule ``i``) and the rules that raised."""

_FUSED = """
def q_section(q_context):
    try:
        {load}
        q_known = {finite}
    except Exception:
        q_known = False
    if not q_known:
        return q_slow(q_context)
    q_mask = 0
    q_faults = None
    q_block
    return q_mask, q_faults or ()
"""

_RULE = """
try:
    if q_condition: q_mask |= {bit}
except Exception as q_error:
    q_faults = (*(q_faults or ()), ({index}, q_error))
"""

_VALUE = """
def q_value(q_context):
    try:
        {load}
        q_known = {finite}
    except Exception:
        q_known = False
    if not q_known:
        q_refuse(q_context)
    q_result = q_expression
    if not ({sound}): raise q_not_known(q_text)
    return q_result
"""

_BUILTINS = {"abs": abs, "Exception": Exception}


def fuse(
    rules: Sequence[tuple[str, Expression]], *, exact: bool, guard: bool = True
) -> Fused:
    """Compile the conditions of a section, ``(rule id, condition)``, to one function.

    Called with a context, it returns the mask of the true rules and, for each rule
    that could not be evaluated, its index and exception; one rule's exception never
    reaches another rule. With ``guard`` a rule that mentions a missing, None, NaN or
    infinite value faults with NotKnown. ``exact`` makes the literals Decimal, for
    contexts of Decimal; otherwise they are float.
    """
    expressions = [expression for _, expression in rules]
    reads: dict[str, Kind] = {}
    for expression in expressions:
        reads.update(expression.reads)
    writer = Writer(exact=exact)
    blocks: list[ast.stmt] = []
    for index, one in enumerate(expressions):
        lines = _RULE.format(index=index, bit=1 << index)
        parts = {"q_condition": writer.write(one)}
        blocks += _fill(lines, one.place.line, parts)
    first = expressions[0].place.line if expressions else 1
    body = _fill(_FUSED.format(**_loading(reads, guard)), first, {}, blocks)
    slow = _slowly(expressions, exact=exact, guard=guard)
    environment = {**writer.constants, "q_slow": slow}
    files = {one.place.path for one in expressions}
    path = files.pop() if len(files) == 1 else "<rules>"
    fused: Fused = _function(body, "q_section", environment, path)
    return fused


def _slowly(expressions: Sequence[Expression], *, exact: bool, guard: bool) -> Fused:
    """Return the evaluation rule by rule, for when some value is not known."""
    singles: tuple[Callable[[Any], Any], ...] = ()

    def section(context: Any) -> tuple[int, Faults]:
        nonlocal singles
        if not singles:
            # Many sections never need it, and compiling takes longest.
            singles = tuple(
                compile_value(one, exact=exact, guard=guard) for one in expressions
            )
        mask, faults = 0, []
        for index, single in enumerate(singles):
            try:
                mask |= bool(single(context)) << index
            except Exception as error:  # noqa: BLE001 - one rule never stops the others
                faults.append((index, error))
        return mask, tuple(faults)

    return section


def compile_value(
    expression: Expression, *, exact: bool, guard: bool = True
) -> Callable[[Any], Any]:
    """Compile one expression to a function of a context that returns its value.

    With ``guard`` the function raises NotKnown when a mentioned value is missing,
    None, NaN or infinite, or when the resulting number is not finite. It raises
    whatever else the evaluation raises, ZeroDivisionError among them.
    """
    writer = Writer(exact=exact)
    body = writer.write(expression)
    finite = guard and expression.kind is Kind.NUMBER
    lines = _VALUE.format(
        sound="q_result - q_result == 0" if finite else "True",
        **_loading(expression.reads, guard),
    )
    function = _fill(lines, expression.place.line, {"q_expression": body})
    environment = {
        **writer.constants,
        "q_refuse": _refuser(expression.reads, guard),
        "q_not_known": NotKnown,
        "q_text": expression.source(expression.tree),
    }
    value: Callable[[Any], Any] = _function(
        function, "q_value", environment, expression.place.path
    )
    return value


def compile_later(expression: Expression, *, exact: bool) -> Callable[[Any], Any]:
    """Return what ``compile_value`` does, compiled when it is first called.

    Most of what a check reads is never evaluated, and compiling takes longest.
    """
    constant = expression.tree
    if isinstance(constant, ast.Constant):
        value: Any = constant.value
        if isinstance(value, Decimal) and not exact:
            value = float(value)
        return lambda _context: value
    compiled: Callable[[Any], Any] | None = None

    def evaluate(context: Any) -> Any:
        nonlocal compiled
        if compiled is None:
            compiled = compile_value(expression, exact=exact)
        return compiled(context)

    return evaluate


def _refuser(reads: Mapping[str, Kind], guard: bool) -> Callable[[Any], None]:
    """Return what raises for the first name that is not known, if there is one."""

    def refuse(context: Any) -> None:
        for name, kind in reads.items():
            value = getattr(context, name, None) if guard else getattr(context, name)
            if guard and not is_known(value, kind):
                raise NotKnown(name)

    return refuse


def is_known(value: Any, kind: Kind) -> bool:
    """Return whether a value may enter a rule: not None, not NaN, not infinite."""
    if value is None or kind is not Kind.NUMBER:
        return value is not None
    try:
        return bool(value - value == 0)
    except (ArithmeticError, TypeError):
        # An infinite Decimal raises, and so does what is no number at all.
        return False


class Writer:
    """Write checked trees as the trees of Python functions over local names."""

    def __init__(self, *, exact: bool) -> None:
        self._exact = exact
        self._temporaries = 0
        self._place = Span("")
        self.constants: dict[str, object] = {}

    def write(self, expression: Expression) -> ast.expr:
        """Return Python's tree of ``expression``, standing where the rule file has it.

        A traceback then shows the line of the rule.
        """
        self._place = expression.place
        return ast.fix_missing_locations(self._write(expression.tree))

    def _at(self, node: ast.expr, source: ast.expr) -> ast.expr:
        before = self._place.column - 1
        node.lineno = node.end_lineno = self._place.line
        node.col_offset = before + source.col_offset
        node.end_col_offset = before + (source.end_col_offset or source.col_offset)
        return node

    def _write(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Name):
            return self._at(_load(f"n_{node.id}"), node)
        if isinstance(node, ast.Constant):
            return self._at(self._constant(node), node)
        if isinstance(node, ast.Call):
            return self._call(node)
        fields = {name: self._field(value) for name, value in ast.iter_fields(node)}
        return self._at(type(node)(**fields), node)

    def _field(self, value: Any) -> Any:
        if isinstance(value, ast.expr):
            return self._write(value)
        if isinstance(value, list):
            return [self._field(item) for item in value]
        return value

    def _constant(self, node: ast.Constant) -> ast.expr:
        value: Any = node.value
        if not isinstance(value, Decimal):
            return ast.Constant(value)
        if not self._exact:
            return ast.Constant(float(value))
        name = f"q_number_{len(self.constants)}"
        self.constants[name] = value
        return _load(name)

    def _call(self, node: ast.Call) -> ast.expr:
        assert isinstance(node.func, ast.Name)
        parts = [self._write(part) for part in node.args]
        if node.func.id == "abs":
            return self._at(self._absolute(parts[0]), node)
        # min keeps the first of equals, and what a NaN is compared with, as Python's.
        better = ast.Gt() if node.func.id == "min" else ast.Lt()
        result = parts[0]
        for part in parts[1:]:
            result = self._at(self._choose(result, part, better), node)
        return result

    def _choose(self, left: ast.expr, right: ast.expr, better: ast.cmpop) -> ast.expr:
        store_left, left = self._once(left)
        store_right, right = self._once(right)
        test = ast.Compare(store_left, [better], [store_right])
        return ast.IfExp(test, right, left)

    def _absolute(self, part: ast.expr) -> ast.expr:
        if self._exact:
            # abs() of a Decimal also rounds it, which a choice would not.
            return ast.Call(_load("abs"), [part], [])
        store, value = self._once(part)
        zero = ast.Constant(0.0)
        test = ast.Compare(store, [ast.Gt()], [zero])
        return ast.IfExp(test, value, ast.BinOp(zero, ast.Sub(), value))

    def _once(self, node: ast.expr) -> tuple[ast.expr, ast.expr]:
        """Return how to evaluate ``node`` for the first time, and from then on."""
        if isinstance(node, ast.Name | ast.Constant):
            return node, node
        name = f"t_{self._temporaries}"
        self._temporaries += 1
        store = ast.NamedExpr(ast.Name(name, ast.Store()), node)
        again = ast.copy_location(_load(name), node)
        return ast.copy_location(store, node), again


def _load(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _loading(reads: Mapping[str, Kind], guard: bool) -> dict[str, str]:
    """Return the lines that load every name, and the quick test that all are known.

    One sum tells whether a number in it is not finite. It may overflow for numbers
    that are; then the slow way finds that out.
    """
    loads = "; ".join(f"n_{name} = q_context.{name}" for name in reads) or "pass"
    if not guard:
        return {"load": loads, "finite": "True"}
    numbers = [f"n_{name}" for name, kind in reads.items() if kind is Kind.NUMBER]
    others = [f"n_{name}" for name, kind in reads.items() if kind is not Kind.NUMBER]
    tests = [f"{name} is not None" for name in others]
    if numbers:
        tests.append(f"(q_sum := {' + '.join(numbers)}) - q_sum == 0")
    return {"load": loads, "finite": " and ".join(tests) or "True"}


class _Filler(ast.NodeTransformer):
    """Put generated parts in the place of the names of a template."""

    def __init__(self, parts: Mapping[str, ast.expr], block: list[ast.stmt]) -> None:
        self._parts = parts
        self._block = block

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._parts.get(node.id, node)

    def visit_Expr(self, node: ast.Expr) -> list[ast.stmt] | ast.stmt:
        is_block = isinstance(node.value, ast.Name) and node.value.id == "q_block"
        return self._block if is_block else node


def _fill(
    template: str,
    line: int,
    parts: Mapping[str, ast.expr],
    block: Sequence[ast.stmt] = (),
) -> list[ast.stmt]:
    """Return the statements of ``template``, all on ``line``, filled in."""
    module = ast.parse(template)
    for node in ast.walk(module):
        if isinstance(node, ast.expr | ast.stmt | ast.excepthandler):
            node.lineno = node.end_lineno = line
            node.col_offset = node.end_col_offset = 0
    filler = _Filler(parts, list(block))
    return [filler.visit(statement) for statement in module.body]


def _function(
    body: list[ast.stmt], name: str, environment: Mapping[str, object], path: str
) -> Any:
    """Return the function ``name`` that ``body`` defines."""
    scope: dict[str, object] = {**environment, "__builtins__": _BUILTINS}
    exec(compile(ast.Module(body, []), path, "exec"), scope)
    return scope[name]
