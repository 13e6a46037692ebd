"""Several values: choosing among them, and going through them."""

from __future__ import annotations

from dataclasses import replace

from mappings.language.compile import components, conditions
from mappings.language.compile.scope import Scope
from mappings.language.compile.shapes import is_closed, shape
from mappings.language.compile.unit import Unit, where_plus
from mappings.language.compile.values import (
    Any,
    Many,
    Value,
)
from mappings.language.expressions import Where
from mappings.language.nodes import Scalar


def pick(unit: Unit, many: Many, number: str) -> Value:
    """The n-th of several, from 1."""
    if not many.numbered:
        return replace(many.item, code=unit.writer.once(f"next(islice({many.code}, {int(number) - 1}, None), None)"))
    index = int(number) - 1
    pair = unit.writer.once(f"{many.code}[{index}] if len({many.code}) > {index} else (1, '')", "r")
    item = replace(many.item, code=unit.writer.once(f"{pair}[1]", "r"))
    return replace(item, where=numbered_where(many.item.where, f"{pair}[0]"))


def numbered_where(base: str, number: str) -> str:
    """Code for `PID-3` of the first repetition, `PID-3[2]` of the second."""
    return f"({base} if {number} == 1 else rep({base}, {number}))"


def matching(unit: Unit, source: Scalar, value: Any, step: Where, scope: Scope) -> Any | None:
    if isinstance(value, Value):
        picked = unit.writer.name("m")
        inner = scope.inner()
        inner.here = value
        condition = conditions.condition(unit, source, step.condition, inner)
        empty = "''" if value.raw else "None"
        unit.line(f"{picked} = {value.code} if {condition} else {empty}")
        return replace(value, code=picked)
    if not isinstance(value, Many):
        unit.problem(source, 0, "only repetitions can be chosen from in brackets")
        return None
    same = f"{value.code} where {shape(step.condition)}"
    known = unit.writer.recall(same)
    if known and is_closed(step.condition):
        return replace(value, code=known)
    found = unit.writer.name("m")
    unit.writer.remember(same, found)
    unit.line(f"{found} = []")
    inner = scope.inner()
    if value.numbered:
        position, raw = unit.writer.name("i"), unit.writer.name("r")
        with unit.writer.block(f"for {position}, {raw} in {value.code}:"):
            inner.here = replace(value.item, code=raw)
            condition = conditions.condition(unit, source, step.condition, inner)
            with unit.writer.block(f"if {condition}:"):
                unit.line(f"{found}.append(({position}, {raw}))")
    else:
        raw = unit.writer.name("r")
        with unit.writer.block(f"for {raw} in {value.code}:"):
            inner.here = replace(value.item, code=raw)
            condition = conditions.condition(unit, source, step.condition, inner)
            with unit.writer.block(f"if {condition}:"):
                unit.line(f"{found}.append({raw})")
    return replace(value, code=found)


def each_of(unit: Unit, many: Many) -> tuple[str, str, str]:
    """The head of a loop over several values, with its locals: (for-line, number, raw)."""
    number, raw = unit.writer.name("i"), unit.writer.name("r")
    head = f"for {number}, {raw} in {many.code}:" if many.numbered else f"for {raw} in {many.code}:"
    return head, number, raw


def gathered(held: str, result: Value, many: Many) -> Many:
    """The results, in the local `held`, of something done to each of `many`."""
    drawn = many.item.drawn if many.item.where == "''" else many.item.where
    for number in many.tail:
        drawn = where_plus(drawn, f".{number}")
    return Many(held, replace(result, code="", null=False, where="''", drawn=drawn), numbered=False)


def items_of(unit: Unit, many: Many, number: str, raw: str) -> Value | None:
    """Inside a loop over `many`: the item, with its components taken."""
    item = replace(many.item, code=raw)
    if many.numbered:
        item = replace(item, where=numbered_where(many.item.where, number))
    if not many.tail:
        return item
    kind = components._tail_type(unit, item.type, many.tail)
    return components.component_of(unit, item, many.tail, kind)
