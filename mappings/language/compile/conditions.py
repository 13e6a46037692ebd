"""Conditions to generated code: a Python expression that is true or false."""

from __future__ import annotations

import re
from collections.abc import Callable

from mappings.language.compile import components, expressions, loops, repetitions
from mappings.language.compile.scope import Scope
from mappings.language.compile.unit import Unit
from mappings.language.compile.values import (
    BOOLEAN,
    JSON,
    REFERENCE,
    TEXT,
    VARIES,
    Any,
    Groups,
    Many,
    References,
    Segments,
    Value,
)
from mappings.language.expressions import Call, Compare, Expression, Listing, Literal, Logic, Not, Path
from mappings.language.nodes import Scalar

_PLAIN = re.compile(r"[\w .:/-]*", re.ASCII)


def condition(unit: Unit, source: Scalar, tree: Expression, scope: Scope) -> str:
    """Code that is true or false; `False`, with a problem added, where it is no condition."""
    with unit.tests():
        return _condition(unit, source, tree, scope)


def _condition(unit: Unit, source: Scalar, tree: Expression, scope: Scope) -> str:
    match tree:
        case Logic():
            return _logic(unit, source, tree, scope)
        case Not():
            return f"(not {condition(unit, source, tree.inner, scope)})"
        case Compare():
            return _compare(unit, source, tree, scope)
        case Call() if tree.name in ("present", "null"):
            return _test(unit, source, tree, scope)
        case Call() if tree.name == "any":
            return _for_any(unit, source, tree, scope)
        case Literal() if tree.kind == BOOLEAN:
            return tree.text.capitalize()
        case Call():
            found = expressions.value(unit, source, tree, scope, None)
            if isinstance(found, Value) and found.type == BOOLEAN:
                return f"({found.code} is True)"
    said = "this is no condition"
    unit.problem(source, tree.position, said, 'compare it (`PID-3.4 = "NHS"`), or write `present(…)`')
    return "False"


def _logic(unit: Unit, source: Scalar, tree: Logic, scope: Scope) -> str:
    """Both sides in one expression, unless the right one takes lines of its own: those run only where the left side
    has not decided."""
    left = condition(unit, source, tree.left, scope)
    with unit.writer.apart() as lines:
        right = condition(unit, source, tree.right, scope)
    if not lines:
        return f"({left} {tree.operator} {right})"
    answer = unit.writer.name("b")
    unit.line(f"{answer} = {left}")
    with unit.writer.block(f"if {answer}:" if tree.operator == "and" else f"if not {answer}:"):
        unit.writer.body += lines
        unit.line(f"{answer} = {right}")
    return answer


def _test(unit: Unit, source: Scalar, tree: Call, scope: Scope) -> str:
    if len(tree.arguments) != 1:
        unit.problem(source, tree.position, f"`{tree.name}` takes one path", length=len(tree.name))
        return "False"
    found = expressions.value(unit, source, tree.arguments[0], scope, None)
    return "False" if found is None else present(unit, found) if tree.name == "present" else null(unit, found)


def _for_any(unit: Unit, source: Scalar, tree: Call, scope: Scope) -> str:
    """`any(OBX, OBX-11 = "C")`: the condition holds for one of what an `each` would go through."""
    path = tree.arguments[0] if len(tree.arguments) == 2 else None
    if not isinstance(path, Path):
        said = "`any` takes a segment, a group or a repeating field, and a condition"
        unit.problem(source, tree.position, said, 'any(OBX, OBX-11 = "C")', len(tree.name))
        return "False"
    answer = unit.writer.name("b")
    unit.line(f"{answer} = False")
    with loops.through(unit, source, path, scope) as inner:
        if inner is not None:
            with unit.writer.block(f"if {condition(unit, source, tree.arguments[1], inner)}:"):
                unit.line(f"{answer} = True")
    return answer


def present(unit: Unit, found: Any) -> str:
    """Code: there is a value, neither absent nor null."""
    match found:
        case Segments():
            return "False" if found.code == "nothing" else f"bool({found.code})" if not found.loop else "True"
        case References() | Groups():
            return f"bool({found.code})"
        case Many():
            if found.numbered and not found.tail:
                return f"some(S, {found.code})"
            return _any(unit, found, lambda item: present(unit, item))
        case Value() if found.type == "nothing":
            return "False"
        case Value() if found.raw:
            said = f"{found.code}[0].isalnum() or {found.code} != RAW_NULL and not blank(S, {found.code})"
            return f"({found.code} and ({said}))"
        case Value() if found.type == JSON:
            return f"({found.code} is not None and {found.code} != '')"
    return f"({found.code} is not None{f' and {found.code} is not NULL' if found.null else ''})"


