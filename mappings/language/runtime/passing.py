"""FHIR messages that pass as they come, under ids of the hub."""

from __future__ import annotations

import copy
from typing import Any

from contract.errors import Code
from contract.identifiers import NATIONAL_SYSTEMS
from mappings.language.runtime.bundle import bundle_of
from mappings.language.runtime.reading import items, member
from mappings.language.runtime.state import REFERENCE, State
from mappings.stages import Json

_LOCAL = "#"


def passed_bundle(state: State, bundle: Json, message: str) -> tuple[Json, dict[str, str]]:
    """The sender's Bundle with hub ids and references rewritten, and the new id by each old fullUrl and `Type/id`.

    The sender's MessageHeader stays, its eventCoding as sent.
    """
    entries = [e for e in items(member(bundle, "entry")) if isinstance(member(e, "resource"), dict)]
    known: dict[str, str] = {}
    resources: dict[str, dict[str, Any]] = {}
    for number, entry in enumerate(entries):
        resource = copy.deepcopy(entry["resource"])
        identity = _identity(state, resource, entry, message)
        resource["id"] = identity
        if resources.get(identity, resource) != resource:
            # another resource under the same identifier: neither may hide the other
            where = f"Bundle.entry[{number}].resource"
            text = "it has the identifier of an earlier resource and says something else; it gets an id of its own"
            state.note(Code.DUPLICATE_RESOURCE, where, text)
            identity = resource["id"] = _own_identity(state, resource, entry, f"{message}\x1e{number}")
        for old in _names(entry):
            known.setdefault(old, identity)
        resources[identity] = resource
    for resource in resources.values():
        _rewrite(resource, known)
        resource.update(state.over.get(str(resource.get("resourceType")), {}))
    header, *others = resources.values()  # decode has seen that the header comes first
    return bundle_of(header, others), known


def _names(entry: Json) -> list[str]:
    """How references may name an entry: its fullUrl, and type and id."""
    resource = entry["resource"]
    found = [entry["fullUrl"]] if isinstance(entry.get("fullUrl"), str) else []
    if isinstance(resource.get("id"), str):
        found += [f"{resource.get('resourceType')}/{resource['id']}", f"urn:uuid:{resource['id']}"]
    return found


def _identity(state: State, resource: dict[str, Any], entry: Json, message: str) -> str:
    """From the first identifier with a system, a national one first; else from the sender's id or fullUrl."""
    kind = str(resource.get("resourceType"))
    domain = state.context.sender.identifier_domain
    if kind == "MessageHeader":
        return state.context.ids.make(kind, domain, message)
    found = [
        (i["system"], i["value"])
        for i in items(resource.get("identifier"))
        if isinstance(i, dict) and isinstance(i.get("value"), str) and isinstance(i.get("system"), str)
    ]
    if found and kind != "Patient" and found[0][0] in NATIONAL_SYSTEMS:
        return state.context.ids.make(kind, *found[0])
    local = next((pair for pair in found if pair[0] not in NATIONAL_SYSTEMS), None)
    if local is not None:
        return state.context.ids.make(kind, domain, "\x1e".join(local))
    if found:
        return state.context.ids.make(kind, *found[0])
    return _own_identity(state, resource, entry, f"{message}\x1e{kind}")


def _own_identity(state: State, resource: dict[str, Any], entry: Json, otherwise: str) -> str:
    """From the sender's id or fullUrl of the entry, else from `otherwise`."""
    own = entry["resource"].get("id") or entry.get("fullUrl")
    value = own if isinstance(own, str) else otherwise
    return state.context.ids.make(str(resource.get("resourceType")), state.context.sender.identifier_domain, value)


def _rewrite(value: Json, known: dict[str, str]) -> None:
    if isinstance(value, dict):
        reference = value.get("reference")
        if isinstance(reference, str) and not reference.startswith(_LOCAL):
            identity = known.get(reference) or known.get(reference.partition("/_history/")[0])
            if identity is not None:
                value["reference"] = REFERENCE + identity
        for inner in value.values():
            _rewrite(inner, known)
    elif isinstance(value, list):
        for item in value:
            _rewrite(item, known)


def resource_named(bundle: Json, known: dict[str, str], wanted: Any, kind: str) -> str | None:
    """The new id of what `person:` or `focus:` names: a resource, or a reference to one; by default the first of that
    type."""
    if isinstance(wanted, list):
        wanted = wanted[0] if wanted else None
    if isinstance(wanted, dict):
        reference = wanted.get("reference") or f"{wanted.get('resourceType')}/{wanted.get('id')}"
        return known.get(str(reference))
    resources = (e["resource"] for e in bundle["entry"])
    return next((str(r["id"]) for r in resources if r.get("resourceType") == kind), None)
