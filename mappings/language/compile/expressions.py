"""Expressions to generated code and the type of their value."""

from __future__ import annotations

from dataclasses import replace

from mappings.language.compile import calls, conditions, convert, paths
from mappings.language.compile.scope import Scope
from mappings.language.compile.unit import Unit
from mappings.language.compile.values import (
    BOOLEAN,
    ID,
    NOTHING,
    TEXT,
    Any,
    Many,
    Own,
    Target,
    Value,
    constant,
)
from mappings.language.expressions import (
    Call,
    Compare,
    Expression,
    Fallback,
    Listing,
    Literal,
    Logic,
    Not,
    Path,
)
from mappings.language.nodes import Scalar


def value(unit: Unit, source: Scalar, tree: Expression, scope: Scope, target: Target | None) -> Any | None:
    """The value of an expression; None, with a problem added, when it is wrong. `target` is what the element wants,
    for those whose result depends on it: codes, templates, fallbacks."""
    match tree:
        case Literal():
            return constant(tree.text, tree.kind)
        case Path():
            return paths.resolve(unit, source, tree, scope)
        case Call() if tree.name in ("present", "null"):
            return _truth(unit, source, tree, scope)
        case Call():
            return calls.call(unit, source, tree, scope, target)
        case Compare() | Logic() | Not():
            return _truth(unit, source, tree, scope)
        case Fallback():
            return _fallback(unit, source, tree, scope, target)
        case Listing():
            unit.problem(source, tree.position, "a list stands only after `in`")
    return None


def _truth(unit: Unit, source: Scalar, tree: Expression, scope: Scope) -> Value:
    code = unit.writer.name("b")
    unit.line(f"{code} = bool({conditions.condition(unit, source, tree, scope)})")
    return Value(code, BOOLEAN, own=Own.CONSTANT)


def _fallback(unit: Unit, source: Scalar, tree: Fallback, scope: Scope, target: Target | None) -> Any | None:
    """The right side is computed only where the left is absent."""
    left = value(unit, source, tree.left, scope, target)
    if left is None or isinstance(left, Value) and left.type == NOTHING:
        return None if left is None else value(unit, source, tree.right, scope, target)
    if not isinstance(left, Value):
        unit.problem(source, tree.position, "`??` chooses between single values", "choose one with `[1]`")
        return None
    first = settle(unit, source, tree.position, left, target)
    if first is None:
        return None
    held, place = unit.writer.name("v"), unit.writer.name("w")
    unit.line(f"{held} = {first.code}")
    unit.line(f"{place} = {first.where}")
    with unit.writer.block(f"if {held} is None:"):
        right = value(unit, source, tree.right, scope, target)
        second = settle(unit, source, tree.position, right, target) if isinstance(right, Value) else None
        if second is not None:
            unit.line(f"{held} = {second.code}")
            unit.line(f"{place} = {second.where}")
    if second is None:
        if isinstance(right, Many):
            unit.problem(source, tree.position, "`??` chooses between single values", "choose one with `[1]`")
        return None if right is None or not isinstance(right, Value) or right.type != NOTHING else first
    if first.type != second.type and first.literal is None and second.literal is None:
        both = {first.type, second.type}
        if not both <= {TEXT, "string", "code", "json"}:
            said = f"the sides of `??` differ: {first.described()} and {second.described()}"
            unit.problem(source, tree.position, said, "convert both to the same type")
            return None
    return replace(
        first if first.literal is None else second,
        code=held,
        where=place,
        null=first.null or second.null,
        own=max(first.own, second.own),
        raw=False,
        literal=None,
        target=first.target or second.target,
    )


def settle(unit: Unit, source: Scalar, position: int, found: Value, target: Target | None) -> Value | None:
    """A raw value in a form that None and NULL can tell: text, or what the target wants of a composite."""
    if found.type == NOTHING:
        return None
    if target is not None and found.composite and target.types and target.types[0] not in convert.SIMPLE:
        return convert.to_target(unit, source, position, found, target.one())
    text = paths.as_text(unit, found)
    if text is None:
        unit.problem(source, position, f"HL7 {found.composite} is composite", "name its component: `PID-5.1`")
    return text


def is_id(found: Any | None) -> bool:
    return isinstance(found, Value) and found.type == ID
