"""Whether a fact shows a row's value at the row's target: the heart of the score."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mappings.language.coverage.conditions import Unclear, holds
from mappings.language.coverage.facts import Fact, Reading
from mappings.language.coverage.guide import Row
from mappings.language.coverage.targets import Hop, element_of
from mappings.language.coverage.texts import says_the_same, values_in
from mappings.language.fhir.model import is_resource


@dataclass(frozen=True, slots=True)
class Reach:
    """A fact as one row may see it: the row's segment or data type stands at the components `own`, what it makes after
    `depth` steps."""

    fact: Fact
    own: tuple[int, ...]
    depth: int


def applies(row: Row, reading: Reading, own: tuple[int, ...]) -> bool:
    """Whether the row's condition holds in this message; one that cannot be read does."""
    if not row.condition:
        return True
    own = row.source.parts[:1] if row.of_segment else own
    try:
        return holds(row.condition, row.source, lambda source: reading.said(source, own))
    except Unclear:
        return True


# the value itself


def is_put(row: Row, reach: Reach, grew: bool) -> bool:
    """Whether the fact stands at the target: in the resource that the row speaks of, or in one that it leads to."""
    *before, last = row.hops
    if not before:
        return _is_one_of(reach.fact, last) and _value_at(row, reach, last.names, grew)
    inside = Reach(reach.fact, reach.own, 0)
    if reach.fact.kind in last.kinds and _leads_to(before, reach.fact.resource, reach.fact):
        return _value_at(row, inside, last.names, grew)
    if last.names or not _is_one_of(reach.fact, before[-1]) or _refers_elsewhere(reach.fact, last):
        return False
    if len(before) == 1:  # the reference itself
        return _value_at(row, reach, before[0].names, grew)
    return _leads_to(before[:-1], reach.fact.resource, reach.fact) and _value_at(row, inside, before[-1].names, grew)


def _is_one_of(fact: Fact, hop: Hop) -> bool:
    return not is_resource(hop.kinds[0]) or fact.kind in hop.kinds


def _value_at(row: Row, reach: Reach, names: tuple[str, ...], grew: bool) -> bool:
    fact = reach.fact
    standing = fact.names[reach.depth :]
    wanted = (*reach.own, *row.source.parts)
    inside = fact.parts[: len(wanted)] == wanted
    if not _right_extension(row, fact):
        return False
    if standing[: len(names)] == names and inside:  # all that the target holds, or a part of it
        return True
    if not fact.sealed or wanted[: len(fact.parts)] != fact.parts[: len(wanted)]:
        return False
    values = list(_within(fact.value, standing, names))
    coded = names == standing or names[-1:] == ("code",)
    if values and coded and (inside or (grew and wanted == (*fact.parts, 1))):
        return True
    return any(says_the_same(text, value) for text in fact.texts(wanted) for value in values)


def _within(value: Any, standing: tuple[str, ...], names: tuple[str, ...]) -> Iterator[Any]:
    """The simple values of what stands there that are at the target, or in it."""
    if standing[: len(names)] == names:
        yield from _simple(value)
    elif names[: len(standing)] == standing:
        for found in values_in(value, names[len(standing) :]):
            yield from _simple(found)


def _simple(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _simple(inner)
    elif isinstance(value, list):
        for item in value:
            yield from _simple(item)
    else:
        yield value


def _right_extension(row: Row, fact: Fact) -> bool:
    """Whether one of the extensions that the value stands in is the guide's."""
    if not row.url:
        return True
    items = [fact.item(depth + 1) for depth, (name, _) in enumerate(fact.steps) if name == "extension"]
    return any(isinstance(item, dict) and item.get("url") == row.url for item in items)


# references


def _refers_elsewhere(fact: Fact, hop: Hop) -> bool:
    """Whether the fact is a reference, and leads to a resource that the hop does not mean."""
    ends = [end for start, steps, end in fact.event.links if (start, steps) == (fact.resource, fact.steps)]
    return any(fact.event.resources[end]["resourceType"] not in hop.kinds for end in ends)


def _leads_to(hops: list[Hop], number: int, fact: Fact) -> bool:
    """Whether references at these hops lead to the resource of that number."""
    hop = hops[-1]
    for start, steps, end in fact.event.links:
        kind = str(fact.event.resources[start]["resourceType"])
        names = tuple(name for name, _ in steps)
        if end != number or not _at(hop, kind, names):
            continue
        if len(hops) == 1 or _leads_to(hops[:-1], start, fact):
            return True
    return False


def _at(hop: Hop, kind: str, names: tuple[str, ...]) -> bool:
    """Whether a reference at these names of a resource is one that the hop means."""
    if is_resource(hop.kinds[0]):
        return kind in hop.kinds and names[: len(hop.names)] == hop.names
    before = len(names) - len(hop.names)
    if names[before:] != hop.names:
        return False
    for name in names[:before]:
        element = element_of(kind, name)
        kind = element.type if element is not None else ""
    return kind == hop.kinds[0]


# what the guide assigns


def is_assigned(row: Row, reach: Reach) -> bool:
    """Whether the constant stands at the target, in the item that the source's value is in too."""
    fact = reach.fact
    wanted = (*reach.own, *row.source.parts)
    read = fact.parts[: len(wanted)] == wanted or (wanted[: len(fact.parts)] == fact.parts and fact.texts(wanted))
    if not read and (not row.condition or fact.texts(wanted)):
        return False  # `IF XTN.3 NOT VALUED` is about a source that is not there
    *before, last = row.hops
    if not before:
        return _is_one_of(fact, last) and _stands(row, reach, fact.resource, last)
    return any(
        fact.event.resources[number]["resourceType"] in last.kinds
        and _leads_to(before, number, fact)
        and _stands(row, Reach(fact, reach.own, 0), number, last)
        for number in _near(fact)
    )


def _near(fact: Fact) -> Iterator[int]:
    """The fact's resource, those it leads to and those that lead to it."""
    yield fact.resource
    for start, _, end in fact.event.links:
        if start == fact.resource:
            yield end
        if end == fact.resource:
            yield start


def _stands(row: Row, reach: Reach, number: int, hop: Hop) -> bool:
    names, fact = hop.names, reach.fact
    value: Any = fact.event.resources[number]
    shared = 0
    if number == fact.resource:
        standing = fact.names[reach.depth :]
        while shared < min(len(names) - 1, len(standing)) and names[shared] == standing[shared]:
            shared += 1
        value = fact.item(reach.depth + shared)
        element = element_of(hop.kinds[0], names[0]) if names else None
        if standing and not shared and element is not None and element.many and row.source.parts:
            return False  # in another item; what a whole segment or data type makes may stand anywhere
    return any(_text(found) == row.constant for found in values_in(value, names[shared:]))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
