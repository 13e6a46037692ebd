"""What every decoder promises of any bytes: Decoded, or a Refusal that a sender can read."""

from __future__ import annotations

from collections.abc import Iterable

from contract.errors import Issue, Undecodable, Unprocessable, UnsupportedType
from mappings.formats import CONTENT_TYPES, decode, recognise, split
from mappings.formats.csv import columns_of
from mappings.formats.hl7v2.escapes import unescape
from mappings.formats.hl7v2.message import Message
from mappings.stages import Decoded, Format

_LONGEST_TEXT = 400
_LONGEST_PATH = 300
_EVERY_TYPE = [None, *CONTENT_TYPES, "application/pdf"]


def hl7v2(body: bytes) -> None:
    decoded = message(body, Format.HL7V2)
    if decoded is not None and isinstance(decoded.tree, Message):
        delimiters = decoded.tree.delimiters
        for segment in decoded.tree.segments:
            unescape(delimiters.field.join(segment.fields()), delimiters)
            assert len(segment.repetitions(len(segment))) <= len(body)


def fhir(body: bytes) -> None:
    """JSON or XML, by its first character."""
    message(body, Format.FHIR)


def row(body: bytes) -> None:
    message(body, Format.JSON)


def csv(body: bytes) -> None:
    file(body, "text/csv")
    try:
        columns_of(body)
    except Undecodable as refused:
        readable(refused.issues)


def ndjson(body: bytes) -> None:
    file(body, "application/x-ndjson")


def batch(body: bytes) -> None:
    """A body of HL7 v2, one message or several."""
    file(body, "application/hl7-v2")


def any_type(body: bytes) -> None:
    """The first octet says under which Content-Type the others come: one that is read, one that is not, or none."""
    file(body[1:], _EVERY_TYPE[body[0] % len(_EVERY_TYPE)] if body else None)


def file(body: bytes, content_type: str | None) -> None:
    """Split into its messages where it has several, and each of them decoded."""
    try:
        parts = split(body, content_type)
        if parts is None:
            message(body, recognise(body, content_type))
            return
        for number, part in enumerate(parts, start=1):
            assert part.number == number
            if part.issue is not None:
                readable([part.issue])
            else:
                message(part.body, recognise(part.body, part.content_type))
    except (Undecodable, Unprocessable, UnsupportedType) as refused:
        readable(refused.issues)


def message(body: bytes, body_format: Format) -> Decoded | None:
    """None for a message that is refused. Any other exception than a Refusal of decoding is a broken promise."""
    try:
        decoded = decode(body, body_format)
    except (Undecodable, Unprocessable) as refused:
        readable(refused.issues)
        return None
    assert decoded.format is body_format
    assert decoded.kind
    assert len(decoded.comparable) == 32
    readable(decoded.issues)
    return decoded


def readable(issues: Iterable[Issue]) -> None:
    """Short, printable, and without a line break: they go into log lines, acknowledgements and OperationOutcomes."""
    for issue in issues:
        assert issue.text, "an issue says what is wrong"
        assert len(issue.text) <= _LONGEST_TEXT, "an issue's text is short"
        assert len(issue.path) <= _LONGEST_PATH, "an issue's path is short"
        assert issue.path.isprintable(), "an issue's path holds no control characters"
