"""Texts."""

from __future__ import annotations

import base64 as codec
from collections.abc import Sequence
from html import escape
from typing import Final

from contract.errors import Code
from mappings.formats.hl7v2.escapes import unescape
from mappings.language.functions.registry import function
from mappings.language.runtime.reading import plain_text
from mappings.language.runtime.state import RAW_NULL, State

_BEGINNINGS: Final = {
    "JVBERi": "application/pdf",
    "255044462D": "application/pdf",
    "iVBORw0KGgo": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "SUkqA": "image/tiff",
    "TU0AK": "image/tiff",
    "e1xydG": "application/rtf",
    "{\\rtf": "application/rtf",
    "PD94bW": "application/xml",
    "<?xml": "application/xml",
}
"""How documents of a kind begin: as base64, as hexadecimal or as they are."""


@function("text", "text", "string")
def text(_state: State, _where: str, value: str) -> str | None:
    """The text without blanks around it."""
    return value.strip() or None


@function("upper", "text", "string")
def upper(_state: State, _where: str, value: str) -> str:
    """In capital letters."""
    return value.upper()


@function("lower", "text", "string")
def lower(_state: State, _where: str, value: str) -> str:
    """In small letters."""
    return value.lower()


@function("join", "separator part*", "string")
def join(_state: State, _where: str, separator: str, *parts: str | None) -> str | None:
    """The parts that are present, with the separator between them."""
    return separator.join(part for part in parts if part) or None


@function("lines", "text[*]", "string")
def lines(_state: State, _where: str, values: Sequence[str]) -> str | None:
    """All values of a repeating field, one a line."""
    return "\n".join(values).strip("\n") or None


@function("kept_text", "text[*]", "string")
def kept_text(state: State, where: str, values: Sequence[str]) -> str | None:
    """The values as text, one a line, with the issue `obx-type`: their type is none that is known."""
    found = "\n".join(values) or None
    if found:
        state.note(Code.UNKNOWN_OBX_TYPE, where, "the type of this value is not known; it is kept as text")
    return found


@function("narrative", "text", "xhtml")
def narrative(_state: State, _where: str, value: str) -> str:
    """The text as the `div` of a resource's narrative, as XHTML."""
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{escape(value, quote=False)}</div>'


@function("paragraph", "TX[*]", "string")
def paragraph(state: State, _where: str, values: Sequence[str]) -> str | None:
    """The lines of a text, one a line, as they are set: indented lines and blank ones between them stay."""
    texts = ("" if raw == RAW_NULL else unescape(raw, state.delimiters) for raw in values)
    return "\n".join(text.rstrip() for text in texts).strip("\n") or None


@function("words", "COMPOSITE", "string")
def words(state: State, _where: str, raw: str) -> str | None:
    """The parts of a composite that are present, with blanks between them."""
    delimiters = state.delimiters
    flat = raw.replace(delimiters.subcomponent, delimiters.component) if delimiters.subcomponent else raw
    parts = (plain_text(state, part) for part in flat.split(delimiters.component))
    return " ".join(part for part in parts if part) or None


@function("base64", "text", "base64Binary")
def base64(state: State, where: str, value: str) -> str | None:
    """Base64 as it came, without line ends and filled up with `=`; an error if it is none."""
    try:
        return _in_fours(value)
    except ValueError:
        state.unreadable(Code.INVALID_VALUE, where, "this is not base64")
        return None


@function("encapsulated", "text encoding?", "base64Binary")
def encapsulated(state: State, where: str, value: str, encoding: str | None = None) -> str:
    """The data of HL7 ED as base64: `Base64` as it came, `Hex` and `A` (plain text) encoded. What is not what it says
    is encoded as the text it is, with the issue `invalid-value`."""
    stated = (encoding or "base64").lower()
    try:
        if stated == "base64":
            return _in_fours(value)
        if stated == "hex":
            return codec.b64encode(bytes.fromhex(value)).decode("ascii")
    except ValueError:
        state.note(Code.INVALID_VALUE, where, "this is not encoded as the message says; it is kept as text")
    return codec.b64encode(value.encode("utf-8", "surrogatepass")).decode("ascii")


def _in_fours(value: str) -> str:
    """Base64 without line ends, in whole groups of four characters (RFC 4648 §4), which some senders do not fill up.
    Raises ValueError for what is none."""
    joined = value if value.isalnum() else "".join(value.split())
    if len(joined) % 4 or joined.endswith("==="):
        joined = joined.rstrip("=")
        joined += "=" * (-len(joined) % 4)
    if not codec.b64decode(joined, validate=True):
        raise ValueError("nothing is encoded")
    return joined


@function("media_type", "text", "code")
def media_type(_state: State, _where: str, value: str) -> str | None:
    """The media type that a document shows by how it begins, encoded or not: PDF, RTF, XML, or a common kind of image;
    nothing where it is none of these."""
    begins = value[:64].lstrip()
    return next((kind for beginning, kind in _BEGINNINGS.items() if begins.startswith(beginning)), None)
