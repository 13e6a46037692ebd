"""Objects and lists: the structure of a template to straight lines, pruned from below while it is built."""

from __future__ import annotations

from mappings.language.compile import convert, expressions, putting
from mappings.language.compile.scope import Scope
from mappings.language.compile.sinks import Built, Piece, Sink
from mappings.language.compile.unit import Unit, where_plus
from mappings.language.compile.values import (
    Own,
    Target,
    constant,
)
from mappings.language.fhir.model import Element, TypeModel, is_resource, type_model
from mappings.language.nodes import Entry, Mapping, Scalar
from mappings.language.problems import Place, did_you_mean
from mappings.language.runtime.settling import SETTLED

DIRECTIVES = frozenset(["if", "each", "cases", "switch", "template", "chain", "let", "then", "always", "else", "takes"])


def pieces_of(node: Mapping, scope: Scope) -> list[Piece]:
    return [(entry, scope) for entry in node]


def build(
    unit: Unit, pieces: list[Piece], kind: str, to: str, place: Place, *, resource: bool = False, whole: bool = True
) -> Built | None:
    """Writes an object of the FHIR type `kind`. None, with a problem added, when the type is not known. Not `whole`:
    only elements to lay over another object, so that required ones may be missing."""
    model = type_model(kind)
    if model is None:
        unit.wrong(place, f"FHIR has no type `{kind}`")
        return None
    owner, live = unit.writer.name("o"), unit.writer.name("h")
    constants = _constants(unit, pieces, model, to, place)
    if not whole:
        constants.remove("'id': ''")
    unit.line(f"{owner} = {{{', '.join(constants)}}}")
    always = any(entry.key.text == "always" for entry, _ in pieces)
    unit.line(f"{live} = {always}")
    built = Built(owner, live, Own.SOURCE if always else Own.CONSTANT)
    sinks: dict[str, Sink] = {}
    lists = _lists(unit, pieces, model)
    for position, (entry, scope) in enumerate(pieces):
        name = _element_name(entry)
        if name in DIRECTIVES or name == "resourceType" or (name == "id" and resource):
            continue
        if _is_plain_constant(entry, model):
            continue
        with unit.writer.at(entry.key.place):
            inner = unit.within(place, entry.key.place)
            sink = sinks.get(name) or _sink(inner, entry, model, owner, live, to, resource, lists)
            if sink is None:
                continue
            sinks[name] = sink
            if sink.held and name in lists and lists[name][0] == position:
                unit.line(f"{sink.held} = []")
            putting.put(inner, sink, entry.value, scope, entry.key.place)
            if sink.held and lists[name][1] == position:
                unit.line(f"if {sink.held}: {owner}[{name!r}] = {sink.held}")
            built.own = max(built.own, sink.own)
    if whole:
        _required(unit, pieces, model, sinks, built, place, to)
    if model.name in SETTLED:
        unit.line(f"if {live}: settled[{model.name!r}](S, {unit.origin}, {owner})")
    return built


def _element_name(entry: Entry) -> str:
    """`extension` of `extension:ethnicCategory`."""
    return entry.key.text.partition(":")[0]


def _lists(unit: Unit, pieces: list[Piece], model: TypeModel) -> dict[str, tuple[int, int, str]]:
    """First and last position of each list element, and the local that collects it."""
    found: dict[str, tuple[int, int, str]] = {}
    for position, (entry, _) in enumerate(pieces):
        name = _element_name(entry)
        element = model.elements.get(name)
        if element is not None and element.many:
            first, _, local = found.get(name) or (position, position, unit.writer.name("l"))
            found[name] = (first, position, local)
    return found


def _is_plain_constant(entry: Entry, model: TypeModel) -> bool:
    element = model.elements.get(entry.key.text)
    return isinstance(entry.value, Scalar) and entry.value.quoted and element is not None and not element.many


