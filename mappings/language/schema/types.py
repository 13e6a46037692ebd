"""The FHIR types as schemas: their elements with what each is for, choice elements, named items and directives."""

from __future__ import annotations

from collections.abc import Mapping

from mappings.language.fhir.model import Element, TypeModel, is_resource, type_model, type_names
from mappings.language.schema.values import ANY, Schema, at, some, with_directives

PRIMITIVE = "primitive"


def type_schemas(titles: Mapping[str, Mapping[str, str]]) -> dict[str, Schema]:
    """One schema per FHIR type, by name, and `primitive` for every simple one. `titles` are short definitions by type
    and element."""
    found = {PRIMITIVE: with_directives(PRIMITIVE, {}, (), {})}
    for name in sorted(type_names()):
        model = type_model(name)
        if model is not None:
            found[name] = _type(model, titles.get(name, {}))
    return found


def _type(model: TypeModel, titles: Mapping[str, str]) -> Schema:
    shown = {name: element for name, element in model.elements.items() if not name.startswith("_")}
    elements = {name: _described(_element(element), titles.get(name, "")) for name, element in shown.items()}
    for choice, options in model.choices.items():
        said = " or ".join(option.type for option in options[:6]) + (" …" if len(options) > 6 else "")
        elements[f"{choice}[x]"] = {**at(PRIMITIVE), "description": f"{titles.get(options[0].name, '')} ({said})"}
    if is_resource(model.name):
        elements["resourceType"] = {"enum": [model.name]}
    shadows = "|".join(name[1:] for name in model.elements if name.startswith("_"))
    more = {f"^_({shadows})$": some(at("Element"))} if shadows else {}
    made = with_directives(model.name, elements, [n for n, e in shown.items() if e.many], more)
    if model.name != "Reference":
        return made
    # elements beside `template:` are those of the resource that it makes, of which only the compiler knows
    return {"if": {"type": "object", "required": ["template"]}, "then": at(ANY), "else": made}


def _element(element: Element) -> Schema:
    if element.codes:
        one: Schema = {"anyOf": [{"enum": list(element.codes)}, at(PRIMITIVE)]}
    else:
        one = at(PRIMITIVE) if element.primitive else at(element.type)
    return some(one) if element.many else dict(one)


def _described(schema: Schema, title: str) -> Schema:
    return {**schema, "description": title} if title else schema


def element_names() -> list[str]:
    """Of every type, sorted: what may stand where the type cannot be told."""
    models = [model for model in map(type_model, sorted(type_names())) if model is not None]
    return sorted({name for model in models for name in (*model.elements, *(f"{c}[x]" for c in model.choices))})
