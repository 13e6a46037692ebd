"""The FHIR R4 model as the checker asks for it."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson

PRIMITIVES: Final = frozenset(
    [
        "boolean",
        "string",
        "code",
        "uri",
        "url",
        "canonical",
        "id",
        "oid",
        "uuid",
        "markdown",
        "date",
        "dateTime",
        "instant",
        "time",
        "integer",
        "positiveInt",
        "unsignedInt",
        "decimal",
        "base64Binary",
        "xhtml",
    ]
)
TEXTS: Final = frozenset(["string", "code", "uri", "url", "canonical", "id", "oid", "uuid", "markdown"])
NUMBERS: Final = frozenset(["integer", "positiveInt", "unsignedInt", "decimal"])


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a type. `codes` is the required binding, `choice` the name before `[x]`, `targets` the resource
    types that a Reference may point to."""

    name: str
    type: str
    many: bool
    required: bool
    codes: tuple[str, ...]
    choice: str
    targets: tuple[str, ...]

    @property
    def primitive(self) -> bool:
        return self.type in PRIMITIVES


@dataclass(frozen=True, slots=True)
class TypeModel:
    name: str
    elements: dict[str, Element]
    choices: dict[str, tuple[Element, ...]]

    def lacks_some(self, given: Container[str]) -> bool:
        """Whether an element is missing that R4 requires of the type."""
        return any(
            element.required and not any(name in given or f"_{name}" in given for name in self._ways_to_say(element))
            for element in self.elements.values()
        )

    def _ways_to_say(self, element: Element) -> Iterable[str]:
        return (each.name for each in self.choices[element.choice]) if element.choice else (element.name,)

    def suggestions(self) -> Iterable[str]:
        plain = (name for name in self.elements if not name.startswith("_"))
        return [*plain, *(f"{name}[x]" for name in self.choices)]


@cache
def _plain() -> dict[str, Any]:
    plain: dict[str, Any] = orjson.loads((Path(__file__).parent / "r4b.json").read_bytes())
    return plain


@cache
def type_model(name: str) -> TypeModel | None:
    """The type of that name (`Patient`, `HumanName`, `PatientContact`), or None."""
    body = _plain().get(name)
    if body is None:
        return None
    elements = {
        element: Element(
            element, kind, bool(many), bool(required), tuple(codes or ()), choice or "", tuple(targets or ())
        )
        for element, (kind, many, required, codes, choice, targets) in body.items()
    }
    for element in list(elements.values()):
        if element.primitive and element.name not in ("id", "resourceType"):
            shadow = f"_{element.name}"
            elements[shadow] = Element(shadow, "Element", element.many, False, (), "", ())
    choices: dict[str, list[Element]] = {}
    for element in elements.values():
        if element.choice:
            choices.setdefault(element.choice, []).append(element)
    return TypeModel(name, elements, {name: tuple(found) for name, found in choices.items()})


@cache
def is_resource(name: str) -> bool:
    body = _plain().get(name)
    return body is not None and "implicitRules" in body


@cache
def type_names() -> frozenset[str]:
    return frozenset(_plain())
