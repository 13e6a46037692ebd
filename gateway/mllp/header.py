"""What an acknowledgement must know of the message it answers, read from its MSH segment alone.

Everything here is bytes as the sender wrote them, so that they can be given back unchanged whatever the character set,
and also for a message that the decoder refuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_DEFAULT: Final = b"|^~\\&"
_LONGEST: Final = 250


@dataclass(frozen=True, slots=True)
class Header:
    """Fields of MSH by their HL7 names; empty where the message has none. `components` are those of MSH-9."""

    field: bytes
    encoding: bytes
    application: bytes = b""
    facility: bytes = b""
    to_application: bytes = b""
    to_facility: bytes = b""
    trigger: bytes = b""
    control_id: bytes = b""
    processing_id: bytes = b"P"
    version: bytes = b"2.4"
    accept_ack: bytes = b""
    application_ack: bytes = b""
    character_set: bytes = b""

    @property
    def component(self) -> bytes:
        return self.encoding[:1] or b"^"


def read_header(message: bytes) -> Header:
    """Never raises: of what is not HL7 v2 at all, there is an empty header with the usual delimiters."""
    start = message.find(b"MSH")
    if start < 0 or len(message) < start + 4:
        return Header(_DEFAULT[:1], _DEFAULT[1:])
    line = message[start : start + 8 * 1024]
    for end in (b"\r", b"\n"):
        line = line.split(end, 1)[0]
    separator = line[3:4]
    if not _is_delimiter(separator):
        return Header(_DEFAULT[:1], _DEFAULT[1:])
    fields = line.split(separator)
    encoding = fields[1] if len(fields) > 1 and 1 <= len(fields[1]) <= 5 else _DEFAULT[1:]

    def get(number: int) -> bytes:
        return fields[number - 1].strip()[:_LONGEST] if len(fields) >= number else b""

    component = encoding[:1]
    kind = get(9).split(component)
    return Header(
        field=separator,
        encoding=encoding,
        application=get(3),
        facility=get(4),
        to_application=get(5),
        to_facility=get(6),
        trigger=kind[1] if len(kind) > 1 else b"",
        control_id=get(10),
        processing_id=get(11) or b"P",
        version=get(12).split(component)[0] or b"2.4",
        accept_ack=get(15).upper(),
        application_ack=get(16).upper(),
        character_set=get(18),
    )


def _is_delimiter(separator: bytes) -> bool:
    return len(separator) == 1 and separator.isascii() and not separator.isalnum() and not separator.isspace()
