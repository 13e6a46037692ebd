"""Where a row of a guide's table puts a value: its FHIR attribute, read into resources and elements.

The tables write `identifier[2].value`, `participant[1].individual(Practitioner)` for a reference to a resource,
`performer(PractitionerRole.organization(Organization.address))` for what stands in that resource, and `$this` or
`$value` for the whole. Positions only tell one item from another, so they are left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from mappings.language.fhir.model import Element, type_model

_POSITION: Final = re.compile(r"\[[^\]]*\]|\[\d+(?=\.)|\{\d+\}|\[\d+\}")
_WHOLE: Final = ("$this", "$value")


@dataclass(frozen=True, slots=True)
class Hop:
    """Element names within one resource or type. `kinds` are the types it may be, empty where any is."""

    kinds: tuple[str, ...]
    names: tuple[str, ...]


def hops_of(kind: str, attribute: str) -> tuple[Hop, ...]:
    """From the type that a table makes and the text of an attribute. Raises ValueError for one that cannot be read."""
    text = _POSITION.sub("", attribute).replace(" ", "").strip(".")
    base, _, inner_path = kind.partition(".")
    found: list[Hop] = []
    kinds: tuple[str, ...] = (base,)
    before = tuple(inner_path.split(".")) if inner_path else ()
    while True:
        path, opened, rest = text.partition("(")
        names = [name.partition(":")[0] for name in path.strip(".").split(".") if name]
        if names and names[0] in (*_WHOLE, *kinds):
            names = names[1:]
        found.append(Hop(kinds, (*before, *_spelt(kinds[0], (*before, *names))[len(before) :])))
        if not opened:
            break
        rest = rest[: rest.rindex(")")] if ")" in rest else rest
        target, dot, text = rest.partition(".")
        if "(" in target:
            raise ValueError(attribute)
        kinds, before = tuple(target.split("|")), ()
        if not dot:
            found.append(Hop(kinds, ()))
            break
    return tuple(found)


def _spelt(kind: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """As JSON spells them: the extension of a simple element stands beside it, under its name with `_` before it.

    Raises ValueError where FHIR R4 has no such element.
    """
    found: list[str] = []
    for position, name in enumerate(names):
        element = element_of(kind, name)
        if element is None:
            raise ValueError(f"{kind} has no element {name}")
        following = names[position + 1] if position + 1 < len(names) else ""
        spelt = f"_{name}" if element.primitive and following == "extension" else name
        found.append(spelt)
        kind = "Element" if spelt != name else element.type
    return tuple(found)


def element_of(kind: str, name: str) -> Element | None:
    model = type_model(kind)
    return model.elements.get(name) if model is not None else None
