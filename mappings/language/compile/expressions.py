"""Expressions to generated code and the type of their value."""

from __future__ import annotations

from dataclasses import replace

from mappings.language.compile import calls, components, conditions, convert, paths
from mappings.language.compile.scope import Scope
from mappings.language.compile.unit import Unit
from mappings.language.compile.values import (
    BOOLEAN,
    JSON,
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
        case Call() if tree.name in ("present", "null", "any"):
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
    if left is None or (isinstance(left, Value) and left.type == NOTHING):
        return None if left is None else value(unit, source, tree.right, scope, target)
    if not isinstance(left, Value):
        _several(unit, source, tree.left)
        return None
    first = settle(unit, source, tree.position, left, target)
    if first is None:
        return None
    held = unit.writer.name("v")
    unit.line(f"{held} = {first.code}")
    with unit.writer.block(f"if {held} is None:"):
        right = value(unit, source, tree.right, scope, target)
        second = settle(unit, source, tree.position, right, target) if isinstance(right, Value) else None
        if second is not None:
            unit.line(f"{held} = {second.code}")
    if second is None:
        if isinstance(right, Many):
            _several(unit, source, tree.right)
        return None if right is None or not isinstance(right, Value) or right.type != NOTHING else first
    if first.type != second.type and first.literal is None and second.literal is None:
        both = {first.type, second.type}
        if not both <= {TEXT, "string", "code", "uri", "json"}:
            said = f"the sides of `??` differ: {first.described()} and {second.described()}"
            unit.problem(source, tree.position, said, "convert both to the same type")
            return None
    return replace(
        first if first.literal is None else second,
        code=held,
        type=_common(first, second),
        where=_where(first, second),
        null=first.null or second.null,
        own=max(first.own, second.own),
        raw=False,
        literal=None,
        target=first.target or second.target,
    )


def _where(first: Value, second: Value) -> str:
    """Code for the source path of what `??` chose; worked out only where it is asked for."""
    if "''" in (first.where, second.where) or first.where == second.where:
        return second.where if first.where == "''" else first.where
    return f"({first.where} if {first.code} is not None else {second.where})"


def first_side(where: str) -> str:
    """Of what `_where` has made, the source path of the first side: it asks for no name that may not be bound."""
    return where.lstrip("(").split(" if ", 1)[0] if where.startswith("(") and " if " in where else where


def _several(unit: Unit, source: Scalar, side: Expression) -> None:
    what = side.text if isinstance(side, Path) else "one side"
    said = f"`??` chooses between single values, and `{what}` may be several"
    unit.problem(source, side.position, said, "choose one with `[1]`", len(what))


def _common(first: Value, second: Value) -> str:
    kinds = {v.type for v in (first, second) if v.literal is None}
    if len(kinds) == 1:
        return kinds.pop()
    return JSON if JSON in kinds else TEXT


def settle(unit: Unit, source: Scalar, position: int, found: Value, target: Target | None) -> Value | None:
    """A raw value in a form that None and NULL can tell: text, or what the target wants of a composite."""
    if found.type == NOTHING:
        return None
    if target is not None and found.composite and target.types and target.types[0] not in convert.SIMPLE:
        return convert.to_target(unit, source, position, found, target.one())
    text = components.as_text(unit, found)
    if text is None:
        advice = f"name its component, as in `{found.composite}.1`"
        unit.problem(source, position, f"HL7 {found.composite} is composite", advice)
    return text
