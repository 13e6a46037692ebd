"""Which content types the HTTP door takes, and which of them may hold several messages."""

from __future__ import annotations

from typing import Final

from contract.errors import Code, UnsupportedType, refuse
from gateway.http.exchange import Asked
from mappings.formats import CONTENT_TYPES

FHIR_TYPES: Final = frozenset({"application/fhir+json", "application/fhir+xml"})
TAKEN: Final = frozenset(CONTENT_TYPES)

SEVERAL: Final = TAKEN - FHIR_TYPES
"""Types whose body may be a file of several messages; the body decides."""


def media_type(asked: Asked, taken: frozenset[str] = TAKEN) -> str:
    """The media type in lower case, without parameters. Raises UnsupportedType, naming those that are taken, also for
    a compressed body."""
    stated = asked.headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
    if stated not in taken:
        names = ", ".join(sorted(taken))
        raise refuse(UnsupportedType, Code.UNSUPPORTED_TYPE, f"set Content-Type to one of: {names}", "Content-Type")
    if asked.headers.get(b"content-encoding", b"identity").strip().lower() not in (b"identity", b""):
        text = "send the body without Content-Encoding; compressed bodies are not taken"
        raise refuse(UnsupportedType, Code.UNSUPPORTED_TYPE, text, "Content-Encoding")
    return stated
