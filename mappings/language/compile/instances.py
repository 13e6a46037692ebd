"""One function per template and kind of arguments."""

from __future__ import annotations

from dataclasses import replace

from mappings.language.compile import chains, directives, objects, putting, templates
from mappings.language.compile.resources import trees_in
from mappings.language.compile.scope import Scope
from mappings.language.compile.sinks import Sink
from mappings.language.compile.unit import Unit
from mappings.language.compile.values import (
    NOTHING,
    NOTHING_VALUE,
    REFERENCE,
    Any,
    Groups,
    Many,
    Own,
    References,
    Segments,
    Target,
    Value,
)
from mappings.language.compile.writer import Writer
from mappings.language.expressions import Path
from mappings.language.nodes import Mapping, Node, Sequence
from mappings.stages import Format


def bind(template: templates.Template, arguments: list[Any], message: str) -> Scope:
    """The template's scope with the caller's own locals: for what is written in place, ids and laid-over templates."""
    scope = Scope(message=message)
    for position, parameter in enumerate(template.parameters):
        argument = arguments[position] if position < len(arguments) else NOTHING_VALUE
        _bind(scope, parameter, argument)
    return scope


def _bind(scope: Scope, parameter: templates.Parameter, argument: Any) -> None:
    if parameter.field:
        scope.fields[parameter.name, parameter.field] = argument
        return
    if isinstance(argument, Value) and argument.type == NOTHING:
        argument = NOTHING_VALUE if not parameter.name.isupper() else Segments(parameter.name, NOTHING, "''")
    scope.names[parameter.name] = argument


def _kind_of(argument: Any) -> tuple[object, ...]:
    match argument:
        case Segments():
            return ("segment", argument.name, argument.code == NOTHING)
        case Many():
            item = argument.item
            return ("many", argument.numbered, argument.tail, item.type, item.raw, item.depth, item.target)
        case References():
            return ("references", argument.looped, argument.target)
        case Value():
            constant = argument.code if argument.own is Own.CONSTANT and argument.literal is not None else ""
            own = int(argument.own)
            return ("value", argument.type, argument.raw, argument.depth, own, argument.null, argument.target, constant)
    raise TypeError(type(argument))


def instance(unit: Unit, template: templates.Template, arguments: list[Any], kind: str) -> tuple[str, str]:
    """Name and type of the function for this template, these kinds of arguments and this type."""
    shared = unit.shared
    key = key_of(unit, template, arguments, kind)
    known = shared.instances.get(key)
    if known is not None:
        return known
    if template.file in shared.making:
        unit.wrong(template.body.place, f"{template.file} uses itself", " → ".join([*shared.making, template.file]))
        return "nothing", kind
    name = new_name("T", unit, template)
    shared.instances[key] = (name, kind)
    inner, scope, _ = opened(unit, f"{name}(S, M, to", template, arguments)
    shared.making.append(template.file)
    if kind == REFERENCE and template.chain:
        chains.body(inner, template.body, scope)
    else:
        _body(inner, template, scope, kind)
    shared.making.pop()
    elsewhere = [tree for key in ("id", "let") for tree in trees_in(template.body.get(key))]
    in_id = {tree.root for tree in elsewhere if isinstance(tree, Path)}
    for parameter in template.parameters:
        word = f"{parameter.name}-{parameter.field}" if parameter.field else parameter.name
        unread = word not in scope.uses | in_id and not _field_used(scope, parameter)
        if unread and not shared.problems.errors:  # else a mistake may have kept it from being read
            inner.warn(template.takes, f"`{word}` is taken and never read", "leave it out of `takes:`")
    shared.functions.append(inner.writer)
    given = {parameter.name for parameter in template.parameters}
    if len(given) == 1 and scope.uses <= given | chains.NAMES and not _is_always(template.body):
        shared.sole.add(name)
    return name, kind


def new_name(letter: str, unit: Unit, template: templates.Template) -> str:
    """Of a function that makes something of the template; `letter` tells what."""
    return f"{letter}{len(unit.shared.instances)}_{template.name if template.name.isidentifier() else 'template'}"


