"""What the samples of a pack have to say to each row of a guide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from mappings.language.coverage.facts import Fact, Reading
from mappings.language.coverage.guide import Guide, Row
from mappings.language.coverage.matching import Reach, applies, is_assigned, is_put
from mappings.language.coverage.targets import element_of
from mappings.language.fhir.model import is_resource
from mappings.language.source import FAMILIES, GREW_FROM_SIMPLE, Hl7Fields

_LIKE: Final = (
    {"date", "dateTime", "instant"},
    {"string", "markdown"},
    {"uri", "url", "canonical"},
    {"integer", "positiveInt", "unsignedInt"},
)
"""FHIR's simple types that hold the same; a table for one serves the others."""

_OLDER: Final = {"DTM": "TS"}
"""What later versions call otherwise; the guide has a table for each name."""

_SIMPLE: Final = frozenset(["ID", "IS", "ST"])
"""Data types without parts, of which a guide speaks as if they had one: `ID.1` is all of an ID."""


class Evidence:
    """The facts and readings of a pack's samples, found by segment and by data type."""

    def __init__(self, facts: Iterable[Fact], readings: Iterable[Reading], fields: Hl7Fields, guide: Guide) -> None:
        self._fields = fields
        self._users: dict[tuple[str, str, tuple[int, ...]], set[tuple[str, ...]]] = defaultdict(set)
        for row in guide.rows():
            if row.uses and row.hops:
                self._users[guide.table(row.uses), row.source.name, row.source.parts[-1:]].add(row.hops[-1].names)
        self._facts: dict[str, list[tuple[Fact, tuple[int, ...]]]] = defaultdict(list)
        self._readings: dict[str, list[tuple[Reading, tuple[int, ...]]]] = defaultdict(list)
        for fact in facts:
            self._facts[fact.segment.name].append((fact, ()))
            for kind, own in self._types(fact, fact.parts):
                self._facts[kind].append((fact, own))
        for reading in readings:
            self._readings[reading.segment.name].append((reading, ()))
            for kind, own in self._all_types(reading):
                self._readings[kind].append((reading, own))

    def covers(self, row: Row) -> bool:
        """Whether a sample shows the source's value at the target, or what the guide assigns beside it."""
        if not row.hops:
            return False
        return any(
            applies(row, reach.fact, reach.own)
            and (is_assigned(row, reach) if row.constant is not None else is_put(row, reach, self._grew(reach.fact)))
            for reach in self._reaches(row)
        )

    def exercises(self, row: Row) -> bool:
        """Whether a sample's message has something at the source and fulfils the condition, whatever became of it."""
        return any(
            (reading.texts((*own, *row.source.parts)) or (row.constant is not None and row.condition))
            and applies(row, reading, own)
            for reading, own in self._readings[row.source.name]
            if row.of_segment or self._used_at(row.table, reading, own)
        )

    def _reaches(self, row: Row) -> Iterator[Reach]:
        kind = row.hops[0].kinds[0]
        for fact, own in self._facts[row.source.name]:
            if row.of_segment:
                yield Reach(fact, own, 0)
            elif self._used_at(row.table, fact, own):
                if not is_resource(kind) and len(row.hops) > 1:  # from a data type into the resource it refers to
                    yield Reach(fact, own, 0)
                wanted = self._users[row.table, fact.segment.name, own] if len(own) == 1 else None
                for depth in _depths(fact, kind):
                    if wanted is None or is_resource(kind) or fact.names[:depth] in wanted:
                        yield Reach(fact, own, depth)

    def _used_at(self, table: str, reading: Reading, own: tuple[int, ...]) -> bool:
        """Whether the guide uses the table for this field or component; elsewhere the same data type may be meant to
        make something else."""
        if len(own) == 1:
            return (table, reading.segment.name, own) in self._users
        around = (kind for kind, parts in self._types(reading, own) if parts == own[:-1])
        return any((table, kind, own[-1:]) in self._users for kind in around)

    # data types

    def _types(self, reading: Reading, parts: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
        """The data types around and at these components: of the field, and of each component that leads to them."""
        kind = self._field_type(reading, parts)
        for depth in range(1, len(parts) + 1):
            for known in _names_of(kind):
                yield known, parts[:depth]
            if depth < len(parts):
                kind = self._component_type(kind, parts[depth])

    def _all_types(self, reading: Reading) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Every data type in the field, down to subcomponents."""
        waiting = [(self._field_type(reading, reading.parts), reading.parts)]
        for kind, own in waiting:
            for known in _names_of(kind):
                yield known, own
            number = 1
            while len(own) < 3 and (inner := self._component_type(kind, number)):
                waiting.append((inner, (*own, number)))
                number += 1

    def _field_type(self, reading: Reading, parts: tuple[int, ...]) -> str:
        field = self._fields.field(reading.segment.name, parts[0]) if parts else None
        kind = field.type if field is not None else ""
        return next(iter(reading.texts((2,))), "") if kind == "varies" else kind

    def _component_type(self, kind: str, number: int) -> str:
        found = self._fields.component(kind, number)
        return found.type if found is not None else ""

    def _grew(self, fact: Fact) -> bool:
        """Whether what the fact was read from is a composite that is read as text by its first component, or has no
        other."""
        kinds = [kind for kind, own in self._types(fact, fact.parts) if own == fact.parts]
        return any(kind in GREW_FROM_SIMPLE or kind in _SIMPLE for kind in kinds)


def _names_of(kind: str) -> Iterator[str]:
    """A data type, and what else a guide may call it."""
    yield from dict.fromkeys((kind, FAMILIES.get(kind, kind), _OLDER.get(kind, kind)))


def _depths(fact: Fact, kind: str) -> Iterator[int]:
    """After how many steps towards the fact's place stands something of the type that the row's table makes."""
    if is_resource(kind):
        yield 0
        return
    at = fact.kind
    for depth, name in enumerate((*fact.names, "")):
        if kind in next((like for like in _LIKE if at in like), {at}):
            yield depth
        element = element_of(at, name) if name else None
        at = element.type if element is not None else ""
