"""Functions of a template, for each kind of arguments: the id of its resource, and putting it into a Bundle."""

from __future__ import annotations

from mappings.language.compile import identities, instances, templates, using
from mappings.language.compile.recurring import made_once
from mappings.language.compile.unit import Unit
from mappings.language.compile.values import ID, Any, Target, Value


def identity(unit: Unit, template: templates.Template, arguments: list[Any], *, traced: bool = False) -> Value:
    """Writes the call that makes the resource's id. With `traced`, the value's source path is that of the part that was
    chosen; else the first that it is made of, where that is the same for every caller."""
    made = "id and path" if traced else "id"
    key = instances.key_of(unit, template, arguments, made)
    name, _ = unit.shared.instances.get(key) or ("", "")
    if not name:
        name = instances.new_name("I", unit, template)
        unit.shared.instances[key] = (name, made)
        inner, scope, _ = instances.opened(unit, f"{name}(S, M", template, arguments)
        found = identities.identity_in(inner, template.body, template.makes, scope, traced=traced)
        if found is not None:
            inner.line(f"return {found.code}, {found.where}" if traced else f"return {found.code}")
            unit.shared.first_paths[name] = found.where
        unit.shared.functions.append(inner.writer)
    local = unit.writer.name("u")
    where = unit.writer.path("''") if traced else unit.shared.first_paths.get(name, "''")
    left = f"{local}, {where}" if traced else local
    unit.line(f"{left} = {name}({', '.join(['S', 'M', *using.codes_of(arguments)])})")
    return Value(local, ID, where=where, target=template.makes)


def emitting(unit: Unit, template: templates.Template, arguments: list[Any]) -> str:
    """Code of the call that puts the resource into the Bundle and gives the reference to it."""
    key = instances.key_of(unit, template, arguments, "reference")
    name, _ = unit.shared.instances.get(key) or ("", "")
    if not name:
        name = instances.new_name("E", unit, template)
        unit.shared.instances[key] = (name, "reference")
        _write_emitting(unit, name, template, arguments)
    return f"{name}({', '.join(['S', 'M', *using.codes_of(arguments)])})"


def _write_emitting(unit: Unit, name: str, template: templates.Template, arguments: list[Any]) -> None:
    kind = template.makes
    inner, _, own = instances.opened(unit, f"{name}(S, M", template, arguments)
    body, _ = instances.instance(inner, template, own, kind)
    result = inner.writer.name("v")
    with made_once(inner, body, own, result):
        made = identity(inner, template, own)
        called = f"{body}({using.passed(own, Target((kind,), kind, to=repr(kind)))})"
        inner.line(f"{result} = S.emit({kind!r}, {made.code}, {called}, {using.where_of(own)})")
    inner.line(f"return {result}")
    unit.shared.functions.append(inner.writer)
