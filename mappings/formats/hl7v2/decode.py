"""Bytes of one HL7 v2 message → Decoded."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Final

from contract.errors import Code, Issue, Undecodable, refuse
from mappings.formats.hl7v2.charsets import BYTE_ORDER_MARK, decode_text
from mappings.formats.hl7v2.delimiters import STANDARD, Delimiters, component, read_delimiters
from mappings.formats.hl7v2.lines import normalised, refuse_control_characters, segment_lines
from mappings.formats.hl7v2.message import Message, Segment
from mappings.stages import Decoded, Format

_LEADING: Final = "\r\n\t "
"""Characters before a message that mean nothing: blank lines, blanks."""
_HEADER_NAME: Final = re.compile(r"\A(?i:msh)[ \t]*")
"""How some write it: in small letters, with blanks behind it."""
_LONGEST_CODE: Final = 20

_CONTROL: Final = bytes(octet for octet in range(32) if octet not in b"\t\r\n") + b"\x7f"
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


def decode_hl7v2(body: bytes) -> Decoded:
    """Reads one message.

    The kind is `ADT^A01`: MSH-9.1, or where that is empty what begins MSH-9.3, and the trigger event of MSH-9.2, or of
    EVN-1 where that is empty; in capitals, whatever the sender wrote. The message id is the kind with MSH-10, None
    without MSH-10. `comparable` leaves out MSH-7 and the kind of segment separator.

    Raises Undecodable with the path of the header field at fault (`MSH`, `MSH-2`, `MSH-9` …), of a control character's
    field, or the line where the message breaks off.
    """
    text, issues = body_text(body)
    delimiters = _delimiters(text)
    lines, more = segment_lines(text, delimiters)
    segments = list(_segments(lines, delimiters))
    message = Message(segments, delimiters)
    kind = _kind(message)
    header = segments[0]
    control_id = header.field(10).strip()
    return Decoded(
        Format.HL7V2,
        message,
        kind,
        f"{kind}^{control_id}" if control_id else None,
        _comparable(lines, delimiters.field),
        issues + more,
    )


def _segments(lines: list[str], delimiters: Delimiters) -> Iterator[Segment]:
    counted: dict[str, int] = {}
    for index, line in enumerate(lines):
        name = line[:3]
        counted[name] = number = counted.get(name, 0) + 1
        yield Segment(name, index, number, line, delimiters)


def _delimiters(text: str) -> Delimiters:
    if not text.startswith("MSH"):
        batch = text.startswith(("FHS", "BHS"))
        said = "this is a batch, which is read message by message" if batch else "a message begins with MSH"
        raise refuse(Undecodable, Code.MALFORMED_HL7V2, said, "MSH")
    return read_delimiters(text[: text.find("\r")] if "\r" in text else text)


def body_text(body: bytes) -> tuple[str, tuple[Issue, ...]]:
    """The text between MLLP's framing, byte order mark and blank lines, with `\\r` as its only line end.

    Raises Undecodable if there is none, if it holds control characters, or if it cannot be text.
    """
    utf16 = body[:2] in _UTF16_MARKS
    content = body if utf16 else _unframed(body)
    text, issues = decode_text(content)
    text = text.replace(BYTE_ORDER_MARK, "")
    text = _HEADER_NAME.sub("MSH", normalised(text.lstrip(_LEADING)), count=1)
    if not text:
        raise refuse(Undecodable, Code.EMPTY, "the body is empty; it should hold one message that begins with MSH")
    if utf16 or len(content.translate(None, _CONTROL)) != len(content):
        refuse_control_characters(text, STANDARD)
    return text, issues


def _unframed(body: bytes) -> bytes:
    """Without MLLP's start and end, wherever a transport or a file left them."""
    end = body.rfind(b"\x1c")
    content = body[:end] if end >= 0 and not body[end + 1 :].strip() else body
    return content.lstrip(b"\x0b\r\n\t ").rstrip(b"\x00 ")


def _kind(message: Message) -> str:
    delimiters = message.delimiters
    said = message.segments[0].field(9)
    code = component(said, 1, delimiters).strip() or component(said, 3, delimiters).strip().partition("_")[0]
    if not _is_code(code):
        raise refuse(
            Undecodable, Code.MALFORMED_HL7V2, "MSH-9 must name the message type and its trigger, as ADT^A01", "MSH-9"
        )
    trigger = component(said, 2, delimiters).strip()
    if not trigger and (event := message.first("EVN")):
        trigger = event.field(1).strip()
    return f"{code}^{trigger}".upper() if _is_code(trigger) else code.upper()


def _is_code(text: str) -> bool:
    """A kind is shown in messages and metrics, so nothing but a short code may become part of it."""
    return text.isascii() and text.isalnum() and len(text) <= _LONGEST_CODE


def _comparable(lines: list[str], separator: str) -> bytes:
    header = lines[0].split(separator)
    if len(header) > 6:
        header[6] = ""
    rest = "\r".join([separator.join(header), *lines[1:]])
    return hashlib.sha256(rest.encode("utf-8", "surrogatepass")).digest()
