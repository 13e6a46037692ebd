"""Small readers that generated code calls."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from contract.errors import Code
from mappings.formats.hl7v2.charsets import BYTE_ORDER_MARK
from mappings.formats.hl7v2.escapes import is_blank, unescape
from mappings.language.runtime.segments import Group
from mappings.language.runtime.state import NULL, RAW_NULL, Null, State

_BLANK: Final = re.compile(r"\s")
_CONTROL: Final = {number: " " for number in range(32) if chr(number) not in "\t\n\r"} | {0x0B: "\n", 0x0C: "\n"}


def text_of(state: State, raw: str) -> str | Null | None:
    """HL7 text as people read it; None when there is nothing but separators, NULL for `""`."""
    if not raw or (not raw[0].isalnum() and is_blank(raw, state.delimiters)):
        return None
    if raw == RAW_NULL:
        return NULL
    if state.delimiters.escape in raw:
        raw = unescape(raw, state.delimiters)
    return raw.strip() or None


def raw_of(raw: str) -> str | Null | None:
    """A composite as it stands; None when empty, NULL for `""`."""
    return (NULL if raw == RAW_NULL else raw) if raw else None


def plain(value: Any) -> Any:
    """Without NULL: an id cannot be made of it."""
    return None if value is NULL else value


def plain_text(state: State, raw: str) -> str:
    """As `text_of`; empty where there is none, and for NULL."""
    return plain(text_of(state, raw)) or ""


def blank(state: State, raw: str) -> bool:
    return is_blank(raw, state.delimiters)


def some(state: State, repetitions: Iterable[tuple[int, str]]) -> bool:
    """Whether one of them says something, and not just "delete"."""
    return any(raw and (raw[0].isalnum() or (raw != RAW_NULL and not blank(state, raw))) for _, raw in repetitions)


def of_group(references: Mapping[int, str], group: Group) -> dict[int, str]:
    """Those of what segments and groups of this group made."""
    return {place: each for place, each in references.items() if group.first <= place < group.end}


def only_of(references: Mapping[int, str], group: Group | None) -> str | None:
    """The one that was made in this group; None where there are several, or none."""
    found = of_group(references, group) if group is not None else {}
    return next(iter(found.values())) if len(found) == 1 else None


def first_of(references: Mapping[int, str]) -> str | None:
    """The one that was made first; None where there is none."""
    return next(iter(references.values()), None)


def word_of(value: Any) -> Any:
    """A FHIR code has single blanks between its words."""
    return " ".join(value.split()) if isinstance(value, str) else value


def address_of(value: Any) -> Any:
    """A FHIR uri has no blanks: one in a file's name is written as RFC 3986 (2.1) writes it."""
    return _BLANK.sub(lambda blank: quote(blank[0]), value) if isinstance(value, str) else value


def counted(state: State, where: str, least: int, value: Any) -> Any:
    """A whole number where FHIR has them only from `least`; a smaller one is none that can be read."""
    if not isinstance(value, int) or value >= least:
        return value
    state.unreadable(Code.INVALID_VALUE, where, f"this is a whole number below {least}")
    return None


def capital(text: str) -> str:
    return text[0].upper() + text[1:]


def texts(state: State, values: Iterable[Any]) -> tuple[str, ...]:
    """The texts among (number, raw) pairs or values."""
    found: list[str] = []
    for value in values:
        text = text_of(state, value[1]) if isinstance(value, tuple) else value
        if isinstance(text, str) and text:
            found.append(text)
    return tuple(found)


def present_only(value: Any) -> tuple[Any, ...]:
    """A single value as `each` goes through it."""
    return () if value is None or value == "" else (value,)


# JSON and FHIR


def text_of_json(value: object) -> str | None:
    """A JSON scalar as text; None for absent, null and blank, objects and lists. FHIR has no control characters in a
    text: a vertical tab and a form feed are line ends, others blanks."""
    if isinstance(value, str):
        if not value.isprintable():
            value = value.translate(_CONTROL)
        return value.replace(BYTE_ORDER_MARK, "").strip() or None
    if value is None or isinstance(value, (dict, list, Null)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def object_of(value: Any) -> Any:
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, dict) and value else None


def member(value: Any, name: str) -> Any:
    """`value.name`; of a list, that of its first item."""
    if isinstance(value, list):
        value = value[0] if value else None
    return value.get(name) if isinstance(value, Mapping) else None


def items(value: Any) -> list[Any]:
    """The items of a JSON list; another value is a list of one, null of none."""
    if isinstance(value, list):
        return value
    return [] if value is None or value == "" else [value]


def resources(bundle: Any) -> Iterator[Any]:
    """The resources of a Bundle's entries."""
    for entry in items(member(bundle, "entry")):
        resource = member(entry, "resource")
        if isinstance(resource, dict):
            yield resource


def first_resource(bundle: Any, kind: str) -> Any:
    return next((r for r in resources(bundle) if r.get("resourceType") == kind), None)


def header_of(bundle: Any) -> Any:
    return first_resource(bundle, "MessageHeader")
