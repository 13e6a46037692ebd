"""What a sample proves: a value was read here in the message, and it stands there in the event."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from mappings.formats.hl7v2 import dictionary
from mappings.formats.hl7v2.message import Message, Segment
from mappings.language.coverage.guide import Source
from mappings.language.coverage.readings import raw_at, texts_in, values_in
from mappings.stages import Mapped, Placed

_WHERE: Final = re.compile(
    r"(?P<segment>\w{3})(?:\[(?P<number>\d+)\])?(?:-(?P<field>\d+)(?:\[(?P<rep>\d+)\])?(?P<parts>(?:\.\d+)*))?"
)
_SINGLE: Final = -1

Step: TypeAlias = tuple[str, int]
"""An element's name, and the number of the item in a list element, else -1."""


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """One event of a sample: the message, its resources, and which of them refers to which: by number, from where, to
    whom."""

    sample: str
    message: Message
    resources: tuple[dict[str, Any], ...]
    links: tuple[tuple[int, tuple[Step, ...], int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Fact:
    """One value. Read from `segment` at the field and components `parts`, in repetition `repetition`, it stands at
    `steps` in the resource of that number."""

    event: Event
    segment: Segment
    parts: tuple[int, ...]
    repetition: int
    resource: int
    steps: tuple[Step, ...]
    value: Any

    @property
    def kind(self) -> str:
        return str(self.event.resources[self.resource]["resourceType"])

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.steps)

    def texts(self, parts: tuple[int, ...]) -> list[str]:
        """The simple values at a field of this segment and its components, in the same repetition."""
        delimiters = self.event.message.delimiters
        return list(texts_in(raw_at(self.segment, parts, self.repetition, delimiters), delimiters))

    def item(self, depth: int) -> Any:
        """The object at the first `depth` steps."""
        value: Any = self.event.resources[self.resource]
        for name, number in self.steps[:depth]:
            value = value.get(name) if isinstance(value, dict) else None
            value = value[number] if number != _SINGLE and isinstance(value, list) else value
        return value

    def said(self, source: Source, own: tuple[int, ...]) -> Sequence[str]:
        """What the message says at the source of a condition, one text of each repetition, components parted by `^`.
        A data type stands at the field and components `own` of this fact's segment."""
        delimiters = self.event.message.delimiters
        if source.name not in dictionary.segments():
            found = [raw_at(self.segment, (*own, *source.parts), self.repetition, delimiters)]
        else:
            segment = self._nearest(source.name)
            if segment is None:
                return []
            same = segment is self.segment and len(source.parts) > 1
            count = len(segment.repetitions(source.parts[0]))
            reps = [self.repetition] if same else range(1, count + 1)
            found = [raw_at(segment, source.parts, rep, delimiters) for rep in reps]
        return [text.replace(delimiters.component, "^") for text in found]

    def _nearest(self, name: str) -> Segment | None:
        """This segment, else the nearest of that name before it, else the first."""
        if self.segment.name == name:
            return self.segment
        of_that_name = self.event.message.all(name)
        before = [s for s in of_that_name if s.index < self.segment.index]
        return before[-1] if before else of_that_name[0] if of_that_name else None


def facts_of(sample: str, message: Message, mapped: Mapped) -> Iterator[Fact]:
    """Everything that the message's events prove."""
    for event, placed in zip(mapped.events, mapped.placed, strict=True):
        resources = tuple(entry["resource"] for entry in event.bundle["entry"])
        known = Event(sample, message, resources, tuple(_links(event.bundle)))
        places = _places(resources)
        for one in placed:
            yield from _located(known, one, places)


def _places(resources: Iterable[dict[str, Any]]) -> dict[int, tuple[int, tuple[Step, ...]]]:
    """Where each object stands, by its identity."""
    found: dict[int, tuple[int, tuple[Step, ...]]] = {}

    def walk(value: Any, number: int, steps: tuple[Step, ...]) -> None:
        if isinstance(value, dict):
            found[id(value)] = (number, steps)
            for name, inner in value.items():
                if isinstance(inner, list):
                    for position, item in enumerate(inner):
                        walk(item, number, (*steps, (name, position)))
                else:
                    walk(inner, number, (*steps, (name, _SINGLE)))

    for number, resource in enumerate(resources):
        walk(resource, number, ())
    return found


def _links(bundle: dict[str, Any]) -> Iterator[tuple[int, tuple[Step, ...], int]]:
    numbers = {entry["fullUrl"]: number for number, entry in enumerate(bundle["entry"])}
    resources = [entry["resource"] for entry in bundle["entry"]]
    objects = {id(value): value for value in _objects(resources)}
    for identity, (number, steps) in _places(resources).items():
        to = numbers.get(objects[identity].get("reference"))
        if to is not None:
            yield number, steps, to


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _objects(inner)
    elif isinstance(value, list):
        for item in value:
            yield from _objects(item)


def _located(event: Event, placed: Placed, places: dict[int, tuple[int, tuple[Step, ...]]]) -> Iterator[Fact]:
    """The fact, if what was placed is still there: duplicates and what depends on something absent are dropped later."""
    source = _WHERE.fullmatch(placed.where)
    if source is None:
        return
    number = int(source["number"] or 1)
    segments = event.message.all(source["segment"])
    if number > len(segments):
        return
    parts = (int(source["field"]), *map(int, source["parts"].split(".")[1:])) if source["field"] else ()
    for resource, steps in _standing(event, placed, places):
        yield Fact(
            event, segments[number - 1], parts, int(source["rep"] or 1), resource, steps, placed.value
        )


def _standing(
    event: Event, placed: Placed, places: dict[int, tuple[int, tuple[Step, ...]]]
) -> Iterator[tuple[int, tuple[Step, ...]]]:
    owner = places.get(id(placed.owner))
    if owner is not None and placed.name in placed.owner:
        number, steps = owner
        standing = placed.owner[placed.name]
        if not isinstance(standing, list):
            if standing == placed.value:
                yield number, (*steps, (placed.name, _SINGLE))
            return
        for position, item in enumerate(standing):
            if item is placed.value or item == placed.value:
                yield number, (*steps, (placed.name, position))
                return
    elif owner is None and isinstance(placed.value, dict):
        made = places.get(id(placed.value))
        if made is not None:
            yield made
    elif owner is None:  # a value on its way through a template that chooses among values
        kind, *names = placed.path.split(".")
        for number, resource in enumerate(event.resources):
            if resource["resourceType"] == kind and placed.value in values_in(resource, tuple(names)):
                yield number, tuple((name, _SINGLE) for name in names)


