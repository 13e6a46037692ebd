"""Which parts of a message no value of the event was read from. Computed only when asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mappings.formats.hl7v2.escapes import is_blank
from mappings.formats.hl7v2.message import HEADERS, Message
from mappings.language.runtime.state import RAW_NULL
from mappings.language.source import word_of
from mappings.stages import Format

_READ_BY_THE_HUB = frozenset({7, 9, 10, 12, 15, 16, 18})
"""MSH fields that decide how a message is taken in: time, type, id, version, acknowledgement, character set."""


def unmapped_of(tree: Any, used: set[str], form: Format) -> tuple[str, ...]:
    """Source paths that hold something and are not among the used, in the order of the message."""
    match form:
        case Format.HL7V2:
            return tuple(path for path in _hl7_leaves(tree) if not _covered(path, used))
        case Format.CSV:  # a header may write a column as expressions do
            words = {word_of(path) for path in used}
            return tuple(path for path in _row_leaves(tree, "") if word_of(path) not in words)
        case Format.JSON:
            return tuple(path for path in _row_leaves(tree, "") if path not in used)
    return ()


def _covered(path: str, used: set[str]) -> bool:
    """Itself, what it is a part of, or (a simple value read as a composite's first component) its only part."""
    if path in used or f"{path}.1" in used or f"{path}.1.1" in used:
        return True
    head, dot, _ = path.rpartition(".")
    return bool(dot) and (head in used or _covered(head, used) if "." in head else head in used)


def _hl7_leaves(message: Message) -> Iterator[str]:
    delimiters = message.delimiters
    for segment in message.segments:
        name = segment.name if segment.number == 1 else f"{segment.name}[{segment.number}]"
        first = 3 if segment.name in HEADERS else 1
        for field in range(first, len(segment) + 1):
            if segment.name == "MSH" and field in _READ_BY_THE_HUB:
                continue
            for position, raw in enumerate(segment.repetitions(field), 1):
                base = f"{name}-{field}" if position == 1 else f"{name}-{field}[{position}]"
                yield from _parts(raw, base, (delimiters.component, delimiters.subcomponent), delimiters)


def _parts(raw: str, base: str, marks: tuple[str, ...], delimiters: Any) -> Iterator[str]:
    if is_blank(raw, delimiters) or raw == RAW_NULL:
        return
    if marks and marks[0] in raw:
        for number, part in enumerate(raw.split(marks[0]), 1):
            yield from _parts(part, f"{base}.{number}", marks[1:], delimiters)
    elif len(marks) > 1:  # subcomponents are those of the first component
        yield from _parts(raw, f"{base}.1" if marks[1] in raw else base, marks[1:], delimiters)
    else:
        yield base


def _row_leaves(value: Any, base: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _row_leaves(inner, f"{base}.{name}" if base else name)
    elif isinstance(value, list):
        for inner in value:
            yield from _row_leaves(inner, base)
    elif value not in (None, ""):
        yield base
