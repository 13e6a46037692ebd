"""Texts."""

from __future__ import annotations

import base64 as codec
import binascii
from collections.abc import Sequence

from contract.errors import Code
from mappings.language.functions.registry import function
from mappings.language.runtime.state import State


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


@function("base64", "text", "base64Binary")
def base64(state: State, where: str, value: str) -> str | None:
    """Base64 as it came, without line ends; an error if it is none."""
    joined = "".join(value.split())
    try:
        codec.b64decode(joined, validate=True)
    except (binascii.Error, ValueError):
        state.refuse(Code.INVALID_VALUE, where, "this is not base64")
        return None
    return joined
