"""JSON Schema for FHIR R4 types, generated from the R4 model: closed objects, cardinalities, choices, bindings."""

from __future__ import annotations

from typing import Any, Final

from mappings.language.fhir.model import Element, TypeModel, type_model
from mappings.validation.primitives import SCHEMAS

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_NESTED: Final = {"type": "object", "required": ["resourceType"]}
"""A resource inside a resource: checked by its own type's validator."""
_BINDINGS: Final[dict[str, tuple[str, ...]]] = {
    "Quantity.comparator": ("<", "<=", ">=", ">"),
    "Composition.confidentiality": ("U", "L", "M", "N", "R", "V"),
    "Expression.language": (),
}
"""Where the model's codes are not R4's required binding: missing there, or only extensible in R4."""


def resource_schema(name: str) -> dict[str, Any]:
    """The schema of one resource type, with every data type it can hold. Raises KeyError for an unknown type."""
    wanted, definitions = [name], dict[str, Any]()
    while wanted:
        type_name = wanted.pop()
        if type_name in definitions:
            continue
        model = type_model(type_name)
        if model is None:
            raise KeyError(type_name)
        definitions[type_name] = _type(model, resource=type_name == name)
        wanted.extend(element.type for element in model.elements.values() if _is_complex(element))
    return {"$schema": DIALECT, "$ref": f"#/$defs/{name}", "$defs": definitions | {p: SCHEMAS[p] for p in SCHEMAS}}


def _is_complex(element: Element) -> bool:
    return not element.primitive and element.type != "Resource"


def _type(model: TypeModel, *, resource: bool) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    required: list[str] = []
    conditions: list[dict[str, Any]] = []
    if resource:
        properties["resourceType"] = {"const": model.name}
        required.append("resourceType")
    for element in model.elements.values():
        properties[element.name] = _element(model.name, element)
        beside = f"_{element.name}"
        if element.primitive and element.many:
            conditions.append(_nulls_only_beside(element.name, beside))
        if element.required and not element.choice:
            if element.primitive and beside in model.elements:
                conditions.append(_value_or_extension(element.name, beside))
            else:
                required.append(element.name)
    settled = (element.required and not element.choice for element in model.elements.values())
    at_least = sum(settled) + resource
    conditions.extend(_one_of(elements, at_least) for elements in model.choices.values())
    schema: dict[str, Any] = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "minProperties": 2 if resource else 1,
    }
    if required:
        schema["required"] = required
    if conditions:
        schema["allOf"] = conditions
    return schema


def _element(type_name: str, element: Element) -> dict[str, Any]:
    if element.type == "Resource":
        one: dict[str, Any] = _NESTED
    elif element.primitive:
        codes = _BINDINGS.get(f"{type_name}.{element.name}", element.codes)
        one = {"enum": list(codes)} if codes else {"$ref": f"#/$defs/{element.type}"}
    else:
        one = {"$ref": f"#/$defs/{element.type}"}
    if not element.many:
        return one
    if element.primitive or element.name.startswith("_"):
        one = {"anyOf": [one, {"type": "null"}]}
    return {"type": "array", "minItems": 1, "items": one}


def _nulls_only_beside(name: str, beside: str) -> dict[str, Any]:
    """A null in a list of primitives holds the place of an extension in the list beside it."""
    return {"anyOf": [{"required": [beside]}, {"properties": {name: {"items": {"not": {"type": "null"}}}}}]}


def _value_or_extension(name: str, beside: str) -> dict[str, Any]:
    """A required primitive may be replaced by an extension that says why it is absent (R4 §2.5.0.2)."""
    stand_in = {"required": [beside], "properties": {beside: {"required": ["extension"]}}}
    return {"anyOf": [{"required": [name]}, stand_in]}


def _stated(element: Element) -> dict[str, Any]:
    return _value_or_extension(element.name, f"_{element.name}") if element.primitive else {"required": [element.name]}


def _one_of(elements: tuple[Element, ...], required: int) -> dict[str, Any]:
    """At most one type of a choice, and one if the element is required.

    An object of no more members than the required ones and one other has no room for two types; asking that first
    halves the time of a Patient, since Extension has fifty types.
    """
    if elements[0].required:
        return {"oneOf": [_stated(element) for element in elements]}
    present = [{"required": [element.name]} for element in elements]
    at_most_one = {"oneOf": [*present, {"not": {"anyOf": present}}]}
    return {"anyOf": [{"maxProperties": required + 1}, at_most_one]}
