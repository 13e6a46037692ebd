"""Taking things out of a message Bundle so that what is left still holds together.

Everything here works on a copy that the caller owns. What goes, goes with its narrative (which repeats the elements in
prose), with the references to it, and with the resources that only it pointed to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Final

from mappings.stages import Json

_NEEDS_ITS_LIST: Final = {"Provenance": "target"}
"""Resources that make no statement once this list of references is empty, and fall with it."""

_CONTACT_DETAILS: Final = ("name", "telecom", "address", "organization")
"""FHIR invariant pat-1: a contact without any of these may not stand."""


def remove_elements(bundle: Json, withheld: Collection[tuple[str, tuple[str, ...]]]) -> bool:
    """Removes elements, given as resource type and path, from every resource in the bundle, at whatever depth.

    True if there was anything to remove. GP organisations and the like that nothing else mentions go too.
    """
    mentioned: set[str] = set()
    removed = False
    for resource in list(_resources(bundle)):
        for resource_type, path in withheld:
            if resource["resourceType"] == resource_type:
                for part in _cut(resource, path):
                    removed = True
                    mentioned.update(_references(part))
        if resource["resourceType"] == "Patient" and "contact" in resource:
            _drop_empty_contacts(resource)
    if removed:
        _drop_orphans(bundle, mentioned)
        _drop_narrative(bundle)
    return removed


def remove_resources(bundle: Json, gone: Callable[[Json], bool], kept: Collection[str] = ()) -> None:
    """Removes entries and contained resources for which `gone` is true, with every reference to them. Those that `kept`
    names (`Patient/ID`) stay, also when nothing points to them any more."""
    names: set[str] = set()
    mentioned: set[str] = set()
    for holder, entry in [*_entries(bundle)]:
        if gone(entry["resource"]):
            holder.remove(entry)
            names |= _names(entry)
            mentioned.update(_references(entry["resource"]))
    for resource in list(_resources(bundle)):
        for contained in [c for c in resource.get("contained", ()) if gone(c)]:
            resource["contained"].remove(contained)
            mentioned.update(_references(contained))
            _prune(resource, {f"#{contained.get('id', '')}"})
        if resource.get("contained") == []:
            del resource["contained"]
    while names:
        fallen: set[str] = set()
        for holder, entry in [*_entries(bundle)]:
            resource = entry["resource"]
            _prune(resource, names)
            needed = _NEEDS_ITS_LIST.get(resource["resourceType"])
            if needed and not resource.get(needed):
                holder.remove(entry)
                fallen |= _names(entry)
        names = fallen
    _drop_orphans(bundle, mentioned, kept)
    _drop_narrative(bundle)


def _resources(value: Json) -> Iterator[Json]:
    """Every resource in a value, itself included, in whatever it is wrapped."""
    if isinstance(value, dict):
        if "resourceType" in value:
            yield value
        for child in value.values():
            yield from _resources(child)
    elif isinstance(value, list):
        for child in value:
            yield from _resources(child)


def _entries(bundle: Json) -> Iterator[tuple[list[Json], Json]]:
    """The entries of a bundle, and of bundles in it, with the list that holds each."""
    for resource in _resources(bundle):
        if resource["resourceType"] == "Bundle":
            holder = resource.get("entry", [])
            yield from ((holder, entry) for entry in holder if "resource" in entry)


def _cut(value: Json, path: tuple[str, ...]) -> Iterator[Json]:
    """Removes what is at a path, yielding it. Parents left empty go as well."""
    if isinstance(value, list):
        for item in value:
            yield from _cut(item, path)
        value[:] = [item for item in value if item]
        return
    head, rest = path[0], path[1:]
    if head not in value:
        return
    if rest:
        yield from _cut(value[head], rest)
        if not value[head]:
            del value[head]
    else:
        yield value.pop(head)


def _references(value: Json) -> Iterator[str]:
    if isinstance(value, dict):
        reference = value.get("reference")
        if isinstance(reference, str):
            yield reference
        for child in value.values():
            yield from _references(child)
    elif isinstance(value, list):
        for child in value:
            yield from _references(child)


def _names(entry: Json) -> set[str]:
    """What a reference to this entry may say."""
    resource = entry["resource"]
    names = {entry["fullUrl"]} if "fullUrl" in entry else set()
    if "id" in resource:
        names.add(f"{resource['resourceType']}/{resource['id']}")
    return names


def _prune(value: Json, names: set[str]) -> bool:
    """Removes references to these names: the list item that holds one, or the element. True if `value` must go."""
    if isinstance(value, list):
        had = bool(value)
        value[:] = [item for item in value if not _prune(item, names)]
        return had and not value
    if not isinstance(value, dict):
        return False
    if value.get("reference") in names:
        return True
    lost = False
    for key in [key for key, child in value.items() if _prune(child, names)]:
        # a list that became empty leaves its owner standing; a single reference takes the item that says it along
        lost = lost or not isinstance(value[key], list)
        del value[key]
    return not value or (lost and "resourceType" not in value)


def _drop_orphans(bundle: Json, mentioned: set[str], kept: Collection[str] = ()) -> None:
    """Removes entries and contained resources that only removed parts pointed to, and so on from these."""
    while mentioned:
        still = {*_references(bundle), *kept}
        after: set[str] = set()
        for holder, entry in [*_entries(bundle)]:
            names = _names(entry)
            if names & mentioned and not names & still:
                holder.remove(entry)
                after.update(_references(entry["resource"]))
        for resource in list(_resources(bundle)):
            if "contained" in resource:
                used = set(_references(resource))
                resource["contained"] = [
                    c for c in resource["contained"] if not _is_orphan(f"#{c.get('id', '')}", mentioned, used)
                ]
                if not resource["contained"]:
                    del resource["contained"]
        mentioned = after


def _is_orphan(name: str, mentioned: set[str], used: set[str]) -> bool:
    return name in mentioned and name not in used


def _drop_empty_contacts(patient: Json) -> None:
    patient["contact"] = [c for c in patient["contact"] if any(detail in c for detail in _CONTACT_DETAILS)]
    if not patient["contact"]:
        del patient["contact"]


def _drop_narrative(value: Json) -> None:
    """Removes every narrative: it says in prose what the elements say. A section with nothing left goes too."""
    if isinstance(value, dict):
        text = value.get("text")
        if isinstance(text, dict) and "div" in text:
            del value["text"]
        for child in value.values():
            _drop_narrative(child)
        if isinstance(value.get("section"), list):
            value["section"] = [s for s in value["section"] if any(key in s for key in ("text", "entry", "section"))]
            if not value["section"]:
                del value["section"]
    elif isinstance(value, list):
        for child in value:
            _drop_narrative(child)