def null(unit: Unit, found: Any) -> str:
    if isinstance(found, Many):
        return _any(unit, found, lambda item: null(unit, item))
    if isinstance(found, Value) and found.raw:
        return f"({found.code} == RAW_NULL)"
    return f"({found.code} is NULL)" if isinstance(found, Value) and found.null else "False"


def _any(unit: Unit, many: Many, test: Callable[[Value], str]) -> str:
    """A local that is true where the test holds for one of several."""
    answer, number, raw = unit.writer.name("b"), unit.writer.name("i"), unit.writer.name("r")
    unit.line(f"{answer} = False")
    with unit.writer.block(f"for {number}, {raw} in {many.code}:" if many.numbered else f"for {raw} in {many.code}:"):
        item = repetitions.items_of(unit, many, number, raw)
        if item is not None:
            with unit.writer.block(f"if {test(item)}:"):
                unit.line(f"{answer} = True")
    return answer


def _compare(unit: Unit, source: Scalar, tree: Compare, scope: Scope) -> str:
    if tree.operator == "in":
        return _in(unit, source, tree, scope)
    left = expressions.value(unit, source, tree.left, scope, None)
    right = expressions.value(unit, source, tree.right, scope, None)
    if left is None or right is None:
        return "False"
    for side in (left, right):
        if isinstance(side, Value) and side.literal == "" and side.type == TEXT:
            unit.problem(source, tree.position, "nothing equals an empty text", "write `not present(…)`, or `null(…)`")
            return "False"
    pair = [_comparable(unit, source, tree, side, _other(left, right, side)) for side in (left, right)]
    operator = "==" if tree.operator == "=" else "!="
    return f"({pair[0]} {operator} {pair[1]})"


def _other(left: Any, right: Any, side: Any) -> str | None:
    """The literal on the other side, if it is one."""
    other = right if side is left else left
    return other.literal if isinstance(other, Value) else None


def _comparable(unit: Unit, source: Scalar, tree: Compare, side: Any, literal: str | None) -> str:
    if isinstance(side, Many):
        advice = 'choose one with `[1]`, or write `"NHS" in PID-3[*].4`'
        unit.problem(source, tree.position, "several values cannot be compared", advice)
        return "None"
    if not isinstance(side, Value) or side.type == REFERENCE:
        unit.problem(source, tree.position, f"{side.described()} cannot be compared", "write `present(…)`")
        return "None"
    if side.type == "nothing":
        return "None"
    if side.type == BOOLEAN and side.literal is not None:
        return side.literal.capitalize()
    if side.type == JSON:
        return f"text_of_json({side.code})"
    if side.raw and literal is not None and _PLAIN.fullmatch(literal) and side.type in (TEXT, VARIES):
        return side.code
    text = components.as_text(unit, side)
    if text is None:
        unit.problem(source, tree.position, f"HL7 {side.composite} is composite", "name its component: `PID-5.1`")
        return "None"
    return text.code


def _in(unit: Unit, source: Scalar, tree: Compare, scope: Scope) -> str:
    left = expressions.value(unit, source, tree.left, scope, None)
    if left is None:
        return "False"
    if isinstance(tree.right, Listing):
        texts = [item.text for item in tree.right.items if isinstance(item, Literal)]
        if len(texts) != len(tree.right.items) or not texts:
            unit.problem(source, tree.right.position, "the list after `in` holds quoted texts", '("A01", "A04")')
            return "False"
        code = _comparable(unit, source, tree, left, texts[0] if all(map(_PLAIN.fullmatch, texts)) else None)
        return f"({code} in {{{', '.join(map(repr, texts))}}})"
    right = expressions.value(unit, source, tree.right, scope, None)
    if not isinstance(right, Many):
        if right is not None:
            advice = 'write ("A01", "A04") or a repeating path: PID-3[*].4'
            unit.problem(source, tree.position, "after `in` comes a list or a repeating path", advice)
        return "False"
    literal = left.literal if isinstance(left, Value) else None
    wanted = _comparable(unit, source, tree, left, None)
    return _any(unit, right, lambda item: f"({_comparable(unit, source, tree, item, literal)} == {wanted})")
