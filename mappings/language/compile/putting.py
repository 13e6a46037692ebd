"""Values of all kinds into the place that wants them."""

from __future__ import annotations

from dataclasses import replace

from mappings.language.compile import (
    components,
    convert,
    directives,
    expressions,
    objects,
    overlays,
    paths,
    presence,
    repetitions,
)
from mappings.language.compile.fixed import fixed_text
from mappings.language.compile.scope import Scope
from mappings.language.compile.sinks import Piece, Sink
from mappings.language.compile.unit import Unit, read_expression
from mappings.language.compile.values import (
    ID,
    NOTHING,
    REFERENCE,
    Groups,
    Many,
    Own,
    References,
    Segments,
    Value,
    constant,
)
from mappings.language.expressions import Expression, Literal, Path
from mappings.language.nodes import Mapping, Node, Scalar
from mappings.language.nodes import Sequence as NodeSequence
from mappings.language.problems import Place


def put(unit: Unit, sink: Sink, node: Node, scope: Scope, place: Place) -> None:
    """Writes a value of any kind into a sink."""
    if isinstance(node, NodeSequence):
        if not sink.held:
            said = f"{sink.target.name} is single, and this is a list"
            unit.wrong(node.place, said, "write the one value without `-`")
            return
        for item in node.items:
            put(unit, sink, item, scope, item.place)
    elif isinstance(node, Scalar):
        with unit.writer.at(node.place):
            put_scalar(unit, sink, node, scope)
    else:
        with unit.writer.at(place):
            put_mapping(unit, sink, node, scope, place)


def put_scalar(unit: Unit, sink: Sink, node: Scalar, scope: Scope) -> None:
    if node.quoted:
        value = convert.to_target(unit, node, 0, constant(node.text), sink.target)
        if value is not None:
            sink.put(unit, value.code, value.type, Own.CONSTANT)
        return
    tree = read_expression(unit, node)
    if tree is None:
        return
    needed = "" if sink.plain else presence.decisive(unit, node, tree, scope)
    if not needed:
        _put_tree(unit, sink, node, tree, scope)
        return
    with unit.writer.block(f"if {needed}:"):
        unit.writer.remember(f"{needed} is some", needed)
        _put_tree(unit, sink, node, tree, scope)


def _put_tree(unit: Unit, sink: Sink, node: Scalar, tree: Expression, scope: Scope) -> None:
    found = expressions.value(unit, node, tree, scope, sink.target)
    if found is None:
        return
    if isinstance(found, References):
        found = paths.every(found)
    if isinstance(found, (Segments, Groups)):
        unit.problem(node, 0, f"{sink.target.name} cannot be {found.described()}", "name a field: `PV1-3`")
    elif isinstance(found, Many):
        put_many(unit, sink, node, found)
    else:
        position = tree.position if isinstance(tree, (Path, Literal)) else 0
        put_value(unit, sink, node, position, found)


def put_value(unit: Unit, sink: Sink, node: Scalar, position: int, found: Value) -> None:
    if sink.plain:
        return _put_identity(unit, sink, node, found)
    if found.raw and not found.composite:
        found = components.as_text(unit, found) or found
    if found.raw:
        return _put_composite(unit, sink, node, position, found)
    value = convert.to_target(unit, node, position, found, sink.target)
    if value is None or value.type == NOTHING:
        return None
    if value.literal is not None:
        return sink.put(unit, value.code, value.type, Own.CONSTANT)
    guard = value.code
    if value.type == REFERENCE:
        guard = unit.writer.once(value.code)
        value = replace(value, code=f"{{'reference': {guard}}}", type="Reference")
    if value.types:
        with unit.writer.block(f"if {value.code} is not None and {value.code} is not NULL:"):
            unit.line(f"{sink.owner}[{sink.choice!r} + capital({value.code}[0])] = {value.code}[1]")
            unit.line(f"{sink.live} = True")
            sink.own = Own.SOURCE
            unit.note_used([value])
            name = f"{sink.choice!r} + capital({value.code}[0])"
            unit.note_placed([value], sink.target.to, sink.owner, name, f"{value.code}[1]")
        return None
    with unit.writer.block(f"if {guard} is not None:"):
        if value.null:
            with unit.writer.block(f"if {guard} is NULL:"):
                unit.line(f"S.deleted.append({sink.target.to})")
            with unit.writer.block("else:"):
                sink.put(unit, value.code, value.type, value.own, [value])
        else:
            sink.put(unit, value.code, value.type, value.own, [value])
    return None


