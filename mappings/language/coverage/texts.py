"""What a message says at a place, read apart from the compiled code that is being judged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from mappings.formats.hl7v2.delimiters import Delimiters
from mappings.formats.hl7v2.escapes import unescape
from mappings.formats.hl7v2.message import Segment

_DATE: Final = re.compile(r"\d{4}-\d{2}(-\d{2}(T\d{2}:\d{2}.*)?)?|\d{2}:\d{2}:\d{2}.*")


def raw_at(segment: Segment, parts: tuple[int, ...], repetition: int, delimiters: Delimiters) -> str:
    """The raw text at a field and its components; the whole segment's fields joined, where there are no numbers."""
    if not parts:
        return delimiters.field.join(segment.fields()[1:])
    repetitions = segment.repetitions(parts[0])
    text = repetitions[repetition - 1] if len(repetitions) >= repetition else ""
    for mark, number in zip((delimiters.component, delimiters.subcomponent), parts[1:], strict=False):
        pieces = text.split(mark)
        text = pieces[number - 1] if len(pieces) >= number else ""
    return text


def texts_in(raw: str, delimiters: Delimiters) -> Iterator[str]:
    """Every simple value in a raw text."""
    for mark in (delimiters.component, delimiters.subcomponent):
        if mark in raw:
            for piece in raw.split(mark):
                yield from texts_in(piece, delimiters)
            return
    text = unescape(raw, delimiters).strip()
    if text:
        yield text


def says_the_same(text: str, value: Any) -> bool:
    """Whether a FHIR value is this source text: equal, or the same number, date or time written otherwise."""
    if isinstance(value, bool):
        return text.lower() in (("y", "yes", "true", "1") if value else ("n", "no", "false", "0"))
    shown = str(value)
    if text == shown or text.casefold() == shown.casefold():
        return True
    if isinstance(value, (int, float, Decimal)):
        try:
            return Decimal(text) == Decimal(shown)
        except InvalidOperation:
            return False
    if _DATE.fullmatch(shown):
        digits = re.sub(r"\D", "", shown)
        return len(text) >= 4 and text[:4].isdigit() and digits.startswith(re.sub(r"\D", "", text)[:8])
    return False


def values_in(value: Any, names: tuple[str, ...]) -> Iterator[Any]:
    """What stands below a value at these element names, in any item of its lists."""
    if isinstance(value, list):
        for item in value:
            yield from values_in(item, names)
    elif not names:
        yield value
    elif isinstance(value, dict) and names[0] in value:
        yield from values_in(value[names[0]], names[1:])
