"""Which rules an event shows by its labels. Most events carry none, and are let by after a look at their bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from mappings.restriction.rules import ANY_TYPE, Rule, rules
from mappings.stages import Json

_Watch: TypeAlias = tuple[tuple[str, ...], Mapping[str, tuple[tuple[Rule, bool], ...]]]
"""An element's path, and for each code there the rules it sets (True) or lifts (False)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a label on one resource sets, or lifts when `on` is false."""

    rule: Rule
    on: bool
    resource: Json


def may_have_findings(body: bytes) -> bool:
    """False if no element that a rule looks at is named in this JSON: then there is nothing to find."""
    return any(name in body for name in _watched_names())


def findings(bundle: Json) -> list[Finding]:
    """The labels of a message Bundle, of its entries and of what they contain, that a rule knows."""
    watched, others = _index()
    found: list[Finding] = []
    for resource in _resources(bundle):
        for path, codes in watched.get(resource["resourceType"], others):
            value = resource
            for name in path:
                value = value.get(name)
                if value is None:
                    break
            else:
                for code in _codes(value):
                    found.extend(Finding(rule, on, resource) for rule, on in codes.get(code, ()))
    return found


def _resources(bundle: Json) -> Iterator[Json]:
    yield bundle
    for entry in bundle.get("entry", ()):
        resource = entry.get("resource")
        if resource is not None:
            yield resource
            yield from resource.get("contained", ())


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


@cache
def _watched_names() -> tuple[bytes, ...]:
    names = {m.path[-1] for rule in rules().values() for m in (*rule.found, *rule.lifted)}
    return tuple(f'"{name}"'.encode() for name in sorted(names))


@cache
def _index() -> tuple[Mapping[str, tuple[_Watch, ...]], tuple[_Watch, ...]]:
    """What to look at in each resource type, and in all others. `*` leaves out the types named at the same path."""
    watches: dict[str, dict[tuple[str, ...], dict[str, list[tuple[Rule, bool]]]]] = {ANY_TYPE: {}}
    for rule in rules().values():
        for on, markers in ((True, rule.found), (False, rule.lifted)):
            for marker in markers:
                codes = watches.setdefault(marker.resource_type, {}).setdefault(marker.path, {})
                for code in marker.codes:
                    codes.setdefault(code, []).append((rule, on))
    frozen = {
        resource_type: tuple(
            (path, {code: tuple(found) for code, found in codes.items()})
            for path, codes in {**watches[ANY_TYPE], **paths}.items()
        )
        for resource_type, paths in watches.items()
    }
    others = frozen.pop(ANY_TYPE)
    return frozen, others
