"""Templates: what they take, how they are called, laid over, and made into one function per kind of argument."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from mappings.language.codes import CodeList, Unknown
from mappings.language.compile import chains, expressions, objects, paths
from mappings.language.compile.scope import Scope
from mappings.language.compile.sinks import Piece, Sink
from mappings.language.compile.unit import Unit, read_expression
from mappings.language.compile.values import (
    ID,
    NOTHING,
    NOTHING_VALUE,
    REFERENCE,
    VARIES,
    Any,
    Many,
    Own,
    References,
    Segments,
    Target,
    Value,
)
from mappings.language.compile.writer import Writer
from mappings.language.expressions import Call, Path
from mappings.language.fhir.model import is_resource, type_model
from mappings.language.nodes import Mapping, Scalar
from mappings.language.problems import Place, Problems, did_you_mean
from mappings.language.source import FAMILIES, Hl7Fields
from mappings.stages import Format

_PARAMETER: Final = re.compile(r"(?P<name>[A-Za-z]\w*)(?:-(?P<field>\d+))?(?P<optional>\?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One name of `takes:`. `field` is its number where a field is taken: `PID-32`."""

    name: str
    optional: bool
    field: int = 0

    def shown(self) -> str:
        return f"{self.name}{f'-{self.field}' if self.field else ''}{'?' if self.optional else ''}"


@dataclass(frozen=True, slots=True)
class Template:
    """One file of segments/, datatypes/ or templates/. `reads` is the segment or data type it is filed by; `makes` its
    resource type, or the FHIR type that its name is, else empty."""

    name: str
    file: str
    reads: str
    makes: str
    resource: bool
    parameters: tuple[Parameter, ...]
    body: Mapping
    takes: Place

    def signature(self) -> str:
        return f"{self.name}({', '.join(p.shown() for p in self.parameters)})"

    @property
    def chain(self) -> bool:
        return "chain" in self.body.names()


def read_template(file: str, body: Mapping, problems: Problems, segments: Hl7Fields) -> Template:
    """From its file, `datatypes/CX/Identifier`."""
    parts = file.split("/")
    kind = body.get("resourceType")
    each = body.get("each")
    if kind is None and isinstance(each, Mapping):
        kind = each.get("resourceType")
    makes = kind.text if isinstance(kind, Scalar) else parts[-1] if type_model(parts[-1]) else ""
    if isinstance(kind, Scalar) and not is_resource(kind.text):
        problems.add(kind.place, f"FHIR has no resource `{kind.text}`")
    takes = body.entry("takes")
    found: list[Parameter] = []
    place = takes.key.place if takes else body.place
    if takes is not None and isinstance(takes.value, Scalar):
        place = takes.value.place
        for word in re.split(r"[\s,]+", takes.value.text.strip()):
            match = _PARAMETER.fullmatch(word)
            if match is None:
                problems.add(place, f"`{word}` is no name of something taken", "takes: PID, PD1?, subject")
                continue
            found.append(Parameter(match["name"], bool(match["optional"]), int(match["field"] or 0)))
    elif len(parts) == 3:
        problems.add(body.place, f"{parts[1]} is not named", f"write `takes: {parts[1]}`")
    reads = parts[1] if len(parts) == 3 else ""
    if parts[0] == "segments" and reads not in segments.segments():
        problems.add(body.place, f"there is no segment {reads}", "declare its fields in fields.csv")
    if parts[0] == "datatypes" and not segments.is_type(reads):
        problems.add(
            body.place, f"there is no data type {reads}", did_you_mean(reads, ("XPN", "XAD", "XTN", "CX", "CWE"))
        )
    resource = is_resource(makes) and isinstance(kind, Scalar)
    return Template(parts[-1], file, reads, makes, resource, tuple(found), body, place)


# choosing and calling


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
    head, number, raw = paths.each_of(unit, many)
    result: Value | None = None
    with unit.writer.block(head):
        item = paths.items_of(unit, many, number, raw)
        chosen: list[Any] = [NOTHING_VALUE if item is None else item, *arguments[1:]]
        template = choose(unit, source, tree, chosen)
        if template is not None:
            result = run(unit, source, tree.position, template, chosen, target.one() if target else None)
        if result is not None:
            with unit.writer.block(f"if {result.code} is not None and {result.code} is not NULL:"):
                unit.line(f"{held}.append({result.code})")
    return None if result is None else Many(held, replace(result, code="", null=False, where="''"), numbered=False)


