"""Resources inside resources: entries of a Bundle, contained ones, parameters. Found by the R4 model, not by name:
`CapabilityStatement.rest.resource` is none."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

from mappings.language.fhir.model import type_model
from mappings.stages import Json

DEEPEST: Final = 8
"""Levels; FHIR has use for three (a Bundle's entry and what it contains, or a Bundle in Parameters)."""


@cache
def nested_places(name: str, depth: int = 0) -> tuple[tuple[str, ...], ...]:
    """Where a type holds whole resources: paths of element names from it, such as (`entry`, `resource`). A type that
    holds itself (Parameters.parameter.part) is followed as far as resources are."""
    model = type_model(name)
    places: list[tuple[str, ...]] = []
    for element in model.elements.values() if model and depth <= DEEPEST else ():
        if element.type == "Resource":
            places.append((element.name,))
        elif element.type.startswith(name):
            places.extend((element.name, *below) for below in nested_places(element.type, depth + 1))
    return tuple(places)


def resources(resource: Json, path: str = "", depth: int = 0) -> Iterator[tuple[Json, str]]:
    """The resource and those within it, each with its path (empty for the first); None for what is nested too deep."""
    if depth > DEEPEST:
        yield None, path
        return
    yield resource, path
    name = resource.get("resourceType") if isinstance(resource, dict) else None
    if isinstance(name, str):
        for place in nested_places(name):
            for nested, where in at(resource, place, path or name):
                yield from resources(nested, where, depth + 1)


def at(value: dict[str, Json], place: tuple[str, ...], path: str = "") -> Iterator[tuple[Json, str]]:
    """What stands at a place below an object, each with its path; nothing where the object has another shape."""
    found = value.get(place[0])
    many = isinstance(found, list)
    items = found if isinstance(found, list) else () if found is None else (found,)
    for index, item in enumerate(items):
        where = f"{path}.{place[0]}[{index}]" if many else f"{path}.{place[0]}"
        if len(place) == 1:
            yield item, where
        elif isinstance(item, dict) and place[1] in item:
            yield from at(item, place[1:], where)


def inside(value: dict[str, Json], place: tuple[str, ...]) -> list[Json]:
    """The same without the paths, which only a mistake needs."""
    found: list[Json] = [value]
    for step in place:
        below: list[Json] = []
        for holder in found:
            inner = holder.get(step) if isinstance(holder, dict) else None
            if isinstance(inner, list):
                below.extend(inner)
            elif inner is not None:
                below.append(inner)
        found = below
        if not found:
            break
    return found
