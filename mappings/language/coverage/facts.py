"""What a sample proves: a value was read here in the message, and it stands there in the event."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from mappings.formats.hl7v2 import dictionary
from mappings.formats.hl7v2.message import Message, Segment
from mappings.language.coverage.guide import Source
from mappings.language.coverage.texts import raw_at, texts_in
from mappings.stages import Mapped, Placed

_WHERE: Final = re.compile(
    r"(?P<segment>\w{3})(?:\[(?P<number>\d+)\])?(?:-(?P<field>\d+)(?:\[(?P<rep>\d+)\])?(?P<parts>(?:\.\d+)*))?"
)
_SINGLE: Final = -1

Step: TypeAlias = tuple[str, int]
"""An element's name, and the number of the item in a list element, else -1."""


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """One event of a sample: its resources, and which of them refers to which: by number, from where, to whom."""

    resources: tuple[dict[str, Any], ...]
    links: tuple[tuple[int, tuple[Step, ...], int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One place of a message: of `segment` the field and components `parts`, in repetition `repetition`."""

    message: Message
    segment: Segment
    parts: tuple[int, ...]
    repetition: int

    def texts(self, parts: tuple[int, ...]) -> list[str]:
        """The simple values at a field of this segment and its components, in the same repetition."""
        delimiters = self.message.delimiters
        return list(texts_in(raw_at(self.segment, parts, self.repetition, delimiters), delimiters))

    def said(self, source: Source, own: tuple[int, ...]) -> Sequence[str]:
        """What the message says at the source of a condition, one text of each repetition, components parted by `^`.
        A data type stands at the field and components `own` of this segment."""
        delimiters = self.message.delimiters
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
        of_that_name = self.message.all(name)
        before = [s for s in of_that_name if s.index < self.segment.index]
        return before[-1] if before else of_that_name[0] if of_that_name else None


@dataclass(frozen=True, slots=True, eq=False)
class Fact(Reading):
    """One value: read there, it stands at `steps` in the resource of that number. `sealed`: nothing is known of where
    its own parts are from, as with what a code list or a function makes."""

    event: Event
    resource: int
    steps: tuple[Step, ...]
    value: Any
    sealed: bool

    @property
    def kind(self) -> str:
        return str(self.event.resources[self.resource]["resourceType"])

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.steps)

    def item(self, depth: int) -> Any:
        """The object at the first `depth` steps."""
        value: Any = self.event.resources[self.resource]
        for name, number in self.steps[:depth]:
            value = value.get(name) if isinstance(value, dict) else None
            value = value[number] if number != _SINGLE and isinstance(value, list) else value
        return value


def readings_of(message: Message) -> Iterator[Reading]:
    """Every repetition of every field that holds something."""
    for segment in message.segments:
        for field in range(1, len(segment) + 1):
            for repetition, raw in enumerate(segment.repetitions(field), 1):
                if raw:
                    yield Reading(message, segment, (field,), repetition)


def facts_of(message: Message, mapped: Mapped) -> Iterator[Fact]:
    """Everything that the message's events prove."""
    for event, placed in zip(mapped.events, mapped.placed, strict=True):
        resources = tuple(entry["resource"] for entry in event.bundle["entry"])
        known = Event(resources, tuple(_links(event.bundle)))
        places = _places(resources)
        found = [each for one in placed for each in _located(message, known, one, places)]
        opened = {(fact.resource, fact.steps[:depth]) for fact in found for depth in range(len(fact.steps))}
        yield from (replace(fact, sealed=(fact.resource, fact.steps) not in opened) for fact in found)


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


def _located(
    message: Message, event: Event, placed: Placed, places: dict[int, tuple[int, tuple[Step, ...]]]
) -> Iterator[Fact]:
    """The fact, if what was placed is still there: duplicates and what hangs on something absent are dropped later."""
    source = _WHERE.fullmatch(placed.where)
    if source is None:
        return
    number = int(source["number"] or 1)
    segments = message.all(source["segment"])
    if number > len(segments):
        return
    parts = (int(source["field"]), *map(int, source["parts"].split(".")[1:])) if source["field"] else ()
    for resource, steps in _standing(event, placed, places):
        segment = segments[number - 1]
        repetition = int(source["rep"] or 1)
        yield Fact(message, segment, parts, repetition, event, resource, steps, placed.value, sealed=True)


def _standing(
    event: Event, placed: Placed, places: dict[int, tuple[int, tuple[Step, ...]]]
) -> Iterator[tuple[int, tuple[Step, ...]]]:
    """Where the value stands: in its owner, if that is in the event. What a template chose among several values has
    left the object that it was first put into, so it is looked for at its FHIR path."""
    owner = places.get(id(placed.owner))
    if owner is not None:
        number, steps = owner
        for step in _items(placed.owner, placed.name, placed.value):
            yield number, (*steps, step)
        return
    kind, *names = placed.path.split(".")
    for number, resource in enumerate(event.resources):
        if resource["resourceType"] == kind:
            for found in _paths(resource, names, placed.value):
                yield number, found


def _items(owner: dict[str, Any], name: str, value: Any) -> Iterator[Step]:
    """The element of that name, or the first item in it, that is this value."""
    standing = owner.get(name)
    if not isinstance(standing, list):
        if name in owner:
            yield name, _SINGLE
    elif value in standing:
        yield name, standing.index(value)


def _paths(owner: dict[str, Any], names: Sequence[str], value: Any) -> Iterator[tuple[Step, ...]]:
    name, *rest = names
    standing = owner.get(name)
    numbered = enumerate(standing) if isinstance(standing, list) else ((_SINGLE, standing),)
    for number, item in numbered:
        if not rest and item == value:
            yield ((name, number),)
        elif rest and isinstance(item, dict):
            yield from (((name, number), *found) for found in _paths(item, rest, value))
