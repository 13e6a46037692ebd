"""FHIR R4's primitive types (R4 §2.24.0.1) as JSON Schema: the regular expressions of the standard, made to see
impossible dates."""

from __future__ import annotations

from typing import Any, Final

_YEAR = "(?:[0-9](?:[0-9](?:[0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)"
_LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_DAY = (
    f"(?:{_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    f"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP_YEAR}-02-29)"
)
_MONTH = f"{_YEAR}(?:-(?:0[1-9]|1[0-2]))?"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_ALLOWED = r"[ \r\n\t\x21-\U0010FFFF]*"
_TEXT = rf"^{_ALLOWED}[^\s\x00-\x1f]{_ALLOWED}$"
_BASE64 = (
    r"^\s*(?:(?:[A-Za-z0-9+/]\s*){4})*"
    r"(?:(?:[A-Za-z0-9+/]\s*){4}|(?:[A-Za-z0-9+/]\s*){3}=\s*|(?:[A-Za-z0-9+/]\s*){2}=\s*=\s*)$"
)


def _text(pattern: str) -> dict[str, Any]:
    return {"type": "string", "pattern": pattern}


SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "unsignedInt": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
    "positiveInt": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
    "decimal": {"type": "number"},
    "string": _text(_TEXT),
    "markdown": _text(_TEXT),
    "code": _text(r"^[^\s]+(?: [^\s]+)*$"),
    "id": _text(r"^[A-Za-z0-9.-]{1,64}$"),
    "uri": _text(r"^\S+$"),
    "url": _text(r"^\S+$"),
    "canonical": _text(r"^\S+$"),
    "oid": _text(r"^urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+$"),
    "uuid": _text(r"^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"),
    "base64Binary": _text(_BASE64),
    "date": _text(f"^(?:{_MONTH}|{_DAY})$"),
    "dateTime": _text(f"^(?:{_MONTH}|{_DAY}(?:T{_CLOCK}{_ZONE})?)$"),
    "instant": _text(f"^{_DAY}T{_CLOCK}{_ZONE}$"),
    "time": _text(f"^{_CLOCK}$"),
    "xhtml": _text(r"^\s*<div[\s>/]"),
}
"""A leap second (`:60`) is left out: no consumer written in a common language can read it."""
