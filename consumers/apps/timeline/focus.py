"""The resource that an event is about, and a few words on it: codes only, so that they may be shown anywhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from consumers.faults import PermanentFault

WITHDRAWN: Final = frozenset({"entered-in-error", "cancelled", "revoked"})
"""Statuses by which a resource is taken back."""

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Focus:
    """Empty texts where the event is about no resource, or the resource states no status."""

    resource_type: str = ""
    resource_id: str = ""
    status: str = ""
    summary: str = ""


def focus_of(bundle: dict[str, Any]) -> Focus:
    """The first focus of the MessageHeader. Raises PermanentFault when the Bundle does not begin with one."""
    resources = [entry.get("resource", {}) for entry in _list(bundle.get("entry")) if isinstance(entry, dict)]
    if not resources or resources[0].get("resourceType") != "MessageHeader":
        raise PermanentFault("no-message-header")
    references = [focus.get("reference", "") for focus in _list(resources[0].get("focus")) if isinstance(focus, dict)]
    for entry in _list(bundle.get("entry"))[1:]:
        resource = entry.get("resource", {})
        if resource.get("resourceType") == "Parameters":
            continue  # what the hub says of keys; not a resource of anybody's record
        name = f"{resource.get('resourceType')}/{resource.get('id')}"
        if references and (references[0] in (name, entry.get("fullUrl")) or references[0].endswith(f"/{name}")):
            return _described(resource)
    return Focus()


def _described(resource: dict[str, Any]) -> Focus:
    kind, status = _code(resource.get("resourceType")), _code(resource.get("status"))
    identity = resource.get("id", "")
    words = (kind, _class_of(resource), _code(resource.get("intent")), status)
    return Focus(
        resource_type=kind,
        resource_id=identity if isinstance(identity, str) and _ID.fullmatch(identity) else "",
        status=status,
        summary=" ".join(word for word in words if word),
    )


def _class_of(resource: dict[str, Any]) -> str:
    """Encounter.class, a Coding from a national list."""
    coding = resource.get("class")
    return _code(coding.get("code")) if isinstance(coding, dict) else ""


def _code(value: object) -> str:
    """A code as it is; nothing for anything else, which might be text of a person's."""
    return value if isinstance(value, str) and _CODE.fullmatch(value) else ""


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
