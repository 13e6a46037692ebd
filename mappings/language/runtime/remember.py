"""What the hub remembers of a row, because later rows hang on it or because only its changes are news."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import orjson

from mappings.language.runtime.state import State
from mappings.stages import Json, ParentState, ResourceState

_SUBSETTED: Final = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}

if TYPE_CHECKING:
    from mappings.language.runtime.program import MessageCode


def states_of(state: State, message: MessageCode, bundle: Json, focus: str | None) -> tuple[ResourceState, ...]:
    """One state per remembered resource; for a snapshot at least one, of the resource in focus."""
    if not message.remember and not message.snapshot:
        return ()
    resources = {e["resource"]["id"]: e["resource"] for e in bundle["entry"][1:]}
    content = hashlib.sha256(orjson.dumps(bundle["entry"][1:], default=str, option=orjson.OPT_SORT_KEYS)).digest()
    patient = _stub(resources.values())
    ancestors = dict(_above(state))
    remembered = {name: state.named[resource] for name, resource in message.remember.items() if resource in state.named}
    own = {name: f"{resources[i]['resourceType']}/{i}" for name, i in remembered.items() if i in resources}
    identities = [i for i in dict.fromkeys(remembered.values()) if i in resources]
    if not identities and message.snapshot and focus is not None and focus in resources:
        identities = [focus]
    known = ParentState(patient, {**ancestors, **own})
    return tuple(ResourceState(resources[i]["resourceType"], i, content, known, message.snapshot) for i in identities)


def _above(state: State) -> dict[str, str]:
    """References to all that this row hangs on, by name."""
    found: dict[str, str] = {}
    for name, parent in state.above.items():
        known = state.context.parents.get(parent.resource_id)
        found |= dict(known.ancestors) if known is not None else {}
        found[name] = f"{parent.resource_type}/{parent.resource_id}"
    return found


def _stub(resources: Any) -> Json:
    """The Patient with id and identifiers only, tagged as such: it must not replace the whole one."""
    patient = next((r for r in resources if r["resourceType"] == "Patient"), None)
    if patient is None:
        return {}
    stub = {key: patient[key] for key in ("resourceType", "id", "identifier") if key in patient}
    return {**stub, "meta": {"tag": [dict(_SUBSETTED)]}}
