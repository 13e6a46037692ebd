"""The standard's fields and data types: one superset over versions 2.1 to 2.8.

A field has the type that the newest version which still knows it gives it (PID-8 is CWE, was IS), and repeats if any
version lets it repeat. Of 2.9 there is only what the v2-to-FHIR guide maps. Z segments are not here: a pack declares
its own.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a segment: its number as written in `PID-3`, its data type, and whether `~` may repeat it."""

    segment: str
    number: int
    name: str
    type: str
    repeats: bool


@dataclass(frozen=True, slots=True)
class Component:
    """One component of a data type; `type` is the component's own data type."""

    of: str
    number: int
    name: str
    type: str


def field_type(segment: str, n: int) -> str | None:
    """Data type of a field (`CX`, `varies` for OBX-5), None if the standard has no such field."""
    found = fields().get((segment, n))
    return found.type if found else None


def repeats(segment: str, n: int) -> bool:
    """Whether a field may repeat; False for a field the standard does not have."""
    found = fields().get((segment, n))
    return found is not None and found.repeats


def component_type(data_type: str, n: int) -> str | None:
    """Data type of the n-th component; None for a primitive type or a number beyond the last."""
    found = components().get((data_type, n))
    return found.type if found else None


@cache
def fields() -> dict[tuple[str, int], Field]:
    """All fields by (segment, number), in the standard's order within a segment."""
    return {
        (row["segment"], int(row["field"])): Field(
            row["segment"], int(row["field"]), row["name"], row["type"], row["repeats"] == "yes"
        )
        for row in _rows("fields.csv")
    }


@cache
def components() -> dict[tuple[str, int], Component]:
    """All components by (data type, number)."""
    return {
        (row["type"], int(row["component"])): Component(
            row["type"], int(row["component"]), row["name"], row["component_type"]
        )
        for row in _rows("components.csv")
    }


@cache
def segments() -> frozenset[str]:
    """Names of the standard's segments."""
    return frozenset(segment for segment, _ in fields())


def _rows(name: str) -> Iterator[dict[str, str]]:
    yield from csv.DictReader(files(__package__).joinpath("tables", name).read_text(encoding="utf-8").splitlines())
