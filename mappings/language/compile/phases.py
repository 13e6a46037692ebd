"""The two phases of a message: ids first, then bodies."""

from __future__ import annotations

from dataclasses import replace

from mappings.language.compile import (
    beginnings,
    directives,
    identities,
    instances,
    loops,
    makers,
    objects,
    overlays,
    paths,
    using,
)
from mappings.language.compile.resources import Resource
from mappings.language.compile.scope import Scope
from mappings.language.compile.sinks import Piece
from mappings.language.compile.unit import Unit
from mappings.language.compile.values import (
    ID,
    REFERENCE,
    Groups,
    Many,
    Own,
    References,
    Segments,
    Target,
    Value,
)
from mappings.language.fhir.model import is_resource
from mappings.language.nodes import Mapping


def write_identity(unit: Unit, resource: Resource, scope: Scope) -> None:
    """Phase one: the id, and the reference that others use."""
    name = resource.name
    safe = unit.writer.name("n")
    where = "''"
    with unit.writer.at(resource.place):
        if resource.each is not None:
            looped = _looped(resource, scope)
            unit.line(f"id_{safe} = {{}}")
            if resource.condition is not None:
                unit.line(f"if_{safe} = set()")
                resource.wanted = f"k in if_{safe}"
            with loops.loop(unit, resource.each, scope, counter="k") as inner:
                if inner is not None:
                    made = _identity(unit, resource, inner, f"if_{safe}.add(k)")
                    unit.line(f"id_{safe}[k] = {made.code}")
                    where = made.where
            unit.line(f"ref_{safe} = {{k: REFERENCE + v for k, v in id_{safe}.items() if v is not None}}")
            scope.names[f"ref({name})"] = References(f"ref_{safe}", looped, resource.kind)
        else:
            if resource.condition is not None:
                unit.line(f"if_{safe} = False")
                resource.wanted = f"if_{safe}"
            made = _identity(unit, resource, scope, f"if_{safe} = True")
            unit.line(f"id_{safe} = {made.code}")
            where = made.where
            unit.line(f"ref_{safe} = None if id_{safe} is None else REFERENCE + id_{safe}")
            scope.names[f"ref({name})"] = Value(f"ref_{safe}", REFERENCE, own=Own.REFERENCE, target=resource.kind)
    scope.names[f"id({name})"] = Value(f"id_{safe}", ID, where=where)


def _looped(resource: Resource, scope: Scope) -> str:
    """The segment or group of which each makes one."""
    node = resource.each.value if resource.each else None
    found = scope.name(beginnings.text_in(node)) if node is not None else None
    return found.name if isinstance(found, (Segments, Groups)) else ""


def _identity(unit: Unit, resource: Resource, scope: Scope, wanted: str) -> Value:
    """A local that holds the id, None where the resource has none or is not wanted; `wanted` notes that it is. Its
    source path is the first that the id is made of."""
    local = unit.writer.name("u")
    unit.line(f"{local} = None")
    if resource.condition is None:
        where = _write_identity(unit, resource, scope, local)
    else:
        with unit.writer.block(f"if {directives.condition_of(unit, resource.condition, scope)}:"):
            unit.line(wanted)
            where = _write_identity(unit, resource, scope, local)
    return Value(local, ID, where=where)


def _write_identity(unit: Unit, resource: Resource, scope: Scope, local: str) -> str:
    if resource.parent:
        unit.line(f"{local} = S.parent_patient_id()")
        return "''"
    found = _identity_value(unit, resource, scope)
    if found is None:
        return "''"
    unit.line(f"{local} = {found.code}")
    return found.where


def _identity_value(unit: Unit, resource: Resource, scope: Scope) -> Value | None:
    own = Mapping(tuple(e for e in resource.over if e.key.text in ("id", "let")), resource.place)
    if resource.direct is not None:
        return identities.identity_in(unit, resource.direct, resource.kind, scope)
    if own.get("id") is not None:
        return identities.identity_in(unit, own, resource.kind, scope)
    if resource.template is None:
        return None
    found = overlays.prepared(unit, resource.template, scope)
    return makers.identity(unit, *found) if found else None


def write_body(unit: Unit, resource: Resource, scope: Scope) -> None:
    """Phase two: the resource itself."""
    identity = scope.names.get(f"id({resource.name})")
    if not isinstance(identity, Value):
        return
    with unit.writer.at(resource.place):
        if resource.each is None:
            _body(unit, resource, scope, identity)
            return
        with loops.loop(unit, resource.each, scope, counter="k") as inner:
            if inner is not None:
                _body(unit, resource, inner, replace(identity, code=f"{identity.code}.get(k)"))


def _body(unit: Unit, resource: Resource, scope: Scope, identity: Value) -> None:
    """What a condition says was found out with the id."""
    if not resource.wanted:
        _write_body(unit, resource, scope, identity)
        return
    with unit.writer.block(f"if {resource.wanted}:"):
        _write_body(unit, resource, scope, identity)


def _write_body(unit: Unit, resource: Resource, scope: Scope, identity: Value) -> None:
    where = "''"
    if resource.parent:
        unit.line(f"S.keep('Patient', {identity.code}, S.parent_patient(), '')")
        return
    over = [(e, scope) for e in resource.over if e.key.text not in ("id", "resourceType")]
    made = ""
    if resource.direct is not None:
        made = _built(unit, over, resource)
    elif resource.template is not None:
        found = overlays.prepared(unit, resource.template, scope)
        if found is None:
            return
        where = next((at for value in found[1] if (at := _at(unit, value)) != "''"), "''")
        if over:
            laid = overlays.laid_over(unit, resource.template, scope, over)
            made = _built(replace(unit, origin=where), laid[2], resource) if laid else ""
        else:
            inside = Target((resource.kind,), resource.kind, to=repr(resource.kind))
            name, _ = instances.instance(unit, *found, resource.kind)
            made = f"{name}({using.passed(found[1], inside)})"
    if made:
        where = identity.where if where == "''" else where
        unit.line(f"S.keep({resource.kind!r}, {identity.code}, {made}, {where})")


def lay_over_passed(unit: Unit, document: Mapping, scope: Scope) -> None:
    """With `pass: entries`, `resources:` holds elements to lay over passed resources, by their type."""
    node = document.get("resources")
    for entry in node if isinstance(node, Mapping) else ():
        if not is_resource(entry.key.text) or not isinstance(entry.value, Mapping):
            said = "with `pass: entries`, `resources:` lays elements over passed resources"
            unit.wrong(entry.key.place, said, "Appointment:\n    status: …")
            continue
        kind = entry.key.text
        pieces = objects.pieces_of(entry.value, scope)
        built = objects.build(unit, pieces, kind, repr(kind), entry.key.place, resource=True, whole=False)
        if built is not None:
            unit.line(f"S.over[{kind!r}] = {built.code}")


def _at(unit: Unit, value: object) -> str:
    """Code for a value's source path, `''` where it has none."""
    if isinstance(value, Segments):
        return paths.opened(unit, value).where
    return value.where if isinstance(value, Value) else value.item.where if isinstance(value, Many) else "''"


def _built(unit: Unit, pieces: list[Piece], resource: Resource) -> str:
    kept = [(e, s) for e, s in pieces if e.key.text != "takes"]
    built = objects.build(unit, kept, resource.kind, repr(resource.kind), resource.place, resource=True)
    return f"{built.code} if {built.live} else None" if built else ""