def _put_identity(unit: Unit, sink: Sink, node: Scalar, found: Value) -> None:
    if found.type not in (ID, NOTHING):
        advice = "identity(value, authority?), national(system, value) or within(reference, role, code…)"
        unit.wrong(node.place, "this makes no id", advice)
        return
    unit.line(f"{sink.owner} = {found.code}")
    sink.comes_from(expressions.first_side(found.where))
    if sink.traced:
        unit.line(f"{sink.owner}_at = {found.where}")


def _put_composite(unit: Unit, sink: Sink, node: Scalar, position: int, found: Value) -> None:
    """A composite: null is a deletion, else its template runs."""
    with unit.writer.block(f"if {found.code} == RAW_NULL:"):
        unit.line(f"S.deleted.append({sink.target.to})")
    with unit.writer.block(f"elif {found.code}:"):
        value = convert.to_target(unit, node, position, found, sink.target)
        if value is None or value.type == NOTHING:
            return
        guard = value.code
        if value.type == REFERENCE:
            value = replace(value, code=f"{{'reference': {guard}}}", type="Reference")
        with unit.writer.block(f"if {guard} is not None and {guard} is not NULL:"):
            noted = [] if value.type not in convert.SIMPLE else [value]
            sink.put(unit, value.code, value.type, Own.SOURCE, noted, [value])
            sink.comes_from(found.where)


def put_many(unit: Unit, sink: Sink, node: Scalar, found: Many) -> None:
    if not sink.held:
        said = f"{sink.target.name} is single, and `{node.text}` may have several values"
        advice = "choose one with `[1]`, put them into another element with `each:`, or into a list element"
        unit.wrong(node.place, said, advice)
        return
    head, number, raw = repetitions.each_of(unit, found)
    with unit.writer.block(head):
        item = repetitions.items_of(unit, found, number, raw)
        if item is not None:
            put_value(unit, sink, node, 0, item)


def put_mapping(unit: Unit, sink: Sink, node: Mapping, scope: Scope, place: Place) -> None:
    """An object, or one of the directives that stand for it."""
    for entry in node:
        if entry.key.text in ("each", "if", "let"):
            rest = Mapping(tuple(e for e in node if e is not entry), node.place)
            if entry.key.text == "each" and "chain" not in node.names():
                return directives.write_each(unit, sink, entry, rest, scope, place)
            if entry.key.text == "if":
                return directives.write_if(unit, sink, entry, rest, scope, place)
            if entry.key.text == "let":
                return put_mapping(unit, sink, rest, directives.let(unit, entry, scope), place)
    for entry in node:
        if entry.key.text == "then":
            return put(unit, sink, entry.value, scope, entry.key.place)
        if entry.key.text == "cases":
            return directives.write_cases(unit, sink, entry, scope)
        if entry.key.text == "switch":
            return directives.write_switch(unit, sink, node, entry, scope)
    if "template" in node.names():
        return overlays.put_template(unit, sink, node, scope, place)
    return put_object(unit, sink, objects.pieces_of(node, scope), place)


def put_object(unit: Unit, sink: Sink, pieces: list[Piece], place: Place) -> None:
    if sink.choice:
        names = ", ".join(f"{sink.choice}{t[0].upper()}{t[1:]}" for t in sink.target.types)
        unit.wrong(place, f"{sink.target.name} may be of several types", f"write one of {names}")
        return
    kind = sink.target.types[0]
    if kind in convert.SIMPLE:
        unit.wrong(
            place, f"{sink.target.name} is {kind}, and this is an object", "write the value, or `then:` beside `if:`"
        )
        return
    if kind == "Resource":
        unit.wrong(
            place, "resources cannot stand inside others", "name it under `resources:` and refer to it: `ref(name)`"
        )
        return
    fixed = fixed_text(unit, pieces, kind)
    if fixed:
        sink.put(unit, fixed, kind, Own.CONSTANT)
        return
    built = objects.build(unit, pieces, kind, sink.target.to, place)
    if built is None:
        return
    if built.own is Own.CONSTANT:
        with unit.writer.block(f"if {built.code}:"):
            sink.put(unit, built.code, kind, Own.CONSTANT)
        return
    with unit.writer.block(f"if {built.live}:"):
        sink.put(unit, built.code, kind, built.own)
