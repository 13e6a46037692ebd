"""The message Bundle: a MessageHeader, then the resources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import orjson

from contract.errors import Code
from contract.event import EVENT_TYPE_SYSTEM, source_uri
from mappings.language.fhir.model import TypeModel, type_model
from mappings.language.runtime.state import REFERENCE, State
from mappings.stages import Json

DELETED: Final = "urn:carehub:deleted-element"
"""Extension of the MessageHeader: the FHIR path of an element that the sender deleted (HL7 `""`)."""


def message_bundle(state: State, message: str, focus: Iterable[str | None]) -> Json:
    """`message` is what makes the header's id: the message's id, or the hash of its content."""
    header = _header(state, message, focus)
    resources = [*state.kept.values(), *(r for i, r in state.emitted.items() if i not in state.kept)]
    for identity in [i for i in state.emitted if i in state.kept]:
        for name, value in state.emitted[identity].items():
            state.kept[identity].setdefault(name, value)
    if state.pruned:
        _drop_references(state, header, resources)
    for resource in (header, *resources):
        if "meta" in resource:
            _each_label_once(resource["meta"])
    return bundle_of(header, resources)


def bundle_of(header: dict[str, Any], resources: list[Json]) -> Json:
    entries = [{"fullUrl": REFERENCE + r["id"], "resource": r} for r in (header, *resources)]
    return {"resourceType": "Bundle", "type": "message", "entry": entries}


def _header(state: State, message: str, focus: Iterable[str | None]) -> dict[str, Any]:
    """What the pack says in a MessageHeader of its own, if it makes one, and over it what is the hub's to say."""
    sender = state.context.sender
    told = next((i for i, r in state.kept.items() if r["resourceType"] == "MessageHeader"), "")
    header: dict[str, Any] = state.kept.pop(told, {"resourceType": "MessageHeader"})
    header["id"] = state.context.ids.make("MessageHeader", sender.identifier_domain, message)
    header["eventCoding"] = {"system": EVENT_TYPE_SYSTEM, "code": state.event}
    header.setdefault("source", {})["endpoint"] = source_uri(sender.id)
    for path in dict.fromkeys(state.deleted):
        header.setdefault("extension", []).append({"url": DELETED, "valueString": path})
    references = [{"reference": REFERENCE + identity} for identity in focus if identity]
    if references:
        header["focus"] = references
    return header


def _each_label_once(meta: Json) -> None:
    """R4 has a label or tag once in a resource; a sender may tell the same restriction in two segments."""
    for name in ("security", "tag"):
        if len(labels := meta.get(name, ())) > 1:
            meta[name] = list(
                {(each.get("system"), each.get("code"), each.get("display")): each for each in labels}.values()
            )


def _drop_references(state: State, header: dict[str, Any], resources: list[Json]) -> None:
    """References to resources that turned out to be empty, what is left empty by their going, and what may not be
    without them: a backbone element, or a resource, and then the references to that."""
    gone = {REFERENCE + identity for identity in state.pruned if identity not in state.kept}
    while gone and _mentioned(gone, [header, *resources]):
        lost = set()
        for resource in (header, *resources):
            if not _mentioned(gone, [resource]):
                continue
            identity, kind = resource["id"], resource["resourceType"]
            for path in list(_without(resource, gone, kind, type_model(kind))):
                text = f"{path} would refer to a resource that the message says nothing of"
                state.note(Code.DROPPED_REFERENCE, "", text)
            if not resource:
                lost.add(REFERENCE + identity)
        resources[:] = [resource for resource in resources if resource]
        gone = lost


def _mentioned(references: Iterable[str], resources: list[Json]) -> bool:
    """Whether one of them stands anywhere: in the text, which is much faster than a walk through the tree."""
    text = orjson.dumps(resources, default=str)
    return any(reference.encode() in text for reference in references)


def _without(value: Json, gone: set[str], path: str, model: TypeModel | None) -> Iterator[str]:
    """Removes them in place; yields the path of each. Empties what lacks an element that it must have by then."""
    if isinstance(value, dict):
        count = len(value)
        for name in list(value):
            inner, element = value[name], model.elements.get(name) if model else None
            yield from _without(inner, gone, f"{path}.{name}", type_model(element.type) if element else None)
            if isinstance(inner, dict) and inner.get("reference") in gone:
                del value[name]
                yield f"{path}.{name}"
            elif inner in ({}, []):
                del value[name]
        if len(value) < count and model is not None and model.lacks_some(value):
            value.clear()
    elif isinstance(value, list):
        for item in list(value):
            yield from _without(item, gone, path, model)
            if isinstance(item, dict) and (item.get("reference") in gone or not item):
                value.remove(item)
                yield path
