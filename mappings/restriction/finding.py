"""Which rules an event shows by its labels. One cheap pass: most events carry none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from mappings.restriction.rules import ANY_TYPE, Rule, RuleBook
from mappings.stages import Json

_Watch: TypeAlias = tuple[tuple[str, ...], Mapping[str, tuple[tuple[Rule, bool], ...]]]
"""An element's path, and for each code there the rules it sets (True) or lifts (False)."""

_Watches: TypeAlias = dict[str, dict[tuple[str, ...], dict[str, list[tuple[Rule, bool]]]]]

_BOOKS: Final = 256
"""Rule books whose index is kept: a national one, and one for each place or source with rules of its own."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a label on one resource sets, or lifts when `on` is false."""

    rule: Rule
    on: bool
    resource: Json


def findings(bundle: Json, book: RuleBook) -> list[Finding]:
    """The labels of a message Bundle, of its entries and of what they contain, that a rule knows."""
    watched, others = _index(book)
    found: list[Finding] = []
    _look(bundle, watched.get("Bundle", others), found)
    for entry in bundle.get("entry", ()):
        resource = entry.get("resource")
        if resource is None:
            continue
        _look(resource, watched.get(resource["resourceType"], others), found)
        for inner in resource.get("contained", ()):
            _look(inner, watched.get(inner["resourceType"], others), found)
    return found


def _look(resource: Json, watches: tuple[_Watch, ...], found: list[Finding]) -> None:
    for (first, *rest), codes in watches:
        value = resource.get(first)
        for name in rest:
            if value is None:
                break
            value = value.get(name)
        if value is not None:
            for code in _codes(value):
                found.extend(Finding(rule, on, resource) for rule, on in codes.get(code, ()))


def _codes(value: Json) -> Iterator[str]:
    """The codes of a code, Coding, CodeableConcept or a list of these."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _codes(item)
    elif "coding" in value:
        yield from _codes(value["coding"])
    elif "code" in value:
        yield f"{value.get('system', '')}|{value['code']}"


@lru_cache(maxsize=_BOOKS)
def _index(book: RuleBook) -> tuple[Mapping[str, tuple[_Watch, ...]], tuple[_Watch, ...]]:
    """What to look at in each resource type, and in all others.

    `*` leaves out the types named at the same path. A layer that names a type there takes nothing away from it: what
    held by `*` below still holds.
    """
    watches: _Watches = {ANY_TYPE: {}}
    _watch(watches, book, added=False)
    national = {kind: {path: dict(codes) for path, codes in paths.items()} for kind, paths in watches.items()}
    for rule in book.rules.values():
        for marker in (m for m in rule.found if m.added and m.resource_type != ANY_TYPE):
            if marker.path not in watches.setdefault(marker.resource_type, {}):
                inherited = national[ANY_TYPE].get(marker.path, {})
                watches[marker.resource_type][marker.path] = {code: [*found] for code, found in inherited.items()}
    _watch(watches, book, added=True)
    frozen = {
        resource_type: tuple(
            (path, {code: tuple(found) for code, found in codes.items()})
            for path, codes in {**watches[ANY_TYPE], **paths}.items()
        )
        for resource_type, paths in watches.items()
    }
    others = frozen.pop(ANY_TYPE)
    return frozen, others


def _watch(watches: _Watches, book: RuleBook, *, added: bool) -> None:
    for rule in book.rules.values():
        for on, markers in ((True, rule.found), (False, rule.lifted)):
            for marker in (m for m in markers if m.added is added):
                codes = watches.setdefault(marker.resource_type, {}).setdefault(marker.path, {})
                for code in marker.codes:
                    codes.setdefault(code, []).append((rule, on))
