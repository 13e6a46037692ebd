"""Ids of resources: `identity`, `national`, `within` and `distinct`, and the `id:` that they stand in."""

from __future__ import annotations

from dataclasses import replace

from mappings.language.compile import (
    directives,
    expressions,
    putting,
)
from mappings.language.compile.scope import Scope
from mappings.language.compile.sinks import Sink
from mappings.language.compile.unit import Unit, is_literal
from mappings.language.compile.values import (
    ID,
    JSON,
    NOTHING,
    REFERENCE,
    TEXT,
    Many,
    References,
    Target,
    Value,
)
from mappings.language.expressions import Call, Expression, Path
from mappings.language.nodes import Mapping, Scalar


def made_of(unit: Unit, source: Scalar, tree: Call, scope: Scope, target: Target | None) -> Value | None:
    """`identity`, `national` or `within`: an id of the resource type that the target names."""
    kind = target.types[0] if target is not None and target.name == ID else ""
    if not kind:
        unit.problem(
            source, tree.position, f"`{tree.name}` makes ids, and stands only after `id:`", length=len(tree.name)
        )
        return None
    arguments: list[Value] = []
    for position, argument in enumerate(tree.arguments):
        reference = tree.name == "within" and position == 0
        found = _id_part(unit, source, tree, argument, scope, reference=reference)
        if found is None:
            return None
        arguments.append(found)
    shapes = {
        "identity": (1, 2, "identity(value, authority?)"),
        "national": (2, 2, "national(system, value)"),
        "within": (2, 99, "within(reference, role, code…)"),
    }
    least, most, shape = shapes[tree.name]
    if not least <= len(arguments) <= most:
        unit.problem(source, tree.position, f"`{tree.name}` has {len(arguments)} values here", shape, len(tree.name))
        return None
    codes = [a.code for a in arguments]
    if tree.name == "identity" and len(codes) == 1:
        codes.append("None")
    deciding = {"identity": 0, "national": 1, "within": 0}[tree.name]
    result = unit.writer.name("v")
    nothing = f"{codes[deciding]} is None or {codes[deciding]} is NULL"
    unit.line(f"{result} = None if {nothing} else {tree.name}(S, {kind!r}, {', '.join(codes)})")
    where = next((a.where for a in (arguments[deciding], *arguments) if a.where != "''"), "''")
    return Value(result, ID, where=where, target=kind)


def distinct(unit: Unit, source: Scalar, tree: Call, scope: Scope, target: Target | None) -> Value | None:
    """`distinct(within(…))`: of what comes to the same id in one message, each has an id of its own."""
    kind = target.types[0] if target is not None and target.name == ID else ""
    found = expressions.value(unit, source, tree.arguments[0], scope, target) if len(tree.arguments) == 1 else None
    if not kind or not isinstance(found, Value) or found.type != ID:
        said = "`distinct` stands after `id:` and takes an id"
        unit.problem(source, tree.position, said, "distinct(within(patient, …))", len(tree.name))
        return None
    result = unit.writer.name("v")
    unit.line(f"{result} = None if {found.code} is None else S.distinct({kind!r}, {found.code})")
    return replace(found, code=result)


def _id_part(
    unit: Unit, source: Scalar, tree: Call, argument: Expression, scope: Scope, *, reference: bool
) -> Value | None:
    found = expressions.value(unit, source, argument, scope, None)
    if found is None:
        return None
    if isinstance(found, Value) and found.type == NOTHING:
        return found
    if isinstance(found, Value) and (found.type == REFERENCE) == reference:
        text = expressions.settle(unit, source, tree.position, found, None)
        if text is None:
            return None
        if text.type == JSON:
            return replace(text, code=unit.writer.once(f"text_of_json({text.code})"), type=TEXT)
        clean = f"None if {text.code} is NULL else {text.code}" if text.null else text.code
        return replace(text, code=unit.writer.once(clean) if text.null else clean)
    if isinstance(found, (Many, References)):
        what = argument.text if isinstance(argument, Path) else "this"
        said = f"an id is made of single values, and `{what}` may be several"
        unit.problem(source, tree.position, said, "choose one with `[1]`", len(tree.name))
        return None
    wanted = "a reference: `ref(patient)` or a parameter" if reference else "texts"
    unit.problem(source, tree.position, f"`{tree.name}` takes {wanted}, not {found.described()}", length=len(tree.name))
    return None


def identity_in(unit: Unit, body: Mapping, kind: str, scope: Scope, *, traced: bool = False) -> Value | None:
    """Writes an object's id: `id:` is an expression, or `cases:` of such. An `if:` beside it holds for the id too. With
    `traced`, the value's source path is that of the part that was chosen; else the first that it is made of, where that
    is a plain text."""
    entry = body.entry("id")
    names = body.entry("let")
    if names is not None:
        scope = directives.let(unit, names, scope)
    if entry is None or (isinstance(entry.value, Scalar) and entry.value.quoted):
        place = entry.value.place if entry else body.place
        unit.wrong(place, f"{kind} needs an id", "id: identity(PID-3[1].1, PID-3[1].4)")
        return None
    local = unit.writer.name("u")
    unit.line(f"{local} = None")
    if traced:
        unit.line(f"{local}_at = ''")
    sink = Sink(local, Target((kind,), ID), "", resource=True, plain=True, traced=traced)
    condition = body.entry("if")
    guard = directives.condition_of(unit, condition.value, scope) if condition is not None else "True"
    with unit.writer.block(f"if {guard}:"):
        putting.put(unit, sink, entry.value, scope, entry.key.place)
    where = f"{local}_at" if traced else sink.where if is_literal(sink.where) else "''"
    return Value(local, ID, where=where, target=kind)
