"""Calls of templates: choosing one by its argument, and what its result is to the element."""

from __future__ import annotations

from dataclasses import replace

from mappings.language.compile import expressions, instances, makers, repetitions, templates
from mappings.language.compile.recurring import made_once
from mappings.language.compile.scope import Scope
from mappings.language.compile.unit import Unit
from mappings.language.compile.values import (
    NOTHING,
    NOTHING_VALUE,
    REFERENCE,
    VARIES,
    Any,
    Groups,
    Many,
    References,
    Segments,
    Target,
    Value,
)
from mappings.language.expressions import Call
from mappings.language.fhir.model import type_model
from mappings.language.nodes import Scalar
from mappings.language.source import FAMILIES


def call(unit: Unit, source: Scalar, tree: Call, scope: Scope, target: Target | None) -> Any | None:
    """A template as a value: an object of its type, or a reference to the resource it makes."""
    arguments = arguments_of(unit, source, tree, scope)
    if arguments is None:
        return None
    if arguments and isinstance(arguments[0], Many):
        return _call_on_each(unit, source, tree, arguments, target)
    template = choose(unit, source, tree, arguments)
    return None if template is None else run(unit, source, tree.position, template, arguments, target)


def _call_on_each(unit: Unit, source: Scalar, tree: Call, arguments: list[Any], target: Target | None) -> Many | None:
    many = arguments[0]
    if not isinstance(many, Many):
        return None
    held = unit.writer.name("l")
    unit.line(f"{held} = []")
    head, number, raw = repetitions.each_of(unit, many)
    result: Value | None = None
    with unit.writer.block(head):
        item = repetitions.items_of(unit, many, number, raw)
        chosen: list[Any] = [NOTHING_VALUE if item is None else item, *arguments[1:]]
        template = choose(unit, source, tree, chosen)
        if template is not None:
            result = run(unit, source, tree.position, template, chosen, target.one() if target else None)
        if result is not None:
            with unit.writer.block(f"if {result.code} is not None and {result.code} is not NULL:"):
                unit.line(f"{held}.append({result.code})")
    return None if result is None else repetitions.gathered(held, result, many)


def arguments_of(unit: Unit, source: Scalar, tree: Call, scope: Scope) -> list[Any] | None:
    found: list[Any] = []
    for argument in tree.arguments:
        value = expressions.value(unit, source, argument, scope, None)
        if value is None:
            return None
        if isinstance(value, Groups):
            said = f"a template takes segments, not {value.described()}"
            unit.problem(source, argument.position, said, "name its segments, inside an `each:` of the group")
            return None
        found.append(value)
    return found


def choose(unit: Unit, source: Scalar, tree: Call, arguments: list[Any]) -> templates.Template | None:
    """The template of that name that reads the first argument's type."""
    known = unit.shared.templates[tree.name]
    fitting = known
    if len(known) > 1 and arguments:
        kind = _reads(arguments[0])
        fitting = [t for t in known if t.reads in (kind, FAMILIES.get(kind, kind))]
    if len(fitting) != 1:
        names = ", ".join(t.file for t in known)
        unit.problem(
            source, tree.position, f"`{tree.name}` could be any of {names}", "its first value decides", len(tree.name)
        )
        return None
    template = fitting[0]
    unit.shared.used_templates.add(template.file)
    least = sum(not p.optional for p in template.parameters)
    if not least <= len(arguments) <= len(template.parameters):
        said = f"`{template.signature()}` is given {len(arguments)} value{'s' if len(arguments) != 1 else ''}"
        unit.problem(source, tree.position, said, f"see {template.file}.yaml", len(tree.name))
        return None
    return template


def _reads(argument: Any) -> str:
    if isinstance(argument, Segments):
        return argument.name
    if isinstance(argument, Many):
        return argument.item.composite
    return argument.composite if isinstance(argument, Value) else ""


def by_type(unit: Unit, source: Scalar, position: int, found: Value, target: Target) -> Value | None:
    """The template filed under a composite's data type that makes what the element wants; None if there is none."""
    for wanted in target.types:
        for template in _candidates(unit, found, wanted, target):
            if len([p for p in template.parameters if not p.optional]) == 1:
                unit.shared.used_templates.add(template.file)
                return run(unit, source, position, template, [found], replace(target, types=(wanted,)))
    return None


def _candidates(unit: Unit, found: Value, wanted: str, target: Target) -> list[templates.Template]:
    kinds = [found.composite, FAMILIES.get(found.composite, "")]
    every = [t for templates in unit.shared.templates.values() for t in templates if t.file.startswith("datatypes/")]
    named = target.targets if wanted == "Reference" else (wanted,)
    if found.type == VARIES:
        fitting = [t for t in every if t.name in named]
        return fitting if len(fitting) == 1 else []
    order = {kind: rank for rank, kind in enumerate(kinds) if kind}
    fitting = [
        t for t in every if t.reads in order and (t.makes in named if wanted == "Reference" else t.name in named)
    ]
    if wanted == "Reference":
        fitting = [t for t in fitting if t.resource]
    return sorted(fitting, key=lambda t: order[t.reads])


