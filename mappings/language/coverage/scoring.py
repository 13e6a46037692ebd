"""Rows of a guide against facts of samples: a row is covered where a fact shows its source's value at its target."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mappings.language.coverage.conditions import Unclear, holds
from mappings.language.coverage.facts import Fact, Step
from mappings.language.coverage.guide import Row, Source
from mappings.language.coverage.readings import says_the_same, values_in
from mappings.language.coverage.targets import Hop, element_of
from mappings.language.fhir.model import is_resource, type_model
from mappings.language.source import FAMILIES, GREW_FROM_SIMPLE, Hl7Fields

_LIKE: Final = (
    {"date", "dateTime", "instant"},
    {"string", "markdown"},
    {"uri", "url", "canonical"},
    {"integer", "positiveInt", "unsignedInt"},
)
"""FHIR's simple types that hold the same; a table for one serves the others."""


@dataclass(frozen=True, slots=True)
class Reach:
    """A fact as one row may see it: its source relative to the row's segment or data type (`own` components lead to
    that), its target from `depth` steps on."""

    fact: Fact
    own: tuple[int, ...]
    depth: int


class Evidence:
    """The facts of a pack's samples, found by segment and by data type."""

    def __init__(self, facts: Iterable[Fact], fields: Hl7Fields) -> None:
        self._fields = fields
        self._by_segment: dict[str, list[Fact]] = defaultdict(list)
        self._by_type: dict[str, list[tuple[Fact, tuple[int, ...]]]] = defaultdict(list)
        for fact in facts:
            self._by_segment[fact.segment.name].append(fact)
            for kind, own in self._types(fact):
                self._by_type[kind].append((fact, own))

    def _types(self, fact: Fact) -> Iterator[tuple[str, tuple[int, ...]]]:
        """The data types that the fact's value is in or is: of the field, of each component that leads to it, and of
        the first components of which a simple value consists."""
        if not fact.parts:
            return
        field = self._fields.field(fact.segment.name, fact.parts[0])
        kind = field.type if field is not None else ""
        if kind == "varies":
            kind = next(iter(fact.texts((2,))), "")
        for depth in range(1, len(fact.parts) + 1):
            for known in dict.fromkeys((kind, FAMILIES.get(kind, kind))):
                yield known, fact.parts[:depth]
            number = fact.parts[depth] if depth < len(fact.parts) else 1
            found = self._fields.component(kind, number)
            kind = found.type if found is not None else ""

    def covers(self, row: Row) -> bool:
        return any(self._shows(row, reach) for reach in self._reaches(row))

    def exercises(self, row: Row) -> bool:
        """Whether a sample has something at the row's source, whatever became of it."""
        return any(_touches(row, reach) for reach in self._reaches(row, anywhere=True))

    def _reaches(self, row: Row, *, anywhere: bool = False) -> Iterator[Reach]:
        if row.of_segment:
            for fact in self._by_segment[row.source.name]:
                yield Reach(fact, (), 0)
            return
        if not row.hops:
            return
        kind = row.hops[0].kinds[0]
        for fact, own in self._by_type[row.source.name]:
            if anywhere:
                yield Reach(fact, own, 0)
            else:
                for depth in _depths(fact, kind, row):
                    yield Reach(fact, own, depth)

    def _shows(self, row: Row, reach: Reach) -> bool:
        if not row.hops or not _applies(row, reach):
            return False
        if row.constant is not None:
            return _touches(row, reach) and _assigned(row, reach)
        return _put(row, reach, self._fields)


def _depths(fact: Fact, kind: str, row: Row) -> Iterator[int]:
    """After how many steps towards the fact's place stands something of the type that the row's table makes."""
    if is_resource(kind):
        yield 0
        return
    at = fact.kind
    single = {at}
    for depth, name in enumerate((*fact.names, "")):
        single = next((like for like in _LIKE if at in like), {at})
        if kind in single:
            yield depth
        element = element_of(at, name) if name else None
        at = element.type if element is not None else ""


def _applies(row: Row, reach: Reach) -> bool:
    """Whether the row's condition holds in the message that the fact is from; one that cannot be read does."""
    if not row.condition:
        return True
    own = reach.own if not row.of_segment else row.source.parts[:1]
    try:
        return holds(row.condition, row.source, lambda source: reach.fact.said(source, own))
    except Unclear:
        return True


def _touches(row: Row, reach: Reach) -> bool:
    """Whether the fact's value was read at the row's source, in it or around it, and something is there."""
    wanted = (*reach.own, *row.source.parts)
    given = reach.fact.parts
    return given[: len(wanted)] == wanted or (wanted[: len(given)] == given and bool(reach.fact.texts(wanted)))


# the value itself


def _put(row: Row, reach: Reach, fields: Hl7Fields) -> bool:
    last = row.hops[-1]
    fact = reach.fact
    if len(row.hops) > 1 and not last.names and _put_at(row, reach, row.hops[:-1], fields):
        return True
    if len(row.hops) == 1:
        return _put_at(row, reach, row.hops, fields)
    if fact.kind not in last.kinds or not _led_to(row.hops[:-1], fact.resource, fact, row):
        return False
    return _value_at(row, Reach(fact, reach.own, 0), last.names, fields)