def key_of(unit: Unit, template: templates.Template, arguments: list[Any], made: str) -> tuple[object, ...]:
    """What two uses of a template have in common that share a function."""
    own_fields = unit.shared.format in (Format.CSV, Format.JSON)  # columns and members are those of the message
    kinds = tuple(_kind_of(argument) for argument in arguments)
    return (template.file, made, unit.message if own_fields else "", unit.parents, kinds)


def opened(unit: Unit, head: str, template: templates.Template, arguments: list[Any]) -> tuple[Unit, Scope, list[Any]]:
    """A function for these kinds of arguments, to be written; its scope, and the arguments as it gets them. `head` is
    what stands before them."""
    parameters, scope, bound = _parameters(template, arguments, unit.message)
    writer = Writer(f"def {head}{parameters}):", template.body.place)
    separators(unit, writer)
    origin = next((at for at in parameters.split(", ") if at.startswith("a")), "''")
    return Unit(unit.shared, writer, unit.parents, unit.message, (unit.writer.place, *unit.uses), origin), scope, bound


def _is_always(node: Node) -> bool:
    """Whether something in it is made even where nothing is read."""
    if isinstance(node, Sequence):
        return any(map(_is_always, node.items))
    return isinstance(node, Mapping) and any(e.key.text == "always" or _is_always(e.value) for e in node)


def separators(unit: Unit, writer: Writer) -> None:
    """Locals for the message's own separators."""
    if unit.shared.format is Format.HL7V2:
        writer.open("C, B, R = S.marks")


def _field_used(scope: Scope, parameter: templates.Parameter) -> bool:
    return bool(parameter.field) and parameter.name in scope.uses


def _parameters(template: templates.Template, arguments: list[Any], message: str) -> tuple[str, Scope, list[Any]]:
    scope = Scope(message=message)
    text = ""
    held: list[Any] = []
    for position, parameter in enumerate(template.parameters):
        argument = arguments[position] if position < len(arguments) else NOTHING_VALUE
        local, at = f"p{position}", f"a{position}"
        match argument:
            case Value() if argument.type == NOTHING or argument.literal is not None:
                bound: Any = argument
            case Segments() if argument.code == NOTHING:
                bound = argument
            case References():
                text += f", {local}"
                bound = replace(argument, code=local)
            case Segments():
                text += f", {local}, {at}"
                bound = Segments(parameter.name, local, at)
            case Many():
                text += f", {local}, {at}"
                bound = replace(argument, code=local, item=replace(argument.item, where=at))
            case Value():
                text += f", {local}, {at}"
                bound = replace(argument, code=local, where=at)
            case Groups():
                continue  # using.arguments_of has refused it
        held.append(bound)
        _bind(scope, parameter, bound)
    return text, scope, held


def _body(unit: Unit, template: templates.Template, scope: Scope, kind: str) -> None:
    names = template.body.entry("let")
    if names is not None:
        scope = directives.let(unit, names, scope)
    apart = ("takes", "let", "resourceType", "id") if template.resource else ("takes", "let", "resourceType")
    body = Mapping(tuple(e for e in template.body if e.key.text not in apart), template.body.place)
    if any(e.key.text in ("if", "each", "cases", "switch", "template", "then") for e in body):
        sink = Sink("result", Target((kind,), kind, to="to"), "made", template.resource, name="value")
        unit.line("result = {}")
        putting.put_mapping(unit, sink, body, scope, template.body.place)
        unit.line("return result.get('value')")
        return
    built = objects.build(
        unit, objects.pieces_of(body, scope), kind, "to", template.body.place, resource=template.resource
    )
    if built is None:
        return
    if built.own is Own.CONSTANT and not any(p.place.file == template.body.place.file for p in unit.problems.errors):
        said = f"{template.file} reads nothing from the source, so it would make nothing"
        unit.wrong(template.body.place, said, "read a field, or write `always: true`")
    unit.line(f"return {built.code} if {built.live} else None")
