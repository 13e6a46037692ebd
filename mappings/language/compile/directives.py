"""`let`, `if`, `cases`, `switch` and `each`."""

from __future__ import annotations

from mappings.language.compile import conditions, expressions, loops, putting
from mappings.language.compile.scope import Let, Scope
from mappings.language.compile.sinks import Sink
from mappings.language.compile.unit import Unit, read_expression
from mappings.language.compile.values import (
    JSON,
    Value,
)
from mappings.language.expressions import Literal
from mappings.language.nodes import Entry, Mapping, Node, Scalar
from mappings.language.problems import Place


def let(unit: Unit, entry: Entry, scope: Scope) -> Scope:
    inner = scope.inner()
    if not isinstance(entry.value, Mapping):
        unit.wrong(entry.value.place, "`let` holds names with their expressions", "let:\n  system: CX.4 ?? CX.6")
        return inner
    for item in entry.value:
        if not isinstance(item.value, Scalar):
            unit.wrong(item.value.place, f"`{item.key.text}` needs an expression")
            continue
        tree = Literal(item.value.text, "text", 0) if item.value.quoted else read_expression(unit, item.value)
        if tree is not None:
            inner.names[item.key.text] = Let(item.value, tree, scope)
    return inner


def write_if(unit: Unit, sink: Sink, entry: Entry, rest: Mapping, scope: Scope, place: Place) -> None:
    with unit.writer.at(entry.key.place):
        condition = condition_of(unit, entry.value, scope)
    with unit.writer.block(f"if {condition}:"):
        putting.put_mapping(unit, sink, rest, scope, place)


def condition_of(unit: Unit, node: Node, scope: Scope) -> str:
    """Code for the value of an `if:`."""
    if not isinstance(node, Scalar) or node.quoted:
        unit.wrong(node.place, "`if` needs a condition without quotes")
        return "False"
    tree = read_expression(unit, node)
    return conditions.condition(unit, node, tree, scope) if tree is not None else "False"


def write_cases(unit: Unit, sink: Sink, entry: Entry, scope: Scope) -> None:
    if not isinstance(entry.value, Mapping):
        unit.wrong(entry.value.place, "`cases` holds named cases", 'nhs:\n  if: .4 = "NHS"')
        return
    seen: dict[str, str] = {}
    depth = 0
    for position, case in enumerate(entry.value):
        last = position == len(entry.value.entries) - 1
        if not isinstance(case.value, Mapping):
            unit.wrong(case.value.place, "a case is an object with `if:` or `else: true`")
            continue
        test = case.value.get("if")
        rest = Mapping(tuple(e for e in case.value if e.key.text not in ("if", "else")), case.value.place)
        if test is None:
            if case.value.get("else") is None:
                unit.wrong(case.key.place, f"the case `{case.key.text}` says neither `if:` nor `else: true`")
            if not last:
                unit.wrong(case.key.place, "cases after this one are never reached", "`else: true` stands last")
            putting.put_mapping(unit, sink, rest, scope, case.key.place)
            break
        if not isinstance(test, Scalar):
            continue
        if test.text in seen:
            unit.wrong(test.place, f"this case is never reached: `{seen[test.text]}` has the same condition")
        seen[test.text] = case.key.text
        tree = read_expression(unit, test)
        if tree is None:
            continue
        if isinstance(tree, Literal) and tree.text == "true" and not last:
            unit.wrong(test.place, "cases after this one are never reached", "`else: true` stands last")
        with unit.writer.at(case.key.place):
            condition = conditions.condition(unit, test, tree, scope)
            with unit.writer.block(f"if {condition}:"):
                putting.put_mapping(unit, sink, rest, scope, case.key.place)
            if not last:
                unit.line("else:")
                unit.writer.depth += 1
                unit.writer.known.append({})
                unit.line("pass")
                depth += 1
    for _ in range(depth):
        unit.writer.depth -= 1
        unit.writer.known.pop()


def write_switch(unit: Unit, sink: Sink, node: Mapping, entry: Entry, scope: Scope) -> None:
    tree = read_expression(unit, entry.value) if isinstance(entry.value, Scalar) else None
    if tree is None or not isinstance(entry.value, Scalar):
        return
    found = expressions.value(unit, entry.value, tree, scope, None)
    text = expressions.settle(unit, entry.value, 0, found, None) if isinstance(found, Value) else None
    if text is None:
        if found is not None:
            unit.wrong(entry.value.place, "`switch` needs one text to choose by")
        return
    code = f"text_of_json({text.code})" if text.type == JSON else text.code
    local = unit.writer.once(code)
    seen: dict[str, int] = {}
    word = "if"
    otherwise: Entry | None = None
    for case in node:
        if case is entry:
            continue
        if case.key.text == "else":
            otherwise = case
            continue
        literals = [case.key.text] if case.key.quoted else case.key.text.split()
        for literal in literals:
            if literal in seen:
                unit.wrong(case.key.place, f"`{literal}` is never reached: line {seen[literal]} has it already")
            seen[literal] = case.key.place.line
        with unit.writer.block(f"{word} {local} in ({', '.join(map(repr, literals))},):"):
            putting.put(unit, sink, case.value, scope, case.key.place)
        word = "elif"
    if otherwise is None:
        advice = "add `else:`, or what should happen with any other value"
        unit.wrong(entry.key.place, "`switch` has no `else`", advice)
    elif word == "if":
        unit.wrong(entry.key.place, "`switch` has no case besides `else`")
    else:
        with unit.writer.block("else:"):
            putting.put(unit, sink, otherwise.value, scope, otherwise.key.place)


def write_each(unit: Unit, sink: Sink, entry: Entry, rest: Mapping, scope: Scope, place: Place) -> None:
    if not sink.held:
        advice = "leave `each` out and choose one with `[1]`"
        unit.wrong(entry.key.place, f"{sink.target.name} is single, so it cannot take one item of each", advice)
        return
    with loops.loop(unit, entry, scope) as inner:
        if inner is not None:
            putting.put_mapping(unit, sink, rest, inner, place)