def arguments_of(unit: Unit, source: Scalar, tree: Call, scope: Scope) -> list[Any] | None:
    found: list[Any] = []
    for argument in tree.arguments:
        value = expressions.value(unit, source, argument, scope, None)
        if value is None:
            return None
        found.append(value)
    return found


def choose(unit: Unit, source: Scalar, tree: Call, arguments: list[Any]) -> Template | None:
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


def _candidates(unit: Unit, found: Value, wanted: str, target: Target) -> list[Template]:
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
    unit: Unit, source: Scalar, position: int, template: Template, arguments: list[Any], target: Target | None
) -> Value | None:
    """Writes the call. A template that makes a resource gives the reference to it."""
    arguments = as_declared(unit, source, position, template, arguments)
    if template.chain:
        name, _ = instance(unit, template, arguments, REFERENCE)
        result = unit.writer.name("v")
        unit.line(f"{result} = {name}({passed(arguments, target)})")
        return Value(result, REFERENCE, where=_where(arguments), target=template.makes)
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
    name, _ = instance(unit, template, arguments, kind)
    result = unit.writer.name("v")
    unit.line(f"{result} = {name}({passed(arguments, target)})")
    return Value(result, kind, where=_where(arguments))


def _nested_resource(
    unit: Unit, source: Scalar, position: int, template: Template, arguments: list[Any], target: Target | None
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
    name, _ = instance(unit, template, arguments, kind)
    identity = identity_of(unit, template, bind(template, arguments, unit.message))
    if identity is None:
        return None
    result = unit.writer.name("v")
    inside = Target((kind,), kind, to=repr(kind))
    body = f"{name}({passed(arguments, inside)})"
    where = _where(arguments)
    unit.line(f"{result} = S.emit({kind!r}, {identity.code}, {body}, {where})")
    return Value(result, REFERENCE, where=where, target=kind)


def identity_of(unit: Unit, template: Template, scope: Scope) -> Value | None:
    """Writes the `id:` of a resource's template, read in the scope of its parameters."""
    return identity_in(unit, template.body, template.makes, scope)


def identity_in(unit: Unit, body: Mapping, kind: str, scope: Scope) -> Value | None:
    """The same for any object: `id:` is an expression, or `cases:` of such. An `if:` beside it holds for the id too."""
    entry = body.entry("id")
    names = body.entry("let")
    if names is not None:
        scope = objects.let(unit, names, scope)
    if entry is None or (isinstance(entry.value, Scalar) and entry.value.quoted):
        place = entry.value.place if entry else body.place
        unit.wrong(place, f"{kind} needs an id", "id: identity(PID-3[1].1, PID-3[1].4)")
        return None
    local = unit.writer.name("u")
    unit.line(f"{local} = None")
    unit.line(f"{local}_at = ''")
    sink = Sink(local, Target((kind,), ID), "", resource=True, plain=True)
    condition = body.entry("if")
    guard = objects.condition_of(unit, condition.value, scope) if condition is not None else "True"
    with unit.writer.block(f"if {guard}:"):
        objects.put(unit, sink, entry.value, scope, entry.key.place)
    return Value(local, ID, where=f"{local}_at", target=kind)


def _where(arguments: list[Any]) -> str:
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
    codes = ["S", "M", target.to if target is not None else "''"]
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
            case _:
                codes += [argument.code, argument.where]
    return ", ".join(codes)


# one function per kind of argument


def bind(template: Template, arguments: list[Any], message: str) -> Scope:
    """The template's scope with the caller's own locals: for what is written in place, ids and laid-over templates."""
    scope = Scope(message=message)
    for position, parameter in enumerate(template.parameters):
        argument = arguments[position] if position < len(arguments) else NOTHING_VALUE
        _bind(scope, parameter, argument)
    return scope


def as_declared(unit: Unit, source: Scalar, position: int, template: Template, arguments: list[Any]) -> list[Any]:
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


def _bind(scope: Scope, parameter: Parameter, argument: Any) -> None:
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
            return ("references", argument.segment, argument.target)
        case Value():
            constant = argument.code if argument.own is Own.CONSTANT and argument.literal is not None else ""
            own = int(argument.own)
            return ("value", argument.type, argument.raw, argument.depth, own, argument.null, argument.target, constant)
    raise TypeError(type(argument))


def instance(unit: Unit, template: Template, arguments: list[Any], kind: str) -> tuple[str, str]:
    """Name and type of the function for this template, these kinds of arguments and this type."""
    shared = unit.shared
    key = (template.file, kind, unit.message, unit.parents, tuple(_kind_of(a) for a in arguments))
    known = shared.instances.get(key)
    if known is not None:
        return known
    if template.file in shared.making:
        unit.wrong(template.body.place, f"{template.file} uses itself", " → ".join([*shared.making, template.file]))
        return "nothing", kind
    name = f"T{len(shared.instances)}_{template.name if template.name.isidentifier() else 'template'}"
    shared.instances[key] = (name, kind)
    parameters, scope = _parameters(template, arguments, unit.message)
    writer = Writer(f"def {name}(S, M, to{parameters}):", template.body.place)
    inner = Unit(shared, writer, unit.parents, unit.message)
    separators(unit, writer)
    shared.making.append(template.file)
    if kind == REFERENCE and template.chain:
        chains.body(inner, template.body, scope)
    else:
        _body(inner, template, scope, kind)
    shared.making.pop()
    for parameter in template.parameters:
        word = f"{parameter.name}-{parameter.field}" if parameter.field else parameter.name
        if word not in scope.uses and not _field_used(scope, parameter):
            shared.problems.warn(template.takes, f"`{word}` is taken and never read", "leave it out of `takes:`")
    shared.functions.append(writer)
    return name, kind


def separators(unit: Unit, writer: Writer) -> None:
    """Locals for the message's own separators."""
    if unit.shared.format is Format.HL7V2:
        for local, name in (("C", "component"), ("B", "subcomponent"), ("R", "repetition")):
            writer.open(f"{local} = S.delimiters.{name}")


def _field_used(scope: Scope, parameter: Parameter) -> bool:
    return bool(parameter.field) and parameter.name in scope.uses


def _parameters(template: Template, arguments: list[Any], message: str) -> tuple[str, Scope]:
    scope = Scope(message=message)
    text = ""
    for position, parameter in enumerate(template.parameters):
        argument = arguments[position] if position < len(arguments) else NOTHING_VALUE
        local, at = f"p{position}", f"a{position}"
        match argument:
            case Value() if argument.type == NOTHING or argument.literal is not None:
                _bind(scope, parameter, argument)
                continue
            case Segments() if argument.code == NOTHING:
                _bind(scope, parameter, argument)
                continue
            case References():
                text += f", {local}"
                _bind(scope, parameter, replace(argument, code=local))
                continue
            case Segments():
                bound: Any = Segments(parameter.name, local, at)
            case Many():
                bound = replace(argument, code=local, item=replace(argument.item, where=at))
            case _:
                bound = replace(argument, code=local, where=at)
        text += f", {local}, {at}"
        _bind(scope, parameter, bound)
    return text, scope


def _body(unit: Unit, template: Template, scope: Scope, kind: str) -> None:
    sink = Sink("result", Target((kind,), kind, to="to"), "made", template.resource, name="value")
    unit.line("result = {}")
    unit.line("made = False")
    body = Mapping(tuple(e for e in template.body if e.key.text not in ("takes", "resourceType")), template.body.place)
    if any(e.key.text in ("if", "each", "cases", "switch", "template", "let", "then") for e in body):
        objects.put_mapping(unit, sink, body, scope, template.body.place)
        unit.line("return result.get('value')")
        return
    built = objects.build(
        unit, objects.pieces_of(body, scope), kind, "to", template.body.place, resource=template.resource
    )
    if built is None:
        return
    if built.own is Own.CONSTANT:
        said = f"{template.file} reads nothing from the source, so it would make nothing"
        unit.wrong(template.body.place, said, "read a field, or write `always: true`")
    unit.line(f"return {built.code} if {built.live} else None")


# `template:` with elements laid over it


def put_template(unit: Unit, sink: Sink, node: Mapping, scope: Scope, place: Place) -> None:
    entry = node.entry("template")
    assert entry is not None  # noqa: S101  (the caller looked)
    over = [e for e in node if e is not entry and e.key.text != "always"]
    if not isinstance(entry.value, Scalar) or entry.value.quoted:
        unit.wrong(entry.value.place, "`template` needs a template and its values", "template: Identifier(PID-3)")
        return
    if not over:
        objects.put_scalar(unit, sink, entry.value, scope)
        return
    found = laid_over(unit, entry.value, scope, [(e, scope) for e in over])
    if found is None:
        return
    template, pieces, inner = found
    if template.resource:
        _put_resource_over(unit, sink, template, pieces, inner, entry.value)
        return
    objects.put_object(unit, sink, pieces, place)


def _put_resource_over(
    unit: Unit, sink: Sink, template: Template, pieces: list[Piece], inner: Scope, source: Scalar
) -> None:
    identity = identity_of(unit, template, inner)
    built = objects.build(unit, pieces, template.makes, repr(template.makes), source.place, resource=True)
    if identity is None or built is None:
        return
    result = unit.writer.name("v")
    body = f"{built.code} if {built.live} else None"
    unit.line(f"{result} = S.emit({template.makes!r}, {identity.code}, {body}, {identity.where})")
    objects.put_value(unit, sink, source, 0, Value(result, REFERENCE, where=identity.where, target=template.makes))


def prepared(unit: Unit, source: Scalar, scope: Scope) -> tuple[Template, Scope] | None:
    """The template that is called, and its scope with the caller's own locals."""
    tree = read_expression(unit, source)
    if isinstance(tree, Path) and not tree.steps:
        tree = Call(tree.root, (), tree.position)
    if not isinstance(tree, Call) or tree.name not in unit.shared.templates:
        name = tree.name if isinstance(tree, Call) else source.text
        unit.wrong(source.place, f"there is no template `{name}`", did_you_mean(name, unit.shared.templates))
        return None
    arguments = arguments_of(unit, source, tree, scope)
    template = choose(unit, source, tree, arguments) if arguments is not None else None
    if template is None or arguments is None:
        return None
    return template, bind(template, as_declared(unit, source, tree.position, template, arguments), unit.message)


def laid_over(
    unit: Unit, source: Scalar, scope: Scope, over: list[Piece]
) -> tuple[Template, list[Piece], Scope] | None:
    """The template's elements with others laid over them, written in place with the caller's locals."""
    found = prepared(unit, source, scope)
    if found is None:
        return None
    template, inner = found
    special = [d for d in ("chain", "cases", "switch", "each", "if") if d in template.body.names()]
    if special:
        said = f"nothing can be laid over {template.file}: it is made of `{special[0]}`"
        unit.wrong(source.place, said, "lay it over what it is made of")
        return None
    names = template.body.entry("let")
    if names is not None:
        inner = objects.let(unit, names, inner)
    replaced = {entry.key.text for entry, _ in over}
    kept = [
        (e, inner)
        for e in template.body
        if e.key.text not in replaced and e.key.text.partition(":")[0] not in replaced and e.key.text != "let"
    ]
    return template, [*kept, *over], inner


# codes into elements


def code_kind(codes: CodeList, target: Target | None) -> str:
    """What `code(list)` yields for an element: boolean, CodeableConcept, Coding, or the code itself."""
    if target is None:
        return "code"
    if codes.is_boolean() and "boolean" in target.types:
        return "boolean"
    wanted = ("CodeableConcept", "Coding", "code", "string", "uri", "boolean")
    return next((kind for kind in wanted if kind in target.types), "code")


def check_codes(unit: Unit, source: Scalar, position: int, codes: CodeList, target: Target) -> None:
    """Every code that may come out must be one of the required binding."""
    if codes.unknown is Unknown.KEEP:
        said = f"{target.name} allows only {', '.join(target.codes)}, and the list {codes.name} keeps unknown codes"
        unit.problem(
            source, position, said, f"write `# unknown: fixed CODE`, omit or refuse at the top of {codes.place.file}"
        )
    for code, place in codes.results().items():
        if code not in target.codes:
            advice = did_you_mean(code, target.codes) or f"one of {', '.join(target.codes)}"
            unit.wrong(place, f'{target.name} cannot be "{code}"', advice)