def _constants(unit: Unit, pieces: list[Piece], model: TypeModel, to: str, place: Place) -> list[str]:
    """The quoted texts of single elements, which need no line of their own."""
    found = [f"'resourceType': {model.name!r}", "'id': ''"] if is_resource(model.name) else []
    for entry, _ in pieces:
        element = model.elements.get(entry.key.text)
        if element is None or not isinstance(entry.value, Scalar) or not _is_plain_constant(entry, model):
            continue
        if entry.key.text in ("id", "resourceType"):
            continue
        target = target_of(element, f"{model.name}.{element.name}", to)
        inner = unit.within(place, entry.key.place)
        value = convert.to_target(inner, entry.value, 0, constant(entry.value.text), target)
        if value is not None:
            unit.shared.reads.elements.add((model.name, element.name))
            found.append(f"{element.name!r}: {value.code}")
    return found


def target_of(element: Element, name: str, to: str) -> Target:
    return Target(
        (element.type,), name, element.codes, element.targets, element.many, where_plus(to, f".{element.name}")
    )


def _sink(
    unit: Unit,
    entry: Entry,
    model: TypeModel,
    owner: str,
    live: str,
    to: str,
    resource: bool,
    lists: dict[str, tuple[int, int, str]],
) -> Sink | None:
    name = _element_name(entry)
    if name.endswith("[x]"):
        choice = model.choices.get(name[:-3])
        if choice is not None:
            types = tuple(element.type for element in choice)
            targets = tuple(t for element in choice for t in element.targets)
            unit.shared.reads.elements.add((model.name, name))
            wanted = Target(types, f"{model.name}.{name}", (), targets, False, where_plus(to, f".{name[:-3]}"))
            return Sink(owner, wanted, live, resource, choice=name[:-3])
    element = model.elements.get(name)
    if element is None:
        advice = did_you_mean(name, [*model.suggestions(), *DIRECTIVES])
        if name in model.choices:
            advice = f"write `{name}[x]`, or one of {', '.join(e.name for e in model.choices[name])}"
        unit.wrong(entry.key.place, f"{model.name} has no element `{name}`", advice)
        return None
    held = lists[name][2] if element.many else ""
    if ":" in entry.key.text and not element.many:
        unit.wrong(entry.key.place, f"{model.name}.{name} is single, so it has no named items", f"write `{name}:`")
    unit.shared.reads.elements.add((model.name, name))
    target = target_of(element, f"{model.name}.{name}", to)
    return Sink(owner, target, live, resource, held=held, name=name)


def _required(
    unit: Unit, pieces: list[Piece], model: TypeModel, sinks: dict[str, Sink], built: Built, place: Place, to: str
) -> None:
    given = {_element_name(entry) for entry, _ in pieces}
    for element in model.elements.values():
        if not element.required:
            continue
        if element.choice:
            names = {e.name for e in model.choices[element.choice]}
            if not {f"{element.choice}[x]", *names} & given:
                unit.wrong(place, f"{model.name}.{element.choice}[x] is required", f"add `{element.choice}[x]:`")
            elif built.own is not Own.CONSTANT and element.name == min(names):
                held = sorted({*names, *(f"_{name}" for name in names)})
                lacking = f"not {built.code}.keys() & {{{', '.join(map(repr, held))}}}"
                where = next((sinks[name].where for name in sorted(names & given) if name in sinks), "''")
                _say_missing(unit, built, lacking, where, where_plus(to, f".{element.choice}[x]"))
            continue
        if element.name not in given:
            unit.wrong(place, f"{model.name}.{element.name} is required", f"add `{element.name}:`")
            continue
        sink = sinks.get(element.name)
        if sink is not None and built.own is not Own.CONSTANT:
            lacking = f"{element.name!r} not in {built.code}"
            _say_missing(unit, built, lacking, sink.where, where_plus(to, f".{element.name}"))


def _say_missing(unit: Unit, built: Built, lacking: str, where: str, path: str) -> None:
    """A reference may have no source path of its own; then that of what is built is told. Of a `??` the first side's
    is: which side it was is known only where it was read, and that may have been passed by."""
    where = expressions.first_side(where)
    if unit.origin != "''":
        where = unit.origin if where == "''" else f"{where} or {unit.origin}"
    unit.line(f"if {built.live} and {lacking}: S.missing({unit.writer.bound(where)}, {path})")