def run(
    unit: Unit, source: Scalar, position: int, template: templates.Template, arguments: list[Any], target: Target | None
) -> Value | None:
    """Writes the call. A template that makes a resource gives the reference to it."""
    arguments = as_declared(unit, source, position, template, arguments)
    if template.chain:
        name, _ = instances.instance(unit, template, arguments, REFERENCE)
        result = unit.writer.name("v")
        with made_once(unit, name, arguments, result):
            unit.line(f"{result} = {name}({passed(arguments, target)})")
        return Value(result, REFERENCE, where=where_of(arguments), target=template.makes)
    kind = template.makes
    if template.resource:
        return _nested_resource(unit, source, position, template, arguments, target)
    if target is not None and target.types and (not kind or kind not in target.types):
        kind = target.types[0]
        if template.makes and type_model(template.makes):
            said = f"{target.name} is {' or '.join(target.types[:4])}, and {template.file} makes {template.makes}"
            unit.problem(source, position, said)
            return None
    if not kind:
        unit.problem(source, position, f"{template.file} says not what it makes", "name it after a FHIR type")
        return None
    name, _ = instances.instance(unit, template, arguments, kind)
    result = unit.writer.name("v")
    unit.line(f"{result} = {name}({passed(arguments, target)})")
    return Value(result, kind, where=where_of(arguments))


def _nested_resource(
    unit: Unit, source: Scalar, position: int, template: templates.Template, arguments: list[Any], target: Target | None
) -> Value | None:
    kind = template.makes
    if target is not None:
        if "Reference" not in target.types:
            said = f"{target.name} is {target.types[0]}, and {template.file} makes the resource {kind}"
            unit.problem(source, position, said)
            return None
        if target.targets and kind not in target.targets:
            said = f"{target.name} cannot refer to {kind}"
            unit.problem(source, position, said, f"it may refer to {', '.join(target.targets)}")
            return None
    result = unit.writer.name("v")
    unit.line(f"{result} = {makers.emitting(unit, template, arguments)}")
    return Value(result, REFERENCE, where=where_of(arguments), target=kind)


def where_of(arguments: list[Any]) -> str:
    """Code for the source path of the first argument that has one."""
    return next((_at(a) for a in arguments if _at(a) != "''"), "''")


def _at(argument: Any) -> str:
    if isinstance(argument, Value):
        return argument.where
    return (
        argument.where
        if isinstance(argument, Segments)
        else argument.item.where
        if isinstance(argument, Many)
        else "''"
    )


def passed(arguments: list[Any], target: Target | None) -> str:
    """The Python arguments: state, message, FHIR path, then code and source path of each value."""
    return ", ".join(["S", "M", target.to if target is not None else "''", *codes_of(arguments)])


def codes_of(arguments: list[Any]) -> list[str]:
    """Code and source path of each value that is no constant."""
    codes: list[str] = []
    for argument in arguments:
        match argument:
            case Value() if argument.type == NOTHING:
                continue
            case Value() if argument.literal is not None:
                continue
            case Segments() if argument.code == NOTHING:
                continue
            case Many():
                codes += [f"list({argument.code})", argument.item.where]
            case References():
                codes += [argument.code]
            case Value() | Segments():
                codes += [argument.code, argument.where]
    return codes


def as_declared(
    unit: Unit, source: Scalar, position: int, template: templates.Template, arguments: list[Any]
) -> list[Any]:
    """Raw values as the data types that the template's parameters name: an older version's simple type is the first
    component of what it became."""
    found: list[Any] = []
    for parameter, argument in zip(template.parameters, arguments, strict=False):
        fitted = argument
        if unit.shared.hl7.is_type(parameter.name) and isinstance(argument, Value) and argument.raw:
            fitted = replace(argument, type=f"hl7:{parameter.name}")
            family = {argument.composite, FAMILIES.get(argument.composite, "")}
            reverse = FAMILIES.get(parameter.name, "")
            if argument.composite and parameter.name not in family and reverse not in family:
                said = f"`{template.signature()}` takes {parameter.name}, and this is {argument.composite}"
                unit.problem(source, position, said, f"see {template.file}.yaml")
        elif unit.shared.hl7.is_type(parameter.name) and isinstance(argument, Many):
            unit.problem(
                source,
                position,
                f"`{template.signature()}` takes one {parameter.name}, and there are several",
                "choose one with `[1]`, or go through them with `each:`",
            )
        found.append(fitted)
    return found
