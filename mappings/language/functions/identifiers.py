"""Identifiers: NHS numbers, ODS codes, the sender's own systems, and the ids of resources."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from contract.errors import Code
from contract.identifiers import NHS_NUMBER_SYSTEM, ResourceIds, is_nhs_number
from mappings.language.functions.registry import function
from mappings.language.runtime.state import State

_ODS: Final = re.compile(r"[A-Z0-9]{3,9}")
_OID: Final = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!#-;=?-\[\]_a-z~]+")
_BETWEEN: Final = "\x1e"
_NO_NHS_NUMBER: Final = "this is no NHS number: it has ten digits, the last of which checks the others (Modulus 11)"


@function("nhs_number", "text", "string")
def nhs_number(state: State, where: str, text: str) -> str | None:
    """Ten digits with a right check digit (Modulus 11), blanks and hyphens left out; else the issue
    `invalid-nhs-number`."""
    digits = text.replace(" ", "").replace("-", "")
    if not is_nhs_number(digits):
        state.unreadable(Code.INVALID_NHS_NUMBER, where, _NO_NHS_NUMBER)
        return None
    return digits


@function("ods_code", "text", "string")
def ods_code(state: State, where: str, text: str) -> str | None:
    """An organisation or site code in capitals."""
    code = text.strip().upper()
    if not _ODS.fullmatch(code):
        state.unreadable(Code.INVALID_VALUE, where, "this is no ODS code: 3 to 9 letters and digits")
        return None
    return code


@function("readable_ods_code", "text", "string")
def readable_ods_code(_state: State, _where: str, text: str) -> str | None:
    """As `ods_code`; nothing, and no complaint, where the text has not the shape of one: for what may be a name."""
    code = text.strip().upper()
    return code if _ODS.fullmatch(code) else None


@function("local_system", "authority?", "uri", counts=False)
def local_system(state: State, _where: str, authority: str | None = None) -> str:
    """The system of an identifier that only this sender (and who shares its identifiers) gives out."""
    base = f"urn:carehub:identifiers:{state.context.sender.identifier_domain}"
    return f"{base}:{quote(authority, safe='')}" if authority else base


@function("authority_system", "name? universal? type?", "uri", counts=False)
def authority_system(
    state: State, where: str, name: str | None = None, universal: str | None = None, kind: str | None = None
) -> str:
    """The system of an identifier by the parts of its HD authority: an OID, a UUID or a URI as such, else one of the
    sender's own by the authority's name."""
    stated = (kind or "").upper()
    if universal and stated in ("ISO", "OID") and _OID.fullmatch(universal):
        return f"urn:oid:{universal}"
    if universal and stated in ("UUID", "GUID") and _UUID.fullmatch(universal):
        return f"urn:uuid:{universal.lower()}"
    if universal and stated == "URI" and _URI.fullmatch(universal):
        return universal
    return local_system(state, where, name or universal)


@function("local_code_system", "name", "uri", counts=False)
def local_code_system(state: State, _where: str, name: str) -> str:
    """The system of codes that only this sender knows, by the name the sender gives it."""
    return f"urn:carehub:codes:{state.context.sender.identifier_domain}:{quote(name, safe='')}"


def identity(state: State, kind: str, value: str, authority: str | None) -> str:
    """Resource id of something that the sender gave an identifier to, unique within `authority`."""
    text = f"{authority}{_BETWEEN}{value}" if authority else value
    return state.context.ids.make(kind, state.context.sender.identifier_domain, text)


def national(state: State, kind: str, system: str, value: str) -> str | None:
    """Resource id from an identifier that means the same everywhere. One digit ten times is no person's NHS number, but
    a filler that many share: it makes no id."""
    ids = state.context.ids
    if system != NHS_NUMBER_SYSTEM:
        return _national(ids.key, kind, system, value)
    return ids.make(kind, system, value) if len(set(value)) > 1 else None


@lru_cache(maxsize=8192)
def _national(key: bytes, kind: str, system: str, value: str) -> str:
    """Organisations and staff come again in message after message; of persons nothing is kept."""
    return ResourceIds(key).make(kind, system, value)


def within(state: State, kind: str, reference: str, role: str, *codes: str | None) -> str | None:
    """Resource id of what has no identifier of its own: its parent's id, its role there, and stable codes."""
    if codes and not any(codes):
        return None
    parent = reference.replace("/", ":").rpartition(":")[2]
    return state.context.ids.make(kind, "within", _BETWEEN.join((parent, role, *(code or "" for code in codes))))
