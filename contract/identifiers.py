"""Identifiers: the NHS number, the person key, and resource ids that collide with nobody's.

All keys are HMAC-SHA-256. An unkeyed hash of an NHS number is reversed by listing nine digits, so there is none here.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Final

NHS_NUMBER_SYSTEM: Final = "https://fhir.nhs.uk/Id/nhs-number"
ODS_ORGANISATION_SYSTEM: Final = "https://fhir.nhs.uk/Id/ods-organization-code"
ODS_SITE_SYSTEM: Final = "https://fhir.nhs.uk/Id/ods-site-code"

NATIONAL_SYSTEMS: Final = frozenset(
    {
        NHS_NUMBER_SYSTEM,
        ODS_ORGANISATION_SYSTEM,
        ODS_SITE_SYSTEM,
        "https://fhir.nhs.uk/Id/sds-user-id",
        "https://fhir.nhs.uk/Id/sds-role-profile-id",
        "https://fhir.hl7.org.uk/Id/gmc-number",
        "https://fhir.hl7.org.uk/Id/gmp-number",
        "https://fhir.hl7.org.uk/Id/nmc-number",
        "https://fhir.hl7.org.uk/Id/gphc-number",
    }
)
"""Identifier systems that mean the same in every source (UK Core 2: systems of its profiles and examples)."""


_VARIANT: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def is_nhs_number(text: str) -> bool:
    """Ten ASCII digits whose last is the Modulus 11 check digit of the others (NHS Data Dictionary, NHS NUMBER)."""
    if len(text) != 10 or not (text.isascii() and text.isdigit()):
        return False
    check = 11 - sum(int(d) * w for d, w in zip(text, range(10, 1, -1), strict=False)) % 11
    return check != 10 and int(text[9]) == check % 11


def is_usable_nhs_number(text: str, status: str | None, *, traced_source: bool) -> bool:
    """Whether events may be joined on this number.

    Valid, not one digit ten times, and status 01 (present and verified), or no status from a source that is registered
    as sending traced numbers only.
    """
    if not is_nhs_number(text) or len(set(text)) == 1:
        return False
    return status == "01" or (status is None and traced_source)


@dataclass(frozen=True, slots=True)
class ResourceIds:
    """Makes FHIR resource ids under the hub's id key: the same resource always gets the same id."""

    key: bytes

    def make(self, resource_type: str, domain: str, value: str) -> str:
        """A UUID (RFC 9562, version 8) from HMAC(type | domain | value), domain being where the value is unique."""
        inner, outer = _padded(self.key)
        text = f"{resource_type}\x1f{domain}\x1f{value}".encode()
        digits = sha256(outer + sha256(inner + text).digest()).hexdigest()
        return f"{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-{_VARIANT[digits[16]]}{digits[17:20]}-{digits[20:32]}"


@lru_cache(maxsize=16)
def _padded(key: bytes) -> tuple[bytes, bytes]:
    """The two blocks that HMAC (RFC 2104) puts before text and digest. Written out, since a message has a dozen ids and
    the library prepares its key anew for each of them, which is most of its time."""
    block = (sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)


@dataclass(frozen=True, slots=True)
class PersonKeys:
    """Makes person keys and index hashes under the hub's person secret. `key_id` names the secret in every key."""

    secret: bytes
    key_id: str = "p1"

    def _key(self, kind: str, *parts: str) -> str:
        text = "\x1f".join((kind, *parts)).encode()
        return f"{self.key_id}-{hmac.digest(self.secret, text, hashlib.sha256).hex()[:40]}"

    def of_nhs_number(self, number: str) -> str:
        return self._key("nhs", number)

    def of_local(self, domain: str, system: str, value: str) -> str:
        """Key of a source-scoped identity; `domain` is the source, or the one it shares identifiers with."""
        return self._key("local", domain, system, value)

    def of_source(self, source: str) -> str:
        """Key of events that are about no person: one per source, so that they keep their order."""
        return self._key("source", source)