def _put_at(row: Row, reach: Reach, hops: tuple[Hop, ...], fields: Hl7Fields) -> bool:
    """In one resource, without following references beyond `hops`."""
    fact = reach.fact
    if len(hops) == 1:
        if is_resource(hops[0].kinds[0]) and fact.kind not in hops[0].kinds:
            return False
    elif fact.kind not in hops[-1].kinds or not _led_to(hops[:-1], fact.resource, fact, row):
        return False
    return _value_at(row, Reach(fact, reach.own, reach.depth if len(hops) == 1 else 0), hops[-1].names, fields)


def _value_at(row: Row, reach: Reach, names: tuple[str, ...], fields: Hl7Fields) -> bool:
    fact = reach.fact
    standing = fact.names[reach.depth :]
    wanted = (*reach.own, *row.source.parts)
    if not _right_extension(row, fact):
        return False
    inside = fact.parts[: len(wanted)] == wanted
    if standing[: len(names)] == names:  # the target is this element, or one around it
        if inside:
            return True
        values = list(_simple(fact.value))
    elif names[: len(standing)] == standing:  # the target is in what a function or code list made of the source
        values = list(values_in(fact.value, names[len(standing) :]))
        if inside and names[-1] == "code" and values:
            return True
    else:
        return False
    if not inside and wanted[: len(fact.parts)] != fact.parts:
        return False
    if wanted == (*fact.parts, 1) and _grew(fact, fields) and (names[-1:] == ("code",) or names == standing) and values:
        return True
    return any(says_the_same(text, value) for text in fact.texts(wanted) for value in values)


def _simple(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _simple(inner)
    elif isinstance(value, list):
        for item in value:
            yield from _simple(item)
    else:
        yield value


def _grew(fact: Fact, fields: Hl7Fields) -> bool:
    """Whether the fact's composite is read as text by its first component."""
    field = fields.field(fact.segment.name, fact.parts[0]) if fact.parts else None
    kind = field.type if field is not None else ""
    for number in fact.parts[1:]:
        found = fields.component(kind, number)
        kind = found.type if found is not None else ""
    return kind in GREW_FROM_SIMPLE


def _right_extension(row: Row, fact: Fact) -> bool:
    """Whether one of the extensions that the value stands in is the guide's."""
    if not row.url:
        return True
    items = [fact.item(depth + 1) for depth, (name, _) in enumerate(fact.steps) if name == "extension"]
    return any(isinstance(item, dict) and item.get("url") == row.url for item in items)


# references


def _led_to(hops: Sequence[Hop], number: int, fact: Fact, row: Row) -> bool:
    """Whether these hops lead to the resource of that number."""
    hop = hops[-1]
    for start, steps, end in fact.event.links:
        if end != number:
            continue
        kind = str(fact.event.resources[start]["resourceType"])
        names = tuple(name for name, _ in steps)
        if len(hops) > 1 or is_resource(hop.kinds[0]):
            if kind not in hop.kinds or names[: len(hop.names)] != hop.names:
                continue
        elif names[-len(hop.names) :] != hop.names or not _of_type(kind, names[: -len(hop.names)], hop.kinds[0]):
            continue
        if len(hops) == 1 or _led_to(hops[:-1], start, fact, row):
            return True
    return False


def _of_type(kind: str, names: Sequence[str], wanted: str) -> bool:
    for name in names:
        element = element_of(kind, name)
        kind = element.type if element is not None else ""
    return kind == wanted


# what the guide assigns


def _assigned(row: Row, reach: Reach) -> bool:
    """Whether the constant stands at the target, in the item that the source's value is in too."""
    fact = reach.fact
    last = row.hops[-1]
    for number in _near(fact):
        resource = fact.event.resources[number]
        if len(row.hops) > 1:
            if resource["resourceType"] not in last.kinds or not _led_to(row.hops[:-1], number, fact, row):
                continue
        elif is_resource(last.kinds[0]) and resource["resourceType"] not in last.kinds:
            continue
        depth = reach.depth if number == fact.resource and len(row.hops) == 1 else 0
        if _stands(row, fact, number, depth, last):
            return True
    return False


def _near(fact: Fact) -> Iterator[int]:
    """The fact's resource, those it leads to and those that lead to it."""
    yield fact.resource
    for start, _, end in fact.event.links:
        if start == fact.resource:
            yield end
        if end == fact.resource:
            yield start


def _stands(row: Row, fact: Fact, number: int, depth: int, hop: Hop) -> bool:
    names = hop.names
    shared = 0
    value: Any = fact.event.resources[number]
    if number == fact.resource:
        standing = fact.names[depth:]
        while shared < min(len(names) - 1, len(standing)) and names[shared] == standing[shared]:
            shared += 1
        value = fact.item(depth + shared)
        element = element_of(hop.kinds[0], names[0]) if names else None
        if not shared and element is not None and element.many:
            return False
    return any(_text(found) == row.constant for found in values_in(value, names[shared:]))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
