"""Events that say which person key replaces which: `person-linked-1` and `person-merged-1`.

Their Bundle holds one Parameters entry with person keys and nothing else of the person:

    oldKey         the key under which the person's events appeared until now
    newKey         the key under which they appear from now on; the same, when a merge changes no key
    withdrawnKey   the key that the old one stood for before and no longer does, if any (another NHS number turned up)

A consumer sets old → new in its alias table and resolves the subject through it at every apply. Nothing about events
whose subject is the withdrawn key itself changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from contract.event import EVENT_TYPE_SYSTEM, rfc3339, source_uri

PERSON_LINKED: Final = "person-linked-1"
PERSON_MERGED: Final = "person-merged-1"

_PARAMETERS_ID: Final = "person-link"


@dataclass(frozen=True, slots=True)
class PersonLink:
    """`current` takes the place of `previous`. All three are person keys."""

    previous: str
    current: str
    withdrawn: str | None = None

    def as_entry(self) -> dict[str, Any]:
        """The Bundle entry that carries it."""
        named = (("oldKey", self.previous), ("newKey", self.current), ("withdrawnKey", self.withdrawn))
        return {
            "fullUrl": f"urn:carehub:{_PARAMETERS_ID}",
            "resource": {
                "resourceType": "Parameters",
                "id": _PARAMETERS_ID,
                "parameter": [{"name": name, "valueString": key} for name, key in named if key is not None],
            },
        }


def linked_bundle(link: PersonLink, event_id: str, source: str, happened: datetime) -> dict[str, Any]:
    """The message Bundle of a `person-linked-1` event that source's message brought about; `happened` is UTC."""
    entry = link.as_entry()
    header = {
        "resourceType": "MessageHeader",
        "id": event_id,
        "eventCoding": {"system": EVENT_TYPE_SYSTEM, "code": PERSON_LINKED},
        "source": {"name": source, "endpoint": source_uri(source)},
        "focus": [{"reference": entry["fullUrl"]}],
    }
    return {
        "resourceType": "Bundle",
        "type": "message",
        "timestamp": rfc3339(happened),
        "entry": [{"fullUrl": f"urn:uuid:{event_id}", "resource": header}, entry],
    }


def link_of(bundle: Mapping[str, Any]) -> PersonLink | None:
    """The link that a Bundle carries, None when it carries none. Raises ValueError when it names no two keys."""
    for entry in bundle.get("entry", ()):
        resource = entry.get("resource", {})
        if resource.get("resourceType") == "Parameters" and resource.get("id") == _PARAMETERS_ID:
            keys = {p["name"]: p["valueString"] for p in resource.get("parameter", ())}
            if "oldKey" not in keys or "newKey" not in keys:
                raise ValueError("the person link names no old or no new key")
            return PersonLink(keys["oldKey"], keys["newKey"], keys.get("withdrawnKey"))
    return None
